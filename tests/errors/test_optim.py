"""What dlx.optim says to what is no function, mapping, list or array: the argument, what came, what was wanted."""

import jax
import jax.numpy as jnp
import optax
import pytest

from dlx import optim
from dlx.optim._tree import dot

KEY, X, A, N = jax.random.key(0), jnp.ones(2), jnp.ones((3, 2)), jnp.arange(3)
ONE = jnp.ones(())
RATE = optim.constant_schedule(0.1)


def square(x):
    return jnp.sum(x**2)


def same(x):
    return x


def loss(params, example):
    return jnp.vdot(params, example)


SEARCHES = [
    ("armijo", lambda f: optim.armijo(f, X, -X)),
    ("wolfe_conditions", lambda f: optim.wolfe_conditions(f, X, -X, ONE)),
    ("gradient_descent", lambda f: optim.gradient_descent(f, X, learning_rate=0.1, steps=1)),
    ("steepest_descent", lambda f: optim.steepest_descent(f, X, steps=1)),
    ("nonlinear_conjugate_gradient", lambda f: optim.nonlinear_conjugate_gradient(f, X, steps=1)),
    ("best_restart", lambda f: optim.best_restart(f, same, A)),
]
OPTIMIZERS = {
    "sgd": optim.sgd(0.1),
    "momentum": optim.momentum(0.1),
    "adagrad": optim.adagrad(0.1),
    "rmsprop": optim.rmsprop(0.1),
    "adadelta": optim.adadelta(),
    "adam": optim.adam(0.1),
    "adamw": optim.adamw(0.1, mask="all"),
}
CASES = [
    (lambda: optim.armijo(square, X, A), ValueError, r"direction: got shape \(3, 2\), wanted \(2,\), the shape of p"),
    (lambda: optim.armijo(square, X, [X]), ValueError, r"direction: got the tree .* wanted .*, that of point"),
    (lambda: optim.armijo(square, X, 1.0), TypeError, "direction: got 1.0 of type float, wanted an array"),
    (lambda: optim.wolfe_conditions(square, X, A, ONE), ValueError, r"direction: got shape \(3, 2\), wanted \(2,\)"),
    (lambda: optim.wolfe_conditions(square, X, -X, "far"), TypeError, "step: got 'far' of type str, wanted a number"),
    (lambda: optim.best_restart(square, A, A), TypeError, r"method: got an array of shape \(3, 2\), wanted a function"),
    (lambda: optim.best_restart(square, same, ONE), ValueError, r"starts: got shape \(\), wanted starts stacked"),
    (
        lambda: optim.best_restart(square, same, [A, X]),
        ValueError,
        r"starts: got shape \[\(3, 2\), \(2,\)\], wanted starts stacked along one leading axis",
    ),
    (lambda: optim.conjugate_gradient(A, X), TypeError, r"matvec: got an array of shape \(3, 2\), wanted a function"),
    (
        lambda: optim.conjugate_gradient(lambda x: x[:1], X),
        ValueError,
        r"matvec: got shape \(1,\), wanted \(2,\), the shape of b",
    ),
    (lambda: optim.conjugate_gradient(same, X, x0=[X]), ValueError, "x0: got the tree .* that of b"),
    (lambda: optim.create(3, 0.1), TypeError, "optimizer: got 3 of type int, wanted a name: sgd, .* or optax.NAME"),
    (lambda: optim.create(A, 0.1), TypeError, r"optimizer: got an array of shape \(3, 2\), wanted a name"),
    (lambda: optim.create("adam", 0.1, inject="b1"), TypeError, "inject: got 'b1' of type str, wanted a list of names"),
    (lambda: optim.create("adam", 0.1, l2=-1.0), ValueError, r"l2: got -1.0, wanted a number in \[0, inf\)"),
    (lambda: optim.create("adam", 0.1, l2=float("inf")), ValueError, "l2: got inf"),
    (
        lambda: optim.create("sgd", 0.1, b1=0.9),
        ValueError,
        "option of sgd: got 'b1', wanted none: it has only a learning rate",
    ),
    (lambda: optim.groups([1.0]), TypeError, r"rules: got \[1.0\] of type list, wanted {pattern: factor or transform"),
    (lambda: optim.groups(A), TypeError, r"rules: got an array of shape \(3, 2\), wanted {pattern"),
    (lambda: optim.groups({3: 1.0}), TypeError, "rules: got the pattern 3 of type int, wanted a regular expression"),
    (lambda: optim.global_norm([1.0, 2.0]), TypeError, "tree: got 1.0 of type float, wanted an array"),
    (lambda: optim.global_norm({"a": N}), TypeError, "tree: got dtype int32, wanted a floating dtype"),
    (lambda: optim.join_schedules(A, [3]), TypeError, r"schedules: got an array of shape \(3, 2\), wanted a list"),
    (
        lambda: optim.join_schedules([RATE, 0.1], [3]),
        TypeError,
        r"schedules\[1\]: got 0.1 of type float, wanted a func",
    ),
    (lambda: optim.join_schedules([RATE, RATE], 3), TypeError, "boundaries: got 3 of type int, wanted a list"),
    (lambda: optim.join_schedules([RATE, RATE], [2.5]), TypeError, r"boundaries\[0\]: got 2.5 of type float, wanted a"),
    (lambda: optim.join_schedules([RATE, RATE], [0]), ValueError, r"boundaries\[0\]: got 0, wanted a positive int"),
    (lambda: optim.warmup_schedule(0.1, steps=3), TypeError, "schedule: got 0.1 of type float, wanted a function"),
    (lambda: optim.sample_minibatch(0, 3, 1), TypeError, "key: got 0, wanted a key made by jax.random.key"),
    (lambda: optim.minibatch_gradient(0, loss, X, A), TypeError, "key: got 0, wanted a key made by jax.random.key"),
    (lambda: optim.minibatch_gradient(KEY, "mean", X, A), TypeError, "loss: got 'mean' of type str, wanted a function"),
    (
        lambda: optim.minibatch_gradient(KEY, loss, [1.0], A),
        TypeError,
        "params: got 1.0 of type float, wanted an array",
    ),
    (
        lambda: optim.minibatch_gradient(KEY, loss, X, [1.0]),
        TypeError,
        "examples: got 1.0 of type float, wanted an arr",
    ),
    (
        lambda: optim.minibatch_gradient(KEY, loss, X, ONE),
        ValueError,
        r"examples: got a scalar, wanted arrays \(n, ...",
    ),
    (lambda: optim.clip_by_value(1.0).update(N, ()), TypeError, "updates: got dtype int32, wanted a floating dtype"),
    (lambda: optim.clip_by_global_norm(1.0).update(N, ()), TypeError, "updates: got dtype int32"),
    (lambda: optim.weight_decay(0.1).update(N, (), N), TypeError, "updates: got dtype int32"),
    (lambda: optim.adadelta(learning_rate="fast"), TypeError, "learning_rate: got 'fast' of type str, wanted a number"),
    (lambda: optim.adadelta(rho=[0.9]), TypeError, r"rho: got \[0.9\] of type list, wanted a number"),
    (lambda: optim.adadelta(eps=X), TypeError, "eps: got Array.* wanted a number"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:24] for _, _, message in CASES])
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error


