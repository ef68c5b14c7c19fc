"""The choice of a model: folds, cross validation, capacity, early stopping."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer, Shaped

from dlx.checks import check_count, check_range
from dlx.linear._checks import check_design, check_targets
from dlx.linear.closed_form import least_squares, ridge
from dlx.linear.params import decision_function
from dlx.losses.regression import squared_error

__all__ = [
    "CapacityCurve",
    "EarlyStopping",
    "capacity_sweep",
    "cross_validate",
    "early_stopping",
    "fold_indices",
    "polynomial_features",
]


def fold_indices(examples: int, *, folds: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut the examples into folds for cross validation.

    Fold k validates on the k-th part of a random order and trains on the rest. The parts are disjoint, cover every
    example, and differ in size by at most one.

    Args:
      examples: how many there are.
      folds: how many parts, from 2 to `examples`.
      seed: of the order.
    Returns: one (training, validation) pair of sorted index arrays per fold.
    Raises: ValueError if `folds` is outside its range.
    Source: Hastie et al. 2009, section 7.10; notes 003 "remedies of over-fitting".
    """
    check_count("examples", examples)
    check_count("folds", folds)
    if not 2 <= folds <= examples:
        raise ValueError(f"folds: got {folds}, wanted 2 to {examples}, the examples")
    parts = np.array_split(np.random.default_rng(seed).permutation(examples), folds)
    whole = np.arange(examples)
    return [(np.setdiff1d(whole, part, assume_unique=True), np.sort(part)) for part in parts]


def cross_validate(
    fit: Callable[[Array, Array], Any],
    score: Callable[[Any, Array, Array], Array],
    inputs: Shaped[Array, "examples *features"],
    targets: Shaped[Array, "examples *outputs"],
    *,
    folds: int = 5,
    seed: int = 0,
) -> Float[np.ndarray, "folds"]:
    """k-fold cross validation: every example is judged once, by a model that has not seen it.

        score_k = score(fit(data outside fold k), fold k)

    Args:
      fit: from inputs and targets to a model, any object.
      score: from a model, inputs and targets to one number.
      inputs: (examples, ...).
      targets: (examples, ...).
      folds: how many parts; folds = examples leaves one out.
      seed: of the order that is cut.
    Returns: (folds,) scores; their mean estimates the score on new data.
    Raises: ValueError if the lengths differ or `folds` is outside its range.
    Source: Hastie et al. 2009, section 7.10; notes 003 "remedies of over-fitting".
    """
    if targets.shape[:1] != inputs.shape[:1]:
        raise ValueError(f"targets: got shape {targets.shape}, wanted ({inputs.shape[0]}, ...), one for each example")
    scores = []
    for training, validation in fold_indices(inputs.shape[0], folds=folds, seed=seed):
        model = fit(inputs[training], targets[training])
        scores.append(float(score(model, inputs[validation], targets[validation])))
    return np.array(scores)


def polynomial_features(inputs: Float[Array, "examples features"], *, degree: int) -> Float[Array, "examples terms"]:
    """Every product of up to `degree` features.

        x_1, ..., x_d, x_1^2, x_1 x_2, ..., x_d^degree: binomial(d + degree, degree) - 1 terms

    The constant is left to the bias. Inputs are best scaled to [-1, 1]: high powers of larger numbers swamp the rest.

    Args:
      inputs: (examples, features) x.
      degree: the highest, at least 1.
    Returns: (examples, terms), by degree and then in lexical order, as scikit-learn's without its bias.
    Raises: ValueError if the shape is not (examples, features) or `degree` is not a positive int.
    Source: Bishop 2006, section 1.1; notes 003 "model complexity".
    """
    check_count("degree", degree)
    if inputs.ndim != 2 or inputs.shape[1] == 0:
        raise ValueError(f"inputs: got shape {inputs.shape}, wanted (examples, features)")
    features = inputs.shape[1]
    terms = [c for n in range(1, degree + 1) for c in itertools.combinations_with_replacement(range(features), n)]
    # a term of fewer factors is filled up with a column of ones
    factors = np.array([(*term, *[features] * (degree - len(term))) for term in terms])
    return _products(inputs, factors)


@jax.jit
def _products(inputs: Array, factors: Array) -> Array:
    columns = jnp.concatenate([inputs, jnp.ones_like(inputs[:, :1])], axis=1)
    return functools.reduce(jnp.multiply, [columns[:, factors[:, n]] for n in range(factors.shape[1])])


