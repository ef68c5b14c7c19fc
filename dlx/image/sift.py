"""SIFT whole: keypoints and their descriptors of one image."""

from jaxtyping import Array, Float

from dlx.checks import check_count
from dlx.image._images import Image, wide
from dlx.image.keypoints import Keypoints
from dlx.image.sift_descriptor import sift_descriptors, sift_orientations
from dlx.image.sift_detector import sift_keypoints, sift_scale_space

__all__ = ["sift"]


def sift(
    image: Image,
    *,
    count: int = 500,
    octaves: int | None = None,
    scales: int = 3,
    sigma: float = 1.6,
    upsample: bool = True,
    contrast_threshold: float = 0.04,
    edge_threshold: float = 10.0,
) -> tuple[Keypoints, Float[Array, "count 128"]]:
    """Keypoints that stay when an image is turned, scaled or lit otherwise, and a vector for each to match it by.

    `sift_scale_space`, `sift_keypoints`, `sift_orientations` and `sift_descriptors`, one after the other. A place with
    several orientations is several keypoints, and `count` counts them all, as OpenCV's `nfeatures` does.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      count: how many keypoints to return, the strongest.
      octaves: how many; None: as many as have 16 pixels on the shorter side.
      scales: scales in an octave.
      sigma: blur of the first layer of each octave.
      upsample: begin with the image at twice its size: about four times as many keypoints.
      contrast_threshold: |D| >= contrast_threshold / scales, for brightness in [0, 1].
      edge_threshold: largest ratio of the two curvatures.
    Returns: (`Keypoints`, (count, 128) descriptors), of the image's dtype, at least float32; a flat image has no valid
      ones. Coordinates are those of the image: OpenCV's default (without
      "precise upscale") doubles the image in the same way and gives coordinates 0.25 pixels larger.
    Raises: ValueError for another shape, an image smaller than 16 pixels (8 with `upsample`), `count` below 1, or a
      number out of range; TypeError for other integers.
    Source: Lowe 2004; notes 001 section 14.
    """
    check_count("count", count)
    stacks = sift_scale_space(image, octaves=octaves, scales=scales, sigma=sigma, upsample=upsample)
    stacks = tuple(wide(stack) for stack in stacks)
    points = sift_keypoints(
        stacks,
        count=count,
        contrast_threshold=contrast_threshold,
        edge_threshold=edge_threshold,
        sigma=sigma,
        upsample=upsample,
    )
    points = sift_orientations(stacks, points, count=count, sigma=sigma, upsample=upsample)
    return points, sift_descriptors(stacks, points, sigma=sigma, upsample=upsample)
