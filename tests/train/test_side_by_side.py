import jax
import jax.numpy as jnp
import pytest

from dlx.train import Supervised, side_by_side


def task(rate, name="loss"):
    def init(key, start=0.0):
        return jnp.float32(start)

    def step(state, batch):
        return state + rate * batch, {name: (state, 1.0)}

    return Supervised(init, step, lambda state, batch, weight: {name: (state * weight, weight)})


def test_each_is_as_if_alone():
    step, init, measure = (both := side_by_side({"": task(1.0), "_notes": task(10.0)})).step, both.init, both.measure
    # a sweep is one of the first
    state = init(jax.random.key(0), start=5.0)
    assert state == {"": 5.0, "_notes": 0.0}
    state, metrics = step(state, 2.0)
    assert state == {"": 7.0, "_notes": 20.0}
    assert metrics == {"loss": (5.0, 1.0), "loss_notes": (0.0, 1.0)}
    assert measure(state, None, 3.0) == {"loss": (21.0, 3.0), "loss_notes": (60.0, 3.0)}


def test_names_that_are_not_told_apart():
    with pytest.raises(ValueError, match="got none"):
        side_by_side({})
    both = side_by_side({"": task(1.0, "loss_a"), "_a": task(1.0)})
    with pytest.raises(ValueError, match="two metrics loss_a,"):
        both.step(both.init(jax.random.key(0)), 1.0)
