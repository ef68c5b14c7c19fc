"""dlx.image: Lucas-Kanade, its pyramid, points and the KLT tracker."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dlx import image as images
from tests.image.scenes import brightness, grid, rotated, shifted
from tests.proof import check_reference, configurations, prove
from tests.reference import optical_flow as reference
from tests.tolerances import assert_close

SMALL, SHAPE = (10, 12), (64, 72)
POINTS = np.array([[20.3, 30.7], [40.0, 25.0], [33.2, 41.9], [50.5, 33.5]])


@pytest.mark.row(339, function="dlx.image.lucas_kanade")
@pytest.mark.parametrize(
    ("weights", "derivatives"), [("gaussian", "both"), pytest.param("uniform", "first", marks=pytest.mark.slow)]
)
@configurations(1)
def test_lucas_kanade(rng, weights, derivatives):
    first, second = rng.random(SMALL), rng.random(SMALL)
    options = {"weights": weights, "derivatives": derivatives}
    prove(
        lambda first, second: images.lucas_kanade(first, second, window=5, **options).flow,
        [first, second], reference=lambda *two: reference.lucas_kanade(*two, 5, weights, derivatives),
        dtypes=("float64",), kind="contraction", another=lambda array: array**2,
    )  # fmt: skip


@pytest.mark.row(339, function="dlx.image.lucas_kanade")
def test_a_constant_shift(x64):
    first, second = shifted(SHAPE, (0.6, -0.3))
    found = jax.jit(images.lucas_kanade)(first, second)
    assert found.valid.all()
    assert found.flow.dtype == jnp.float64
    error = jnp.abs(found.flow - jnp.array([[[0.6, -0.3]]]))
    assert float(error[8:-8, 8:-8].max()) < 0.05
    assert float(error.max()) < 0.15  # on the border the derivative across it is not known
    # the notes' derivatives: of the first frame alone, within the size of the neglected term
    notes = jax.jit(lambda *two: images.lucas_kanade(*two, derivatives="first").flow)(first, second)
    error = jnp.abs(notes - jnp.array([[[0.6, -0.3]]]))
    assert float(error[8:-8, 8:-8].max()) < 0.15


@pytest.mark.row(339, function="dlx.image.lucas_kanade")
def test_where_there_is_no_structure():
    flat = np.full((20, 20), 0.4, np.float32)
    # a small window, which compiles sooner
    solve = partial(images.lucas_kanade, window=5)
    found = jax.jit(solve)(flat, flat)
    assert isinstance(found, images.LucasKanade)
    assert not found.valid.any()
    assert (found.flow == 0).all()
    # a ramp along x says nothing about y
    ramp = np.broadcast_to(np.linspace(0, 1, 20, dtype=np.float32), (20, 20))
    assert not jax.jit(solve)(ramp, ramp).valid.any()
    slope = jax.jit(jax.grad(lambda first: solve(first, flat).flow.sum()))(flat)
    assert (slope == 0).all()


def test_low_precision_and_bytes(rng):
    first, second = shifted((24, 24), (0.4, 0.2))
    bytes_ = [np.round(255 * frame).astype(np.uint8) for frame in (first, second)]
    solve = jax.jit(lambda *two: images.lucas_kanade(*two, window=9))
    found = solve(*bytes_)
    assert found.flow.dtype == jnp.float32
    assert float(jnp.abs(found.flow - jnp.array([[[0.4, 0.2]]])).max()) < 0.2
    low = solve(*(jnp.asarray(frame, jnp.bfloat16) for frame in (first, second)))
    assert low.flow.dtype == low.eigenvalue.dtype == jnp.bfloat16


@pytest.mark.row(340, function="dlx.image.pyramid_lucas_kanade")
@pytest.mark.erratum("E82")
@pytest.mark.parametrize("shift", [(8.0, -6.0), (-12.5, 9.0)])
def test_a_large_shift(shift):
    frames = np.float32(shifted((128, 144), shift, scale=0.4, fine=True))
    found = PYRAMID(*frames)
    assert isinstance(found, images.LucasKanade)
    error = np.linalg.norm(np.asarray(found.flow) - np.float32(shift), axis=-1)
    inside = error[20:-20, 20:-20]  # what the second frame shows
    assert inside.max() < 0.2
    # one level does not find it
    assert np.abs(np.asarray(jax.jit(images.lucas_kanade)(*frames).flow) - np.float32(shift)).max() > 2


PYRAMID = jax.jit(lambda first, second: images.pyramid_lucas_kanade(first, second, levels=4))


@pytest.mark.row(340, function="dlx.image.pyramid_lucas_kanade")
def test_a_rotation():
    first, second, flow = rotated((128, 144), 0.08, scale=0.4, fine=True)  # up to 7 pixels
    found = PYRAMID(np.float32(first), np.float32(second))
    error = np.linalg.norm(np.asarray(found.flow) - flow, axis=-1)
    assert np.abs(flow).max() > 5
    # a window moves as a whole: its own flow differs by the angle times its standard deviation, 15 / 5 pixels
    assert error[20:-20, 20:-20].mean() < 0.08 * 3


@pytest.mark.row(340, function="dlx.image.pyramid_lucas_kanade")
@pytest.mark.erratum("E82")
def test_one_level_and_one_warp_is_lucas_kanade(x64, rng):
    first, second = rng.random(SMALL), rng.random(SMALL)
    got = jax.jit(lambda *two: images.pyramid_lucas_kanade(*two, levels=1, iterations=1, window=5, weights="uniform"))(
        first, second
    )
    want = jax.jit(lambda *two: images.lucas_kanade(*two, window=5, derivatives="first"))(first, second)
    assert_close(got.flow, want.flow)
    assert_close(got.eigenvalue, want.eigenvalue)


@pytest.mark.slow
@pytest.mark.row(340, function="dlx.image.pyramid_lucas_kanade")
@pytest.mark.erratum("E82")
def test_the_finer_level_begins_at_twice_the_flow(x64):
    # even shifts of an image of slow waves: level 1 is right to a hundredth, and level 0 gets twice that
    first, second = shifted((64, 64), (4.0, -2.0), scale=0.3)
    coarse = [images.resize_bilinear(frame, shape=(32, 32)) for frame in (first, second)]
    half = jax.jit(lambda *two: images.pyramid_lucas_kanade(*two, levels=1, iterations=6))(*coarse)
    whole = jax.jit(lambda *two: images.pyramid_lucas_kanade(*two, levels=2, iterations=6))(first, second)
    middle = (slice(10, -10), slice(10, -10))
    np.testing.assert_allclose(half.flow[middle], np.broadcast_to([2.0, -1.0], half.flow[middle].shape), atol=0.02)
    wide = (slice(20, -20), slice(20, -20))
    np.testing.assert_allclose(whole.flow[wide], np.broadcast_to([4.0, -2.0], whole.flow[wide].shape), atol=0.02)


@pytest.mark.slow
def test_gradients_through_the_pyramid(x64):
    first, second = shifted((20, 22), (0.7, 0.4))

    def loss(second):
        found = images.pyramid_lucas_kanade(first, second, levels=2, iterations=2, window=5)
        return jnp.sum(found.flow**2)

    check_grads(jax.jit(loss), [second], 1, modes=["rev"], atol=1e-4, rtol=1e-4, eps=1e-7)
    stacked = jax.vmap(lambda second: images.pyramid_lucas_kanade(first, second, levels=2, window=5).flow)
    got = stacked(jnp.stack([second, second**2]))
    assert_close(got[0], images.pyramid_lucas_kanade(first, second, levels=2, window=5).flow, factor=100)


def step_of_the_tracker(rng, weights):
    """(function, arrays, loop) of two Gauss-Newton steps on one level."""
    first, second = shifted((24, 26), rng.uniform(-0.7, 0.7, 2))

    def found(*arrays):
        return images.track_points(*arrays, levels=1, iterations=2, window=7, weights=weights).points

    def loop(first, second, points):
        return np.stack([reference.track_point(first, second, point, 7, 2, weights) for point in points])

    return found, [first, second, rng.uniform(9, 14, (2, 2))], loop


@pytest.mark.row(340, 342, function="dlx.image.track_points")
@pytest.mark.erratum("E84")
@pytest.mark.parametrize("weights", ["uniform", "gaussian"])
def test_a_step_of_the_tracker_is_that_of_a_loop(rng, weights):
    found, arrays, loop = step_of_the_tracker(rng, weights)
    check_reference(found, loop, arrays, kind="contraction")


@pytest.mark.slow
@pytest.mark.row(340, 342, function="dlx.image.track_points")
@pytest.mark.erratum("E84")
@pytest.mark.parametrize("weights", ["uniform", "gaussian"])
@configurations(0, 5)
def test_a_step_of_the_tracker(rng, weights):
    found, (first, second, points), loop = step_of_the_tracker(rng, weights)
    prove(
        found, [first, second, points], reference=loop, dtypes=("float64",), kind="contraction", gradients=(),
        another=lambda array: array**0.5 if array.max() < 1 else array + 0.3,
    )  # fmt: skip
    with jax.enable_x64(True):
        # two steps bend more than the one linear function of `prove`: its third derivative leaves 1e-6 of the slope
        check_grads(lambda *pair: found(*pair, points), [first, second], 1, modes=["rev"], atol=2e-5, rtol=2e-5,
                    eps=1e-5)  # fmt: skip


@pytest.mark.row(342, function="dlx.image.track_points")
@pytest.mark.erratum("E84")
def test_points_converge_to_the_sub_pixel_shift(x64):
    shift = np.array([0.37, -0.81])
    first, second = shifted(SHAPE, shift)
    found = jax.jit(lambda *three: images.track_points(*three, levels=1))(first, second, POINTS)
    assert isinstance(found, images.TrackedPoints)
    assert found.valid.all()
    # bilinear interpolation bends the waves
    np.testing.assert_allclose(found.points, POINTS + shift, atol=0.05)
    # the notes' sign goes the other way
    one = jax.jit(lambda *three: images.track_points(*three, levels=1, iterations=1).points)
    start = np.asarray(one(first, second, POINTS) - POINTS)
    assert ((start * shift) > 0).all()


@pytest.mark.row(340, function="dlx.image.track_points", references="opencv")
def test_against_opencv():
    cv2 = pytest.importorskip("cv2")
    frames = [np.round(255 * frame).astype(np.uint8) for frame in shifted((128, 144), (9.0, -5.5), scale=0.5)]
    points = (np.random.default_rng(0).uniform(35, 90, (20, 2))).astype(np.float32)
    want, status, _ = cv2.calcOpticalFlowPyrLK(*frames, points[:, None], None, winSize=(21, 21), maxLevel=2)
    assert status.all()
    found = jax.jit(lambda *a: images.track_points(*a, levels=3, weights="uniform"))(*frames, points)
    # other derivatives, numbers of fixed point, and a step of 0.01 at which OpenCV stops
    np.testing.assert_allclose(found.points, want[:, 0], atol=0.03)
    np.testing.assert_allclose(found.points, points + np.array([9.0, -5.5]), atol=0.05)
    assert found.valid.all()


def video_of_waves():
    """Frames (4, height, width) and how far the waves have gone in each (4, 2)."""
    x, y = grid(SHAPE)
    path = np.array([[0, 0], [1.3, -0.8], [2.1, -2.4], [4.0, -3.1]])
    return np.float32([brightness(x - u, y - v) for u, v in path]), path


@pytest.mark.slow
@pytest.mark.row(342, function="dlx.image.klt_track")
def test_klt_of_several_videos():
    video, _ = video_of_waves()
    follow = jax.jit(lambda *given: images.klt_track(*given, levels=2))
    stacked = jax.jit(jax.vmap(follow))(np.stack([video, video]), np.float32([POINTS, POINTS]))
    np.testing.assert_allclose(stacked.points[1], follow(video, np.float32(POINTS)).points, atol=1e-3)


@pytest.mark.row(342, function="dlx.image.klt_track")
@pytest.mark.erratum("E84")
def test_klt_follows_points_over_frames():
    video, path = video_of_waves()
    follow = jax.jit(lambda *given: images.klt_track(*given, levels=2))
    tracks = follow(video, np.float32(POINTS))
    assert isinstance(tracks, images.Tracks)
    assert tracks.valid.all()
    np.testing.assert_allclose(tracks.points, POINTS[None] + path[:, None], atol=0.05)


@pytest.mark.row(342, function="dlx.image.klt_track")
def test_klt_says_what_is_lost():
    first, second = np.float32(shifted(SHAPE, (0.5, 0.0)))
    points = np.float32([[30, 30], [70.9, 30], [50, 50], [10, 10]])
    second[42:59, 42:59] = np.random.default_rng(0).random((17, 17)).round()  # came in front of the third
    first[:20, :20] = second[:20, :20] = 0.5  # flat about the fourth
    moved = np.stack([first, second, second])
    track = jax.jit(lambda *given: images.klt_track(*given, levels=1, max_residual=0.05))
    tracks = track(moved, points)
    assert tracks.valid[0].all()
    # the second leaves to the right by half a pixel
    assert tracks.valid[1].tolist() == [True, False, False, False]
    assert tracks.valid[2].tolist() == [True, False, False, False]
    assert (tracks.points[2, 1:] == points[1:]).all()
    assert float(tracks.residual[1, 2]) > 0.05
    tracks = track(moved, points, np.array([False, True, True, True]))
    assert not tracks.valid[:, 0].any()


@pytest.mark.row(342, function="dlx.image.trackable_points", references="opencv")
def test_trackable_points():
    cv2 = pytest.importorskip("cv2")
    image = np.zeros((60, 60), np.float32)
    corners = [(15, 15), (15, 40), (40, 15), (40, 40)]
    for x, y in corners:
        image[y : y + 6, x : x + 6] = 1
    image[:, 55:] = 0.5  # an edge is no point
    find = jax.jit(lambda image: images.trackable_points(image, count=20, window=5, radius=3, quality=0.3))
    found = find(image)
    got = {tuple(point) for point in np.asarray(found.xy)[np.asarray(found.valid)].tolist()}
    want = cv2.goodFeaturesToTrack(np.round(255 * image).astype(np.uint8), 20, 0.3, 3, blockSize=5).reshape(-1, 2)
    # each of its points within two pixels of one of ours, and the other way round
    distances = np.linalg.norm(np.array(sorted(got))[:, None] - want[None], axis=-1)
    assert distances.min(axis=0).max() <= 2
    assert distances.min(axis=1).max() <= 2
    assert not find(np.full((60, 60), 0.3, np.float32)).valid.any()
