"""Responses that are large at corners; `local_peaks` finds the corners themselves."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from dlx.checks import check_range
from dlx.image._images import FloatImage, Image, check_positive
from dlx.image.structure_tensor import structure_tensor, tensor_eigenvalues

__all__ = ["harris", "harris_response", "noble", "shi_tomasi"]


def harris(image: Image, *, k: float = 0.05, **tensor: Any) -> FloatImage:
    """Harris's corner response.

        R = det M - k (tr M)^2 = l1 l2 - k (l1 + l2)^2

    Positive at corners, negative on edges, 0 where the image is flat. It turns with the image, exactly by 90 degrees,
    but does not follow its scale: a corner seen larger becomes an edge.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      k: 0.04 to 0.06.
      tensor: options of `structure_tensor`: window, sigma, size, operator, normalise, mode.
    Returns: (height, width). With `normalise=False, mode="constant"` it is `skimage.feature.corner_harris`. OpenCV's
      `cornerHarris(image / 255, 2 r + 1, 3, k)` divides Sobel's derivatives by 4 and the size of its box, and mirrors:
      it is this with `window="box", mode="mirror"`, times (2 / size)^4.
    Raises: ValueError if `k` is not in [0, 0.25), and as `structure_tensor` does.
    Source: Harris and Stephens 1988; notes 001 section 14.
    """
    return harris_response(structure_tensor(image, **tensor), k=k)


def harris_response(tensor: Float[Array, "3 *shape"], *, k: float = 0.05) -> Float[Array, "*shape"]:
    """Harris's response of matrices that are there already.

        R = M_xx M_yy - M_xy^2 - k (M_xx + M_yy)^2

    Args:
      tensor: (M_xx, M_xy, M_yy).
      k: 0.04 to 0.06; from 0.25 no matrix has a positive response.
    Returns: R.
    Raises: ValueError if `k` is not in [0, 0.25).
    Source: Harris and Stephens 1988; notes 001 section 14.
    """
    check_range("k", k, 0, 0.25, open_high=True)
    xx, xy, yy = tensor
    return xx * yy - xy**2 - k * (xx + yy) ** 2


def shi_tomasi(image: Image, **tensor: Any) -> FloatImage:
    """Shi and Tomasi's corner response, which the notes name after Kanade and Tomasi.

        R = min(l1, l2)

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      tensor: options of `structure_tensor`: window, sigma, size, operator, normalise, mode.
    Returns: (height, width), >= 0 up to rounding. With `normalise=False, mode="constant"` it is
      `skimage.feature.corner_shi_tomasi`.
    Raises: ValueError as `structure_tensor` does.
    Source: Shi and Tomasi 1994; notes 001 section 14.
    """
    return tensor_eigenvalues(structure_tensor(image, **tensor))[1]


def noble(image: Image, *, eps: float = 1e-6, **tensor: Any) -> FloatImage:
    """Noble's corner response, without Harris's k.

        R = l1 l2 / (l1 + l2 + eps) = det M / (tr M + eps)

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      eps: > 0; keeps a flat image at 0.
      tensor: options of `structure_tensor`: window, sigma, size, operator, normalise, mode.
    Returns: (height, width). Scikit-image's `corner_harris(method="eps")` is twice this.
    Raises: ValueError if `eps` is not positive, and as `structure_tensor` does.
    Source: Noble 1988; notes 001 section 14.
    """
    check_positive("eps", eps)
    xx, xy, yy = structure_tensor(image, **tensor)
    return jnp.divide(xx * yy - xy**2, xx + yy + eps)
