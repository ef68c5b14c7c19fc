"""RANSAC: the model of a minimal sample that most of the data agree with, fitted again to those that do.

A run draws all samples first, tries them in batches by `vmap`, and keeps the numbers of the best sample, so that it
compiles once, runs under `vmap`, and the model that comes back is differentiable with respect to the data.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from dlx.checks import check_count, check_key, check_range

__all__ = ["Ransac", "ransac"]

BATCH = 64
"""Samples that are tried between two looks at whether there were enough."""


class Ransac(NamedTuple):
    """What RANSAC found.

    Fields:
      model: of the inliers, whatever `fit` makes; meaningless where `valid` is False.
      inliers: (data,) data within the threshold of the model; all False where `valid` is False.
      residuals: (data,) of the model, infinite where a datum is masked out.
      iterations: samples that were tried.
      valid: whether a sample that determines a model was found, with enough inliers.
    """

    model: Any
    inliers: Bool[Array, "data"]
    residuals: Float[Array, "data"]
    iterations: Int[Array, ""]
    valid: Bool[Array, ""]


def ransac(
    key: Key[Array, ""],
    data: Any,
    data_valid: Bool[Array | np.ndarray, "data"] | None = None,
    *,
    fit: Callable[[Any], tuple[Any, Any]],
    residual: Callable[[Any, Any], Any],
    sample_size: int,
    threshold: float | Float[Array, ""],
    refit: Callable[[Any, Any], tuple[Any, Any]] | None = None,
    refit_steps: int = 2,
    iterations: int = 1024,
    confidence: float | None = None,
    stop_inliers: int | None = None,
    min_inliers: int | None = None,
) -> Ransac:
    """Random sample consensus.

        repeat: sample k data, fit a model, count the data whose residual is at most the threshold
        keep the model with most of them, fit it again to them

    Of equal counts the smaller sum of residuals wins. With `confidence` P it stops after
    log(1 - P) / log(1 - w^k) samples, w being the best part of inliers so far, in steps of 64 samples.

    Args:
      key: of the samples.
      data: tree of arrays with one leading axis, the data.
      data_valid: (data,) which of them exist; None: all.
      fit: `fit(sample) -> (model, valid)`, of a tree with the leading axis `sample_size`; `valid` is False for a
        degenerate sample, which then is skipped.
      residual: `residual(model, data) -> (data,)` distances >= 0. A datum whose residual is NaN is never an inlier.
      sample_size: k, the least number of data that determine a model.
      threshold: largest residual of an inlier.
      refit: `refit(data, weights) -> (model, valid)` of all data with weights 0 and 1; None keeps the sample's model.
      refit_steps: how often the model is fitted again; a fit that loses inliers is not taken.
      iterations: largest number of samples, rounded up to a multiple of 64.
      confidence: P in (0, 1); None tries all samples.
      stop_inliers: stop when a model has so many; None: never (the notes' stop).
      min_inliers: fewer leave `valid` False; None: `sample_size`.
    Returns: `Ransac`. The model is differentiable with respect to `data` for the samples and inliers chosen.
    Raises: ValueError if there are fewer data than a sample has, or an option is out of range; TypeError for what is no
      key.
    Source: Fischler and Bolles 1981; Hartley and Zisserman 2004, algorithm 4.5; notes 001 section 14.
    """
    check_key("key", key)
    sizes = {jnp.shape(leaf)[0] if jnp.ndim(leaf) else 0 for leaf in jax.tree.leaves(data)}
    if len(sizes) != 1:
        raise ValueError(f"data: got leading axes of {sorted(sizes)}, wanted one number of data in every array")
    count = sizes.pop()
    check_count("sample_size", sample_size)
    if count < sample_size:
        raise ValueError(f"data: got {count}, wanted at least {sample_size}, the size of a sample")
    if data_valid is not None and jnp.shape(data_valid) != (count,):
        raise ValueError(f"data_valid: got shape {jnp.shape(data_valid)}, wanted ({count},)")
    check_range("threshold", threshold, 0, float("inf"))
    check_count("iterations", iterations)
    check_range("refit_steps", refit_steps, 0, 100)
    if confidence is not None:
        check_range("confidence", confidence, 0, 1, open_low=True, open_high=True)
    for name, number in (("stop_inliers", stop_inliers), ("min_inliers", min_inliers)):
        if number is not None:
            check_count(name, number)
    valid = jnp.ones(count, bool) if data_valid is None else jnp.asarray(data_valid, bool)
    return _ransac(
        key, jax.tree.map(jnp.asarray, data), valid, threshold, fit=fit, residual=residual, refit=refit,
        sample_size=sample_size, refit_steps=refit_steps, iterations=iterations, confidence=confidence,
        stop_inliers=stop_inliers, least=min_inliers or sample_size,
    )  # fmt: skip


@partial(jax.jit, static_argnames=("fit", "residual", "refit", "sample_size", "refit_steps", "iterations",
                                   "confidence", "stop_inliers", "least"))  # fmt: skip
def _ransac(key, data, valid, threshold, *, fit, residual, refit, sample_size, refit_steps, iterations, confidence,
            stop_inliers, least) -> Ransac:  # fmt: skip
    count = jnp.sum(valid)

    samples = _draw(key, valid, sample_size, -(-iterations // BATCH) * BATCH)
    fixed = lax.stop_gradient(data)

    def judge(model, ok, data):
        """Residuals, inliers and how many."""
        distances = jnp.where(valid, residual(model, data), jnp.inf)
        inliers = (distances <= threshold) & ok
        return distances, inliers, jnp.sum(inliers)

    def score(sample):
        """The number of inliers, less at most one by the sum of their residuals."""
        model, ok = fit(_take(fixed, sample))
        distances, inliers, number = judge(model, ok, fixed)
        parts = jnp.where(inliers, distances, 0) / jnp.where(threshold > 0, threshold, 1)
        points = number - jnp.sum(parts) / (len(valid) + 1)
        return jnp.where(number > 0, points.astype(jnp.float32), -1), number

    def wanted(number):
        """Samples for the confidence, by the inliers found."""
        needed = jnp.asarray(samples.shape[0], jnp.float32)
        if confidence is not None:
            part = jnp.clip(number / jnp.maximum(count, 1), 1e-6, 1 - 1e-6) ** sample_size
            needed = jnp.minimum(needed, jnp.log1p(-confidence) / jnp.log1p(-part))
        if stop_inliers is not None:
            needed = jnp.where(number >= stop_inliers, 0, needed)
        return needed

    def body(carry):
        done, best, number, sample = carry
        batch = lax.dynamic_slice_in_dim(samples, done, BATCH)
        scores, numbers = jax.vmap(score)(batch)
        winner = jnp.argmax(scores)
        better = scores[winner] > best
        return (
            done + BATCH,
            jnp.where(better, scores[winner], best),
            jnp.where(better, numbers[winner], number),
            jnp.where(better, batch[winner], sample),
        )

    start = (jnp.int32(0), jnp.float32(-1), jnp.zeros((), count.dtype), samples[0])
    done, best, _, sample = lax.while_loop(
        lambda carry: (carry[0] < samples.shape[0]) & (carry[0] < wanted(carry[2])), body, start
    )
    model, ok = fit(_take(data, sample))
    ok = ok & (best > 0) & (count >= sample_size)
    found = (model, *judge(model, ok, data))
    for _ in range(refit_steps if refit is not None else 0):
        assert refit is not None
        again, again_ok = refit(data, found[2])
        candidate = (again, *judge(again, again_ok, data))
        better = ok & again_ok & (candidate[3] >= found[3])
        found = jax.tree.map(lambda new, old, better=better: jnp.where(better, new, old), candidate, found)
    model, distances, inliers, number = found
    ok = ok & (number >= least)
    return Ransac(model, inliers & ok, distances, done, ok)


def _take(data: Any, sample: Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[sample], data)


def _draw(key: Array, valid: Array, size: int, number: int) -> Array:
    """(number, size) samples without replacement of the data that are valid."""
    order = jnp.argsort(~valid, stable=True)
    count = jnp.sum(valid)
    chosen: list[Array] = []
    for i, one in enumerate(jax.random.split(key, size)):
        drawn = jax.random.randint(one, (number,), 0, jnp.maximum(count - i, 1))
        # the drawn-th of those that are left: step over the ones already taken, smallest first
        for taken in jnp.sort(jnp.stack(chosen), axis=0) if chosen else []:
            drawn = drawn + (drawn >= taken)
        chosen.append(drawn)
    ranks = jnp.minimum(jnp.stack(chosen, axis=1), len(valid) - 1)
    return order[ranks]
