"""How an image changes when a window is shifted: sums of squared differences, and their tensor."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dlx.checks import check_choice
from dlx.image._borders import check_mode
from dlx.image._images import FloatImage, Image, Mode, check_covers, check_odd, check_positive, check_static, grey, wide
from dlx.image._shifts import separable
from dlx.image.derivatives import gradient
from dlx.image.sampling import warp

__all__ = ["shift_energy", "structure_tensor", "tensor_eigenvalues"]

Window = Literal["gaussian", "box"]
Operator = Literal["sobel", "prewitt", "central", "forward", "backward"]


def shift_energy(
    image: Image,
    shift: Float[Array | np.ndarray, "2"],
    *,
    window: Window = "gaussian",
    sigma: float = 1.0,
    size: int | None = None,
    mode: Mode = "reflect",
) -> FloatImage:
    """Harris's function: the weighted sum of squared differences between each window and the shifted one.

        E(u, v) = sum_{(x, y) in W} w(x, y) (I(x + u, y + v) - I(x, y))^2  ~  [u v] M [u v]^T

    for small shifts, by I(x + u, y + v) ~ I + u I_x + v I_y with M of `structure_tensor`: exact on a plane. I is read
    between pixels by bilinear interpolation, and beyond its border goes on with the border's values. In the notes'
    question about flat windows it is (x, y), the window's place, that decides: M does not depend on (u, v).

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      shift: (u, v) in pixels, to the right and down.
      window: "gaussian", weights with the sum 1, or "box", weights 1 (the notes' "idle" function).
      sigma: of the Gaussian window.
      size: of the box, odd, 3 where it is None; the Gaussian window takes none, it ends at round(4 sigma).
      mode: what stands beyond the border for the window, by SciPy's names.
    Returns: (height, width), E of the window about each pixel.
    Raises: ValueError for another shape, sigma <= 0, an even size or one for a Gaussian, an image smaller than the
      window, or an unknown word; TypeError for other integers.
    Source: Harris and Stephens 1988; notes 001 section 14.
    """
    values = grey(image)
    shift = jnp.asarray(shift, values.dtype)
    if shift.shape != (2,):
        raise ValueError(f"shift: got shape {shift.shape}, wanted (2,), (u, v)")
    moved = warp(values, jnp.broadcast_to(shift[None, None], (*values.shape, 2)))
    return weigh((moved - values) ** 2, window, sigma, size, mode)


def structure_tensor(
    image: Image,
    *,
    window: Window = "gaussian",
    sigma: float = 1.0,
    size: int | None = None,
    operator: Operator = "sobel",
    normalise: bool = True,
    mode: Mode = "reflect",
) -> Float[Array, "3 height width"]:
    """The second-moment matrix of the gradient about each pixel.

        M = sum_W w [[I_x^2, I_x I_y], [I_x I_y, I_y^2]] = P diag(l1, l2) P^T

    Both eigenvalues are small where the window is flat, one is large on an edge, both at a corner. I_x is the slope g_x
    of the image along x, as the notes guess. Where they lost the matrix and its derivation, this is the accepted one.

    Args:
      image: (height, width); uint8 and uint16 become floats in [0, 1].
      window: "gaussian", weights with the sum 1, or "box", weights 1.
      sigma: of the Gaussian window.
      size: of the box, odd, 3 where it is None; the Gaussian window takes none, it ends at round(4 sigma).
      operator: of the derivatives: "sobel", "prewitt", "central", "forward" or "backward".
      normalise: derivatives per pixel; False leaves Sobel's 8 and Prewitt's 6 in them, as scikit-image does.
      mode: what stands beyond the border, by SciPy's names.
    Returns: (M_xx, M_xy, M_yy) at each pixel. Not normalised they are `skimage.feature.structure_tensor` with order
      "xy", whose border is "constant" by default.
    Raises: ValueError for another shape, sigma <= 0, an even size or one for a Gaussian, an image smaller than the
      window, or an unknown word; TypeError for other integers.
    Source: Harris and Stephens 1988; Foerstner and Guelch 1987; notes 001 section 14.
    """
    gx, gy = gradient(grey(image), operator=operator, mode=mode, normalise=normalise)
    products = (gx * gx, gx * gy, gy * gy)
    return jnp.stack([weigh(one, window, sigma, size, mode) for one in products])


def tensor_eigenvalues(tensor: Float[Array, "3 *shape"]) -> Float[Array, "2 *shape"]:
    """Eigenvalues of symmetric 2 x 2 matrices.

        l = (M_xx + M_yy) / 2 +- sqrt(((M_xx - M_yy) / 2)^2 + M_xy^2)

    Args:
      tensor: (M_xx, M_xy, M_yy), as `structure_tensor` gives them.
    Returns: (l1, l2), l1 >= l2; where they are equal they have no derivative, and that of the mean is given.
    Raises: ValueError if the first axis has not 3 entries.
    Source: `skimage.feature.structure_tensor_eigenvalues`; notes 001 section 14.
    """
    if tensor.ndim == 0 or tensor.shape[0] != 3:
        raise ValueError(f"tensor: got shape {tensor.shape}, wanted (3, ...): M_xx, M_xy, M_yy")
    xx, xy, yy = tensor
    squares = ((xx - yy) / 2) ** 2 + xy**2
    equal = squares == 0
    half = jnp.where(equal, 0, jnp.sqrt(jnp.where(equal, 1, squares)))
    return jnp.stack([(xx + yy) / 2 + half, (xx + yy) / 2 - half])


def _check_window(window: str, size: int | None) -> None:
    """Refuse an unknown window, and a size that it would not look at."""
    check_choice("window", window, ("gaussian", "box"))
    if size is None:
        return
    if window == "gaussian":
        raise ValueError(f'size: got {size} with the Gaussian window, which sigma sizes; wanted None, or window="box"')
    check_odd("size", size)


def weigh(values: Array, window: str, sigma: float, size: int | None, mode: Mode) -> Array:
    """Sums over the window about each pixel."""
    _check_window(window, size)
    check_mode(mode)
    if window == "box":
        taps = np.ones(3 if size is None else size)
    else:
        check_static("sigma", sigma)
        check_positive("sigma", sigma)
        radius = int(4 * sigma + 0.5)
        bell = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        taps = bell / bell.sum()
    check_covers(values, (len(taps), len(taps)))
    return separable(wide(values), taps, taps, mode=mode).astype(values.dtype)
