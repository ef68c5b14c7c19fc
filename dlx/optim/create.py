"""Optimizers by name, for configurations and command lines."""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import optax

from dlx.checks import came, check_choice, check_range
from dlx.optim._schedule import LearningRate, check_learning_rate
from dlx.optim.adam import adam, adamw
from dlx.optim.adaptive import adadelta, adagrad, rmsprop
from dlx.optim.regularisation import weight_decay
from dlx.optim.sgd import momentum, nesterov, sgd

__all__ = ["create"]

_OWN = {function.__name__: function for function in (sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamw)}


def create(
    name: str, learning_rate: LearningRate, *, l2: float = 0.0, inject: Sequence[str] = (), **options: Any
) -> optax.GradientTransformationExtraArgs:
    """An optimizer by its name, whose state carries its learning rate.

    `opt_state.hyperparams["learning_rate"]` can be read, and replaced to give every replica of a sweep its own.

    Args:
      name: "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw", or "optax.NAME" for any of
        optax's that has a learning rate ("optax.lamb").
      learning_rate: a number or a schedule (steps done -> learning rate).
      l2: rate of an L2 penalty on the kernels (`weight_decay`), added to the gradient before the optimizer; 0 for none.
      inject: names of further options, numbers, that `hyperparams` shall hold.
      options: further arguments of that optimizer.
    Returns: the optimizer inside `optax.inject_hyperparams`.
    Raises: ValueError if the name, an option or a value is unknown or out of range; TypeError if the name is no word.
    Source: optax, `inject_hyperparams`.
    """
    if not isinstance(name, str):
        raise TypeError(f"optimizer: got {came(name)}, wanted a name: {', '.join(_OWN)} or optax.NAME")
    if not isinstance(inject, list | tuple):
        raise TypeError(f"inject: got {came(inject)}, wanted a list of names")
    check_range("l2", l2, 0, math.inf, open_high=True)
    factory = _find(name)
    known = [parameter for parameter in inspect.signature(factory).parameters if parameter != "learning_rate"]
    for option in (*options, *inject):
        if not known:
            raise ValueError(f"option of {name}: got {option!r}, wanted none: it has only a learning rate")
        check_choice(f"option of {name}", option, known)
    check_learning_rate(learning_rate)
    # inside inject_hyperparams the values are arrays, which no check can look at
    factory(learning_rate=learning_rate, **options)
    penalty = weight_decay(l2)

    @functools.wraps(factory)
    def penalised(*args, **kwargs):
        return optax.chain(penalty, factory(*args, **kwargs)) if l2 else factory(*args, **kwargs)

    static = [option for option in known if option not in inject]
    return optax.inject_hyperparams(penalised, static_args=static)(learning_rate=learning_rate, **options)


def _find(name: str) -> Callable[..., optax.GradientTransformation]:
    if name in _OWN:
        return _OWN[name]
    if name in optax_names():
        return getattr(optax, name.removeprefix("optax."))
    near = difflib.get_close_matches(name, [*_OWN, *optax_names()], n=3, cutoff=0.5)
    near += [other for other in (f"optax.{name}",) if other in optax_names() and other not in near]
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise ValueError(f"optimizer: got {name!r}, wanted {', '.join(_OWN)} or optax.NAME{hint}")


@functools.cache
def optax_names() -> tuple[str, ...]:
    """Every function of optax that makes a transformation from a learning rate; L-BFGS would need the loss itself."""
    names = []
    for name in dir(optax):
        function = getattr(optax, name)
        if name.startswith(("_", "scale_by", "lbfgs")) or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        returned = getattr(signature.return_annotation, "__name__", str(signature.return_annotation))
        if "learning_rate" in signature.parameters and "GradientTransformation" in returned:
            names.append(f"optax.{name}")
    return tuple(names)
