"""Which places of a layer's activations speak for a class."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from dlx.checks import check_class_numbers, check_floating
from dlx.explain._logits import check_forward, check_labels, chosen

__all__ = ["class_activation_map", "grad_cam"]

Labels = Int[Array | np.ndarray, "batch"]


def class_activation_map(
    activations: Float[Array | np.ndarray, "batch height width channels"],
    kernel: Float[Array | np.ndarray, "channels classes"],
    labels: Labels,
) -> Float[Array, "batch height width"]:
    """The share of each place in a logit, for a network that ends in global average pooling and one affine layer.

        out_ij = sum_k A_ijk W_{k, label},    mean_ij out_ij + bias_label = logit_label

    Args:
      activations: (batch, height, width, channels), what is pooled.
      kernel: (channels, classes) of the affine layer.
      labels: (batch,), the class that is explained.
    Returns: (batch, height, width), of both signs, dtype of `activations`.
    Raises: ValueError if shapes do not fit or a label is no class; TypeError if arrays are not floating.
    Source: Zhou et al. 2016, eq. 2.
    """
    _check_activations(activations)
    check_floating("kernel", kernel)
    activations = jnp.asarray(activations)
    if kernel.ndim != 2 or kernel.shape[0] != activations.shape[-1]:
        raise ValueError(f"kernel: got shape {kernel.shape}, wanted ({activations.shape[-1]}, classes)")
    check_labels(labels, activations)
    check_class_numbers("labels", labels, kernel.shape[-1])
    weights = jnp.take(jnp.asarray(kernel), jnp.asarray(labels), axis=1).T  # (batch, channels)
    return jnp.einsum("bhwc,bc->bhw", activations, weights)


def grad_cam(
    forward: Callable[[Array, Array | None], tuple[Array, Array]],
    inputs: Float[Array | np.ndarray, "batch *features"],
    labels: Labels,
    *,
    rectify: bool = True,
) -> Float[Array, "batch rows columns"]:
    """Class activation map of any layer, its weights the mean gradients of the logit by the layer's channels.

        out_ij = relu(sum_k alpha_k A_ijk),    alpha_k = mean_ij d logit / d A_ijk

    Where the layer is followed by global average pooling and one affine layer, it is the class activation map divided
    by the number of places.

    Args:
      forward: (inputs, perturbation) -> (logits, activations): the model with `perturbation`, if it is not None, added
        to the activations (batch, rows, columns, channels) of one layer; `dlx.models.tapped` makes it of a model.
      inputs: (batch, ...).
      labels: (batch,), the class that is explained.
      rectify: leave only what speaks for the class.
    Returns: (batch, rows, columns), the size of the activations; `resize_maps` brings it to that of an image.
    Raises: ValueError if shapes do not fit or a label is no class; TypeError if `inputs` are not floating or `forward`
      does not take two arguments.
    Source: Selvaraju et al. 2017, eq. 1 and 2.
    """
    check_forward(forward, "inputs, perturbation", "(logits, activations)")
    check_floating("inputs", inputs)
    inputs = jnp.asarray(inputs)
    check_labels(labels, inputs)
    found = jax.eval_shape(lambda x: forward(x, None)[1], inputs)
    _check_activations(found)

    def logit(perturbation: Array) -> tuple[Array, Array]:
        logits, activations = forward(inputs, perturbation)
        return jnp.sum(chosen(logits, labels)), activations

    gradient, activations = jax.grad(logit, has_aux=True)(jnp.zeros(found.shape, found.dtype))
    cam = jnp.einsum("bhwc,bc->bhw", activations, jnp.mean(gradient, axis=(1, 2)))
    return jnp.maximum(cam, 0) if rectify else cam


def _check_activations(activations: Any) -> None:
    check_floating("activations", activations)
    if activations.ndim != 4 or 0 in activations.shape:
        raise ValueError(f"activations: got shape {activations.shape}, wanted (batch, height, width, channels)")