class CapacityCurve(NamedTuple):
    """Mean squared errors by degree of the polynomial: the curve of model complexity."""

    degrees: Integer[np.ndarray, "models"]
    train_error: Float[np.ndarray, "models"]
    validation_error: Float[np.ndarray, "models"]

    @property
    def best_degree(self) -> int:
        """The degree of least validation error: below it the model underfits, above it overfits."""
        return int(self.degrees[np.nanargmin(self.validation_error)])


def capacity_sweep(
    train_inputs: Float[Array, "train features"],
    train_targets: Float[Array, "train"],
    validation_inputs: Float[Array, "validation features"],
    validation_targets: Float[Array, "validation"],
    *,
    degrees: Sequence[int],
    l2: float = 0.0,
) -> CapacityCurve:
    """Training and validation error of polynomials of rising degree.

    The training error only falls with the degree; the validation error falls while the model underfits, and rises
    once it overfits. With `l2` the high degrees do less harm.

    Args:
      train_inputs: (train, features), scaled to about [-1, 1].
      train_targets: (train,).
      validation_inputs: (validation, features), in the same scale.
      validation_targets: (validation,).
      degrees: of the polynomials.
      l2: weight of `ridge`'s penalty, 0 for least squares.
    Returns: mean squared errors, one per degree.
    Raises: ValueError if the shapes do not fit, `degrees` is empty or `l2` is negative.
    Source: Goodfellow et al. 2016, section 5.2; notes 003 "under- and over-fitting".
    """
    if not degrees:
        raise ValueError("degrees: got none, wanted at least one degree")
    check_range("l2", l2, 0, float("inf"), open_high=True)
    check_design("validation_inputs", validation_inputs)
    check_targets("validation_targets", validation_targets, validation_inputs.shape[0], outputs=False)
    train = polynomial_features(train_inputs, degree=max(degrees))
    validation = polynomial_features(validation_inputs, degree=max(degrees))
    errors = []
    for degree in degrees:
        check_count("degrees", degree)
        # columns of zeros get the weight 0, and every degree the same compiled solver
        used = jnp.arange(train.shape[1]) < math.comb(train_inputs.shape[1] + degree, degree) - 1
        features, tested = (jnp.where(jnp.broadcast_to(used, x.shape), x, 0) for x in (train, validation))
        model = ridge(features, train_targets, l2=l2) if l2 else least_squares(features, train_targets)
        pairs = ((features, train_targets), (tested, validation_targets))
        errors.append([float(jnp.mean(squared_error(decision_function(model, x), y))) for x, y in pairs])
    return CapacityCurve(np.array(degrees), *np.array(errors).T)


class EarlyStopping(NamedTuple):
    """What the rule of early stopping decides on a sequence of validation losses."""

    best_step: Integer[Array, ""]
    """The step whose parameters to keep."""
    stop_step: Integer[Array, ""]
    """The step after which training ends, the last one if the rule never stops it."""
    stopped: Bool[Array, ""]


def early_stopping(losses: Float[Array, "steps"], *, patience: int, min_delta: float = 0.0) -> EarlyStopping:
    """Early stopping as a rule on the validation losses: stop when `patience` in a row bring nothing new.

        better: L_t < L_best - min_delta;    stop at the first t with t - best = patience

    A loss that is NaN is never better.

    Args:
      losses: (steps,) validation losses in the order of training.
      patience: evaluations without a better one after which to stop.
      min_delta: by how much a loss has to be below the best to be better.
    Returns: the best step up to the stop, the step of the stop, and whether the rule stopped.
    Raises: ValueError if there is no loss or an option is outside its range.
    Source: Goodfellow et al. 2016, algorithm 7.1; Prechelt 1998; notes 003 "remedies of over-fitting".
    """
    check_count("patience", patience)
    check_range("min_delta", min_delta, 0, float("inf"))
    if losses.ndim != 1 or losses.size == 0:
        raise ValueError(f"losses: got shape {losses.shape}, wanted (steps,) with at least one")

    def one(carry, loss):
        best, best_step, step, stopped = carry
        better = (loss < best - min_delta) & ~stopped
        best, best_step = jnp.where(better, loss, best), jnp.where(better, step, best_step)
        stop = ~stopped & (step - best_step >= patience)
        return (best, best_step, step + ~(stopped | stop), stopped | stop), None

    zero = jnp.asarray(0, jnp.int32)
    first = (jnp.asarray(jnp.inf, losses.dtype), zero, zero, jnp.asarray(False))
    (_, best_step, step, stopped), _ = jax.lax.scan(one, first, losses)
    return EarlyStopping(best_step, jnp.where(stopped, step, losses.size - 1), stopped)
