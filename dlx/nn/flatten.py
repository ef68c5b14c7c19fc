"""Feature maps as the inputs of a dense layer."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from dlx.checks import check_array, check_choice

__all__ = ["flatten"]


def flatten(
    inputs: Shaped[Array, "batch height width channels"], *, order: Literal["nhwc", "nchw"] = "nhwc"
) -> Shaped[Array, "batch features"]:
    """Each image as one vector.

        nhwc: feature (i * width + j) * channels + c,    nchw: feature (c * height + i) * width + j

    A dense layer that was trained behind the one order does not fit the other: its rows have to be moved.

    Args:
      inputs: (batch, height, width, channels), whichever the order.
      order: "nhwc" the order in memory; "nchw" channel by channel, as PyTorch and the notes have it.
    Returns: (batch, height * width * channels).
    Raises: ValueError if `inputs` has not four axes or `order` is unknown; TypeError if it is no array.
    Source: notes 001 section 6.
    """
    check_choice("order", order, ("nhwc", "nchw"))
    check_array("inputs", inputs)
    if inputs.ndim != 4:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, height, width, channels)")
    batch, height, width, channels = inputs.shape
    if order == "nchw":
        inputs = jnp.moveaxis(inputs, -1, 1)
    return inputs.reshape(batch, height * width * channels)
