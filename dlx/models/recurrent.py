"""Recurrent layers as modules: vanilla, gated, with memory cells; deep, and in both directions."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice, check_count, check_range
from dlx.nn import (
    LSTMState,
    bidirectional,
    dropout,
    example_keys,
    get_activation,
    get_initializer,
    gru,
    lstm,
    rnn,
    stacked,
)

__all__ = ["GRU", "LSTM", "RNN"]

Initializer = str | Callable[..., Array]
ORTHOGONAL = jax.nn.initializers.orthogonal()


def by_gates(init: Initializer, gates: int) -> Callable[..., Array]:
    """An initializer that draws the kernel of each gate for itself, so that its fans are those of one gate."""
    one = ORTHOGONAL if init == "orthogonal" else get_initializer(init)

    def draw(key, shape, dtype=jnp.float32):
        keys = jax.random.split(key, gates)
        return jnp.concatenate([one(k, (*shape[:-1], shape[-1] // gates), dtype) for k in keys], axis=-1)

    return draw


class _Recurrent(nn.Module):
    """What the three layers share."""

    units: int = 256
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    kernel_init: Initializer = "glorot_uniform"
    hidden_init: Initializer = "orthogonal"
    backward: str = "hand"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    gates = 1
    hidden_bias = False

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("units", self.units)
        check_count("num_layers", self.num_layers)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        check_choice("backward", self.backward, ("hand", "automatic"))
        by_gates(self.kernel_init, 1)
        by_gates(self.hidden_init, 1)
        super().__post_init__()

    def function(self) -> Callable:
        """The layer-1 function, with its options."""
        raise NotImplementedError

    @nn.compact
    def __call__(
        self,
        inputs: Float[Array, "batch time features"],
        initial: Sequence[Any] | None = None,
        lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> tuple[Float[Array, "batch time outputs"], tuple[Any, ...]]:
        """(batch, time, features) -> (batch, time, units, twice in both directions), and the last states of the layers.

        `initial`, `lengths` and the last states are those of `dlx.nn.stacked`; `train` switches dropout on.
        """
        features, layers = inputs.shape[-1], []
        for number in range(self.num_layers):
            directions = [self._params(name, features) for name in self._names(number)]
            one = [functools.partial(self.function(), params, backward=self.backward) for params in directions]
            layers.append(functools.partial(bidirectional, one[0], one[1]) if self.bidirectional else one[0])
            features = self.units * len(one)
        inputs = inputs if self.dtype is None else inputs.astype(self.dtype)
        key = self.make_rng("dropout") if train and self.dropout and self.num_layers > 1 else None

        def between(number: int, outputs: Array) -> Array:
            if key is None:
                return outputs
            keys = example_keys(jax.random.fold_in(key, number), len(outputs), axis_name=self.axis_name)
            return dropout(keys, outputs, rate=self.dropout, train=True)

        return stacked(layers, inputs, initial, lengths, between=between)

    def _names(self, number: int) -> list[str]:
        return [f"layer_{number}", f"layer_{number}_reverse"] if self.bidirectional else [f"layer_{number}"]

    def _params(self, name: str, features: int) -> dict[str, Array]:
        gates, units = self.gates, self.units
        kernels = {
            "input_kernel": (by_gates(self.kernel_init, gates), (features, gates * units)),
            "hidden_kernel": (by_gates(self.hidden_init, gates), (units, gates * units)),
        }
        zeros = get_initializer("zeros")
        biases = {"bias": (zeros, (gates * units,))} | ({"hidden_bias": (zeros, (units,))} if self.hidden_bias else {})
        holder = _Parameters({**kernels, **biases}, self.param_dtype, name=name)
        return {k: v if self.dtype is None else v.astype(self.dtype) for k, v in holder().items()}


class _Parameters(nn.Module):
    """The parameters of one layer in one direction, under its name."""

    makers: Any
    param_dtype: Any

    @nn.compact
    def __call__(self) -> dict[str, Array]:
        """{name: array}."""
        return {name: self.param(name, init, shape, self.param_dtype) for name, (init, shape) in self.makers.items()}


class RNN(_Recurrent):
    """Vanilla recurrent layers.

        h_t = phi(x_t W_xh + h_{t-1} W_hh + b)

    `layer_0`, ..., and with `bidirectional` `layer_0_reverse`, ...: each {"input_kernel": (inputs, units),
    "hidden_kernel": (units, units), "bias": (units,)}: units (inputs + units + 1) parameters, 82,176 for 64 inputs and
    256 units.

    Attributes:
      units: units of a layer in one direction.
      num_layers: depth; the states of a layer are the inputs of the next.
      bidirectional: each layer reads both ways, and its outputs have 2 units.
      dropout: probability that an output between two layers is off in training; the stream `dropout` then needs a key.
      kernel_init: of the kernels of the inputs, drawn gate by gate: name of `dlx.nn.INITIALIZERS`, or a function.
      hidden_init: of the recurrent kernels, the same, or "orthogonal".
      backward: "hand" is the fast one; "automatic" has a forward-mode derivative too, see `dlx.nn.rnn`.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
      activation: phi, name of `dlx.nn.ACTIVATIONS` or a function.
    Source: Elman 1990; notes 001 section 8, 004 "RNN".
    """

    activation: str | Callable[[Array], Array] = "tanh"

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        get_activation(self.activation)
        super().__post_init__()

    def function(self) -> Callable:
        """`dlx.nn.rnn`."""
        return functools.partial(rnn, activation=self.activation)


class GRU(_Recurrent):
    """Layers of gated recurrent units, see `dlx.nn.gru_cell`.

    3 units (inputs + units + 1) parameters a layer and direction, and units more with `reset_after`: 246,528 for 64
    inputs and 256 units, 246,784 with it. Attributes as `RNN`'s, and:

    Attributes:
      reset_after: reset what the recurrent kernel gives, as PyTorch and cuDNN; faster than the paper's form.
    Source: Cho et al. 2014; notes 001 section 8 (E35).
    """

    reset_after: bool = False
    gates = 3

    @property
    def hidden_bias(self) -> bool:  # type: ignore[override]
        """Whether there is a b_hn."""
        return self.reset_after

    def function(self) -> Callable:
        """`dlx.nn.gru`."""
        return functools.partial(gru, reset_after=self.reset_after)


class LSTM(_Recurrent):
    """Layers of long short-term memories, see `dlx.nn.lstm_cell`.

    4 units (inputs + units + 1) parameters a layer and direction, 328,704 for 64 inputs and 256 units; PyTorch counts
    4 units more, a second bias. Attributes as `RNN`'s, and:

    Attributes:
      forget_bias: added to the biases of the forget gate, which start at 0.
    Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000; notes 001 section 8.
    """

    forget_bias: float = 1.0
    gates = 4

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_range("forget_bias", self.forget_bias, -math.inf, math.inf, open_low=True, open_high=True)
        super().__post_init__()

    def function(self) -> Callable:
        """`dlx.nn.lstm`."""
        return functools.partial(lstm, forget_bias=self.forget_bias)


CELLS: dict[str, type[_Recurrent]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def recurrent_layers(cell: str, **fields: Any) -> _Recurrent:
    """The recurrent layers of a name.

    Args:
      cell: "rnn", "gru" or "lstm".
      fields: of `RNN`, `GRU` or `LSTM`.
    Returns: the module.
    Raises: ValueError if `cell` is none of them.
    Source: notes 001 section 8.
    """
    check_choice("cell", cell, CELLS)
    return CELLS[cell](**fields)


def last_output(state: Any) -> Array:
    """(batch, units) the hidden state after a sequence; both directions' beside each other."""
    if isinstance(state, LSTMState):
        return state.hidden
    if isinstance(state, tuple):
        return jnp.concatenate([last_output(part) for part in state], axis=-1)
    return state
