"""Batch normalisation: with the moments of the batch, with running ones, and how these run."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dlx.checks import check_count, check_floating, check_range, check_same_shape

__all__ = ["batch_norm", "batch_norm_inference", "update_running_statistics"]


def batch_norm(
    inputs: Float[Array, "*batch channels"],
    scale: Float[Array, "channels"] | None = None,
    bias: Float[Array, "channels"] | None = None,
    *,
    eps: float = 1e-5,
    axis_name: str | None = None,
) -> tuple[Float[Array, "*batch channels"], Float[Array, "channels"], Float[Array, "channels"]]:
    """Each channel to mean 0 and variance 1 over the batch, then scale and shift: the form of training.

        mu = mean(x),    v = mean((x - mu)^2),    y = gamma (x - mu) / sqrt(v + eps) + beta

    Means go over all axes but the last: the batch of a dense layer, batch, height and width of a convolution. The
    variance is the biased one, divided by the number m of entries (the notes' "do not use torch.var"); running
    variances may want m / (m - 1) of it, see `update_running_statistics`. `eps` is PyTorch's and Flax's; Keras takes
    1e-3. Below float32 the moments are computed, and returned, in float32.

    With `axis_name` the batch is cut over a mapped axis into equal parts, and both means go over that axis as well. No
    difference of large squares is taken. The derivatives are written in closed form, for speed; both modes are defined.

    Args:
      inputs: (*batch, channels).
      scale: gamma, None for 1.
      bias: beta, None for 0.
      eps: added to the variance.
      axis_name: the mapped axis over which the batch is cut, None if it is not or each part has its own moments.
    Returns: y, the shape and dtype of `inputs`; mu and v, (channels,).
    Raises: ValueError if a channel has one value only (its variance says nothing), `scale` or `bias` is not (channels,)
      or `eps` is not positive; TypeError if `inputs` are not floating.
    Source: Ioffe and Szegedy 2015, algorithm 1; notes 004 "batch norm", 001 section 7 (E26).
    """
    _check(inputs, scale, bias, eps)
    if math.prod(inputs.shape[:-1]) * _devices(axis_name) < 2:
        raise ValueError(
            f"inputs: got shape {inputs.shape}, one value for each channel, wanted at least two to train on: their"
            " variance says nothing"
        )
    wide = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    scale, bias = (
        jnp.full(inputs.shape[-1:], value, wide.dtype) if given is None else given.astype(wide.dtype)
        for given, value in ((scale, 1), (bias, 0))
    )
    outputs, mean, variance = _standardise(wide, scale, bias, eps, axis_name)
    return outputs.astype(inputs.dtype), mean, variance


@functools.partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _standardise(inputs: Array, scale: Array, bias: Array, eps: float, axis_name: str | None) -> tuple:
    mean = _mean(inputs, axis_name)
    variance = _mean(jnp.square(inputs - _over(mean, inputs)), axis_name)
    return _normalise(inputs, mean, variance, scale, bias, eps), mean, variance


@_standardise.defjvp
def _standardise_jvp(eps: float, axis_name: str | None, primals: tuple, tangents: tuple) -> tuple:
    """The derivative in a form whose transpose takes two sums over the batch and one pass more.

        y' = a x' + (x - mu) (gamma' r - gamma r^3 v' / 2) + beta' - a mu',    r = 1 / sqrt(v + eps),    a = gamma r
        mu' = mean(x'),    v' = 2 mean((x - mu) x')

    That of the plain formula takes three, and two of them after each other: the mean of x - mu, which is 0, for one.
    """
    inputs, scale, _ = primals
    along, scale_along, bias_along = tangents
    outputs, mean, variance = _standardise(*primals, eps, axis_name)
    centred = inputs - _over(mean, inputs)
    root = lax.rsqrt(variance + eps)
    factor = scale * root
    mean_along = _mean(along, axis_name)
    variance_along = 2 * _mean(centred * along, axis_name)
    slope = scale_along * root - factor * jnp.square(root) * variance_along / 2
    shift = bias_along - factor * mean_along
    outputs_along = along * _over(factor, inputs) + centred * _over(slope, inputs) + _over(shift, inputs)
    return (outputs, mean, variance), (outputs_along, mean_along, variance_along)


def batch_norm_inference(
    inputs: Float[Array, "*batch channels"],
    mean: Float[Array, "channels"],
    variance: Float[Array, "channels"],
    scale: Float[Array, "channels"] | None = None,
    bias: Float[Array, "channels"] | None = None,
    *,
    eps: float = 1e-5,
) -> Float[Array, "*batch channels"]:
    """Batch normalisation with given moments: the form of prediction, where examples do not see each other.

        y = gamma (x - mu) / sqrt(v + eps) + beta

    Args:
      inputs: (*batch, channels).
      mean: mu, (channels,), a running mean.
      variance: v, (channels,), a running variance.
      scale: gamma, None for 1.
      bias: beta, None for 0.
      eps: added to the variance.
    Returns: the shape and dtype of `inputs`.
    Raises: ValueError if one of the others is not (channels,) or `eps` is not positive; TypeError if `inputs` are not
      floating.
    Source: Ioffe and Szegedy 2015, algorithm 2; notes 001 section 7.
    """
    _check(inputs, scale, bias, eps)
    _check_channels("mean", mean, inputs)
    _check_channels("variance", variance, inputs)
    wide = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    return _normalise(wide, mean, variance, scale, bias, eps).astype(inputs.dtype)


def update_running_statistics(
    running_mean: Float[Array, "channels"],
    running_variance: Float[Array, "channels"],
    mean: Float[Array, "channels"],
    variance: Float[Array, "channels"],
    *,
    momentum: float = 0.9,
    unbiased_count: int | None = None,
) -> tuple[Float[Array, "channels"], Float[Array, "channels"]]:
    """Moments of prediction, moved towards those of a batch.

        mu' = eta mu' + (1 - eta) mu,    v' = eta v' + (1 - eta) v m / (m - 1)

    Both keep the share eta of the old value, as d2l, Keras and Flax write it; PyTorch's `momentum` is 1 - eta. One line
    of the notes swaps the two for the variance. The factor m / (m - 1), which the paper and PyTorch have and Flax has
    not, comes with `unbiased_count`.

    Args:
      running_mean: mu', 0 at the start.
      running_variance: v', 1 at the start.
      mean: mu of the batch.
      variance: v of the batch, divided by m.
      momentum: eta, in [0, 1].
      unbiased_count: m, the entries of a channel in the whole batch; None leaves v as it is.
    Returns: the new mu' and v', of the dtypes of the old ones.
    Raises: ValueError if the shapes differ, `momentum` is out of range or `unbiased_count` is below 2; TypeError if it
      is no int.
    Source: Ioffe and Szegedy 2015, algorithm 2; notes 001 section 7 (E25, E26).
    """
    check_range("momentum", momentum, 0, 1)
    check_same_shape("mean", mean, "running_mean", running_mean)
    check_same_shape("variance", variance, "running_mean", running_mean)
    check_same_shape("running_variance", running_variance, "running_mean", running_mean)
    if unbiased_count is not None:
        check_count("unbiased_count", unbiased_count)
        check_range("unbiased_count", unbiased_count, 2, math.inf)
        variance = variance * (unbiased_count / (unbiased_count - 1))
    pairs = ((running_mean, mean), (running_variance, variance))
    new_mean, new_variance = (
        (momentum * old + (1 - momentum) * new.astype(old.dtype)).astype(old.dtype) for old, new in pairs
    )
    return new_mean, new_variance


def _mean(inputs: Array, axis_name: str | None) -> Array:
    """Of each channel, over a mapped axis as well if there is one."""
    mean = jnp.mean(inputs, axis=tuple(range(inputs.ndim - 1)))
    return mean if axis_name is None else lax.pmean(mean, axis_name)


def _devices(axis_name: str | None) -> int:
    return 1 if axis_name is None else lax.axis_size(axis_name)


def _check(inputs: Array, scale: Array | None, bias: Array | None, eps: float) -> None:
    check_floating("inputs", inputs)
    check_range("eps", eps, 0, math.inf, open_low=True, open_high=True)
    if inputs.ndim == 0:
        raise ValueError("inputs: got a scalar, wanted (..., channels)")
    for name, values in (("scale", scale), ("bias", bias)):
        if values is not None:
            _check_channels(name, values, inputs)


def _check_channels(name: str, values: Array, inputs: Array) -> None:
    if jnp.shape(values) != inputs.shape[-1:]:
        raise ValueError(
            f"{name}: got shape {jnp.shape(values)} for inputs of shape {inputs.shape}, wanted {inputs.shape[-1:]}, one"
            " for each entry of the last axis"
        )


def _over(values: Array, inputs: Array) -> Array:
    return jnp.broadcast_to(values.astype(inputs.dtype), inputs.shape)


def _normalise(
    inputs: Array, mean: Array, variance: Array, scale: Array | None, bias: Array | None, eps: float
) -> Array:
    factor = lax.rsqrt(variance.astype(inputs.dtype) + eps)
    if scale is not None:
        factor = factor * scale.astype(inputs.dtype)
    outputs = (inputs - _over(mean, inputs)) * _over(factor, inputs)
    return outputs if bias is None else outputs + _over(bias, inputs)
