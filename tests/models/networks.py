"""What the tests of networks share: sizes without allocating them, and one step of training."""

import jax
import jax.numpy as jnp
import numpy as np

from dlx import losses, optim, train

KEY = jax.random.key(0)


def variables(model, size: int, channels: int = 3):
    """Shapes of the variables for square images."""
    return jax.eval_shape(model.init, KEY, jax.ShapeDtypeStruct((1, size, size, channels), jnp.float32))


def count(tree) -> int:
    """Numbers in a tree of arrays or shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def parameters(model, size: int, channels: int = 3) -> int:
    """Parameters for square images."""
    return count(variables(model, size, channels)["params"])


def stages(model, size: int, channels: int = 3, *, training: bool = False) -> dict[str, tuple[int, ...]]:
    """{path of a named activation: shape without the batch}, and the result's under ""."""

    def apply(weights, images):
        rngs = {"dropout": KEY}
        return model.apply(weights, images, train=training, rngs=rngs, mutable=["intermediates", "batch_stats"])

    images = jax.ShapeDtypeStruct((2, size, size, channels), jnp.float32)
    outputs, changed = jax.eval_shape(apply, variables(model, size, channels), images)
    found = {"": outputs}
    for path, leaf in jax.tree_util.tree_flatten_with_path(changed["intermediates"])[0]:
        found[jax.tree_util.keystr(path[:-1], simple=True, separator="/")] = leaf
    return {name: leaf.shape[1:] for name, leaf in found.items() if hasattr(leaf, "shape")}


def losses_of_two_steps(model, size: int, channels: int, rng, *, rate: float = 1e-3, loss=None) -> tuple[float, float]:
    """The loss before and after a step of training on one batch."""
    data = {
        "inputs": rng.standard_normal((8, size, size, channels)).astype(np.float32),
        "labels": rng.integers(0, model.outputs, 8),
    }
    task = train.supervised(model, loss or losses.softmax_cross_entropy, optim.sgd(rate), example=data)
    state, step = jax.jit(task.init)(KEY), jax.jit(task.step)
    state, first = step(state, data)
    _, second = step(state, data)
    return float(first["loss"][0]) / 8, float(second["loss"][0]) / 8
