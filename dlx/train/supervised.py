"""Supervised learning as init, step and measure: a model, a loss and an optimizer."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from dlx.errors import UsageError
from dlx.nn import example_keys

__all__ = ["Supervised", "SupervisedState", "stream_key", "supervised"]


class SupervisedState(NamedTuple):
    """The state of a supervised run.

    Fields: step counter; params; model_state, the model's other collections (batch statistics); opt_state; key, which
    never changes: what is random at a step comes from `stream_key`; ema, the moving average of params, or None.
    """

    step: jax.Array
    params: Any
    model_state: Any
    opt_state: Any
    key: jax.Array
    ema: Any


class Supervised(NamedTuple):
    """The three functions that `fit`, `evaluator` and `dlx.run.train` want; one's own do as well.

    Fields:
      init: init(key) -> state; with a sweep init(key, learning_rate=...).
      step: step(state, batch) -> (state, {name: (sum, count)}); with the keyword `axis_name` where batches are cut.
      measure: measure(state, batch, weight) -> {name: (sum, count)}; weight (B,) is 0 for padding.
    """

    init: Callable
    step: Callable
    measure: Callable


def stream_key(key: jax.Array, step: jax.Array, name: str) -> jax.Array:
    """The key of one random stream ("dropout", "augment", "sample") at one step.

    Args:
      key: of the run.
      step: the state's counter.
      name: of the stream.
    Returns: fold_in(fold_in(key, step), crc32(name)).
    """
    return jax.random.fold_in(jax.random.fold_in(key, step), zlib.crc32(name.encode()))


def supervised(
    model: Any,
    loss: Callable,
    optimizer: optax.GradientTransformation,
    *,
    example: Mapping[str, Any],
    metrics: Mapping[str, Callable] | None = None,
    prepare: Callable | None = None,
    augment: Callable | None = None,
    penalty: Callable | None = None,
    accumulate: int = 1,
    ema: float | None = None,
    dtype: Any = None,
    streams: tuple[str, ...] = ("dropout",),
) -> Supervised:
    """Builds init(key), step(state, batch) and measure(state, batch, weight).

        objective = mean_i loss(model(prepare(x_i)), y_i) + penalty(params)

    Args:
      model: a Flax Linen module, called as model(inputs, train=...). One with a field `axis_name` is told the axis over
        which a batch is cut.
      loss: loss(outputs, labels) -> (B,), a value an example.
      optimizer: an optax transformation. Made by `optax.inject_hyperparams`, its hyperparameters may differ between
        replicas: init(key, learning_rate=0.1).
      example: a batch, or the data; only shapes and dtypes are read.
      metrics: {name: function(outputs, labels) -> (B,)} beside the loss.
      prepare: batch -> batch inside the compiled step, as for casting uint8 to float.
      augment: augment(keys, batch) -> batch, in training only, on the batch as it is stored, before `prepare`; keys
        (B,), one an example, from its number in the whole batch. `dlx.data.augment` makes them of functions of images.
      penalty: params -> scalar, added to the objective, not to the reported loss.
      accumulate: gradients are averaged over this many equal pieces of a batch, one after the other, to save memory.
        Randomness and batch statistics belong to a piece, so they differ from those of the whole batch.
      ema: decay of the moving average of params that `measure` uses; its first steps are weighted as
        min(ema, (1 + t) / (10 + t)).
      dtype: of the computation, as jnp.bfloat16; parameters, gradients and the loss stay as they are. None: no casts.
      streams: names of the model's random streams.
    Returns: Supervised(init, step, measure). `step` and `measure` return {name: (sum, count)}.
    Raises: ValueError if `accumulate` or `ema` is out of range; at the first trace if a batch does not divide.
    """
    if accumulate < 1:
        raise ValueError(f"accumulate wants at least 1; got {accumulate}.")
    if ema is not None and not 0.0 <= ema < 1.0:
        raise ValueError(f"ema wants a decay in [0, 1); got {ema}.")
    prepare = prepare or (lambda batch: batch)
    scored = {"loss": loss, **(metrics or {})}
    one_example = {name: np.zeros((1, *np.shape(a)[1:]), a.dtype) for name, a in example.items()}

    def apply(variables: Any, inputs: Any, *, train: bool, axis_name: str | None = None, rngs: Any = None) -> tuple:
        network = model.clone(axis_name=axis_name) if hasattr(model, "axis_name") else model
        own = jax.tree.leaves(variables["params"])[0].dtype
        variables = {**variables, "params": _cast(variables["params"], dtype)}
        mutable = [name for name in variables if name != "params"] if train else False
        result = network.apply(variables, _cast(inputs, dtype), train=train, rngs=rngs, mutable=mutable)
        outputs, changed = result if train else (result, {})
        return _cast(outputs, dtype and own), dict(changed)

    def init(key: jax.Array, **hyperparameters: Any) -> SupervisedState:
        params_key, run_key = jax.random.split(key)
        inputs = prepare(jax.tree.map(jnp.asarray, one_example))["inputs"]
        variables = dict(model.init({"params": params_key}, inputs, train=False))
        params = variables.pop("params")
        opt_state = with_hyperparameters(optimizer.init(params), hyperparameters)
        # a copy: two leaves of a donated state must not share memory
        average = None if ema is None else jax.tree.map(jnp.copy, params)
        return SupervisedState(jnp.zeros((), jnp.int32), params, variables, opt_state, run_key, average)

    def gradients(state: SupervisedState, batch: Any, piece: Any, axis_name: str | None) -> tuple:
        def key(name: str) -> jax.Array:
            whole = stream_key(state.key, state.step, name)
            return whole if piece is None else jax.random.fold_in(whole, piece)

        if augment:
            count = jax.tree.leaves(batch)[0].shape[0]
            batch = augment(example_keys(key("augment"), count, axis_name=axis_name), batch)
        batch = prepare(batch)

        def objective(params: Any) -> tuple:
            rngs = {name: key(name) for name in streams}
            outputs, changed = apply(
                {"params": params, **state.model_state}, batch["inputs"], train=True, axis_name=axis_name, rngs=rngs
            )
            values = {name: function(outputs, batch["labels"]) for name, function in scored.items()}
            cost = jnp.mean(values["loss"]) + (penalty(params) if penalty else 0.0)
            return cost, (changed, {name: _sum_and_count(v) for name, v in values.items()})

        return jax.grad(objective, has_aux=True)(state.params)

    def accumulated(state: SupervisedState, batch: Any, axis_name: str | None) -> tuple:
        size = jax.tree.leaves(batch)[0].shape[0]
        if size % accumulate:
            raise ValueError(f"a batch of {size} does not divide into accumulate={accumulate} pieces.")
        pieces = jax.tree.map(lambda a: a.reshape(accumulate, size // accumulate, *a.shape[1:]), batch)

        def body(carry: tuple, piece: tuple) -> tuple:
            total, model_state = carry
            gradient, (model_state, sums) = gradients(
                state._replace(model_state=model_state), piece[1], piece[0], axis_name
            )
            return (jax.tree.map(jnp.add, total, gradient), model_state), sums

        zero = jax.tree.map(jnp.zeros_like, state.params)
        sums: Any
        (total, model_state), sums = lax.scan(body, (zero, state.model_state), (jnp.arange(accumulate), pieces))
        return jax.tree.map(lambda g: g / accumulate, total), (model_state, jax.tree.map(lambda a: a.sum(0), sums))

    def step(state: SupervisedState, batch: Any, *, axis_name: str | None = None) -> tuple:
        if accumulate == 1:
            gradient, (model_state, sums) = gradients(state, batch, None, axis_name)
        else:
            gradient, (model_state, sums) = accumulated(state, batch, axis_name)
        if axis_name:
            gradient = lax.pmean(gradient, axis_name)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = None if ema is None else moving_average(ema, state.step, state.ema, params)
        return SupervisedState(state.step + 1, params, model_state, opt_state, state.key, average), sums

    def measure(state: SupervisedState, batch: Any, weight: jax.Array) -> dict:
        batch = prepare(batch)
        params = state.params if state.ema is None else state.ema
        outputs, _ = apply({"params": params, **state.model_state}, batch["inputs"], train=False)
        return {name: _sum_and_count(function(outputs, batch["labels"]), weight) for name, function in scored.items()}

    return Supervised(init, step, measure)


def _sum_and_count(values: jax.Array, weight: jax.Array | None = None) -> tuple:
    """Values, the first axis the batch -> (sum, count). Padding may hold NaN, which a product would keep."""
    if weight is None:
        return values.sum(dtype=jnp.float32), jnp.float32(values.size)
    mask = weight.reshape(-1, *[1] * (values.ndim - 1))
    return jnp.where(mask > 0, values * mask, 0.0).sum(dtype=jnp.float32), weight.sum() * (values.size / weight.size)


def _cast(tree: Any, dtype: Any) -> Any:
    if dtype is None:
        return tree
    return jax.tree.map(lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree)


def moving_average(ema: float, step: jax.Array, average: Any, params: Any) -> Any:
    """The average with the new parameters in it; the first steps weigh more, see `supervised`."""
    decay = jnp.minimum(ema, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda a, p: decay * a + (1.0 - decay) * p, average, params)


def with_hyperparameters(opt_state: Any, values: Mapping[str, Any]) -> Any:
    """An optimizer's state with values of a sweep in it.

    Raises: UsageError if the optimizer has no hyperparameter of a name.
    """
    if not values:
        return opt_state
    own = getattr(opt_state, "hyperparams", {})
    missing = sorted(set(values) - set(own))
    if missing:
        raise UsageError(
            f"--sweep {', '.join(missing)}: the optimizer's hyperparameters are {', '.join(sorted(own)) or 'none'} "
            "(optax.inject_hyperparams makes them)."
        )
    return opt_state._replace(hyperparams={**own, **{k: jnp.asarray(v, own[k].dtype) for k, v in values.items()}})
