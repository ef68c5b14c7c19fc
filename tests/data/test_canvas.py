"""dlx.data: digits on a canvas, where it is known what makes the class."""

import numpy as np
import pytest

from dlx.data import digits_on_canvas


def shapes(count=3, side=4):
    """Images whose digits are known: image k is all ones of brightness 50 (k + 1), in its middle."""
    images = np.zeros((count, side, side), np.uint8)
    for number, image in enumerate(images):
        image[1:3, : number + 1] = 50 * (number + 1)
    return images, np.arange(count)


@pytest.mark.gap("U20")
def test_the_digit_lies_in_its_box_and_distractors_do_not():
    images, labels = shapes()
    data = digits_on_canvas(images, labels, examples=200, size=20, zoom=2, distractors=3, seed=1)
    assert (data["inputs"].shape, data["inputs"].dtype) == ((200, 20, 20, 1), np.uint8)
    assert (data["labels"].dtype, data["boxes"].dtype) == (np.int32, np.float32)
    corners = set()
    for canvas, label, box in zip(data["inputs"][..., 0], data["labels"], data["boxes"], strict=True):
        left, top, right, bottom = box.astype(int)
        assert (right - left, bottom - top) == (2 * (label + 1), 4)  # tight around the ink
        assert (canvas[top:bottom, left:right] == 50 * (label + 1)).all()
        # the digit's own square of 8x8 holds nothing else: two empty rows above and below, no column before
        square = canvas[top - 2 : bottom + 2, left : left + 8].copy()
        assert square.shape == (8, 8)
        square[2:6, : right - left] = 0
        assert (square == 0).all()
        corners.add((left, top))
    assert len(corners) > 80  # of 13 x 13 places
    assert min(x for x, _ in corners) == 0
    assert max(x for x, _ in corners) == 12
    outside = (data["inputs"] > 0).sum((1, 2, 3)) - 8 * (data["labels"] + 1)
    assert (outside > 0).mean() > 0.9
    alone = digits_on_canvas(images, labels, examples=50, size=20, distractors=0)
    assert ((alone["inputs"] > 0).sum((1, 2, 3)) == 8 * (alone["labels"] + 1)).all()


@pytest.mark.gap("U20")
def test_embedded_digits_and_seeds():
    data = digits_on_canvas(examples=60)
    assert data["inputs"].shape == (60, 48, 48, 1)
    assert data["inputs"].max() == 255
    assert len(np.unique(data["labels"])) > 7
    sides = data["boxes"][:, 2:] - data["boxes"][:, :2]
    assert (sides > 0).all()
    assert (sides <= 16).all()
    same, other = digits_on_canvas(examples=60), digits_on_canvas(examples=60, seed=1)
    for name, array in data.items():
        np.testing.assert_array_equal(array, same[name])
        assert (array != other[name]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 7}, "size must be at least 16"),
        ({"examples": 0}, "examples must be at least 1, not 0"),
        ({"zoom": 0}, "zoom must be"),
        ({"distractors": -1}, "distractors must be"),
        ({"labels": None}, "come together"),
        ({"labels": np.arange(2)}, r"labels must be \(3,\)"),
        ({"images": np.ones((3, 4, 5), np.uint8)}, r"images must be \(N, side, side\)"),
        ({"images": np.ones((3, 4, 4))}, "images must be"),
        ({"images": np.zeros((3, 4, 4), np.uint8)}, "is black"),
    ],
)
def test_errors(options, message):
    images, labels = shapes()
    arguments = {"images": images, "labels": labels, **options}
    with pytest.raises(ValueError, match=message):
        digits_on_canvas(arguments.pop("images"), arguments.pop("labels"), **arguments)
