"""Random networks in both layouts of `dlx.backprop`."""

import itertools


def random_network(rng, *, scale: float = 1.0):
    """(params, inputs, targets) with weights (units, features) and examples in columns, float64."""
    widths = [int(w) for w in rng.integers(1, 5, size=int(rng.integers(2, 5)), endpoint=True)]
    samples = int(rng.integers(1, 6))
    params = [
        {"weights": scale * rng.standard_normal((units, features)), "bias": scale * rng.standard_normal(units)}
        for features, units in itertools.pairwise(widths)
    ]
    return params, rng.standard_normal((widths[0], samples)), rng.uniform(0.1, 0.9, (widths[-1], samples))


def in_rows(params):
    """The same network as layers {"kernel": (features, units), "bias"}, for examples in rows."""
    return [{"kernel": layer["weights"].T, "bias": layer["bias"]} for layer in params]


def in_columns(params):
    """Back again."""
    return [{"weights": layer["kernel"].T, "bias": layer["bias"]} for layer in params]
