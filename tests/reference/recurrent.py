"""Recurrent networks in float64, one example, one time and one unit at a time, from the formulas."""

import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def weighted(x, kernel, h, inner, column):
    """sum_i x_i W_ij + sum_k h_k V_kj."""
    return math.fsum([x[i] * kernel[i, column] for i in range(len(x))]) + math.fsum(
        [h[k] * inner[k, column] for k in range(len(h))]
    )


def rnn_step(p, h, x, activation=math.tanh):
    n = len(h)
    return [activation(weighted(x, p["input_kernel"], h, p["hidden_kernel"], j) + p["bias"][j]) for j in range(n)]


def gru_step(p, h, x, reset_after=False):
    n, W, V, b = len(h), p["input_kernel"], p["hidden_kernel"], p["bias"]
    r = [sigmoid(weighted(x, W, h, V, j) + b[j]) for j in range(n)]
    z = [sigmoid(weighted(x, W, h, V, n + j) + b[n + j]) for j in range(n)]
    new = []
    for j in range(n):
        column = 2 * n + j
        from_x = math.fsum(x[i] * W[i, column] for i in range(len(x))) + b[column]
        if reset_after:
            inner = r[j] * (math.fsum(h[k] * V[k, column] for k in range(n)) + p["hidden_bias"][j])
        else:
            inner = math.fsum(r[k] * h[k] * V[k, column] for k in range(n))
        new.append(z[j] * h[j] + (1 - z[j]) * math.tanh(from_x + inner))
    return new


def lstm_step(p, h, c, x, forget_bias=0.0):
    n, W, V, b = len(h), p["input_kernel"], p["hidden_kernel"], p["bias"]
    peephole = p.get("peephole", np.zeros((3, n)))
    hidden, cell = [], []
    for j in range(n):
        i, f, g, o = (weighted(x, W, h, V, gate * n + j) + b[gate * n + j] for gate in range(4))
        new = sigmoid(f + forget_bias + peephole[1, j] * c[j]) * c[j]
        new += sigmoid(i + peephole[0, j] * c[j]) * math.tanh(g)
        cell.append(new)
        hidden.append(sigmoid(o + peephole[2, j] * new) * math.tanh(new))
    return hidden, cell


def layer(step, p, inputs, state, lengths=None, reverse=False):
    """Outputs (batch, time, units), 0 in the padding, and the last state: a tuple of (batch, units)."""
    batch, time = inputs.shape[:2]
    outputs = np.zeros((batch, time, state[0].shape[1]))
    finals = [np.array(part, np.float64) for part in state]
    for b in range(batch):
        length = time if lengths is None else int(lengths[b])
        now = tuple(list(part[b]) for part in state)
        for t in range(length)[:: -1 if reverse else 1]:
            now = step(p, now, inputs[b, t])
            outputs[b, t] = now[0]
        for final, part in zip(finals, now, strict=True):
            final[b] = part
    return outputs, tuple(finals)


STEPS = {
    "rnn": lambda p, state, x: (rnn_step(p, *state, x),),
    "gru": lambda p, state, x: (gru_step(p, *state, x),),
    "gru_after": lambda p, state, x: (gru_step(p, *state, x, reset_after=True),),
    "lstm": lambda p, state, x: lstm_step(p, *state, x),
    "peephole": lambda p, state, x: lstm_step(p, *state, x),
}
GATES = {"rnn": 1, "gru": 3, "gru_after": 3, "lstm": 4, "peephole": 4}


def draw(rng, kind, features, units):
    """Parameters of a cell, float64."""
    gates = GATES[kind]
    shapes = {"input_kernel": (features, gates * units), "hidden_kernel": (units, gates * units)}
    shapes |= {"bias": (gates * units,)}
    shapes |= {"hidden_bias": (units,)} if kind == "gru_after" else {}
    shapes |= {"peephole": (3, units)} if kind == "peephole" else {}
    return {name: 0.6 * rng.standard_normal(shape) for name, shape in shapes.items()}


def tanh_bptt_as_printed(hidden_gradient, p, inputs, initial):
    """The notes' backward pass of the tanh network (E34): 1 - (dL/dh)^2 in place of dL/dh (1 - h^2)."""
    hidden = layer(STEPS["rnn"], p, inputs, (initial,))[0]
    previous = np.concatenate([initial[:, None], hidden[:, :-1]], 1)
    found = {name: np.zeros_like(value) for name, value in p.items()}
    later = np.zeros_like(initial)
    for t in range(inputs.shape[1])[::-1]:
        by_before = 1 - (hidden_gradient[:, t] + later) ** 2
        later = by_before @ p["hidden_kernel"].T
        found["bias"] += by_before.sum(0)
        found["input_kernel"] += inputs[:, t].T @ by_before
        found["hidden_kernel"] += previous[:, t].T @ by_before
    return found


def torch_parameters(kind, p, torch, suffix):
    """Our parameters under PyTorch's names: kernels transposed, our one bias as its first and zero as its second."""
    tensors = {
        "weight_ih": p["input_kernel"].T,
        "weight_hh": p["hidden_kernel"].T,
        "bias_ih": p["bias"],
        "bias_hh": np.zeros_like(p["bias"]),
    }
    if kind == "gru_after":
        tensors["bias_hh"] = np.concatenate([np.zeros(2 * len(p["hidden_bias"])), p["hidden_bias"]])
    return {f"{name}_{suffix}": torch.tensor(np.array(value).copy()) for name, value in tensors.items()}


def from_torch_gradients(kind, module, suffix, units):
    """PyTorch's gradients in our layout."""
    grad = {name: getattr(module, f"{name}_{suffix}").grad.numpy() for name in ("weight_ih", "weight_hh", "bias_ih")}
    found = {"input_kernel": grad["weight_ih"].T, "hidden_kernel": grad["weight_hh"].T, "bias": grad["bias_ih"]}
    if kind == "gru_after":
        found["hidden_bias"] = getattr(module, f"bias_hh_{suffix}").grad.numpy()[2 * units :]
    return found
