"""dlx.optim: a wrong value is an error that names the argument, what came and what was wanted."""

import jax
import jax.numpy as jnp
import jaxtyping
import pytest

from dlx import optim

X = jnp.ones(2)
KEY = jax.random.key(0)


def square(x):
    return jnp.sum(x**2)


CASES = [
    (lambda: optim.nesterov(-0.1), r"learning_rate: got -0.1, wanted a number in \[0, inf\)"),
    (lambda: optim.nesterov(0.1, decay=1.0), "decay: got 1.0"),
    (lambda: optim.adagrad(float("nan")), "learning_rate: got nan"),
    (lambda: optim.adagrad(0.1, eps=-1.0), "eps: got -1.0"),
    (lambda: optim.adagrad(0.1, initial=-1.0), "initial: got -1.0"),
    (lambda: optim.rmsprop(0.1, decay=1.0), "decay: got 1.0"),
    (lambda: optim.rmsprop(0.1, eps=-1e-8), "eps: got -1e-08"),
    (lambda: optim.rmsprop(0.1, momentum=1.0), "momentum: got 1.0"),
    (lambda: optim.rmsprop(0.1, momentum_of="steps"), "momentum_of: got 'steps', .* nearest: step"),
    (lambda: optim.adadelta(learning_rate=-1.0), "learning_rate: got -1.0"),
    (lambda: optim.adadelta(rho=1.0), "rho: got 1.0"),
    (lambda: optim.adadelta(eps=0.0), r"eps: got 0.0, wanted a number in \(0, inf\)"),
    (lambda: optim.adam(0.1, b2=1.0), r"b2: got 1.0, wanted a number in \[0, 1\)"),
    (lambda: optim.adam(0.1, b1=-0.1), "b1: got -0.1"),
    (lambda: optim.adamw(0.1, b2=1.5), "b2: got 1.5"),
    (lambda: optim.adamw(0.1, weight_decay=-1.0), "weight_decay: got -1.0"),
    (lambda: optim.adamw(0.1, mask="kernel"), "mask: got 'kernel', .* nearest: kernels"),
    (lambda: optim.adamw(0.1).init({"bias": X}), "mask: got 'kernels', wanted one that selects"),
    (lambda: optim.adamw(0.1).update({"kernel": X}, optim.adamw(0.1).init({"kernel": X})), "params: got None"),
    (lambda: optim.clip_by_value(0.0), "limit: got 0.0"),
    (lambda: optim.clip_by_global_norm(float("inf")), "max_norm: got inf"),
    (lambda: optim.groups({}), "rules: got none"),
    (lambda: optim.groups({"(": 1.0}), r"rules: got the pattern '\(', wanted a regular expression"),
    (lambda: optim.groups({"a": -1.0}), r"rules\['a'\]: got -1.0"),
    (lambda: optim.groups({"a": 1.0}, default=-2.0), "default: got -2.0"),
    (lambda: optim.groups({"c": 1.0}).init({"a": X, "b": X}), "pattern 'c', .*none has it.*there are a, b"),
    (lambda: optim.groups({"a": 1.0, "a$": 2.0}).init({"a": X}), r"pattern 'a\$', .*earlier patterns"),
    (lambda: optim.constant_schedule(-1.0), "rate: got -1.0"),
    (lambda: optim.inverse_time_schedule(1.0, decay=-1.0), "decay: got -1.0"),
    (lambda: optim.inverse_time_schedule(1.0, power=-1.0), "power: got -1.0"),
    (lambda: optim.exponential_schedule(1.0, decay=1.1), "decay: got 1.1"),
    (lambda: optim.exponential_schedule(1.0, decay=0.5, steps=0), "steps: got 0"),
    (lambda: optim.step_schedule(1.0, every=0), "every: got 0"),
    (lambda: optim.step_schedule(1.0, every=1, decay=2.0), "decay: got 2.0"),
    (lambda: optim.polynomial_schedule(1.0, steps=-3), "steps: got -3"),
    (lambda: optim.polynomial_schedule(1.0, steps=3, end=-1.0), "end: got -1.0"),
    (lambda: optim.polynomial_schedule(1.0, steps=3, power=-1.0), "power: got -1.0"),
    (lambda: optim.cosine_schedule(1.0, steps=0), "steps: got 0"),
    (lambda: optim.cosine_schedule(1.0, steps=3, end=-1.0), "end: got -1.0"),
    (lambda: optim.warmup_schedule(optim.constant_schedule(1.0), steps=0), "steps: got 0"),
    (lambda: optim.warmup_schedule(optim.constant_schedule(1.0), steps=1, start=-1.0), "start: got -1.0"),
    (lambda: optim.join_schedules([optim.constant_schedule(1.0)], [3]), "boundaries: got 1 for 1 schedules"),
    (lambda: optim.join_schedules([optim.constant_schedule(1.0)] * 3, [3, 3]), r"boundaries: got \[3, 3\]"),
    (lambda: optim.one_cycle_schedule(1.0, steps=2), "steps: got 2 with rise 0.3"),
    (lambda: optim.one_cycle_schedule(1.0, steps=9, rise=1.0), "rise: got 1.0"),
    (lambda: optim.one_cycle_schedule(1.0, steps=9, div=0.0), "div: got 0.0"),
    (lambda: optim.one_cycle_schedule(1.0, steps=9, final_div=0.0), "final_div: got 0.0"),
    (lambda: optim.armijo(square, X, -X, factor=1.0), "factor: got 1.0"),
    (lambda: optim.armijo(square, X, -X, decrease=0.0), "decrease: got 0.0"),
    (lambda: optim.armijo(square, X, -X, initial_step=0.0), "initial_step: got 0.0"),
    (lambda: optim.armijo(square, X, -X, max_steps=0), "max_steps: got 0"),
    (lambda: optim.wolfe_conditions(square, X, -X, jnp.ones(()), curvature=1.0), "curvature: got 1.0"),
    (lambda: optim.wolfe_conditions(square, X, -X, jnp.ones(()), decrease=1.0), "decrease: got 1.0"),
    (lambda: optim.gradient_descent(square, X, learning_rate=-1.0, steps=1), "learning_rate: got -1.0"),
    (lambda: optim.gradient_descent(square, X, learning_rate=1.0, steps=0), "steps: got 0"),
    (lambda: optim.gradient_descent(square, {}, learning_rate=1.0, steps=1), "start: got no arrays"),
    (lambda: optim.steepest_descent(square, X, steps=1, search="wolfe"), "search: got 'wolfe'"),
    (lambda: optim.steepest_descent(square, X, steps=0), "steps: got 0"),
    (lambda: optim.nonlinear_conjugate_gradient(square, X, steps=1, kind="polak"), "kind: got 'polak', .* polak_rib"),
    (lambda: optim.nonlinear_conjugate_gradient(square, X, steps=1, search="wolfe"), "search: got 'wolfe'"),
    (lambda: optim.conjugate_gradient(lambda x: x, X, tol=-1.0), "tol: got -1.0"),
    (lambda: optim.conjugate_gradient(lambda x: x, X, max_steps=0), "max_steps: got 0"),
    (lambda: optim.conjugate_gradient(lambda x: x, X, x0=jnp.ones(3)), r"x0: got shape \(3,\), wanted \(2,\)"),
    (lambda: optim.sample_minibatch(KEY, 0, 1), "examples: got 0"),
    (lambda: optim.sample_minibatch(KEY, 3, 0, replace=True), "batch_size: got 0"),
    (lambda: optim.sample_minibatch(KEY, 3, 4), "batch_size: got 4, wanted at most 3"),
    (lambda: optim.minibatch_gradient(KEY, lambda p, e: p, X, {"a": X, "b": X[:1]}), r"leading axes \[1, 2\]"),
    (lambda: optim.create("adamw", 0.1, weight_decay=-0.1), "weight_decay: got -0.1"),
    (lambda: optim.create("rmsprop", 0.1, rho=0.9), "option of rmsprop: got 'rho'"),
    (lambda: optim.create("rms", 0.1), "optimizer: got 'rms', .* nearest: .*rmsprop"),
]


TYPES = [
    (lambda: optim.rmsprop("fast"), "learning_rate: got 'fast' of type str"),
    (lambda: optim.groups({"a": "slow"}), r"rules\['a'\]: got 'slow' of type str"),
    (lambda: optim.step_schedule(1.0, every=2.5), "every: got 2.5 of type float"),
    (lambda: optim.armijo(square, jnp.arange(2), -X), "point: got dtype int32, wanted a floating dtype"),
    (lambda: optim.gradient_descent(square, jnp.arange(2), learning_rate=1.0, steps=1), "start: got dtype int32"),
    (lambda: optim.best_restart(square, lambda x: x, jnp.arange(2)), "starts: got dtype int32"),
    (lambda: optim.conjugate_gradient(lambda x: x, jnp.arange(2)), "b: got dtype int32"),
]


@pytest.fixture(autouse=True)
def _no_shape_checker():
    """As a user meets them: the functions' own checks speak."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.erratum("E41")
@pytest.mark.parametrize(("call", "message"), CASES, ids=range(len(CASES)))
def test_value_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), TYPES, ids=range(len(TYPES)))
def test_type_errors(call, message):
    with pytest.raises(TypeError, match=message):
        call()
