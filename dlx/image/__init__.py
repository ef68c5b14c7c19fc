"""Classical computer vision as pure functions of images."""

from dlx.image._images import to_float
from dlx.image.derivatives import (
    backward_difference,
    central_difference,
    forward_difference,
    gradient,
    gradient_angle,
    gradient_magnitude,
    prewitt_x,
    prewitt_y,
    sobel_x,
    sobel_y,
)
from dlx.image.filters import gaussian_filter
from dlx.image.keypoints import Keypoints, local_peaks
from dlx.image.sampling import bilinear_sample, resize_bilinear, warp

__all__ = [
    "Keypoints",
    "backward_difference",
    "bilinear_sample",
    "central_difference",
    "forward_difference",
    "gaussian_filter",
    "gradient",
    "gradient_angle",
    "gradient_magnitude",
    "local_peaks",
    "prewitt_x",
    "prewitt_y",
    "resize_bilinear",
    "sobel_x",
    "sobel_y",
    "to_float",
    "warp",
]
