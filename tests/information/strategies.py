"""Distributions for hypothesis, and its settings: the same examples in every run, no files."""

import hypothesis
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# the conftest's automatic fixtures hold nothing that one example could leave to the next
properties = hypothesis.settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)

ENTRIES = st.one_of(st.just(0.0), st.floats(1e-6, 1.0))


def distributions(*shape: int, entries=ENTRIES):
    """Float64 arrays >= 0 with the sum 1, zeros among them."""
    return hnp.arrays(np.float64, shape, elements=entries).filter(np.any).map(lambda p: p / p.sum())


def transitions(rows: int, columns: int):
    """Rows that each sum to 1."""
    return st.lists(distributions(columns), min_size=rows, max_size=rows).map(np.array)
