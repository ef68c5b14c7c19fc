"""Convolutional networks as PyTorch modules written from their papers' tables, and the comparison with ours.

A test module skips what needs PyTorch by `torch_models = pytest.importorskip("tests.reference.torch_models")`.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from dlx import losses, models
from tests.tolerances import assert_network_close


def check_equal(
    network: nn.Module,
    model,
    names: Mapping[str, str],
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    flattened: Mapping[str, tuple[int, int, int]] | None = None,
    train: bool = False,
) -> None:
    """Logits, loss, the gradients by weights and inputs, and with `train` the running statistics, in float64.

    The weights are PyTorch's; `inputs` are NHWC. Dropout has to be off: rate 0.
    """
    network = network.double().train(train)
    with jax.enable_x64(True):
        images = jnp.asarray(inputs, jnp.float64)
        model = model.clone(param_dtype=jnp.float64)
        shapes = jax.eval_shape(model.init, jax.random.key(0), images)
        variables = models.from_torch(network.state_dict(), shapes, names, flattened=flattened)
        state = {name: collection for name, collection in variables.items() if name != "params"}

        def loss(params, images):
            out, changed = model.apply({"params": params, **state}, images, train=train, mutable=list(state))
            return losses.reduce(losses.softmax_cross_entropy(out, jnp.asarray(labels))), (out, changed)

        both = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        (value, (logits, changed)), (gradient, by_inputs) = both(variables["params"], images)

        planes = torch.tensor(np.moveaxis(inputs, -1, 1).copy(), dtype=torch.float64, requires_grad=True)
        out = network(planes)
        cost = nn.functional.cross_entropy(out, torch.tensor(labels))
        cost.backward()
        assert_network_close(logits, out.detach().numpy())
        assert_network_close(value, cost.item())
        assert_network_close(by_inputs, np.moveaxis(planes.grad.numpy(), 1, -1))
        theirs = {name: parameter.grad for name, parameter in network.named_parameters()}
        want = models.from_torch(theirs, {"params": shapes["params"]}, names, flattened=flattened)["params"]
        jax.tree.map(assert_network_close, gradient, want)
        if train and state:
            moved = models.from_torch(network.state_dict(), shapes, names, flattened=flattened)
            jax.tree.map(assert_network_close, changed, {name: moved[name] for name in state})
