"""Augmentation in float64 NumPy, written from torchvision's documentation: one image at a time, in loops."""

import colorsys
import math

import numpy as np


def grey(image):
    """Weights as documented for `rgb_to_grayscale`; one channel is grey already."""
    return image if image.shape[-1] == 1 else image @ np.array([[0.2989], [0.587], [0.114]])


def brightness(image, factor):
    return np.clip(factor * image, 0, 1)


def contrast(image, factor):
    return np.clip(factor * image + (1 - factor) * grey(image).mean(), 0, 1)


def saturation(image, factor):
    return np.clip(factor * image + (1 - factor) * grey(image), 0, 1)


def hue(image, shift):
    out = np.empty_like(image)
    for place in np.ndindex(image.shape[:2]):
        h, s, v = colorsys.rgb_to_hsv(*image[place])
        out[place] = colorsys.hsv_to_rgb((h + shift) % 1.0, s, v)
    return out


def crop_window(areas, aspects, down, across, *, size, scale, ratio):
    """The documented ten tries, then the central crop, given the uniform numbers of each try."""
    rows, columns = size
    for a, b, c, d in zip(areas, aspects, down, across, strict=True):
        area = rows * columns * (scale[0] + (scale[1] - scale[0]) * a)
        low, high = math.log(ratio[0]), math.log(ratio[1])
        aspect = math.exp(low + (high - low) * b)
        width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < width <= columns and 0 < height <= rows:
            return math.floor(c * (rows - height + 1)), math.floor(d * (columns - width + 1)), height, width
    if columns / rows < ratio[0]:
        width, height = columns, round(columns / ratio[0])
    elif columns / rows > ratio[1]:
        width, height = round(rows * ratio[1]), rows
    else:
        width, height = columns, rows
    return (rows - height) // 2, (columns - width) // 2, height, width


def resize_window(image, window, shape, antialias):
    """A tent over the window's own pixels, by pixel."""
    top, left, height, width = window
    image = image[top : top + height, left : left + width]
    for axis, new in enumerate(shape):
        old = image.shape[axis]
        step = old / new
        reach = max(step, 1.0) if antialias else 1.0
        rows = []
        for i in range(new):
            at = (i + 0.5) * step - 0.5
            weights = [max(0.0, 1 - abs(j - at) / reach) for j in range(old)]
            rows.append(sum(w * image.take(j, axis) for j, w in enumerate(weights)) / sum(weights))
        image = np.stack(rows, axis)
    return image
