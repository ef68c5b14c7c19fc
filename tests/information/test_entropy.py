"""dlx.information: self-information, entropies, cross entropy, perplexity."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import information, losses
from tests.proof import configurations, prove
from tests.reference import information as reference
from tests.tolerances import assert_close


def weights(rng, *shape):
    """Positive numbers, which the functions under test normalise."""
    return rng.uniform(0.2, 1.0, shape)


def normalised(function, axes=(-1,)):
    """The function of weights divided by their sum: finite differences may leave the simplex, the function may not."""
    return lambda *arrays: function(*(w / w.sum(axes, keepdims=True) for w in arrays))


@pytest.mark.row(281)
@pytest.mark.erratum("E66")
@configurations()
def test_self_information(rng):
    p = rng.uniform(0.05, 0.6, (2, 3))
    prove(information.self_information, [p], reference=lambda p: np.vectorize(lambda v: -math.log(v))(p))


@pytest.mark.row(281)
@pytest.mark.erratum("E66")
@pytest.mark.parametrize("bits", [1, 3, 8, 64])
def test_a_string_of_n_bits_carries_n_bits(x64, bits):
    assert_close(information.self_information(jnp.asarray(2.0**-bits), base=2), bits)
    assert information.self_information(jnp.array([0.0, 1.0])).tolist() == [math.inf, 0]


@pytest.mark.row(293)
@pytest.mark.erratum("E65")
@pytest.mark.gap("U30")
def test_information_of_independent_events_adds(x64, rng):
    p, q = jnp.asarray(rng.uniform(0, 1, 5)), jnp.asarray(rng.uniform(0, 1, 5))
    information_of = information.self_information
    assert_close(information_of(p * q), information_of(p) + information_of(q))
    # and not the product of the logarithms
    assert np.abs(information_of(p * q) - information_of(p) * information_of(q)).max() > 0.1


@pytest.mark.row(282)
@configurations()
def test_entropy(rng):
    stats = pytest.importorskip("scipy.stats")
    w = weights(rng, 3, 5)
    prove(
        normalised(information.entropy),
        [w],
        reference=normalised(reference.rows(reference.entropy)),
        kind="contraction",
    )
    p = w / w.sum(-1, keepdims=True)
    p[0] = [0, 1, 0, 0, 0]
    with jax.enable_x64(True):
        assert_close(information.entropy(jnp.asarray(p)), stats.entropy(p, axis=-1))
        assert_close(information.entropy(jnp.asarray(p), base=2), stats.entropy(p, base=2, axis=-1))


@pytest.mark.row(282)
def test_entropy_of_what_is_certain_has_no_infinite_gradient():
    value, gradient = jax.value_and_grad(information.entropy)(jnp.array([1.0, 0.0]))
    assert value == 0
    assert gradient.tolist() == [-1, 0]


@pytest.mark.row(285)
@pytest.mark.erratum("E67")
def test_gradient_ascent_reaches_the_uniform_distribution(x64, rng):
    k = 6
    start = jnp.asarray(rng.standard_normal(k))

    def value(logits):
        return information.entropy(jax.nn.softmax(logits))

    ascent = jax.jit(lambda z: jax.lax.fori_loop(0, 500, lambda _, z: z + 2.0 * jax.grad(value)(z), z))
    end = jax.nn.softmax(ascent(start))
    assert_close(end, np.full(k, 1 / k))
    assert_close(information.entropy(end), math.log(k))
    assert value(start) < math.log(k)


@pytest.mark.row(282, 293)
@pytest.mark.gap("U30")
def test_shannons_axioms(x64, rng):
    entropy = information.entropy
    # of k equal outcomes it grows with k
    uniform = [float(entropy(jnp.full(k, 1 / k))) for k in range(1, 9)]
    assert uniform == sorted(uniform)
    assert_close(uniform, np.log(range(1, 9)))
    # continuous: also where an outcome vanishes
    assert abs(entropy(jnp.array([1 - 1e-9, 1e-9])) - entropy(jnp.array([1.0, 0.0]))) < 1e-7
    # a choice in two stages has the entropy of the choice in one
    p = rng.dirichlet(np.ones(4))
    left, right = p[:2].sum(), p[2:].sum()
    stages = (
        entropy(jnp.array([left, right]))
        + left * entropy(jnp.asarray(p[:2] / left))
        + right * entropy(jnp.asarray(p[2:] / right))
    )
    assert_close(stages, entropy(jnp.asarray(p)))


@pytest.mark.row(286, 287)
@pytest.mark.erratum("E68")
@configurations()
def test_entropies_of_two_variables(rng):
    def ours(joint):
        conditional = information.conditional_entropy
        return information.joint_entropy(joint), conditional(joint), conditional(joint, given="y")

    def by_hand(w):
        joint = w / w.sum()
        conditional = reference.conditional_entropy
        return tuple(
            np.float64(v) for v in (reference.joint_entropy(joint), conditional(joint), conditional(joint, given="y"))
        )

    prove(normalised(ours, (-2, -1)), [weights(rng, 3, 4)], reference=by_hand, kind="contraction")


@pytest.mark.row(287)
@pytest.mark.erratum("E68")
def test_conditional_entropy_is_not_the_form_with_a_plus(x64):
    # X is known; Y is X with probability 3/4
    joint = jnp.array([[3 / 8, 1 / 8], [1 / 8, 3 / 8]])
    want = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert_close(information.conditional_entropy(joint, base=2), want)
    # an outcome that never happens changes nothing
    padded = jnp.pad(joint, ((0, 1), (0, 1)))
    assert_close(information.conditional_entropy(padded, base=2), want)
    assert np.isfinite(jax.grad(information.conditional_entropy)(padded)).all()


@pytest.mark.row(16, 284)
@configurations()
def test_cross_entropy(rng):
    p, q = weights(rng, 2, 4), weights(rng, 2, 4)
    prove(
        normalised(information.cross_entropy),
        [p, q],
        reference=normalised(reference.rows(reference.cross_entropy)),
        kind="contraction",
    )
    with jax.enable_x64(True):
        p, q = (jnp.asarray(w / w.sum(-1, keepdims=True)) for w in (p, q))
        assert_close(information.cross_entropy(p, q), losses.categorical_cross_entropy(q, p))
        assert_close(information.cross_entropy(p, q, base=2) * math.log(2), information.cross_entropy(p, q))


@pytest.mark.row(284)
def test_cross_entropy_is_least_at_the_true_distribution(x64, rng):
    p = jnp.asarray(rng.dirichlet(np.ones(5)))
    gradient = jax.grad(lambda logits: information.cross_entropy(p, jax.nn.softmax(logits)))(jnp.log(p))
    assert_close(gradient, np.zeros(5))
    assert information.cross_entropy(jnp.array([0.5, 0.5]), jnp.array([1.0, 0.0])) == math.inf
    assert information.cross_entropy(jnp.array([1.0, 0.0]), jnp.array([1.0, 0.0])) == 0


@pytest.mark.row(282)
@configurations()
def test_perplexity(rng):
    w = weights(rng, 2, 4)
    prove(
        normalised(information.perplexity),
        [w],
        reference=normalised(reference.rows(lambda p: math.exp(reference.entropy(p)))),
        kind="contraction",
    )
    assert_close(information.perplexity(jnp.full(6, 1 / 6)), 6)
