"""Parts of experiments that a short run would not show to be wrong."""

import importlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx
from dlx.run.options import Options
from experiments import optimizer_comparison
from experiments.__main__ import entries

FOLDER = Path(optimizer_comparison.__file__).parent
NAMES = list(optimizer_comparison.USUAL_RATES)


def test_one_transformation_is_every_optimizer_in_turn():
    params = {"kernel": jnp.array([[1.0, -2.0], [0.5, 3.0]]), "bias": jnp.array([0.1, 0.2])}
    chosen = optimizer_comparison.any_of(NAMES)

    def gradient(params):
        return jax.grad(lambda p: jnp.sum(p["kernel"] ** 2) + jnp.sum(jnp.sin(p["bias"])))(params)

    def walk(update, state):
        def step(carry, _):
            params, state = carry
            updates, state = update(gradient(params), state, params)
            return (jax.tree.map(jnp.add, params, updates), state), None

        return jax.lax.scan(step, (params, state), length=5)[0]

    @jax.jit
    @jax.vmap
    def together(number, rate):
        state = chosen.init(params)._replace(hyperparams={"optimizer": number, "learning_rate": rate})
        return walk(chosen.update, state)

    rates = jnp.array(list(optimizer_comparison.USUAL_RATES.values()))
    ends, states = together(jnp.arange(len(NAMES)), rates)
    first = chosen.init(params)
    for number, (name, rate) in enumerate(optimizer_comparison.USUAL_RATES.items()):
        optimizer = getattr(dlx.optim, name)(learning_rate=rate)
        alone, _ = walk(optimizer.update, optimizer.init(params))
        for part in params:
            np.testing.assert_allclose(ends[part][number], alone[part], rtol=1e-5, atol=1e-6)
        # only the optimizer's own state has moved
        for other in range(len(NAMES)):
            pairs = zip(jax.tree.leaves(states.states[other]), jax.tree.leaves(first.states[other]), strict=True)
            moved = any(not np.array_equal(now[number], before) for now, before in pairs)
            has_state = bool(jax.tree.leaves(first.states[other]))
            assert moved == (other == number and has_state), (name, NAMES[other])


@pytest.mark.parametrize("name", [entry.name for entry in entries(FOLDER)])
def test_what_an_experiment_declares(name):
    config = importlib.import_module(f"experiments.{name}").Config
    assert config.uses <= Options.uses
    source = (FOLDER / f"{name}.py").read_text()
    # who fits by hand names devices and kept files itself; `run.fit` and `dlx.run.train` take all of them
    if "run.fit(" in source or "dlx.run.train(" in source:
        assert {"steps", "log_every", "checkpoint_every", "devices"} <= config.uses
    for option in ("learning_rate", "optimizer", "batch_size", "epochs", "steps"):
        if f"config.{option}" in source:
            assert option in config.uses, option