@pytest.mark.parametrize("call", [call for _, call in SEARCHES], ids=[name for name, _ in SEARCHES])
def test_what_is_descended_is_a_function_to_a_scalar(call):
    with pytest.raises(
        TypeError, match=r"function: got an array of shape \(3, 2\), wanted a function from a point to a"
    ):
        call(A)
    with pytest.raises(TypeError, match="function: got None of type NoneType, wanted a function"):
        call(None)
    with pytest.raises(ValueError, match=r"function: got a value of shape \(2,\), wanted a scalar"):
        call(same)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_integers_are_no_parameters_and_no_gradients(name):
    """A rate of 0.1 in their dtype is 0: nothing would ever move."""
    optimizer, params = OPTIMIZERS[name], {"a": jnp.ones(3)}
    with pytest.raises(TypeError, match="params: got dtype int32, wanted a floating dtype"):
        optimizer.init({"a": N})
    with pytest.raises(TypeError, match="updates: got dtype int32, wanted a floating dtype"):
        optimizer.update({"a": N}, optimizer.init(params), params)
    with pytest.raises(TypeError, match=r"updates: got 1\.0 of type float, wanted an array"):
        optimizer.update({"a": 1.0}, optimizer.init(params), params)


def test_a_long_argument_is_shown_in_part():
    with pytest.raises(TypeError, match=r"rules: got \[0, 1, 2, .{27}\.\.\. of type list"):
        optim.groups(list(range(1000)))


def test_an_inner_product_wants_trees_of_as_many_leaves():
    assert dot([X, X], [X, 2 * X]) == 6
    with pytest.raises(ValueError, match="shorter"):
        dot([X, X], [X])


SHAPED = OPTIMIZERS | {
    "nesterov": optim.nesterov(0.1),
    "amsgrad": optim.adam(0.1, amsgrad=True),
    "rmsprop with momentum": optim.rmsprop(0.1, momentum=0.9),
    "weight_decay": optim.weight_decay(0.1),
    "created": optim.create("adam", 0.1, l2=0.1),
    "in a chain": optax.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.1)),
    "in a group": optim.groups({"kernel": optim.adam(0.1)}, default=optim.sgd(0.1)),
    "masked": optax.masked(optim.adagrad(0.1), {"kernel": True, "bias": False}),
}
WEIGHTS = {"kernel": A, "bias": X}


@pytest.mark.parametrize("name", SHAPED)
@pytest.mark.parametrize("compiled", [False, True])
def test_updates_have_the_shapes_of_the_parameters(name, compiled):
    """A gradient of shape (1, 2) would be spread over a kernel (3, 2) without a word."""
    optimizer = SHAPED[name]
    update = jax.jit(optimizer.update) if compiled else optimizer.update
    state = optimizer.init(WEIGHTS)
    with pytest.raises(ValueError, match=r"updates: kernel: got shape \(1, 2\), wanted \(3, 2\)(\n|$)"):
        update(WEIGHTS | {"kernel": A[:1]}, state, WEIGHTS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_have_the_tree_of_the_parameters(name):
    optimizer = OPTIMIZERS[name]
    state = optimizer.init(WEIGHTS)
    for updates, message in (
        ({"kernel": A}, "updates: got no bias, wanted the tree of the parameters"),
        (WEIGHTS | {"scale": X}, "updates: got scale, which the parameters do not have"),
        ([A, X], "updates: got no bias, wanted the tree"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.update(updates, state, WEIGHTS)


def test_parameters_have_the_shapes_of_the_state():
    optimizer = OPTIMIZERS["adamw"]
    with pytest.raises(ValueError, match=r"params: kernel: got shape \(1, 2\), wanted \(3, 2\)"):
        optimizer.update(WEIGHTS, optimizer.init(WEIGHTS), WEIGHTS | {"kernel": A[:1]})
    with pytest.raises(ValueError, match=r"updates: got shape \(1, 2\), wanted \(3, 2\)"):
        optim.adam(0.1).update(A[:1], optim.adam(0.1).init(A))
