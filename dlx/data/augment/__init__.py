"""Augmentation on the device: functions of (key, images), inside the compiled step, each example with a key of its own.

    augment = compose(random_flip_left_right, functools.partial(random_resized_crop, shape=(32, 32)), colour_jitter)
    task = dlx.train.supervised(model, loss, optimizer, example=data.train, augment=on_batch(augment))

The same keys draw the same numbers whatever the shape: images, masks and boxes that are given the same keys move
together, and what an example gets does not depend on how its batch is cut over devices.

Images are NHWC. A second axis of 1, 3 or 4 before a last one above 4 is refused as PyTorch's NCHW.
"""

from dlx.data.augment.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    random_brightness,
    random_contrast,
    random_hue,
    random_saturation,
)
from dlx.data.augment.compose import compose, on_batch
from dlx.data.augment.crops import crop_and_resize, pad_and_crop, random_crop_window, random_resized_crop
from dlx.data.augment.flips import (
    flip_boxes_left_right,
    flip_boxes_up_down,
    flip_left_right,
    flip_up_down,
    random_flip_boxes_left_right,
    random_flip_boxes_up_down,
    random_flip_left_right,
    random_flip_up_down,
)
from dlx.data.augment.jitter import colour_jitter

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "colour_jitter",
    "compose",
    "crop_and_resize",
    "flip_boxes_left_right",
    "flip_boxes_up_down",
    "flip_left_right",
    "flip_up_down",
    "on_batch",
    "pad_and_crop",
    "random_brightness",
    "random_contrast",
    "random_crop_window",
    "random_flip_boxes_left_right",
    "random_flip_boxes_up_down",
    "random_flip_left_right",
    "random_flip_up_down",
    "random_hue",
    "random_resized_crop",
    "random_saturation",
]
