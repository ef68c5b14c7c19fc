"""Shifts, and how far a function is from ignoring or following them."""

from collections.abc import Callable, Sequence
from typing import Literal

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Shaped

from dlx.checks import check_choice, check_count

__all__ = ["equivariance_deviation", "invariance_deviation", "shift"]

Boundary = Literal["periodic", "zero"]


def shift(
    values: Shaped[Array, "*shape"], *, offset: int = 1, axis: int = -1, boundary: Boundary = "periodic"
) -> Shaped[Array, "*shape"]:
    """Move an array along one axis.

        (S_k f)(x) = f(x - k)

    Args:
      values: f, any shape and dtype.
      offset: k, positive towards larger x.
      axis: the axis of x.
      boundary: what enters at the edge: "periodic" what left at the other one, "zero" zeros.
    Returns: the shape and dtype of `values`.
    Raises: ValueError if `values` has no such axis or `boundary` is unknown.
    Source: Goodfellow et al. 2016, section 9.2; notes 001 section 1.
    """
    check_choice("boundary", boundary, ("periodic", "zero"))
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"axis: got {axis} for values of shape {values.shape}")
    moved = jnp.roll(values, offset, axis)
    if boundary == "periodic":
        return moved
    size = values.shape[axis]
    places = jnp.arange(size) - offset
    stays = jnp.expand_dims((places >= 0) & (places < size), [i for i in range(values.ndim) if i != axis % values.ndim])
    return jnp.where(jnp.broadcast_to(stays, moved.shape), moved, jnp.zeros_like(moved))


def invariance_deviation(
    function: Callable[[Array], Array],
    inputs: Float[Array, "*shape"],
    *,
    offsets: Sequence[int] = (1,),
    axis: int = -1,
    boundary: Boundary = "periodic",
) -> Float[Array, ""]:
    """How far a function is from giving a shifted input the same value.

        max_k max |f(S_k x) - f(x)|,    0 for a function that is invariant to shifts

    Global pooling is; a dense layer, which the notes name, is not, and pooling with a stride only nearly.

    Args:
      function: one array to one array.
      inputs: x.
      offsets: k.
      axis: the axis of `inputs` that is shifted.
      boundary: what enters at the edge: "periodic" or "zero".
    Returns: a scalar >= 0.
    Raises: ValueError if there is no offset, no such axis or `boundary` is unknown.
    Source: Goodfellow et al. 2016, section 9.3; Zhang 2019, section 3.1; notes 001 section 1.
    """
    want = function(inputs)
    shifted = [function(shift(inputs, offset=k, axis=axis, boundary=boundary)) for k in _checked(offsets)]
    return _largest([got - want for got in shifted])


def equivariance_deviation(
    function: Callable[[Array], Array],
    inputs: Float[Array, "*shape"],
    *,
    offsets: Sequence[int] = (1,),
    axis: int = -1,
    output_axis: int | None = None,
    stride: int = 1,
    boundary: Boundary = "periodic",
) -> Float[Array, ""]:
    """How far a function is from shifting its value with its input.

        max_k max |f(S_k x) - S_(k // stride) f(x)|,    0 for a function that is equivariant to shifts

    A circular convolution is; with a stride, for multiples of the stride.

    Args:
      function: one array to one array.
      inputs: x.
      offsets: k.
      axis: the axis of `inputs` that is shifted.
      output_axis: the axis of the value that is shifted; None takes `axis`.
      stride: steps of the input in one of the value.
      boundary: what enters at the edge: "periodic" or "zero".
    Returns: a scalar >= 0.
    Raises: ValueError if there is no offset, no such axis, `stride` is not positive or `boundary` is unknown.
    Source: Goodfellow et al. 2016, section 9.2; notes 001 section 1.
    """
    check_count("stride", stride)
    output_axis = axis if output_axis is None else output_axis
    value = function(inputs)
    differences = []
    for k in _checked(offsets):
        got = function(shift(inputs, offset=k, axis=axis, boundary=boundary))
        differences.append(got - shift(value, offset=k // stride, axis=output_axis, boundary=boundary))
    return _largest(differences)


def _checked(offsets: Sequence[int]) -> Sequence[int]:
    if not offsets:
        raise ValueError("offsets: got none, wanted at least one")
    return offsets


def _largest(differences: Sequence[Array]) -> Array:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(d)) for d in differences]))
