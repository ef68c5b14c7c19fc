"""dlx.data: sets of real images, from packages, folders and a server on this machine; Middlebury's flow."""

import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

import dlx.data
from dlx.data.decode_images import decode_flow, decode_image, decode_matrix, encode_flow
from dlx.data.find import Archive
from dlx.data.gather import Member
from dlx.data.images import ImageCard, ImageEntry, image_catalogue, load_images_from
from dlx.errors import DatasetError, UsageError
from tests.data import tiny

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def png(array, mode=None):
    stream = io.BytesIO()
    Image.fromarray(array).convert(mode or ("L" if array.ndim == 2 else "RGB")).save(stream, "PNG")
    return stream.getvalue()


CONTENT = png(PIXELS)


def entry(*urls, **more):
    archive = Archive("small.png", tiny.sha256(CONTENT), tiny.sha256(CONTENT), urls)
    return ImageEntry(
        ImageCard("small", "t", "d", "l", "the source"), (archive,),
        lambda contents: {"small": decode_image(contents["small.png"], "small.png")}, **more,
    )  # fmt: skip


def load(one):
    return load_images_from({"small": one}, "small").arrays["small"]


def test_fetched_once(cache):
    with tiny.serve({"/small.png": CONTENT}) as (base, asked):
        np.testing.assert_array_equal(load(entry(f"{base}/small.png")), PIXELS)
        np.testing.assert_array_equal(load(entry(f"{base}/small.png")), PIXELS)
    assert asked == ["/small.png"]
    assert (cache / "downloads" / "small").is_dir()


def test_found_in_a_folder(monkeypatch, tmp_path, no_network):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "small.png").write_bytes(CONTENT)
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    np.testing.assert_array_equal(load(entry("http://nowhere.invalid/small.png")), PIXELS)


def test_another_file_of_the_name_is_told(monkeypatch, tmp_path):
    (tmp_path / "small.png").write_bytes(png(PIXELS.T))
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    with tiny.serve({"/small.png": CONTENT}) as (base, _), pytest.warns(UserWarning, match="another file of that name"):
        np.testing.assert_array_equal(load(entry(f"{base}/small.png")), PIXELS)


def packed(content=CONTENT, path="folder/frame.png"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr(path, content)
    return stream.getvalue()


def member(base):
    return entry(members={"small.png": Member(f"{base}/all.zip", "folder/frame.png")})


def test_a_member_of_a_zip(cache):
    with tiny.serve({"/all.zip": packed()}) as (base, asked):
        np.testing.assert_array_equal(load(member(base)), PIXELS)
        np.testing.assert_array_equal(load(member(base)), PIXELS)
    assert asked == ["/all.zip"]


@pytest.mark.parametrize(
    ("served", "words"),
    [
        ({"/all.zip": packed(png(PIXELS.T))}, "folder/frame.png has sha256"),
        ({"/all.zip": packed(path="other.png")}, "served a file without folder/frame.png"),
        ({"/all.zip": b"<html>moved</html>"}, "served a file without folder/frame.png"),
        ({}, "404"),
    ],
)
def test_a_zip_that_does_not_serve(cache, served, words):
    with tiny.serve(served) as (base, _), pytest.raises(DatasetError, match=words):
        load(member(base))
    # what was wrong is not kept
    assert not list(cache.rglob("*all.zip"))


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photographs_of_scikit_learn(no_network, name):
    image = dlx.data.load_images(name)
    assert isinstance(image, dlx.data.ImageSet)
    assert image.arrays[name].shape == (427, 640, 3)
    assert image.arrays[name].dtype == np.uint8
    assert isinstance(image.card, dlx.data.ImageCard)


def test_photographs_of_scikit_image(no_network):
    pytest.importorskip("skimage")
    import skimage.data

    for name in ("camera", "coins", "page", "text", "astronaut"):
        np.testing.assert_array_equal(dlx.data.load_images(name).arrays[name], getattr(skimage.data, name)())


def test_every_set_has_addresses_or_says_that_it_has_none():
    assert set(dlx.data.image_names()) == set(image_catalogue())
    for name, one in image_catalogue().items():
        assert name == one.card.name
        for archive in one.archives:
            assert len(archive.content) == 64
            urls = archive.urls or [m.url for m in [(one.members or {}).get(archive.name)] if m]
            assert all(url.startswith("https://") for url in urls)
            assert urls or name == "chessboard_corners"


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["graffiti", "box", "rubber_whale", "chessboard", "chessboard_corners"])
def test_real_sets(name):
    arrays = dlx.data.load_images(name).arrays
    pictures = {key: array for key, array in arrays.items() if array.dtype == np.uint8}
    shapes = {array.shape[:2] for array in pictures.values()}
    want = {
        "graffiti": {(640, 800)},
        "box": {(223, 324), (384, 512)},
        "rubber_whale": {(388, 584)},
        "chessboard": {(480, 640)},
        "chessboard_corners": set(),
    }
    assert shapes == want[name]
    if name == "graffiti":
        # the file's own text, to which its nine numbers were printed
        np.testing.assert_allclose(arrays["homography"][:, 2], [225.67123, -76.999973, 1.0])
        assert arrays["homography"][1, 0] == 0.33443473
    if name == "rubber_whale":
        assert arrays["flow"].dtype == np.float32
        assert abs(1 - arrays["known"].mean() - 0.016) < 0.001
        assert 4 < np.abs(arrays["flow"]).max() < 5
    if name == "chessboard":
        assert len(pictures) == 13
        assert arrays["distortion"].shape == (5,)
        assert arrays["camera_matrix"][2].tolist() == [0, 0, 1]
    if name == "chessboard_corners":
        assert arrays["left"].shape == arrays["right"].shape == (13, 54, 2)
        # 9 x 6 corners 25 mm apart
        np.testing.assert_allclose(np.ptp(arrays["object_points"], axis=0), [0.2, 0.125, 0.0], atol=1e-6)


