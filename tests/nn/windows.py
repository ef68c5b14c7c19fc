"""Random convolutions."""

import numpy as np


def draw(rng: np.random.Generator, *, groups: bool = True, symmetric: bool = False) -> dict:
    """Images (2, h, w, c), kernel, bias and the options of a convolution that fits."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return tuple(int(n) for n in rng.integers(low, high, 2, endpoint=True))

    count = int(rng.integers(1, 3, endpoint=True)) if groups else 1
    window, stride, dilation = pair(1, 3), pair(1, 2), pair(1, 2)
    channels, features = count * int(rng.integers(1, 3)), count * int(rng.integers(1, 4))
    pads = tuple((n, n) if symmetric else (n, n + 1) for n in pair(0, 2))
    height, width = pair(5, 7)
    return {
        "images": rng.standard_normal((2, height, width, channels)),
        "kernel": rng.standard_normal((*window, channels // count, features)),
        "bias": rng.standard_normal(features),
        "options": {"stride": stride, "padding": pads, "dilation": dilation, "groups": count},
    }
