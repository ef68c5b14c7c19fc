"""A network as a composition of functions, and the algebra of its layers."""

import functools
from collections.abc import Callable, Mapping, Sequence

from jaxtyping import Array, Float

from dlx.checks import check_function
from dlx.nn.activations import sigmoid
from dlx.nn.linear import affine

__all__ = ["compose", "layer", "mlp"]

Function = Callable[[Array], Array]
Layer = Mapping[str, Array]


def compose(*functions: Function) -> Function:
    """Functions applied one after another.

        f(x) = f_n(... f_2(f_1(x)))

    Args:
      functions: f_1, ..., f_n in the order in which they are applied; none gives the identity.
    Returns: f.
    Raises: TypeError if one of them is no function.
    Source: Goodfellow et al. 2016, section 6; notes 001 section 15.
    """
    for number, function in enumerate(functions):
        check_function(f"functions[{number}]", function, "of one argument")
    return lambda inputs: functools.reduce(lambda value, function: function(value), functions, inputs)


def layer(
    inputs: Float[Array, "*batch features"],
    kernel: Float[Array, "features units"],
    bias: Float[Array, "units"],
    *,
    activation: Function = sigmoid,
) -> Float[Array, "*batch units"]:
    """One layer of units, for one example or a batch.

        z = W^T x + c, a = s(z)        one example;        A = s(X W + 1 c^T)        examples in rows

    Args:
      inputs: (*batch, features) x, or X.
      kernel: (features, units) W.
      bias: (units,) c.
      activation: s.
    Returns: (*batch, units) a.
    Raises: ValueError if the shapes do not fit.
    Source: Goodfellow et al. 2016, eq. 6.40-6.41; notes 001 section 15.
    """
    return activation(affine(inputs, kernel, bias))


def mlp(
    inputs: Float[Array, "*batch features"],
    layers: Sequence[Layer],
    *,
    activation: Function = sigmoid,
    output_activation: Function | None = None,
) -> Float[Array, "*batch units"]:
    """Multilayer perceptron: layers composed.

        f(x) = f_n(... f_1(x)),    f_i(x) = s(W_i^T x + c_i), the last one without s unless told

    Args:
      inputs: (*batch, features) x.
      layers: [{"kernel": (features, units), "bias": (units,)}, ...], the first layer first.
      activation: s of the hidden layers.
      output_activation: of the last layer; None is linear.
    Returns: (*batch, units) of the last layer.
    Raises: ValueError if there is no layer or the shapes do not fit.
    Source: Goodfellow et al. 2016, section 6; notes 001 section 15.
    """
    if not layers:
        raise ValueError("layers: got none, wanted at least one")
    hidden = [functools.partial(layer, **part, activation=activation) for part in layers[:-1]]
    outputs = compose(*hidden, lambda x: affine(x, layers[-1]["kernel"], layers[-1]["bias"]))(inputs)
    return outputs if output_activation is None else output_activation(outputs)
