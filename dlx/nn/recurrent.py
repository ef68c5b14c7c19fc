"""One step of the recurrent cells: vanilla, gated, and with a memory cell."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from jaxtyping import Array, Float

from dlx.checks import check_range
from dlx.nn._recurrent_forms import gru_form, lstm_form, rnn_form
from dlx.nn._recurrent_params import check_params, check_state_tuple, check_step, project, recurrent_weights
from dlx.nn.named import get_activation

__all__ = ["LSTMState", "gru_cell", "lstm_cell", "rnn_cell"]

PEEPHOLES = {"peephole": 3}


class LSTMState(NamedTuple):
    """What a memory cell carries: hidden state and memory, (*batch, units) each, in PyTorch's order."""

    hidden: Float[Array, "..."]
    cell: Float[Array, "..."]


def rnn_cell(
    params: Mapping[str, Array],
    hidden: Float[Array, "*batch units"],
    inputs: Float[Array, "*batch features"],
    *,
    activation: str | Callable[[Array], Array] = "tanh",
) -> Float[Array, "*batch units"]:
    """One step of the vanilla recurrent network (Elman's).

        h' = phi(x W_xh + h W_hh + b) = phi([x, h] [W_xh; W_hh] + b)

    The second form stacks the kernels by rows, which the notes print the other way. PyTorch has two biases, of which
    only the sum counts.

    Args:
      params: {"input_kernel": (features, units), "hidden_kernel": (units, units), "bias": (units,)}.
      hidden: (*batch, units) state before the step.
      inputs: (*batch, features) input of the step.
      activation: phi, a name of `ACTIVATIONS` or a function of an array, element by element.
    Returns: (*batch, units) state after the step, dtype of `hidden`.
    Raises: ValueError if a shape does not fit `params`, or `activation` is unknown; TypeError if a dtype does not.
    Source: Elman 1990; notes 001 section 8 (E36), 004 "RNN".
    """
    check_step(params, *check_params(params, 1), {"hidden": hidden}, inputs)
    form = rnn_form(get_activation(activation))
    return form.step(recurrent_weights(params), (hidden,), project(params, inputs))[0][0]


def gru_cell(
    params: Mapping[str, Array],
    hidden: Float[Array, "*batch units"],
    inputs: Float[Array, "*batch features"],
    *,
    reset_after: bool = False,
) -> Float[Array, "*batch units"]:
    """One step of a gated recurrent unit.

        r = sigmoid(x W_xr + h W_hr + b_r)          z = sigmoid(x W_xz + h W_hz + b_z)
        n = tanh(x W_xn + (r * h) W_hn + b_n)       h' = z * h + (1 - z) * n

    With `reset_after`, n = tanh(x W_xn + b_n + r * (h W_hn + b_hn)), as cuDNN, PyTorch and Flax compute it. PyTorch's
    two biases of r and of z count by their sums. The notes' r is a gate, not a hidden layer.

    Args:
      params: {"input_kernel": (features, 3 units), "hidden_kernel": (units, 3 units), "bias": (3 units,)}, gates in the
        order r, z, n; "hidden_bias": (units,) b_hn with `reset_after` only.
      hidden: (*batch, units) state before the step.
      inputs: (*batch, features) input of the step.
      reset_after: reset what the recurrent kernel gives, not what it takes.
    Returns: (*batch, units) state after the step, dtype of `hidden`.
    Raises: ValueError if a shape does not fit `params`; TypeError if a dtype does not.
    Source: Cho et al. 2014, eq. 5-8; notes 001 section 8 (E35).
    """
    sizes = check_params(params, 3, {"hidden_bias": 0} if reset_after else None)
    check_step(params, *sizes, {"hidden": hidden}, inputs)
    return gru_form(reset_after).step(recurrent_weights(params), (hidden,), project(params, inputs))[0][0]


def lstm_cell(
    params: Mapping[str, Array],
    state: LSTMState,
    inputs: Float[Array, "*batch features"],
    *,
    forget_bias: float = 0.0,
) -> LSTMState:
    """One step of a long short-term memory.

        i = sigmoid(x W_xi + h W_hi + b_i)          f = sigmoid(x W_xf + h W_hf + b_f + forget_bias)
        g = tanh(x W_xg + h W_hg + b_g)             o = sigmoid(x W_xo + h W_ho + b_o)
        c' = f * c + i * g                          h' = o * tanh(c')

    With peepholes i gains p_i * c, f gains p_f * c, and o gains p_o * c' inside the sigmoid. PyTorch's two biases count
    by their sum.

    Args:
      params: {"input_kernel": (features, 4 units), "hidden_kernel": (units, 4 units), "bias": (4 units,)}, gates in the
        order i, f, g, o, PyTorch's; with peepholes "peephole": (3, units), the rows p_i, p_f, p_o.
      state: LSTMState(hidden, cell), both (*batch, units), before the step.
      inputs: (*batch, features) input of the step.
      forget_bias: added to b_f; 1 lets a new network remember.
    Returns: LSTMState(hidden, cell) after the step, dtypes as before.
    Raises: ValueError if a shape does not fit `params` or `forget_bias` is not finite; TypeError if a dtype does not
      fit, or `state` is no LSTMState.
    Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000; Gers and Schmidhuber 2000 (peepholes); Jozefowicz et al.
      2015, section 3.2 (forget bias); notes 001 section 8.
    """
    features, units = check_lstm(params, forget_bias)
    check_state_tuple("state", state, LSTMState, LSTMState._fields)
    check_step(params, features, units, {"state.hidden": state.hidden, "state.cell": state.cell}, inputs)
    projected = project(params, inputs, shift=forget_shift(units, forget_bias))
    return LSTMState(*lstm_form().step(recurrent_weights(params), tuple(state), projected)[0])


def check_lstm(params: Mapping[str, Array], forget_bias: float) -> tuple[int, int]:
    """(features, units) of a memory cell with or without peepholes."""
    check_range("forget_bias", forget_bias, -math.inf, math.inf, open_low=True, open_high=True)
    peepholes = isinstance(params, Mapping) and "peephole" in params
    return check_params(params, 4, PEEPHOLES if peepholes else None)


def forget_shift(units: int, forget_bias: float) -> tuple[slice, float] | None:
    """Where the forget gate's biases stand, and what they gain."""
    return (
        None if isinstance(forget_bias, (int, float)) and forget_bias == 0 else (slice(units, 2 * units), forget_bias)
    )
