"""dlx.data.SequenceWindows as `dlx.train.fit` reads it."""

import jax.numpy as jnp
import numpy as np
import pytest

from dlx.data import SequenceWindows
from dlx.train import fit

BATCH, STEPS = 2, 6


def init(key):
    return {"last": jnp.full(BATCH, -1), "begun": jnp.zeros((), int), "carried": jnp.zeros((), int)}


def step(state, batch):
    """Counts the batches that begin an epoch and those that continue the batch before, in every row."""
    follows = jnp.all(batch["inputs"][:, 0] == state["last"])
    begins = jnp.all(batch["first"])
    state = {
        "last": batch["labels"][:, -1],
        "begun": state["begun"] + begins,
        "carried": state["carried"] + (follows & ~begins),
    }
    return state, {"tokens": (jnp.sum(batch["inputs"]).astype(float), jnp.ones(()))}


@pytest.mark.row(139, function="dlx.data.SequenceWindows")
@pytest.mark.erratum("E31")
def test_rows_continue_from_step_to_step():
    source = SequenceWindows(np.arange(70, dtype=np.int32), batch_size=BATCH, steps=STEPS)
    # floor((69 - 5) / 6) = 10 subsequences at the largest offset: 5 batches an epoch
    assert source.batches_per_epoch == 5
    state, _ = fit(step, init, source, steps=12, batch_size=BATCH, seeds=(0, 1), log_every=5)
    # steps 0, 5 and 10 begin an epoch; chunks end at 5 and 10
    assert np.asarray(state["begun"]).tolist() == [3, 3]
    assert np.asarray(state["carried"]).tolist() == [9, 9]
