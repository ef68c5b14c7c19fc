"""One table of tolerances. Absolute and relative alike: |got - want| <= t (1 + |want|).

Set from measurement; a test that needs a wider one says why beside it.
"""

from collections.abc import Callable

import numpy as np

TOLERANCES = {
    "elementwise": {"float64": 1e-12, "float32": 1e-6, "bfloat16": 8e-3},
    "contraction": {"float64": 1e-12, "float32": 1e-5, "bfloat16": 3e-2},
    "path": {"float64": 1e-12, "float32": 1e-6},  # an optimizer over 100 steps
    "network": {"float64": 1e-10},  # of the largest entry, against another library
}
"""bfloat16 contractions: eight digits of a mantissa, and sums of a few dozen terms that JAX may round one by one."""


record: Callable[[float], None] | None = None
"""Where the errors of float64 comparisons are reported; tests/conftest.py sets it for tests that prove a row."""


def tolerance(kind: str, dtype) -> float:
    """The tolerance of a kind of computation in a dtype."""
    return TOLERANCES[kind][np.dtype(dtype).name]


def assert_close(got, want, *, kind: str = "elementwise", dtype=None, factor: float = 1.0) -> None:
    """Compare with the table; NaN equals NaN, infinity equals infinity. `factor` needs its reason at the call."""
    dtype = np.asarray(got).dtype if dtype is None else dtype
    bound = factor * tolerance(kind, dtype)
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    np.testing.assert_allclose(got, want, rtol=bound, atol=bound)
    if np.dtype(dtype) == np.float64:
        _report(np.abs(got - want) / (1 + np.abs(want)))


def _report(errors: np.ndarray) -> None:
    finite = errors[np.isfinite(errors)]
    if record is not None and finite.size:
        record(float(finite.max()))


def assert_network_close(got, want) -> None:
    """Compare whole networks: every entry to 1e-10 of the largest."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    largest = np.max(np.abs(want))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance("network", np.float64) * largest)
    _report(np.abs(got - want) / largest)
