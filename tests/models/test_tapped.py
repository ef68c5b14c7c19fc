"""dlx.models.tapped: an activation of a model by its name, and Grad-CAM of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from dlx import explain, models, nn
from dlx.models._taps import tap
from tests.tolerances import assert_close

SHAPE = (2, 5, 4, 2)
LABELS = np.array([2, 0])


class Block(linen.Module):
    """An affine layer over channels, tanh, named: with and without a perturbation."""

    @linen.compact
    def __call__(self, inputs):
        hidden = jnp.tanh(models.Conv(4, kernel_size=1, name="conv_0")(inputs))
        self.sow("intermediates", "looked_at", hidden)
        return tap(self, "activation", hidden)


class Pooled(linen.Module):
    """Block, global average pooling, affine."""

    @linen.compact
    def __call__(self, inputs, *, train=False):
        return models.Linear(3, name="output")(nn.global_avg_pool2d(Block(name="block_0")(inputs)))


@pytest.mark.row(368)
@pytest.mark.gap("U20")
def test_grad_cam_of_an_activation_of_a_model_by_its_name(rng):
    model, inputs = Pooled(), jnp.asarray(rng.standard_normal(SHAPE), jnp.float32)
    variables = model.init(jax.random.key(0), inputs)
    forward = models.tapped(model, variables, "block_0/activation")
    logits, hidden = forward(inputs, None)
    assert_close(logits, model.apply(variables, inputs))
    got = jax.jit(lambda x: explain.grad_cam(forward, x, LABELS, rectify=False))(inputs)
    want = explain.class_activation_map(hidden, variables["params"]["output"]["kernel"], LABELS)
    assert_close(20 * got, want, kind="contraction")
    for name, message in (
        ("block_0/unknown", "at 'unknown' are looked_at, activation"),
        ("block_1/activation", "at 'block_1' are block_0"),
        ("block_0", "a module, wanted one of its activations: looked_at"),
        ("block_0/looked_at", "without a perturbation; `tap` gives it one"),
    ):
        with pytest.raises(ValueError, match=message):
            explain.grad_cam(models.tapped(model, variables, name), inputs, LABELS)
