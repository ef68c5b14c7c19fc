"""Small networks whose explanations are known."""

import jax.numpy as jnp
import numpy as np

from dlx import nn


def weights(rng, channels=2, features=4, classes=3):
    """Of a 3x3 convolution, another one, and an affine layer on pooled features."""
    return {
        "conv_0": {"kernel": rng.standard_normal((3, 3, channels, features)) / 3, "bias": np.full(features, 0.1)},
        "conv_1": {"kernel": rng.standard_normal((3, 3, features, features)) / 4, "bias": np.full(features, -0.1)},
        "output": {"kernel": rng.standard_normal((features, classes)), "bias": rng.standard_normal(classes)},
    }


def pooled(params, inputs, activation=nn.relu, perturbation=None):
    """(logits, activations) of conv, activation, conv, activation, global average pooling, affine."""
    hidden = jnp.asarray(inputs)
    for name in ("conv_0", "conv_1"):
        hidden = activation(
            nn.conv2d(hidden, jnp.asarray(params[name]["kernel"]), jnp.asarray(params[name]["bias"]), padding=1)
        )
    activations = hidden
    if perturbation is not None:
        hidden = hidden + perturbation
    output = params["output"]
    logits = nn.affine(nn.global_avg_pool2d(hidden), jnp.asarray(output["kernel"]), jnp.asarray(output["bias"]))
    return logits, activations
