"""dlx.linear: folds, cross validation, capacity, early stopping."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlx import linear
from tests.linear.carried import carried
from tests.proof import configurations, prove
from tests.reference import linear_models as reference
from tests.tolerances import assert_close


def mean_squared_error(params, x, y):
    return jnp.mean((linear.decision_function(params, x) - y) ** 2)


def curve(rng, examples):
    """A noisy sine on [-1, 1]."""
    x = rng.uniform(-1, 1, (examples, 1))
    return jnp.asarray(x), jnp.asarray(np.sin(3 * x[:, 0]) + 0.3 * rng.standard_normal(examples))


@pytest.mark.row(80)
@settings(deadline=None, max_examples=50)
@given(st.integers(2, 60), st.integers(2, 10), st.integers(0, 5))
def test_folds_are_disjoint_and_cover(examples, folds, seed):
    folds = min(folds, examples)
    pairs = linear.fold_indices(examples, folds=folds, seed=seed)
    assert len(pairs) == folds
    assert sorted(np.concatenate([validation for _, validation in pairs])) == list(range(examples))
    sizes = [len(validation) for _, validation in pairs]
    assert max(sizes) - min(sizes) <= 1
    for training, validation in pairs:
        assert sorted([*training, *validation]) == list(range(examples))


@pytest.mark.row(80)
def test_folds_are_random_and_repeatable():
    first, same, other = (linear.fold_indices(30, folds=3, seed=s)[0][1].tolist() for s in (0, 0, 1))
    assert first == same != other
    assert first != list(range(10))


@pytest.mark.row(80)
def test_cross_validation_is_scikit_learns_on_the_same_folds(x64):
    selection = pytest.importorskip("sklearn.model_selection")
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = carried("diabetes")
    folds = linear.fold_indices(len(x), folds=5, seed=3)
    # their alpha is n l2, with n of the training part, which is 353 or 354
    want = [
        -selection.cross_val_score(
            linear_model.Ridge(alpha=len(pair[0]) * 0.01), x, y, cv=[pair], scoring="neg_mean_squared_error"
        )[0]
        for pair in folds
    ]
    got = linear.cross_validate(
        lambda x, y: linear.ridge(x, y, l2=0.01), mean_squared_error, jnp.asarray(x), jnp.asarray(y), folds=5, seed=3
    )
    assert got.shape == (5,)
    np.testing.assert_allclose(got, want, rtol=1e-11)


@pytest.mark.row(80)
def test_a_model_is_never_judged_on_what_it_saw():
    x = jnp.arange(12.0)
    seen = linear.cross_validate(
        lambda x, y: set(x.tolist()), lambda model, x, y: len(model & set(x.tolist())), x, x, folds=4
    )
    assert seen.tolist() == [0, 0, 0, 0]


@pytest.mark.row(79)
@configurations()
@pytest.mark.parametrize(("features", "degree"), [(1, 4), (3, 3)])
def test_polynomial_features(rng, features, degree):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = rng.standard_normal((5, features))

    def by_library(x):
        return preprocessing.PolynomialFeatures(degree, include_bias=False).fit_transform(x)

    prove(lambda x: linear.polynomial_features(x, degree=degree), [x], reference=by_library, kind="contraction")


@pytest.mark.row(79)
@pytest.mark.gap("U23")
@configurations()
def test_the_curve_of_model_complexity_is_a_u(rng):
    with jax.enable_x64(True):
        train, validation = curve(rng, 20), curve(rng, 400)
        degrees = [1, 3, 5, 8, 12, 16]
        result = linear.capacity_sweep(*train, *validation, degrees=degrees)
        assert result.degrees.tolist() == degrees
        assert np.all(np.diff(result.train_error) <= 1e-9)  # a polynomial of degree 3 is one of degree 5
        assert result.best_degree in (3, 5)
        best = result.validation_error.min()
        assert result.validation_error[0] > 1.2 * best
        assert result.validation_error[-1] > 2 * best
        want = np.polyfit(np.asarray(train[0][:, 0]), np.asarray(train[1]), 5)
        errors = [np.mean((np.polyval(want, np.asarray(x[:, 0])) - np.asarray(y)) ** 2) for x, y in (train, validation)]
        np.testing.assert_allclose([result.train_error[2], result.validation_error[2]], errors, rtol=1e-9)


@pytest.mark.row(80)
@pytest.mark.gap("U23")
@configurations()
def test_weight_decay_and_more_data_remedy_over_fitting(rng):
    with jax.enable_x64(True):
        train, more, validation = curve(rng, 20), curve(rng, 500), curve(rng, 400)

        def error(data, l2):
            return linear.capacity_sweep(*data, *validation, degrees=[14], l2=l2).validation_error[0]

        assert error(train, 1e-3) < 0.7 * error(train, 0.0)
        assert error(more, 0.0) < 0.7 * error(train, 0.0)


@pytest.mark.row(80)
@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, float("nan")]), min_size=12, max_size=12),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.6]),
)
def test_early_stopping(losses, patience, min_delta):
    want = reference.early_stopping(losses, patience, min_delta)
    rule = linear.early_stopping(jnp.array(losses), patience=patience, min_delta=min_delta)
    assert (int(rule.best_step), int(rule.stop_step), bool(rule.stopped)) == want


@pytest.mark.row(80)
@pytest.mark.gap("U23")
def test_early_stopping_stops_and_keeps_the_best():
    losses = jnp.array([3.0, 2.0, 1.0, 1.5, 1.2, 1.1, 0.1])
    assert [int(v) for v in linear.early_stopping(losses, patience=3)] == [2, 5, 1]
    assert [int(v) for v in linear.early_stopping(losses, patience=5)] == [6, 6, 0]
    # a fall of less than min_delta is none
    assert int(linear.early_stopping(losses, patience=6, min_delta=1.5).best_step) == 2
    compiled = jax.jit(jax.vmap(lambda losses: linear.early_stopping(losses, patience=3)))(jnp.stack([losses, -losses]))
    assert compiled.best_step.tolist() == [2, 0]


@pytest.mark.row(80)
def test_early_stopping_of_gradient_descent_beats_its_end(x64, rng):
    """Degree 14 on 15 points: the validation loss falls, then rises while the training loss goes on falling."""
    (x, y), validation = curve(rng, 15), curve(rng, 400)
    features, tested = (linear.polynomial_features(a, degree=14) for a in (x, validation[0]))
    start = linear.LinearParams(jnp.zeros(14), jnp.zeros(()))

    def epoch(params, _):
        def step(_, params):
            return linear.gradient_step(params, features, y, learning_rate=0.5)

        params = jax.lax.fori_loop(0, 200, step, params)
        return params, (mean_squared_error(params, features, y), mean_squared_error(params, tested, validation[1]))

    _, (training, losses) = jax.lax.scan(epoch, start, None, length=500)
    rule = linear.early_stopping(losses, patience=20)
    assert training[-1] < training[int(rule.best_step)]
    assert bool(rule.stopped)
    assert losses[int(rule.best_step)] < losses[-1]
    assert_close(losses[int(rule.best_step)], jnp.min(losses[: int(rule.stop_step) + 1]))
