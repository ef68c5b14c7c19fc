"""The forms in which a convolution and its gradients are computed; all have equal values.

On a CPU, XLA leaves its fast path where the gradient of a convolution stands inside a loop (3x3, 32 to 64 channels, 64
images of 16x16: 7 ms for the kernel's gradient, 960 ms in `fori_loop`). So the gradient by the images is written here
as a convolution of the kind that the forward pass has, for which it never does, and the gradient by the kernel as a
product of matrices. Images with few channels, planes of a few pixels and pointwise kernels become matrix products
altogether. Elsewhere the built-in operation and its own gradients are used.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import Array, lax

from dlx.nn._conv_products import Geometry, by_blocks, by_matmul, by_pixels, fits_columns, kernel_by_columns
from dlx.nn._windows import effective_size, output_size

__all__ = ["Geometry", "by_forward_forms", "convolve", "plain", "transpose"]

FEW_CHANNELS = 8
SMALL_WINDOW = 49
FEW_PAIRS = 16
"""Pairs of a pixel that goes in and one that comes out up to which a plane is small."""


def convolve(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """(batch, height, width, channels) and (kernel_height, kernel_width, channels / groups, outputs)."""
    if jax.default_backend() != "cpu":
        return plain(images, kernel, geometry)
    if _is_pointwise(kernel, geometry):
        return by_matmul(images, kernel, geometry)
    if _is_small_plane(images, kernel, geometry):
        return by_pixels(images, kernel, geometry)
    if _has_few_channels(images, kernel, geometry):
        return by_blocks(images, kernel, geometry)
    return by_forward_forms(images, kernel, geometry)


def transpose(images: Array, kernel: Array, size: tuple[int, ...], geometry: Geometry) -> Array:
    """Adjoint of the convolution of images of this size; what comes in has the convolution's outputs as channels."""
    if jax.default_backend() != "cpu":
        return _by_images(images, kernel, size, geometry)
    planes = jax.ShapeDtypeStruct((len(images), *size, kernel.shape[2] * geometry.groups), images.dtype)
    if _is_small_plane(planes, kernel, geometry):
        return jax.linear_transpose(lambda planes: by_pixels(planes, kernel, geometry), planes)(images)[0]
    return _transpose_by_forward_forms(images, kernel, size, geometry)


def plain(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """The built-in operation."""
    return _convolution(images, kernel, geometry.stride, geometry.pads, (1, 1), geometry.dilation, geometry.groups)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def by_forward_forms(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """The built-in operation, with gradients that are fast in loops as well."""
    return plain(images, kernel, geometry)


def _forward(images: Array, kernel: Array, geometry: Geometry) -> tuple[Array, tuple[Array, Array]]:
    return plain(images, kernel, geometry), (images, kernel)


def _backward(geometry: Geometry, residuals: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    images, kernel = residuals
    size, window = images.shape[1:3], kernel.shape[:2]
    return _by_images(gradient, kernel, size, geometry), _by_kernel(images, gradient, window, geometry)


by_forward_forms.defvjp(_forward, _backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _transpose_by_forward_forms(images: Array, kernel: Array, size: tuple[int, ...], geometry: Geometry) -> Array:
    return _by_images(images, kernel, size, geometry)


def _transpose_forward(
    images: Array, kernel: Array, size: tuple[int, ...], geometry: Geometry
) -> tuple[Array, tuple[Array, Array]]:
    return _by_images(images, kernel, size, geometry), (images, kernel)


def _transpose_backward(
    size: tuple[int, ...], geometry: Geometry, residuals: tuple[Array, Array], gradient: Array
) -> tuple[Array, Array]:
    del size
    images, kernel = residuals
    return plain(gradient, kernel, geometry), _by_kernel(gradient, images, kernel.shape[:2], geometry)


_transpose_by_forward_forms.defvjp(_transpose_forward, _transpose_backward)


def _by_images(gradient: Array, kernel: Array, size: tuple[int, ...], geometry: Geometry) -> Array:
    """Gradient by the images: the outputs' one, spread by the stride, convolved with the flipped kernel."""
    stride, pads, dilation, groups = geometry
    height, width, channels, outputs = kernel.shape
    # within each group, outputs and channels change places
    kernel = jnp.flip(kernel, (0, 1)).reshape(height, width, channels, groups, outputs // groups)
    kernel = kernel.transpose(0, 1, 4, 3, 2).reshape(height, width, outputs // groups, groups * channels)
    back = []
    for axis in (0, 1):
        reach = effective_size(kernel.shape[axis], dilation[axis])
        before = reach - 1 - pads[axis][0]
        spread = effective_size(gradient.shape[axis + 1], stride[axis])
        back.append((before, size[axis] + reach - 1 - before - spread))
    return _convolution(gradient, kernel, (1, 1), back, stride, dilation, groups)


def _by_kernel(images: Array, gradient: Array, window: tuple[int, ...], geometry: Geometry) -> Array:
    """Gradient by the kernel: the images convolved with the outputs' gradient, batch and channels exchanged."""
    if fits_columns(images, gradient, window, geometry):
        return kernel_by_columns(images, gradient, window, geometry)
    stride, pads, dilation, groups = geometry
    batch, height, width, channels = images.shape
    # channels of one group are the batch now; the examples, group after group, the channels
    images = images.reshape(batch, height, width, groups, channels // groups).transpose(4, 1, 2, 3, 0)
    images = images.reshape(channels // groups, height, width, groups * batch)
    around = []
    for axis, size in enumerate((height, width)):
        spread = effective_size(gradient.shape[axis + 1], stride[axis])
        reach = effective_size(window[axis], dilation[axis])
        # rows that the stride left over are cut off
        around.append((pads[axis][0], reach - 1 + spread - size - pads[axis][0]))
    kernel = _convolution(images, gradient.transpose(1, 2, 0, 3), dilation, around, (1, 1), stride, groups)
    return kernel.transpose(1, 2, 0, 3)


def _convolution(images, kernel, stride, pads, spread, dilation, groups) -> Array:
    return lax.conv_general_dilated(
        images,
        kernel,
        stride,
        pads,
        lhs_dilation=spread,
        rhs_dilation=dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def _is_pointwise(kernel: Array, geometry: Geometry) -> bool:
    return kernel.shape[:2] == (1, 1) and geometry.groups == 1 and geometry.pads == ((0, 0), (0, 0))


def _has_few_channels(images: Array, kernel: Array, geometry: Geometry) -> bool:
    """Where blocks measure best: the built-in operation does 2 to 40 GFLOP/s there, of 200."""
    few = images.shape[-1] <= FEW_CHANNELS and kernel.shape[0] * kernel.shape[1] <= SMALL_WINDOW
    return few and geometry.stride == (1, 1) and geometry.dilation == (1, 1) and geometry.groups == 1


def _is_small_plane(images: Array | jax.ShapeDtypeStruct, kernel: Array, geometry: Geometry) -> bool:
    """Where few entries of the kernel meet a pixel, or all of them one output."""
    size, window = images.shape[1:3], kernel.shape[:2]
    counts = map(output_size, size, window, geometry.stride, geometry.pads, geometry.dilation)
    pairs = math.prod(size) * math.prod(counts)
    return geometry.groups == 1 and pairs <= max(FEW_PAIRS, math.prod(window))
