"""Three losses to walk on: a convex quadratic, Rosenbrock's valley, a small network."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from dlx import losses, nn


def quadratic(rng: np.random.Generator):
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    matrix = jnp.asarray(basis @ np.diag([0.5, 1.0, 2.0, 4.0]) @ basis.T)
    return lambda params: 0.5 * params["kernel"] @ matrix @ params["kernel"], {"kernel": rng.standard_normal(4)}


def rosenbrock(rng: np.random.Generator):
    def loss(params):
        x, y = params["kernel"]
        return 0.01 * ((1 - x) ** 2 + 100 * (y - x**2) ** 2)

    return loss, {"kernel": rng.uniform(-1, 1, 2)}


def network(rng: np.random.Generator):
    inputs, labels = rng.standard_normal((8, 3)), jnp.asarray(rng.integers(0, 2, 8))

    def loss(params):
        hidden = nn.tanh(nn.affine(jnp.asarray(inputs, params["first"]["kernel"].dtype), **params["first"]))
        return losses.reduce(losses.softmax_cross_entropy(nn.affine(hidden, **params["second"]), labels))

    params = {
        "first": {"kernel": rng.standard_normal((3, 4)), "bias": rng.standard_normal(4)},
        "second": {"kernel": rng.standard_normal((4, 2)), "bias": rng.standard_normal(2)},
    }
    return loss, params


PROBLEMS = {"quadratic": quadratic, "rosenbrock": rosenbrock, "network": network}


@functools.cache
def together(dtype: str):
    """All three at once: their gradients do not mix, so that one compiled walk serves a method that scales by entry."""
    made = {name: problem(np.random.default_rng(0)) for name, problem in PROBLEMS.items()}

    def loss(params):
        return sum(one(params[name]) for name, (one, _) in made.items())

    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), {name: start for name, (_, start) in made.items()})
    return loss, jax.jit(jax.grad(loss)), params


def walk(optimizer, loss, params, steps: int = 100):
    """Parameters after `steps` steps, compiled as one program."""

    @jax.jit
    def run(params):
        def body(_, carry):
            params, state = carry
            updates, state = optimizer.update(jax.grad(loss)(params), state, params)
            return jax.tree.map(lambda p, u: p + u, params, updates), state

        return jax.lax.fori_loop(0, steps, body, (params, optimizer.init(params)))[0]

    return run(params)


def torch_walk(make, gradient, params, steps: int = 100):
    """The same with an optimizer of torch.optim, on the same gradients."""
    import torch

    leaves, tree = jax.tree.flatten(params)
    tensors = [torch.tensor(np.array(leaf), requires_grad=True) for leaf in leaves]
    optimizer = make(tensors)
    for _ in range(steps):
        values = jax.tree.unflatten(tree, [t.detach().numpy().copy() for t in tensors])
        for tensor, slope in zip(tensors, jax.tree.leaves(gradient(values)), strict=True):
            tensor.grad = torch.tensor(np.array(slope))
        optimizer.step()
    return jax.tree.unflatten(tree, [t.detach().numpy() for t in tensors])


def numpy_walk(step, gradient, params, steps: int = 100):
    """The same with a reference of tests.reference.optimizers."""
    leaves, tree = jax.tree.flatten(jax.tree.map(lambda leaf: np.array(leaf, np.float64), params))
    memories = [{} for _ in leaves]
    for t in range(1, steps + 1):
        slopes = [np.array(slope) for slope in jax.tree.leaves(gradient(jax.tree.unflatten(tree, leaves)))]
        moved = [step(t, g, x, memory) for g, x, memory in zip(slopes, leaves, memories, strict=True)]
        leaves, memories = [x for x, _ in moved], [memory for _, memory in moved]
    return jax.tree.unflatten(tree, leaves)
