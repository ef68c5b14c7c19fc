"""dlx.models: named activations that can be looked at and differentiated by."""

import jax
import jax.numpy as jnp

from dlx import models
from tests.tolerances import assert_close

KEY = jax.random.key(0)


def test_a_perturbation_gives_the_gradient_by_an_activation():
    model, x = models.LeNet(pool="avg"), jax.random.normal(KEY, (2, 12, 12, 1))
    weights = jax.jit(model.init)(KEY, x)
    assert set(weights) == {"params"}
    _, kept = jax.jit(lambda w, x: model.apply(w, x, mutable=["intermediates"]))(weights, x)
    zeros = {name: jnp.zeros_like(kept["intermediates"][name][0]) for name in ("activation_3", "pool_1")}

    @jax.jit
    @jax.grad
    def gradient(perturbations):
        return model.apply({**weights, "perturbations": perturbations}, x)[:, 7].sum()

    found = gradient(zeros)
    kernel = weights["params"]["output"]["kernel"]
    assert_close(found["activation_3"], jnp.broadcast_to(kernel[:, 7], (2, 84)))
    # through the two sigmoid layers, by the chain rule
    h, g = (kept["intermediates"][f"activation_{i}"][0] for i in (2, 3))
    by_h = (kernel[:, 7][None] * g * (1 - g)) @ weights["params"]["dense_1"]["kernel"].T
    by_pool = (by_h * h * (1 - h)) @ weights["params"]["dense_0"]["kernel"].T
    assert_close(found["pool_1"].reshape(2, -1), by_pool, kind="contraction")


def test_a_perturbation_is_added():
    model, x = models.LeNet(), jax.random.normal(KEY, (2, 12, 12, 1))
    weights = jax.jit(model.init)(KEY, x)
    moved = {**weights, "perturbations": {"activation_3": jnp.ones((2, 84))}}
    apply = jax.jit(model.apply)
    want = apply(weights, x) + weights["params"]["output"]["kernel"].sum(0)[None]
    assert_close(apply(moved, x), want, kind="contraction")
