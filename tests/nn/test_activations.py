"""dlx.nn: activations."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import nn
from dlx.nn import activations
from tests.proof import check_reference, configurations, prove, scalar_gradient, shape
from tests.reference import activations as reference
from tests.reference.activations import elementwise
from tests.tolerances import assert_close

ELEMENTWISE = [
    pytest.param(nn.sigmoid, reference.sigmoid, jax.nn.sigmoid, marks=[pytest.mark.row(3), pytest.mark.erratum("E1")]),
    pytest.param(nn.tanh, reference.tanh, jnp.tanh, marks=pytest.mark.row(4)),
    pytest.param(nn.relu, reference.relu, jax.nn.relu, marks=pytest.mark.row(8)),
    pytest.param(nn.leaky_relu, lambda x: x if x > 0 else 0.01 * x, jax.nn.leaky_relu, marks=pytest.mark.row(10)),
    pytest.param(nn.abs_rectifier, abs, jnp.abs, marks=pytest.mark.row(11)),
    pytest.param(nn.elu, lambda x: reference.elu(x, 1.0), jax.nn.elu, marks=pytest.mark.row(12)),
    pytest.param(nn.gelu, reference.gelu, lambda x: jax.nn.gelu(x, approximate=False)),
    pytest.param(nn.silu, lambda x: x * reference.sigmoid(x), jax.nn.silu),
    pytest.param(nn.squared_relu, lambda x: max(0.0, x) ** 2, lambda x: jax.nn.relu(x) ** 2),
    pytest.param(nn.softplus, lambda x: reference.softplus(x, 1.0, 20.0), jax.nn.softplus, marks=pytest.mark.row(13)),
]
NAMES = [parameters.values[0].__name__ for parameters in ELEMENTWISE]


@configurations()
@pytest.mark.parametrize(("function", "by_hand", "library"), ELEMENTWISE, ids=NAMES)
def test_elementwise_activation(rng, function, by_hand, library):
    x = 3 * rng.standard_normal(shape(rng))
    prove(function, [x], reference=elementwise(by_hand))
    prove_equal_to(function, library, x)


def prove_equal_to(function, library, x):
    with jax.enable_x64(True):
        assert_close(function(jnp.asarray(x)), library(jnp.asarray(x)))
        assert_close(scalar_gradient(function, jnp.asarray(x)), scalar_gradient(library, jnp.asarray(x)))


@pytest.mark.row(38)
@pytest.mark.parametrize(
    "name", sorted(set(activations.__all__) | {"softmax", "log_softmax", "logsumexp", "layer_norm"})
)
def test_values_and_gradients_are_finite_to_ten_thousand(name):
    x = jnp.array([-1e4, -100.0, -89.0, -1e-4, 0.0, 0.0, 1e-4, 89.0, 100.0, 1e4], jnp.float32)
    alpha = (jnp.float32(0.25),) if name == "prelu" else ()
    value, pull = jax.vjp(lambda *args: getattr(nn, name)(*args), x, *alpha)
    assert np.isfinite(value).all()
    for gradient in pull(jnp.ones_like(value)):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() <= np.abs(x).sum()  # what a slope or a sum of inputs can give


@configurations()
def test_gelu_by_tanh(rng):
    x = 3 * rng.standard_normal(shape(rng))

    def by_tanh(x):
        return nn.gelu(x, approximate="tanh")

    prove(by_tanh, [x], reference=elementwise(reference.gelu_tanh))
    prove_equal_to(by_tanh, jax.nn.gelu, x)


def test_gelu_and_silu_are_pytorch_s(x64):
    torch = pytest.importorskip("torch")
    x = np.linspace(-9, 9, 37)
    pairs = [
        (nn.gelu, torch.nn.functional.gelu),
        (lambda x: nn.gelu(x, approximate="tanh"), lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
        (nn.silu, torch.nn.functional.silu),
    ]
    for ours, theirs in pairs:
        tensor = torch.tensor(x, requires_grad=True)
        theirs(tensor).sum().backward()
        assert_close(ours(jnp.asarray(x)), theirs(tensor).detach().numpy())
        assert_close(scalar_gradient(ours, jnp.asarray(x)), tensor.grad.numpy())


def test_gelu_keeps_its_digits_far_below_zero(x64):
    """Phi(-12) = 1.776482112077679e-33, from tables; 1 + erf is 0 there."""
    x = jnp.asarray([-12.0])
    np.testing.assert_allclose(nn.gelu(x), [-12 * 1.776482112077679e-33], rtol=1e-12)
    found = np.asarray(nn.gelu(jnp.linspace(-5, 5, 1001)) - nn.gelu(jnp.linspace(-5, 5, 1001), approximate="tanh"))
    assert 4e-4 < np.abs(found).max() < 5e-4


@pytest.mark.row(3, 6)
@pytest.mark.erratum("E1")
def test_sigmoid_identities(x64, rng):
    x = jnp.asarray(5 * rng.standard_normal(20))
    assert_close(nn.sigmoid(x) + nn.sigmoid(-x), jnp.ones(20))
    assert_close(nn.sigmoid(x), nn.softmax(jnp.stack([x, jnp.zeros(20)], -1))[:, 0])
    assert_close(scalar_gradient(nn.sigmoid, x), nn.sigmoid(x) * (1 - nn.sigmoid(x)))
    assert float(nn.sigmoid(jnp.float64(2.0))) > 0.5  # the notes' form is below


@pytest.mark.row(4)
def test_tanh_is_a_scaled_sigmoid(x64, rng):
    x = jnp.asarray(2 * rng.standard_normal(20))
    assert_close(nn.tanh(x), 2 * nn.sigmoid(2 * x) - 1)


@pytest.mark.row(8)
def test_relu_at_zero_and_nan():
    assert scalar_gradient(nn.relu, jnp.zeros(1)) == 0
    assert np.isnan(nn.relu(jnp.array([jnp.nan])))


@pytest.mark.row(11)
def test_the_absolute_value_of_zero_has_no_sign():
    for function in (nn.abs_rectifier, jax.jit(nn.abs_rectifier)):
        assert not np.signbit(function(jnp.array([0.0, -0.0]))).any()


@pytest.mark.row(8, 9, 10, 11)
def test_at_the_knee_the_derivative_is_that_of_the_branch_below():
    zero = jnp.zeros(1)
    for slope in (0.0, 0.25, 2.0):
        family = scalar_gradient(lambda x, a=slope: nn.generalised_relu(x, negative_slope=a), zero)
        assert family == scalar_gradient(lambda x, a=slope: nn.leaky_relu(x, negative_slope=a), zero) == slope
        assert scalar_gradient(nn.prelu, zero, jnp.float32(slope)) == slope
    assert scalar_gradient(nn.relu, zero) == 0
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(1, requires_grad=True)
    torch.nn.functional.leaky_relu(tensor).backward()
    assert_close(scalar_gradient(nn.leaky_relu, zero), tensor.grad.numpy())


@pytest.mark.row(10, 11)
def test_the_derivative_at_zero_is_the_documented_one():
    zero = jnp.zeros(1)
    assert scalar_gradient(nn.elu, zero) == 1
    assert scalar_gradient(lambda x: nn.elu(x, alpha=2.0), zero) == 2  # of the exponential branch
    assert scalar_gradient(nn.heaviside, zero) == 0
    assert scalar_gradient(nn.abs_rectifier, zero) == -1
    assert scalar_gradient(lambda x: nn.generalised_relu(x, negative_slope=0.25), zero) == 0.25


@pytest.mark.row(9)
@configurations()
@pytest.mark.parametrize("per_channel", [False, True])
def test_prelu(rng, per_channel):
    torch = pytest.importorskip("torch")
    batch, channels = shape(rng)
    x, alpha = rng.standard_normal((batch, channels)), rng.uniform(0.1, 0.5, (channels,) if per_channel else ())

    def by_hand(x, alpha):
        slopes = np.zeros(x.shape) + alpha
        return np.array(
            [[v if v >= 0 else a * v for v, a in zip(*row, strict=True)] for row in zip(x, slopes, strict=True)]
        )

    prove(nn.prelu, [x, alpha], reference=by_hand)
    expected = torch.nn.functional.prelu(torch.tensor(x), torch.tensor(np.atleast_1d(alpha)))
    with jax.enable_x64(True):
        assert_close(nn.prelu(jnp.asarray(x), jnp.asarray(alpha)), expected.numpy())
        slope_gradient = jax.grad(lambda a: jnp.sum(nn.prelu(jnp.asarray(x), a)))(jnp.asarray(alpha))
        assert_close(slope_gradient, np.where(x < 0, x, 0).sum(0 if per_channel else None))


@pytest.mark.row(10, 11)
@configurations()
def test_slopes(rng):
    slope = float(rng.uniform(-2, 2))
    prove(
        lambda x: nn.generalised_relu(x, negative_slope=slope),
        [rng.standard_normal(shape(rng))],
        reference=elementwise(lambda x: max(0.0, x) + slope * min(0.0, x)),
    )
    small = abs(slope)
    check_reference(
        lambda x: nn.leaky_relu(x, negative_slope=small),
        elementwise(lambda x: x if x > 0 else small * x),
        [rng.standard_normal(7)],
    )


@pytest.mark.row(351)
def test_one_family_of_hidden_units(x64, rng):
    x = jnp.asarray(rng.standard_normal(9))
    for slope, member in ((0.0, nn.relu), (0.01, nn.leaky_relu), (-1.0, nn.abs_rectifier)):
        assert_close(nn.generalised_relu(x, negative_slope=slope), member(x))
        # a pair (x, a x) under maxout is the same unit for a <= 1
        assert_close(nn.maxout(jnp.stack([x, slope * x], -1))[:, 0], member(x))
    assert_close(nn.prelu(x, jnp.float64(0.3)), nn.generalised_relu(x, negative_slope=0.3))


@pytest.mark.row(12)
@configurations()
def test_elu_alpha(rng):
    alpha = float(rng.uniform(0.5, 2))
    prove(
        lambda x: nn.elu(x, alpha=alpha),
        [2 * rng.standard_normal(shape(rng))],
        reference=elementwise(lambda x: reference.elu(x, alpha)),
    )


@pytest.mark.row(13)
@configurations()
def test_softplus_options(rng):
    torch = pytest.importorskip("torch")
    beta, threshold = float(rng.uniform(0.5, 4)), float(rng.uniform(1, 3))
    x = np.concatenate([3 * rng.standard_normal(20), [-1e4, 1e4, 2 * threshold / beta]])
    assert ((beta * x > threshold) & (x < 100)).any()  # the linear branch is entered
    check_reference(
        lambda x: nn.softplus(x, beta=beta, threshold=threshold),
        elementwise(lambda x: reference.softplus(x, beta, threshold)),
        [x],
    )
    with jax.enable_x64(True):
        want = torch.nn.functional.softplus(torch.tensor(x), beta, threshold).numpy()
        assert_close(nn.softplus(jnp.asarray(x), beta=beta, threshold=threshold), want)


@pytest.mark.row(13)
@pytest.mark.parametrize("beta", [1.0, 10.0, 100.0])
def test_softplus_tends_to_relu(x64, beta):
    x = jnp.linspace(-3, 3, 601)
    gap = nn.softplus(x, beta=beta) - nn.relu(x)
    assert_close(jnp.max(gap), math.log(2) / beta)


@pytest.mark.row(14)
@configurations()
def test_maxout(rng):
    group_size = int(rng.integers(1, 5))
    batch, groups = shape(rng)
    prove(
        lambda x: nn.maxout(x, group_size=group_size),
        [rng.standard_normal((batch, groups * group_size))],
        reference=lambda x: reference.maxout(x, group_size),
    )


@pytest.mark.row(14)
def test_maxout_of_w_and_minus_w_is_the_absolute_value(x64, rng):
    x, w = jnp.asarray(rng.standard_normal((5, 3))), jnp.asarray(rng.standard_normal((3, 1)))
    assert_close(nn.maxout(x @ jnp.concatenate([w, -w], 1)), jnp.abs(x @ w))


@pytest.mark.row(14)
def test_maxout_of_lines_is_their_convex_envelope(x64):
    # the tangents of x^2 at -1, 0, 1: largest of -2x - 1, 0, 2x - 1
    x = jnp.linspace(-2, 2, 9)[:, None]
    lines = nn.affine(x, jnp.array([[-2.0, 0.0, 2.0]]), jnp.array([-1.0, 0.0, -1.0]))
    assert_close(nn.maxout(lines, group_size=3)[:, 0], [max(-2 * v - 1, 0, 2 * v - 1) for v in np.linspace(-2, 2, 9)])


@pytest.mark.row(15)
@configurations()
def test_heaviside(rng):
    x = np.concatenate([rng.standard_normal(8), [0.0]])
    prove(nn.heaviside, [x], reference=elementwise(lambda x: 1.0 if x > 0 else 0.0), gradients=[])
    assert not np.any(scalar_gradient(nn.heaviside, jnp.asarray(x, jnp.float32)))


@pytest.mark.row(5)
def test_saturating_units_starve_the_first_layer(x64, rng):
    kernels = jnp.asarray(rng.standard_normal((8, 16, 16)) / 4)
    x = jnp.asarray(rng.standard_normal((32, 16)))

    def norm_of_first_gradient(activation, layers):
        def loss(kernels):
            out = x
            for kernel in kernels[:layers]:
                out = activation(nn.affine(out, kernel))
            return jnp.sum(out) / 32

        return float(jnp.linalg.norm(jax.grad(loss)(kernels)[0]))

    shrink = {f: norm_of_first_gradient(f, 8) / norm_of_first_gradient(f, 2) for f in (nn.sigmoid, nn.tanh, nn.relu)}
    # sigmoid' <= 1/4, and the kernels' largest singular value is below 2: six more layers shrink by at least 2^-6
    assert np.linalg.norm(np.asarray(kernels), 2, axis=(1, 2)).max() < 2.2
    assert shrink[nn.sigmoid] < 2.2**6 / 4**6
    assert shrink[nn.sigmoid] < shrink[nn.tanh] / 10
    assert shrink[nn.sigmoid] < shrink[nn.relu] / 10
