"""Classical computer vision as pure functions of images."""

from dlx.image.sampling import bilinear_sample, resize_bilinear, warp

__all__ = [
    "bilinear_sample",
    "resize_bilinear",
    "warp",
]
