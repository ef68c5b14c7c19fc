"""Where the gradient of a recurrence vanishes or explodes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree, Shaped

from dlx.checks import check_array

__all__ = ["gradient_norms_by_time"]


def gradient_norms_by_time(
    cell: Callable[[Any, Array], Any],
    initial: PyTree,
    inputs: Shaped[Array, "batch time *features"],
    loss: Callable[[Any], Float[Array, ""]],
) -> PyTree[Float[Array, "time"]]:
    """How much of the gradient of a loss arrives at the state of each time.

        norm_t = ||dL/ds_t||_2,    dL/ds_t = (ds_{t+1}/ds_t)^T dL/ds_{t+1} + the loss's own part at t

    With h_t = h_{t-1} W and a loss of the last state only it is ||(W)^k v||, k steps before the end: rho^k where
    every singular value of W is rho. It vanishes for rho < 1, explodes for rho > 1.

    Args:
      cell: cell(state, inputs of one time) -> state, for the whole batch.
      initial: s_0, arrays (batch, ...).
      inputs: (batch, time, ...).
      loss: from all states, arrays (batch, time, ...), to a number.
    Returns: for each array of the state (time,) norms over batch and units.
    Raises: ValueError if `inputs` have no time; TypeError if they are no array.
    Source: Pascanu et al. 2013, section 2.1; notes 004 "RNN".
    """
    check_array("inputs", inputs)
    if inputs.ndim < 2 or 0 in inputs.shape[:2]:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, time, ...), neither of them 0")
    by_time = jnp.swapaxes(inputs, 0, 1)

    def of_shifts(shifts):
        def body(state, now):
            given, shift = now
            state = jax.tree.map(jnp.add, cell(state, given), shift)
            return state, state

        states = lax.scan(body, initial, (by_time, shifts))[1]
        return loss(jax.tree.map(lambda part: jnp.swapaxes(part, 0, 1), states))

    # the gradient by something added to a state is the gradient by the state
    zeros = jax.tree.map(lambda part: jnp.zeros((len(by_time), *part.shape), part.dtype), initial)
    gradients = jax.grad(of_shifts)(zeros)
    return jax.tree.map(lambda g: jnp.sqrt(jnp.sum(jnp.square(g), axis=tuple(range(1, g.ndim)))), gradients)
