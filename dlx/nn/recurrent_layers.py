"""Recurrent layers over sequences: vanilla, gated, with memory cells; stacked, in both directions."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice
from dlx.nn._recurrent_forms import gru_form, lstm_form, rnn_form, scan_automatic, scan_by_hand
from dlx.nn._recurrent_params import (
    check_params,
    check_sequences,
    check_state_tuple,
    check_states,
    project,
    recurrent_weights,
)
from dlx.nn.named import get_activation
from dlx.nn.recurrent import LSTMState, check_lstm, forget_shift
from dlx.nn.unroll import marks, swap

__all__ = ["bidirectional", "gru", "lstm", "rnn", "stacked"]

Backward = Literal["hand", "automatic"]
Layer = Callable[..., tuple[Array, Any]]


def rnn(
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: Float[Array, "batch units"] | None = None,
    lengths: Integer[Array, "batch"] | None = None,
    *,
    activation: str | Callable[[Array], Array] = "tanh",
    reverse: bool = False,
    truncate: int | None = None,
    backward: Backward = "hand",
) -> tuple[Float[Array, "batch time units"], Float[Array, "batch units"]]:
    """A layer of vanilla recurrent units.

        h_t = phi(x_t W_xh + h_{t-1} W_hh + b)

    The product with the inputs is one for all times. The backward pass is written by hand, so that the gradient by
    W_hh is one product too; it has no forward-mode derivative (`jax.jvp`, `jax.hessian`), "automatic" has one.

    Args:
      params: those of `rnn_cell`.
      inputs: (batch, time, features).
      initial: h_0, zeros if None.
      lengths: (batch,) in 1..time, None if all are full; see `unroll`.
      activation: phi, a name of `ACTIVATIONS` or a function of an array, element by element.
      reverse: from the last place of each sequence to its first.
      truncate: steps after which back-propagation stops; see `unroll`.
      backward: "hand" or "automatic".
    Returns: h, (batch, time, units), 0 behind the end of a sequence as in PyTorch, and the last h, (batch, units).
    Raises: ValueError if a shape does not fit, a length is outside, time is empty, or an option is unknown; TypeError
      if a dtype does not fit.
    Source: Elman 1990; notes 001 section 8, 004 "RNN".
    """
    features, _ = check_params(params, 1)
    check_sequences(inputs, features)
    form = rnn_form(get_activation(activation))
    state = None if initial is None else (initial,)
    options = {"reverse": reverse, "truncate": truncate, "backward": backward}
    outputs, final = _layer(form, params, project(params, swap(inputs)), state, lengths, 1, **options)
    return outputs, final[0]


def gru(
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: Float[Array, "batch units"] | None = None,
    lengths: Integer[Array, "batch"] | None = None,
    *,
    reset_after: bool = False,
    reverse: bool = False,
    truncate: int | None = None,
    backward: Backward = "hand",
) -> tuple[Float[Array, "batch time units"], Float[Array, "batch units"]]:
    """A layer of gated recurrent units.

        h_t = gru_cell(params, h_{t-1}, x_t)

    `reset_after` takes one product a step where the other form takes two: it is the faster one. For `backward` see
    `rnn`.

    Args:
      params: those of `gru_cell`.
      inputs: (batch, time, features).
      initial: h_0, zeros if None.
      lengths: (batch,) in 1..time, None if all are full; see `unroll`.
      reset_after: reset what the recurrent kernel gives (PyTorch's), not what it takes.
      reverse: from the last place of each sequence to its first.
      truncate: steps after which back-propagation stops; see `unroll`.
      backward: "hand" or "automatic".
    Returns: h, (batch, time, units), 0 behind the end of a sequence, and the last h, (batch, units).
    Raises: ValueError if a shape does not fit, a length is outside, time is empty, or an option is unknown; TypeError
      if a dtype does not fit.
    Source: Cho et al. 2014, eq. 5-8; notes 001 section 8 (E35).
    """
    features, _ = check_params(params, 3, {"hidden_bias": 0} if reset_after else None)
    check_sequences(inputs, features)
    state = None if initial is None else (initial,)
    options = {"reverse": reverse, "truncate": truncate, "backward": backward}
    outputs, final = _layer(gru_form(reset_after), params, project(params, swap(inputs)), state, lengths, 1, **options)
    return outputs, final[0]


def lstm(
    params: Mapping[str, Array],
    inputs: Float[Array, "batch time features"],
    initial: LSTMState | None = None,
    lengths: Integer[Array, "batch"] | None = None,
    *,
    forget_bias: float = 0.0,
    reverse: bool = False,
    truncate: int | None = None,
    backward: Backward = "hand",
) -> tuple[Float[Array, "batch time units"], LSTMState]:
    """A layer of long short-term memories.

        h_t, c_t = lstm_cell(params, (h_{t-1}, c_{t-1}), x_t)

    For `backward` see `rnn`.

    Args:
      params: those of `lstm_cell`.
      inputs: (batch, time, features).
      initial: LSTMState(hidden, cell), zeros if None.
      lengths: (batch,) in 1..time, None if all are full; see `unroll`.
      forget_bias: added to the biases of the forget gate.
      reverse: from the last place of each sequence to its first.
      truncate: steps after which back-propagation stops; see `unroll`.
      backward: "hand" or "automatic".
    Returns: h, (batch, time, units), 0 behind the end of a sequence, and the last LSTMState, (batch, units) each.
    Raises: ValueError if a shape does not fit, a length is outside, time is empty, or an option is unknown; TypeError
      if a dtype does not fit, or `initial` is no LSTMState.
    Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000; notes 001 section 8.
    """
    features, units = check_lstm(params, forget_bias)
    check_sequences(inputs, features)
    if initial is not None:
        check_state_tuple("initial", initial, LSTMState, LSTMState._fields)
    projected = project(params, swap(inputs), shift=forget_shift(units, forget_bias))
    state = None if initial is None else tuple(initial)
    options = {"reverse": reverse, "truncate": truncate, "backward": backward}
    outputs, final = _layer(lstm_form(), params, projected, state, lengths, 2, **options)
    return outputs, LSTMState(*final)


def bidirectional(
    forward: Layer,
    backward: Layer,
    inputs: Float[Array, "batch time features"],
    initial: tuple[Any, Any] | None = None,
    lengths: Integer[Array, "batch"] | None = None,
) -> tuple[Float[Array, "batch time units"], tuple[Any, Any]]:
    """Two layers, one from the first place to the last and one from the last to the first.

        H_t = [F_t, B_t],    F_t = forward(F_{t-1}, x_t),    B_t = backward(B_{t+1}, x_t)

        bidirectional(partial(gru, first), partial(gru, second), inputs, None, lengths)

    Args:
      forward: layer(inputs, initial, lengths, reverse=...) -> (outputs, state): one of `rnn`, `gru`, `lstm` with its
        parameters and options.
      backward: the same with other parameters; it begins at the last place of each sequence, not in the padding.
      inputs: (batch, time, features).
      initial: initial states of both, None for zeros.
      lengths: (batch,) in 1..time, None if all are full.
    Returns: (batch, time, units of both), 0 behind the end of a sequence, and the last states of both.
    Raises: ValueError if a shape does not fit or a length is outside, as the layers say.
    Source: Schuster and Paliwal 1997; notes 001 section 8 (E36).
    """
    first, second = (None, None) if initial is None else initial
    ahead, final = forward(inputs, first, lengths)
    back, last = backward(inputs, second, lengths, reverse=True)
    return jnp.concatenate([ahead, back], axis=-1), (final, last)


def stacked(
    layers: Sequence[Layer],
    inputs: Float[Array, "batch time features"],
    initial: Sequence[Any] | None = None,
    lengths: Integer[Array, "batch"] | None = None,
    *,
    between: Callable[[int, Array], Array] | None = None,
) -> tuple[Float[Array, "batch time units"], tuple[Any, ...]]:
    """A deep recurrent network: the states of a layer are the inputs of the next.

        H^(l) = layer_l(H^(l-1)),    H^(0) = X

        stacked([partial(lstm, first), partial(bidirectional, partial(lstm, second), partial(lstm, third))], inputs)

    Args:
      layers: layer(inputs, initial, lengths) -> (outputs, state), the first one first.
      inputs: (batch, time, features).
      initial: initial states, one for each layer, None for zeros.
      lengths: (batch,) in 1..time, None if all are full.
      between: between(l, outputs of layer l) -> inputs of layer l + 1, as dropout does it; not after the last.
    Returns: the outputs of the last layer, and the last states of all.
    Raises: ValueError if there is no layer, or not one initial state for each.
    Source: Graves et al. 2013; notes 001 section 8 (E36).
    """
    if not layers:
        raise ValueError("layers: got none, wanted one or more")
    states = [None] * len(layers) if initial is None else list(initial)
    if len(states) != len(layers):
        raise ValueError(f"initial: got {len(states)} states, wanted {len(layers)}, one for each layer")
    finals = []
    for number, (layer, state) in enumerate(zip(layers, states, strict=True)):
        if number and between is not None:
            inputs = between(number - 1, inputs)
        inputs, final = layer(inputs, state, lengths)
        finals.append(final)
    return inputs, tuple(finals)


def _layer(form, params, projected, initial, lengths, states, *, reverse, truncate, backward):
    """The recurrence of a form from its projected inputs, (time, batch, ...)."""
    check_choice("backward", backward, ("hand", "automatic"))
    time, batch = projected.shape[:2]
    weights = recurrent_weights(params)
    units = weights["hidden_kernel"].shape[0]
    dtype = projected.dtype
    if initial is None:
        initial = (jnp.zeros((batch, units), dtype),) * states
    names = ("initial",) if states == 1 else tuple(f"initial.{name}" for name in LSTMState._fields)
    check_states(dict(zip(names, initial, strict=True)), (batch, units))
    mask, cut = marks(lengths, batch, time, reverse, truncate)
    scan = functools.partial(scan_by_hand if backward == "hand" else scan_automatic, form, bool(reverse))
    weights, initial = jax.tree.map(lambda array: array.astype(dtype), (weights, initial))
    hidden, final = scan(weights, projected, initial, mask, cut)
    if mask is not None:
        hidden = jnp.where(mask, hidden, 0)
    return swap(hidden), final
