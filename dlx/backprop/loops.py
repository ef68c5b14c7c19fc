"""The delta recursion one sample, unit and weight at a time: the notes' sums spelled out in Python and NumPy.

To be read, and to be compared with `dlx.backprop.delta`, where the layout of `params` is told.
"""

import numpy as np
from jaxtyping import Array, Float

from dlx.backprop._network import Activation, Params, check_network

__all__ = ["loop_forward", "loop_gradients"]

Columns = Array | np.ndarray


def loop_forward(
    params: Params, inputs: Float[Columns, "features samples"], *, activation: Activation = "sigmoid"
) -> list[Float[np.ndarray, "_ samples"]]:
    """Activations of every layer, one sample, unit and weight at a time.

        z_i^(l+1) = sum_j W_ij^(l) a_j^(l) + b_i^(l),    a_i^(l+1) = f(z_i^(l+1)),    a^(1) = x

    Args:
      params: layers {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}.
      inputs: (features, samples) x.
      activation: f.
    Returns: a^(1) to a^(n_l), each (s_l, samples) in float64; the last is h(x).
    Raises: ValueError if the shapes do not fit or `activation` is unknown; TypeError if `params` are no layers or an
      array is not floating.
    Source: notes 003 "forward propagation" and "vectorised programming".
    """
    check_network(params, inputs, None, activation)
    layers = [np.asarray(inputs, np.float64)]
    for layer in params:
        weights, bias = np.asarray(layer["weights"], np.float64), np.asarray(layer["bias"], np.float64)
        outputs = np.empty((len(weights), layers[-1].shape[1]))
        for sample in range(outputs.shape[1]):
            for i in range(len(weights)):
                z = bias[i]
                for j in range(weights.shape[1]):
                    z += weights[i, j] * layers[-1][j, sample]
                outputs[i, sample] = _scalar_activation(z, activation)
        layers.append(outputs)
    return layers


def _scalar_activation(z: float, activation: str) -> float:
    # sigmoid(z) = (1 + tanh(z / 2)) / 2 overflows nowhere
    return np.tanh(z) if activation == "tanh" else 0.5 * (1 + np.tanh(0.5 * z))


def _scalar_derivative(a: float, activation: str) -> float:
    return 1 - a * a if activation == "tanh" else a * (1 - a)


def loop_gradients(
    params: Params,
    inputs: Float[Columns, "features samples"],
    targets: Float[Columns, "outputs samples"],
    *,
    activation: Activation = "sigmoid",
    weight_decay: float = 0.0,
) -> list[dict[str, np.ndarray]]:
    """Gradient of `cost` by the delta recursion, one sample, unit and weight at a time.

        delta_i^(n_l) = -(y_i - a_i^(n_l)) f'(z_i^(n_l))
        delta_i^(l) = (sum_j W_ji^(l) delta_j^(l+1)) f'(z_i^(l))
        dJ(x, y)/dW_ij^(l) = a_j^(l) delta_i^(l+1),    dJ(x, y)/db_i^(l) = delta_i^(l+1)
        dJ/dW_ij = 1/m sum over samples of dJ(x, y)/dW_ij + lambda W_ij,    dJ/db_i = 1/m sum of dJ(x, y)/db_i

    f' comes from the output: a (1 - a) for the sigmoid, 1 - a^2 for tanh.

    Args:
      params: layers {"weights": (s_{l+1}, s_l), "bias": (s_{l+1},)}.
      inputs: (features, samples) x.
      targets: (outputs, samples) y.
      activation: f of every layer, the last one too.
      weight_decay: lambda; biases are not decayed.
    Returns: the layers of `params` with gradients in float64.
    Raises: ValueError if the shapes do not fit, `activation` is unknown or `weight_decay` is negative; TypeError if
      `params` are no layers or an array is not floating.
    Source: notes 003 "back-propagation", steps 1 to 5.
    """
    check_network(params, inputs, targets, activation, weight_decay)
    activations = loop_forward(params, inputs, activation=activation)
    targets, samples = np.asarray(targets, np.float64), np.shape(inputs)[1]
    weights = [np.asarray(layer["weights"], np.float64) for layer in params]
    gradients = [{"weights": weight_decay * w, "bias": np.zeros(len(w))} for w in weights]
    for sample in range(samples):
        a = [layer[:, sample] for layer in activations]
        delta = [-(y - h) * _scalar_derivative(h, activation) for y, h in zip(targets[:, sample], a[-1], strict=True)]
        for level in range(len(weights) - 1, -1, -1):
            for i in range(len(delta)):
                gradients[level]["bias"][i] += delta[i] / samples
                for j in range(len(a[level])):
                    gradients[level]["weights"][i, j] += a[level][j] * delta[i] / samples
            delta = [
                sum(weights[level][j, i] * delta[j] for j in range(len(delta)))
                * _scalar_derivative(a[level][i], activation)
                for i in range(len(a[level]) if level else 0)
            ]
    return gradients
