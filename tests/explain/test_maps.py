"""dlx.explain: class activation maps, occlusion, the pointing game, sanity checks and pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import explain
from tests.explain import networks
from tests.tolerances import assert_close

pytestmark = [pytest.mark.row(368), pytest.mark.gap("U20")]

SHAPE = (2, 5, 4, 2)
LABELS = np.array([2, 0])


def test_grad_cam_is_the_class_activation_map_over_the_places(x64, rng):
    params, images = networks.weights(rng), rng.standard_normal(SHAPE)

    def forward(x, perturbation):
        return networks.pooled(params, x, perturbation=perturbation)

    logits, activations = forward(images, None)
    cam = explain.class_activation_map(activations, params["output"]["kernel"], LABELS)
    want = sum(activations[..., k] * params["output"]["kernel"][k, LABELS][:, None, None] for k in range(4))
    assert_close(cam, want)
    # its mean and the bias are the logit
    chosen = np.asarray(logits)[np.arange(2), LABELS]
    assert_close(cam.mean((1, 2)) + params["output"]["bias"][LABELS], chosen)
    signed = jax.jit(lambda x: explain.grad_cam(forward, x, LABELS, rectify=False))(images)
    assert_close(20 * signed, cam)
    assert_close(explain.grad_cam(forward, images, LABELS), np.maximum(signed, 0))
    assert 0 < (signed < 0).mean() < 1


def test_occlusion_of_a_linear_model(x64, rng):
    kernel, images = rng.standard_normal((3, *SHAPE[1:])), rng.standard_normal(SHAPE)

    def forward(x):
        return jnp.einsum("bhwc,khwc->bk", x, kernel)

    # each pixel alone: what it adds to the logit above the value that covers it
    single = explain.occlusion(forward, images, LABELS, window=1, stride=1, value=0.5)
    assert_close(single, ((images - 0.5) * kernel[LABELS]).sum(-1))
    parts = (images * kernel[LABELS]).sum(-1)
    # windows begin at 0 and 2 where those cover the last row or column: at 0, 2 of 5 rows and of 4 columns
    sums, counts = np.zeros((2, 5, 4)), np.zeros((5, 4))
    for top in (0, 2):
        for left in (0, 2):
            where = np.s_[top : top + 3, left : left + 3]
            sums[:, *where] += parts[:, *where].sum((1, 2), keepdims=True)
            counts[where] += 1
    found = explain.occlusion(forward, images, LABELS, window=3, stride=2, places_at_once=3)  # three and one
    assert_close(found, sums / counts)
    whole = explain.occlusion(forward, images, LABELS, window=5, stride=5)
    assert_close(whole, np.broadcast_to(parts.sum((1, 2), keepdims=True), (2, 5, 4)))


def test_pointing_game_by_hand():
    maps = np.zeros((5, 4, 6), np.float32)
    for plane, place in zip(maps, [(1, 2), (1, 2), (1, 2), (3, 5), (0, 0)], strict=True):
        plane[place] = 1
    maps[4, 2, 2] = np.nan
    boxes = np.array([[2, 1, 3, 2], [3, 1, 5, 2], [2, 2, 3, 4], [0, 0, 6, 4], [0, 0, 6, 4]])
    assert explain.pointing_game(maps, boxes).tolist() == [1, 0, 0, 1, 0]
    assert jax.jit(explain.pointing_game)(maps, boxes.astype(np.float32)).tolist() == [1, 0, 0, 1, 0]
    assert explain.pointing_game(maps, boxes, tolerance=1.0).tolist() == [1, 1, 1, 1, 0]
    # a map that knows nothing hits with the share of the box in the image
    chance = explain.pointing_game(np.random.default_rng(0).random((4000, 4, 6)), np.tile([1, 1, 4, 3], (4000, 1)))
    assert abs(float(chance.mean()) - 6 / 24) < 4 * np.sqrt(0.25 * 0.75 / 4000)


def test_rank_correlation_is_spearmans(x64, rng):
    stats = pytest.importorskip("scipy.stats")
    first, second = rng.standard_normal((2, 4, 5, 6))
    second = np.round(first + second, 1)  # with ties
    second[3] = -(first[3] ** 3)
    found = explain.rank_correlation(first, second)
    want = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)]
    assert_close(found, want)
    assert_close(found[3], -1.0)
    assert np.isnan(explain.rank_correlation(first, np.ones_like(first))).all()


def test_randomising_weights_keeps_their_entries_and_other_layers(rng):
    params = jax.tree.map(jnp.asarray, networks.weights(rng))
    mixed = explain.randomised(jax.random.key(0), params, "conv_1")
    for name in ("conv_0", "output"):
        assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), mixed[name], params[name]))
    old, new = params["conv_1"]["kernel"], mixed["conv_1"]["kernel"]
    assert_close(np.sort(new.ravel()), np.sort(old.ravel()))
    assert (new != old).mean() > 0.9
    only = explain.randomised(jax.random.key(0), params, "output/kernel")
    assert (only["output"]["bias"] == params["output"]["bias"]).all()
    assert (only["output"]["kernel"] != params["output"]["kernel"]).any()


def test_weight_randomisation_tells_an_explanation_from_an_edge_detector(x64, rng):
    params = jax.tree.map(jnp.asarray, networks.weights(rng))
    images = rng.standard_normal((4, 12, 12, 2))
    labels = np.array([0, 1, 2, 0])

    @jax.jit
    def gradient(params):
        return explain.input_gradient(lambda x: networks.pooled(params, x, jnp.tanh)[0], images, labels)

    key, layers = jax.random.key(2), ("output", "conv_1", "conv_0")
    found = np.asarray(explain.weight_randomisation(key, gradient, params, layers=layers))
    assert found.shape == (3, 4)
    assert found[-1].mean() < 0.4
    edges = explain.weight_randomisation(key, lambda params: np.abs(np.diff(images, axis=1)), params, layers=layers)
    assert_close(edges, np.ones((3, 4)))
    # the stages by hand: all above stay random, or one layer alone
    alone = explain.weight_randomisation(key, gradient, params, layers=layers, cascade=False, absolute=False)
    last = explain.randomised(jax.random.fold_in(key, 2), params, "conv_0")
    assert_close(alone[2], explain.rank_correlation(gradient(params), gradient(last)))
    weights = params
    for number, layer in enumerate(layers):
        weights = explain.randomised(jax.random.fold_in(key, number), weights, layer)
    assert_close(found[2], explain.rank_correlation(jnp.abs(gradient(params)), jnp.abs(gradient(weights))))
    # two layers that go together are one entry
    grouped = explain.weight_randomisation(key, gradient, params, layers=("output", ("conv_1", "conv_0")))
    assert grouped.shape == (2, 4)
    assert_close(grouped[0], found[0])
    weights = explain.randomised(jax.random.fold_in(key, 0), params, "output")
    for part, layer in enumerate(layers[1:]):
        weights = explain.randomised(jax.random.fold_in(jax.random.fold_in(key, 1), part), weights, layer)
    assert_close(grouped[1], explain.rank_correlation(jnp.abs(gradient(params)), jnp.abs(gradient(weights))))


def test_views(rng):
    kernel = rng.standard_normal((3, 2, 3, 5)).astype(np.float32)
    kernel[..., 4] = 0
    colour = np.asarray(explain.filter_view(kernel))
    assert colour.shape == (1, 5, 3, 2, 3)
    assert (colour[0, 4] == 0.5).all()
    assert_close(colour[0, 1], 0.5 + kernel[..., 1] / (2 * np.abs(kernel[..., 1]).max()))
    grey = np.asarray(explain.filter_view(kernel[:, :, :2]))
    assert grey.shape == (2, 5, 3, 2, 1)
    assert_close(grey[1, 2, ..., 0], 0.5 + kernel[:, :, 1, 2] / (2 * np.abs(kernel[:, :, 1, 2]).max()))
    activations = rng.standard_normal((2, 4, 3, 6)).astype(np.float32)
    activations[0, ..., 5] = 7
    view = np.asarray(explain.activation_view(activations))
    assert view.shape == (2, 6, 4, 3, 1)
    assert (view[0, 5] == 0).all()
    one = activations[1, ..., 2]
    assert_close(view[1, 2, ..., 0], (one - one.min()) / np.ptp(one))


def test_overlay_and_resized_maps(x64, rng):
    images, maps = rng.random((2, 4, 6, 1)), rng.standard_normal((2, 4, 6))
    out = explain.overlay(images, maps, opacity=0.5)
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    share = 0.5 * ((maps - low) / (high - low))[..., None]
    assert_close(out, (1 - share) * images + share * np.array([1, 0, 0]))
    torch = pytest.importorskip("torch")
    for shape in ((8, 9), (3, 3)):
        want = torch.nn.functional.interpolate(torch.tensor(maps)[:, None], shape, mode="bilinear")[:, 0]
        assert_close(explain.resize_maps(maps, shape=shape), want)
