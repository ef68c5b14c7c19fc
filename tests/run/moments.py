"""Moments of a fit that never ran."""

import numpy as np

from dlx.train.fit import Moment


def moment(step: int, *, steps: int = 100, every: int = 10, **metrics) -> Moment:
    """The moment after `step`: two replicas, batch 32, half a second for `every` steps, compiled before the first."""
    measured = {name: np.asarray(values, float) for name, values in metrics.items()}
    return Moment(
        step=step, steps=steps, epoch=step / 100, state=None, metrics=measured,
        examples=64 * every, seconds=0.5, compile_seconds=2.0 if step == every else 0.0,
    )  # fmt: skip
