"""Models that carry a state from batch to batch: init, step and measure; a text read without a break; perplexities."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import PartitionSpec as P

from dlx.checks import check_count, check_range
from dlx.errors import DatasetError
from dlx.losses import sequence_cross_entropy
from dlx.nn import example_keys
from dlx.train.supervised import moving_average, stream_key, with_hyperparameters

__all__ = ["Recurrent", "RecurrentState", "perplexities", "recurrent", "text_rows"]


class RecurrentState(NamedTuple):
    """The state of a run whose model reads on where the batch before ended.

    Fields: step counter; params; opt_state; key, which never changes (see `stream_key`); carry, the model's state
    behind the last batch, a row for each of the batch; ema, the moving average of params, or None.
    """

    step: jax.Array
    params: Any
    opt_state: Any
    key: jax.Array
    carry: Any
    ema: Any


class Recurrent(NamedTuple):
    """What `recurrent` builds.

    Fields:
      init: init(key) -> state; with a sweep init(key, learning_rate=...).
      step: step(state, batch) -> (state, {"loss": (sum, count)}), sums over tokens; with the keyword `axis_name`.
      measure: measure(state, rows, weight) -> {"loss": (sum, count)} of what `text_rows` makes.
      spec: for `make_layout` and `Run.fit`: a cut batch cuts the carry.
    """

    init: Callable
    step: Callable
    measure: Callable
    spec: Any


def recurrent(
    model: Any,
    optimizer: optax.GradientTransformation,
    *,
    batch_size: int,
    loss: Callable | None = None,
    reset: float = 0.0,
    ema: float | None = None,
) -> Recurrent:
    """Training by back-propagation through time, truncated at the borders of batches.

        logits, s_k = model(x_k, stop_gradient(s_{k-1})),    s_{k-1} = 0 in the rows where `first`
        objective = mean over the batch's tokens of loss(logits, labels)

    Batches are those of `dlx.data.SequenceWindows`: {"inputs": (B, T), "labels": (B, T), "first": (B,)}. Without
    "first" every batch starts anew. The carried state was computed by the parameters of the steps before.

    Source: notes 001 section 8; Melis et al. 2018 (`reset`).

    Args:
      model: a Flax Linen module as `dlx.models.RecurrentLanguageModel`: model(inputs, state, train=...,
        return_state=True) -> (outputs, state), and `start(batch)` -> the state before a text. One with a field
        `axis_name` is told the axis over which a batch is cut.
      optimizer: an optax transformation; `optax.chain(dlx.optim.clip_by_global_norm(c), ...)` clips.
      batch_size: B, in all devices together.
      loss: loss(outputs, labels) -> (B, T), a value a token; None: the cross entropy of the next token.
      reset: probability that a row starts anew at a step, for its own reasons. A state that is emptied once an epoch
        may end in a part of its space that is never reached from zero, and the model is lost on a text that begins.
      ema: decay of the moving average of params that `measure` uses, see `supervised`.
    Returns: Recurrent(init, step, measure, spec).
    Raises: ValueError if a number is out of range.
    """
    check_count("batch_size", batch_size)
    check_range("reset", reset, 0, 1)
    if ema is not None and not 0.0 <= ema < 1.0:
        raise ValueError(f"ema wants a decay in [0, 1); got {ema}.")
    loss = loss or (lambda outputs, labels: sequence_cross_entropy(outputs, labels, how="none"))

    def start(rows: int) -> Any:
        return model.apply({}, rows, method="start")

    def init(key: jax.Array, **hyperparameters: Any) -> RecurrentState:
        params_key, run_key = jax.random.split(key)
        params = model.init({"params": params_key}, jnp.zeros((1, 1), jnp.int32), train=False)["params"]
        opt_state = with_hyperparameters(optimizer.init(params), hyperparameters)
        # a copy: two leaves of a donated state must not share memory
        average = None if ema is None else jax.tree.map(jnp.copy, params)
        return RecurrentState(jnp.zeros((), jnp.int32), params, opt_state, run_key, start(batch_size), average)

    def step(state: RecurrentState, batch: Any, *, axis_name: str | None = None) -> tuple:
        network = model.clone(axis_name=axis_name) if hasattr(model, "axis_name") else model
        fresh = batch.get("first", jnp.ones(len(batch["inputs"]), bool))
        if reset:
            keys = example_keys(stream_key(state.key, state.step, "reset"), len(fresh), axis_name=axis_name)
            fresh = fresh | (jax.vmap(jax.random.uniform)(keys) < reset)
        initial = lax.stop_gradient(jax.tree.map(lambda a: jnp.where(_rows(fresh, a), 0, a), state.carry))
        rngs = {"dropout": stream_key(state.key, state.step, "dropout")}

        def objective(params: Any) -> tuple:
            outputs, carry = network.apply(
                {"params": params}, batch["inputs"], initial, train=True, return_state=True, rngs=rngs
            )
            values = loss(outputs, batch["labels"])
            sums = {"loss": (values.sum(dtype=jnp.float32), jnp.float32(values.size))}
            return jnp.mean(values), (carry, sums)

        gradient, (carry, sums) = jax.grad(objective, has_aux=True)(state.params)
        if axis_name:
            gradient = lax.pmean(gradient, axis_name)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = None if ema is None else moving_average(ema, state.step, state.ema, params)
        return RecurrentState(state.step + 1, params, opt_state, state.key, carry, average), sums

    def measure(state: RecurrentState, rows: Any, weight: jax.Array) -> dict:
        params = state.params if state.ema is None else state.ema

        def piece(carry: Any, now: tuple) -> tuple:
            inputs, labels, mask = now
            outputs, carry = model.apply({"params": params}, inputs, carry, train=False, return_state=True)
            kept = mask & _rows(weight > 0, mask)
            values = jnp.where(kept, loss(outputs, labels), 0)
            return carry, (values.sum(dtype=jnp.float32), kept.sum(dtype=jnp.float32))

        pieces = tuple(jnp.swapaxes(rows[name], 0, 1) for name in ("inputs", "labels", "mask"))
        sums: Any
        _, sums = lax.scan(piece, start(len(weight)), pieces)
        return {"loss": (sums[0].sum(), sums[1].sum())}

    whole: Any = P()
    cut: Any = P("data")
    return Recurrent(init, step, measure, RecurrentState(whole, whole, whole, whole, cut, whole))


def _rows(flags: jax.Array, like: jax.Array) -> jax.Array:
    """Flags of rows, beside an array of those rows."""
    return flags.reshape(-1, *[1] * (like.ndim - 1))


def text_rows(tokens: np.ndarray, *, rows: int = 1, steps: int = 35) -> dict[str, np.ndarray]:
    """A text for `Recurrent.measure`: every token but the first is predicted once, from all that stand before it.

    With one row that is the whole text without a break. With more it is cut into as many rows of equal length, which
    are read side by side, faster, and all start with an empty state.

    Args:
      tokens: (S,) ids.
      rows: R.
      steps: T, read at once.
    Returns: {"inputs": (R, pieces, T), "labels": the same, "mask": the same, False behind the end of a row}.
    Raises: ValueError if a number is not positive or `tokens` no vector; DatasetError if there are fewer than R + 1
      tokens.
    """
    check_count("rows", rows)
    check_count("steps", steps)
    if np.ndim(tokens) != 1:
        raise ValueError(f"tokens: got shape {np.shape(tokens)}, wanted (time,)")
    count = len(tokens) - 1
    if count < rows:
        raise DatasetError(f"The text holds {len(tokens)} tokens, too few to be read in {rows} rows.")
    # rows of lengths that differ by one at most, each padded to whole pieces
    ends = count * np.arange(rows + 1) // rows
    pieces = -(-int(np.diff(ends).max()) // steps)
    places = ends[:-1, None] + np.arange(pieces * steps)
    mask = places < ends[1:, None]
    places = np.minimum(places, count - 1)
    shape = (rows, pieces, steps)
    return {
        "inputs": np.asarray(tokens)[places].reshape(shape),
        "labels": np.asarray(tokens)[places + 1].reshape(shape),
        "mask": mask.reshape(shape),
    }


def perplexities(metrics: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The perplexity beside each mean loss a token: for `derived` of `Run.fit`.

        PP = exp(mean loss),    never a mean of exponentials

    Args:
      metrics: {name: (replicas,)}; those with the word "loss" are taken ("test_loss", "train_loss_lstm").
    Returns: {the name with "perplexity" in its place: exp of the value}, infinite where that overflows.
    """
    with np.errstate(over="ignore"):
        return {
            "_".join("perplexity" if word == "loss" else word for word in name.split("_")): np.exp(value)
            for name, value in metrics.items()
            if "loss" in name.split("_")
        }
