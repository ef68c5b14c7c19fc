"""What dlx.information says when it is called wrongly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import information as info

P, JOINT = jnp.array([0.25, 0.75]), jnp.array([[0.25, 0.25], [0.5, 0.0]])
LABELS, SAMPLES = jnp.array([0, 1, 2]), jnp.ones((5, 2))
BAD = jnp.array([1.5, -0.5])
DENSITY, GRID, NAN = jnp.ones(3), jnp.linspace(0.0, 1.0, 3), jnp.nan
CASES = [
    (lambda: info.knn_mutual_information(SAMPLES.at[1, 0].set(NAN), SAMPLES), ValueError, r"x: got nan at \[1, 0\]"),
    (
        lambda: info.knn_mutual_information(SAMPLES, SAMPLES.at[2, 1].set(jnp.inf)),
        ValueError,
        r"y: got inf at \[2, 1\]",
    ),
    (lambda: info.gaussian_kl_divergence(P * NAN, P, P, P), ValueError, r"mean: got nan at \[0\]"),
    (lambda: info.gaussian_kl_divergence(P, P, P / 0, P), ValueError, r"other_mean: got inf at \[0\]"),
    (lambda: info.entropy(BAD), ValueError, r"probabilities: got -0.5 at \[1\], wanted finite numbers >= 0"),
    (lambda: info.entropy(jnp.array([0.5, jnp.nan])), ValueError, "probabilities: got nan at "),
    (lambda: info.entropy(P / 2), ValueError, "probabilities: got the sum 0.5, wanted probabilities with the sum 1"),
    (lambda: info.entropy(jnp.stack([P, P * 2])), ValueError, "probabilities: .* the sum 2, wanted probabilities"),
    (lambda: info.entropy(jnp.asarray(1.0)), ValueError, r"probabilities: got shape \(\), wanted at least 1 axes"),
    (lambda: info.entropy(jnp.array([1, 0])), TypeError, "probabilities: got dtype int32, wanted a floating dtype"),
    (lambda: info.entropy(P, base=1.0), ValueError, r"base: got 1.0, wanted a number in \(1, inf\)"),
    (lambda: info.entropy(P, base="2"), TypeError, "base: got '2' of type str"),
    (lambda: info.perplexity(P / 2), ValueError, "probabilities: .* the sum 0.5"),
    (lambda: info.self_information(P + 0.5), ValueError, r"probabilities: got 1.25 at .* in \[0, 1\]"),
    (lambda: info.self_information(-P), ValueError, "probabilities: got -0.25 at "),
    (lambda: info.self_information(P, base=0.5), ValueError, "base: got 0.5"),
    (lambda: info.self_information(jnp.array(1)), TypeError, "probabilities: got dtype int32"),
    (lambda: info.cross_entropy(P, BAD), ValueError, "other: got -0.5 at "),
    (lambda: info.cross_entropy(BAD, P), ValueError, "probabilities: got -0.5 at "),
    (lambda: info.cross_entropy(P[None], P), ValueError, r"other: got shape \(2,\), wanted \(1, 2\)"),
    (lambda: info.cross_entropy(P, P, base=0), ValueError, "base: got 0"),
    (lambda: info.kl_divergence(P, P / 2), ValueError, "other: .* the sum 0.5"),
    (lambda: info.kl_divergence(P / 2, P), ValueError, "probabilities: .* the sum 0.5"),
    (lambda: info.kl_divergence(P, P[None]), ValueError, r"other: got shape \(1, 2\)"),
    (lambda: info.kl_divergence(P, P, base=1), ValueError, "base: got 1"),
    (lambda: info.joint_entropy(P), ValueError, r"joint: got shape \(2,\), wanted at least 2 axes"),
    (lambda: info.joint_entropy(JOINT * 2), ValueError, "joint: .* the sum 2"),
    (lambda: info.joint_entropy(JOINT, base=1), ValueError, "base: got 1"),
    (lambda: info.conditional_entropy(JOINT, given="z"), ValueError, "given: got 'z', wanted one of x, y"),
    (lambda: info.conditional_entropy(JOINT * 2), ValueError, "joint: .* the sum 2"),
    (lambda: info.conditional_entropy(JOINT, base=1), ValueError, "base: got 1"),
    (lambda: info.mutual_information(JOINT, form="remain"), ValueError, "form: .* nearest: remainder"),
    (lambda: info.mutual_information(-JOINT), ValueError, r"joint: got -0.25 at \[0, 0\], wanted finite numbers >= 0"),
    (lambda: info.mutual_information(JOINT, base=1), ValueError, "base: got 1"),
    (lambda: info.pointwise_mutual_information(JOINT * 2), ValueError, "joint: .* the sum 2"),
    (lambda: info.pointwise_mutual_information(JOINT, base=1), ValueError, "base: got 1"),
    (lambda: info.differential_entropy(P, P[:1]), ValueError, r"points: got shape \(1,\), wanted \(2,\)"),
    (lambda: info.differential_entropy(-P, P), ValueError, "densities: got -0.25 at "),
    (lambda: info.differential_entropy(LABELS, LABELS), TypeError, "densities: got dtype int32"),
    (lambda: info.differential_entropy(P, LABELS[:2]), TypeError, "points: got dtype int32"),
    (
        lambda: info.differential_entropy(DENSITY, GRID[::-1]),
        ValueError,
        r"points: got 0.5 at \[1\] after 1, wanted them",
    ),
    (lambda: info.differential_entropy(DENSITY, GRID * 0), ValueError, "points: .* wanted them ascending"),
    (lambda: info.differential_entropy(DENSITY * 3, GRID), ValueError, "densities: got the integral 3 over the points"),
    (lambda: info.differential_entropy(DENSITY, GRID * NAN), ValueError, "points: got nan at "),
    (lambda: info.differential_entropy(P, P, base=1), ValueError, "base: got 1"),
    (lambda: info.gaussian_entropy(-P), ValueError, "stddev: got -0.25 at "),
    (lambda: info.gaussian_entropy(LABELS), TypeError, "stddev: got dtype int32"),
    (lambda: info.gaussian_entropy(P, base=1), ValueError, "base: got 1"),
    (lambda: info.multivariate_gaussian_entropy(SAMPLES), ValueError, r"covariance: got shape \(5, 2\)"),
    (lambda: info.multivariate_gaussian_entropy(P), ValueError, r"covariance: got shape \(2,\)"),
    (lambda: info.multivariate_gaussian_entropy(jnp.eye(2, dtype=int)), TypeError, "covariance: got dtype int32"),
    (lambda: info.multivariate_gaussian_entropy(jnp.eye(2), base=1), ValueError, "base: got 1"),
    (
        lambda: info.multivariate_gaussian_entropy(jnp.array([[2.0, 1.0], [0.0, 2.0]])),
        ValueError,
        r"covariance: got entries \(0, 1\) and \(1, 0\) that differ, wanted symmetry",
    ),
    (lambda: info.multivariate_gaussian_entropy(jnp.eye(2) * NAN), ValueError, r"covariance: got nan at \[0, 0\]"),
    (lambda: info.uniform_entropy(P + 1, P), ValueError, "high - low: got -1 at "),
    (lambda: info.uniform_entropy(P, P[0]), ValueError, r"high: got shape \(\), wanted \(2,\)"),
    (lambda: info.uniform_entropy(LABELS, LABELS), TypeError, "low: got dtype int32"),
    (lambda: info.uniform_entropy(P, LABELS[:2]), TypeError, "high: got dtype int32"),
    (lambda: info.uniform_entropy(P, P + 1, base=1), ValueError, "base: got 1"),
    (lambda: info.gaussian_kl_divergence(P, P, P, P[0]), ValueError, r"other_stddev: got shape \(\)"),
    (lambda: info.gaussian_kl_divergence(P, -P, P, P), ValueError, "stddev: got -0.25 at "),
    (lambda: info.gaussian_kl_divergence(P, P, P, -P), ValueError, "other_stddev: got -0.25 at "),
    (lambda: info.gaussian_kl_divergence(*[LABELS] * 4), TypeError, "mean: got dtype int32"),
    (lambda: info.gaussian_kl_divergence(P, P, P, P, base=1), ValueError, "base: got 1"),
    (lambda: info.gaussian_mutual_information(BAD), ValueError, r"correlation: got 1.5 at .* in \[-1, 1\]"),
    (lambda: info.gaussian_mutual_information(LABELS), TypeError, "correlation: got dtype int32"),
    (lambda: info.gaussian_mutual_information(P, base=1), ValueError, "base: got 1"),
    (lambda: info.empirical_distribution(LABELS, outcomes=2), ValueError, "samples: got outcomes from 0 to 2, .* to 1"),
    (lambda: info.empirical_distribution(LABELS - 1, outcomes=3), ValueError, "samples: got outcomes from -1 to 1"),
    (lambda: info.empirical_distribution(P, outcomes=2), TypeError, "samples: got dtype float32, wanted integers"),
    (lambda: info.empirical_distribution(LABELS[:0], outcomes=2), ValueError, r"samples: got shape \(0,\)"),
    (lambda: info.empirical_distribution(LABELS[None], outcomes=3), ValueError, r"samples: got shape \(1, 3\)"),
    (lambda: info.empirical_distribution(LABELS, outcomes=0), ValueError, "outcomes: got 0"),
    (lambda: info.empirical_joint(LABELS, LABELS[:2], outcomes=(3, 3)), ValueError, r"y: got shape \(2,\)"),
    (lambda: info.empirical_joint(LABELS, LABELS, outcomes=(3, 2)), ValueError, "y: got outcomes from 0 to 2"),
    (lambda: info.empirical_joint(LABELS, LABELS, outcomes=(2, 3)), ValueError, "x: got outcomes from 0 to 2"),
    (
        lambda: info.entropy_from_samples(LABELS, outcomes=3, correction="miller"),
        ValueError,
        "correction: got 'miller'",
    ),
    (lambda: info.entropy_from_samples(LABELS, outcomes=3, base=1), ValueError, "base: got 1"),
    (
        lambda: info.mutual_information_from_samples(LABELS, LABELS, outcomes=(3, 3), correction="?"),
        ValueError,
        "correction: got '?'",
    ),
    (
        lambda: info.mutual_information_from_samples(LABELS, LABELS, outcomes=(3, 3), base=1),
        ValueError,
        "base: got 1",
    ),
    (lambda: info.knn_mutual_information(SAMPLES, SAMPLES[:4]), ValueError, r"y: got shape \(4, 2\), wanted \(5, fea"),
    (lambda: info.knn_mutual_information(SAMPLES[0], SAMPLES), ValueError, r"x: got shape \(2,\)"),
    (
        lambda: info.knn_mutual_information(SAMPLES, SAMPLES, neighbors=5),
        ValueError,
        "neighbors: got 5, wanted at most 4",
    ),
    (lambda: info.knn_mutual_information(SAMPLES, SAMPLES, neighbors=0), ValueError, "neighbors: got 0"),
    (lambda: info.knn_mutual_information(SAMPLES.astype(int), SAMPLES), TypeError, "x: got dtype int32"),
    (lambda: info.knn_mutual_information(SAMPLES, SAMPLES, base=1), ValueError, "base: got 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_numbers_that_cannot_be_seen_give_nan_and_rounding_is_let_pass():
    assert np.isnan(jax.jit(info.entropy)(BAD))
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        probabilities = jax.nn.softmax(jnp.linspace(0, 3, 1000).astype(dtype))
        assert np.isfinite(info.entropy(probabilities))
    samples = jnp.array([-1, 0, 1, 2])
    assert jax.jit(lambda s: info.empirical_distribution(s, outcomes=2))(samples).tolist() == [0.25, 0.25]
    pairs = jax.jit(lambda s: info.empirical_joint(s, s, outcomes=(2, 2)))(samples)
    assert pairs.tolist() == [[0.25, 0], [0, 0.25]]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_not_finite_show_in_a_compiled_estimate(wrong):
    samples = jax.random.normal(jax.random.key(0), (8, 2))
    estimate = jax.jit(info.knn_mutual_information)
    assert np.isfinite(estimate(samples[:, :1], samples[:, 1:]))
    assert np.isnan(estimate(samples[:, :1].at[3].set(wrong), samples[:, 1:]))
