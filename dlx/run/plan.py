"""How long a run is, when things happen in it, what marks its best state, and what its state is, bit for bit."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from dlx import train as engine
from dlx.errors import UsageError
from dlx.run.options import Options
from dlx.run.result import larger_is_better, score_name
from dlx.train.feed import example_count

__all__ = ["period", "score", "state_digest", "steps_per_epoch", "total_steps"]


def state_digest(state: Any) -> str:
    """sha256 of every leaf of a host state: equal digests are equal states, bit for bit."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(state):
        raw = jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        digest.update(np.ascontiguousarray(raw).tobytes())
    return digest.hexdigest()


def score(metrics: Mapping[str, np.ndarray]) -> float | None:
    """What marks the best checkpoint, larger is better: the mean of the metric that judges a run."""
    name = score_name(metrics)
    if name is None or not name.startswith("test_"):
        return None
    return float(np.mean(metrics[name])) * (1 if larger_is_better(name) else -1)


def steps_per_epoch(data: Any, batch_size: int) -> int | None:
    """Of arrays or of a stream; None without data."""
    if data is None:
        return None
    if isinstance(data, engine.WindowSource):
        return data.batches_per_epoch
    return engine.steps_per_epoch(example_count(data), batch_size)


def total_steps(config: Options, per_epoch: int | None) -> int:
    """Steps of the whole run: --steps, or --epochs times the steps of one.

    Raises: UsageError if neither says it.
    """
    if config.steps is not None:
        return config.steps
    if config.epochs is None or per_epoch is None:
        raise UsageError("This run needs --steps" + (" or --epochs." if per_epoch else "."))
    return max(1, round(config.epochs * per_epoch))


def period(given: int | None, per_epoch: int | None, steps: int, *, most: int) -> int:
    """In steps: what was given, else once an epoch, or every few epochs so as to happen at most `most` times."""
    if given is not None or per_epoch is None:
        return given or 0
    return per_epoch * max(1, -(-steps // (per_epoch * most)))
