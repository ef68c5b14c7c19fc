"""dlx.backprop: rules of activations against the pulls of JAX and PyTorch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import backprop, nn
from tests.proof import check_transformations, configurations, prove, shape
from tests.tolerances import assert_close

# (name, derivative of one number, the same in torch.nn.functional)
DERIVATIVES = {
    "abs_rectifier": (lambda x: 1 if x > 0 else -1, "abs"),
    "elu": (lambda x: 1 if x > 0 else math.exp(x), "elu"),
    "identity": (lambda x: 1, None),
    "leaky_relu": (lambda x: 1 if x > 0 else 0.01, "leaky_relu"),
    "relu": (lambda x: int(x > 0), "relu"),
    "sigmoid": (lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2, "sigmoid"),
    "softplus": (lambda x: 1 / (1 + math.exp(-x)), "softplus"),
    "tanh": (lambda x: 1 / math.cosh(x) ** 2, "tanh"),
}
RULES = {
    backprop.abs_rectifier_backward: nn.abs_rectifier,
    backprop.elu_backward: nn.elu,
    backprop.generalised_relu_backward: nn.generalised_relu,
    backprop.leaky_relu_backward: nn.leaky_relu,
    backprop.relu_backward: nn.relu,
    backprop.softplus_backward: nn.softplus,
}
OPTIONS = [
    (backprop.elu_backward, {"alpha": 0.7}),
    (backprop.generalised_relu_backward, {"negative_slope": 0.3}),
    (backprop.leaky_relu_backward, {"negative_slope": 0.3}),
    (backprop.softplus_backward, {"beta": 3.0}),
    (backprop.softplus_backward, {"beta": 3.0, "threshold": 1.0}),
]


def test_every_rule_has_its_derivative_here():
    assert {*DERIVATIVES, "softmax"} == set(backprop.ACTIVATION_RULES)
    for name, function in nn.ACTIVATIONS.items():
        assert name not in backprop.ACTIVATION_RULES or backprop.ACTIVATION_RULES[name].forward is function


@pytest.mark.row(48)
@pytest.mark.parametrize("name", DERIVATIVES)
@configurations()
def test_rule(rng, name):
    rule, (derivative, in_torch) = backprop.get_activation_rule(name), DERIVATIVES[name]
    size = shape(rng)
    gradient, x = rng.standard_normal(size), 2 * rng.standard_normal(size)

    def pull(gradient, x):
        return rule.backward(gradient, x, rule.forward(x))

    with jax.enable_x64(True):
        got = pull(jnp.asarray(gradient), jnp.asarray(x))
        assert_close(got, gradient * np.vectorize(derivative, otypes=[float])(x))
        assert_close(got, jax.vjp(rule.forward, jnp.asarray(x))[1](jnp.asarray(gradient))[0])
    check_transformations(pull, [gradient, x])
    if in_torch:
        torch = pytest.importorskip("torch")
        tensor = torch.tensor(x, requires_grad=True)
        function = getattr(torch, in_torch, None) or getattr(torch.nn.functional, in_torch)
        function(tensor).backward(torch.tensor(gradient))
        assert_close(got, tensor.grad.numpy())


@pytest.mark.row(48)
@configurations()
def test_sigmoid_and_tanh_from_their_outputs(rng):
    size = shape(rng)
    gradient, outputs = rng.standard_normal(size), rng.uniform(0.05, 0.95, size)
    prove(backprop.sigmoid_backward, [gradient, outputs], reference=lambda g, y: g * (y - y * y))
    prove(backprop.tanh_backward, [gradient, outputs], reference=lambda g, y: g * (1 - y * y))


@pytest.mark.row(48)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_dtype_is_kept(rng, rule):
    for dtype in (jnp.bfloat16, jnp.float32):
        x = jnp.asarray(rng.standard_normal(5), dtype)
        got = rule(jnp.ones_like(x), x)
        want = jax.vjp(RULES[rule], x)[1](jnp.ones_like(x))[0]
        assert got.dtype == dtype
        assert_close(got, want)


@pytest.mark.row(48)
@pytest.mark.parametrize(("rule", "options"), OPTIONS)
@configurations()
def test_options(rng, rule, options):
    with jax.enable_x64(True):
        gradient, x = jnp.asarray(rng.standard_normal(9)), jnp.asarray(2 * rng.standard_normal(9))
        _, pull = jax.vjp(lambda x: RULES[rule](x, **options), x)
        assert_close(rule(gradient, x, **options), pull(gradient)[0])


@pytest.mark.row(38, 48)
@pytest.mark.parametrize("name", DERIVATIVES)
def test_large_inputs_and_the_knee(name):
    rule = backprop.get_activation_rule(name)
    x = jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4], jnp.float32)
    got = rule.backward(jnp.ones_like(x), x, rule.forward(x))
    assert np.isfinite(got).all()
    assert_close(got, jax.vjp(rule.forward, x)[1](jnp.ones_like(x))[0])


@pytest.mark.row(48)
@configurations()
@pytest.mark.parametrize("per_channel", [False, True])
def test_prelu_backward(rng, per_channel):
    size = shape(rng, 3)
    arrays = [rng.standard_normal(size), rng.standard_normal(size), rng.uniform(0.1, 0.5, size[-1:] * per_channel)]

    def by_hand(gradient, x, alpha):
        by_x, by_alpha = np.empty(x.shape), np.zeros(np.shape(alpha))
        for index in np.ndindex(*x.shape):
            slope = alpha[index[-1]] if per_channel else alpha
            by_x[index] = gradient[index] * (1 if x[index] > 0 else slope)
            by_alpha[index[-1] if per_channel else ()] += gradient[index] * min(x[index], 0)
        return by_x, by_alpha

    prove(backprop.prelu_backward, arrays, reference=by_hand, kind="contraction", vmap=False)
    with jax.enable_x64(True):
        gradient, x, alpha = (jnp.asarray(array) for array in arrays)
        want = jax.vjp(nn.prelu, x, alpha)[1](gradient)
        for ours, theirs in zip(backprop.prelu_backward(gradient, x, alpha), want, strict=True):
            assert_close(ours, theirs, kind="contraction")


@pytest.mark.row(48)
@configurations()
def test_maxout_backward(rng):
    rows, groups, size = shape(rng, 3)
    gradient, x = rng.standard_normal((rows, groups)), rng.standard_normal((rows, groups * size))

    def by_hand(gradient, x):
        out = np.zeros(x.shape)
        for row, group in np.ndindex(rows, groups):
            out[row, group * size + int(np.argmax(x[row, group * size : (group + 1) * size]))] = gradient[row, group]
        return out

    # the values of a maximum jump in bfloat16 where two numbers round to one
    prove(
        lambda g, x: backprop.maxout_backward(g, x, group_size=size),
        [gradient, x],
        reference=by_hand,
        dtypes=("float64", "float32"),
        gradients=[0],
    )
    ties = jnp.array([[1.0, 1.0, 0.0, 2.0]])
    want = jax.vjp(nn.maxout, ties)[1](jnp.array([[1.0, 3.0]]))[0]
    assert_close(backprop.maxout_backward(jnp.array([[1.0, 3.0]]), ties), want)
    assert want.tolist() == [[0.5, 0.5, 0, 3]]


def test_an_own_rule_and_unknown_ones():
    own = backprop.ActivationRule(jnp.sin, lambda g, x, y: g * jnp.cos(x))
    assert backprop.get_activation_rule(own) is own
    assert backprop.get_activation_rule("relu") is backprop.ACTIVATION_RULES["relu"]