def test_flow_files(rng):
    flow = rng.standard_normal((3, 5, 2)).astype(np.float32)
    known = rng.random((3, 5)) < 0.7
    content = encode_flow(flow, known)
    # by hand from the format's description
    assert content[:12] == b"PIEH" + struct.pack("<ii", 5, 3)
    assert struct.unpack("<f", content[12:16])[0] == (flow[0, 0, 0] if known[0, 0] else np.float32(1e10))
    got, mask = decode_flow(content, "a.flo")
    np.testing.assert_array_equal(mask, known)
    np.testing.assert_array_equal(got, np.where(known[..., None], flow, 0))
    flow[1, 2, 0] = np.nan
    assert not decode_flow(encode_flow(flow), "a.flo")[1][1, 2]
    np.testing.assert_array_equal(decode_flow(encode_flow(flow), "a.flo")[1].sum(), 14)


@pytest.mark.parametrize("content", [b"", b"PIEH", b"HEIP" + bytes(16), b"PIEH" + struct.pack("<ii", 2, 2) + bytes(31)])
def test_flow_files_that_are_none(content):
    with pytest.raises(DatasetError, match=r"a\.flo"):
        decode_flow(content, "a.flo")


def test_flow_shapes():
    with pytest.raises(ValueError, match=r"flow: got shape \(3, 5\)"):
        encode_flow(np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"known: got shape \(5, 3\)"):
        encode_flow(np.zeros((3, 5, 2)), np.zeros((5, 3), bool))


def test_pictures_of_other_modes():
    colour = np.stack([PIXELS, PIXELS // 2, 255 - PIXELS], -1)
    np.testing.assert_array_equal(dlx.data.decode_image(png(colour), "a.png"), colour)
    np.testing.assert_array_equal(decode_image(png(colour, "RGBA"), "a.png"), colour)
    with pytest.raises(DatasetError, match=r"a\.png: not a picture"):
        decode_image(CONTENT[:20], "a.png")


def test_matrices_of_opencv():
    cv2 = pytest.importorskip("cv2")
    matrix = np.arange(6.0).reshape(2, 3) / 7
    for ending in ("xml", "yml"):
        file = cv2.FileStorage(f".{ending}", cv2.FILE_STORAGE_WRITE | cv2.FILE_STORAGE_MEMORY)
        file.write("other", np.eye(2))
        file.write("wanted", matrix)
        content = file.releaseAndGetString().encode()
        np.testing.assert_allclose(decode_matrix(content, "wanted", "file"), matrix, rtol=1e-15)
        with pytest.raises(DatasetError, match="no matrix 'absent'"):
            decode_matrix(content, "absent", "file")


def test_unknown_name():
    with pytest.raises(UsageError, match="did you mean camera"):
        dlx.data.load_images("camrea")
