"""Linear models and multilayer perceptrons."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating, check_range
from dlx.models._taps import tap
from dlx.models.prelu import PReLU
from dlx.nn import affine, dropout, example_keys, get_activation, get_initializer

__all__ = ["MLP", "Linear"]


class Linear(nn.Module):
    """One affine layer: linear regression, and with a softmax cross entropy softmax regression.

        y = x W + b

    `{"kernel": (features, outputs), "bias": (outputs,)}`: features * outputs + outputs parameters; 7,850 for 784
    features and 10 classes.

    Attributes:
      outputs: units.
      use_bias: add b.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`.
      bias_init: the same, for b.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Bishop 2006, sections 3.1 and 4.3.4; notes 001 sections 3 and 4.
    """

    outputs: int = 10
    use_bias: bool = True
    kernel_init: str | Callable[..., Array] = "glorot_uniform"
    bias_init: str | Callable[..., Array] = "zeros"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("outputs", self.outputs)
        get_initializer(self.kernel_init)
        get_initializer(self.bias_init)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch *features"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, ...) -> (batch, outputs); `train` changes nothing here."""
        inputs = flatten_examples(inputs)
        kernel_init, bias_init = get_initializer(self.kernel_init), get_initializer(self.bias_init)
        kernel = self.param("kernel", kernel_init, (inputs.shape[-1], self.outputs), self.param_dtype)
        bias = self.param("bias", bias_init, (self.outputs,), self.param_dtype) if self.use_bias else None
        return affine(*nn.dtypes.promote_dtype(inputs, kernel, bias, dtype=self.dtype))


class MLP(nn.Module):
    """Multilayer perceptron.

        x_i = dropout(activation(x_{i-1} W_i + b_i)),    y = x_n W + b

    No activation follows the output. The layers are named `hidden_0`, `hidden_1`, ..., `output`, each with `kernel` and
    `bias`: the sum of (a + 1) b over neighbouring widths a, b is the number of parameters; 203,530 for 784-256-10. With
    `mutable=["intermediates"]` the activations come as `activation_0`, ..., before dropout.

    Attributes:
      hidden: widths of the hidden layers.
      outputs: units of the output.
      activation: name of `dlx.nn.ACTIVATIONS`, a function of an array, or "prelu", whose slopes `slope_0`, ... are
        trained.
      dropout: probability that a hidden unit is off in training; the stream `dropout` then needs a key.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function `init(key, shape, dtype)`; biases start at zero.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Goodfellow et al. 2016, chapter 6; notes 001 section 4, 004 "neural network".
    """

    hidden: tuple[int, ...] = (256,)
    outputs: int = 10
    activation: str | Callable[[Array], Array] = "relu"
    dropout: float = 0.0
    kernel_init: str | Callable[..., Array] = "glorot_uniform"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        if not isinstance(self.hidden, tuple | list) or not self.hidden:
            raise ValueError(f"hidden: got {self.hidden!r}, wanted the widths of one or more layers; Linear has none")
        for width in self.hidden:
            check_count("hidden", width)
        check_count("outputs", self.outputs)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        if self.activation != "prelu":
            get_activation(self.activation)
        get_initializer(self.kernel_init)
        self.hidden = tuple(self.hidden)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch *features"], *, train: bool = False
    ) -> Float[Array, "batch outputs"]:
        """(batch, ...) -> (batch, outputs); `train` switches dropout on."""
        outputs = flatten_examples(inputs)
        for number, width in enumerate(self.hidden):
            outputs = self._activate(number)(self._layer(width, f"hidden_{number}")(outputs))
            outputs = tap(self, f"activation_{number}", outputs)
            if train and self.dropout:
                keys = example_keys(self.make_rng("dropout"), len(outputs), axis_name=self.axis_name)
                outputs = dropout(keys, outputs, rate=self.dropout, train=True)
        return self._layer(self.outputs, "output")(outputs)

    def _activate(self, number: int) -> Callable[[Array], Array]:
        if self.activation == "prelu":
            return PReLU(param_dtype=self.param_dtype, name=f"slope_{number}")
        return get_activation(self.activation)

    def _layer(self, outputs: int, name: str) -> Linear:
        return Linear(outputs, kernel_init=self.kernel_init, dtype=self.dtype, param_dtype=self.param_dtype, name=name)


def flatten_examples(inputs: Float[Array, "batch *features"]) -> Float[Array, "batch flat"]:
    """(batch, ...) -> (batch, features), floating."""
    if inputs.ndim < 2:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (batch, ...) with at least one axis of features")
    check_floating("inputs", inputs)
    return inputs.reshape(len(inputs), -1)
