"""dlx.losses: hinge and logistic losses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, optim
from tests.proof import configurations, prove, scalar_gradient, shape
from tests.tolerances import assert_close

BINARY = [
    pytest.param(losses.hinge, lambda a: max(0.0, 1 - a), marks=pytest.mark.row(25), id="hinge"),
    pytest.param(losses.squared_hinge, lambda a: max(0.0, 1 - a) ** 2, marks=pytest.mark.row(25), id="squared_hinge"),
    pytest.param(losses.logistic, lambda a: np.log1p(np.exp(-a)), marks=pytest.mark.row(26), id="logistic"),
]


def signs(rng, size):
    return 2 * rng.integers(0, 2, size) - 1


@configurations()
@pytest.mark.parametrize(("function", "of_agreement"), BINARY)
def test_binary(rng, function, of_agreement):
    size = shape(rng)
    s, y = 2 * rng.standard_normal(size), signs(rng, size)

    def by_hand(s, y):
        return np.array([sum(of_agreement(a * b) for a, b in zip(*row, strict=True)) for row in zip(s, y, strict=True)])

    prove(function, [s, y], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        s, y = jnp.asarray(s), jnp.asarray(y)
        assert_close(function(s, y.astype(float), features="mean"), function(s, y) / size[1])
        assert_close(function(s[:, 0], y[:, 0]), by_hand(s[:, :1], y[:, :1]))


@pytest.mark.row(25, 26)
def test_hinge_and_logistic_equal_other_libraries(x64, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    s, y = jnp.asarray(2 * rng.standard_normal(12)), jnp.asarray(signs(rng, 12))
    assert_close(losses.hinge(s, y), optax.hinge_loss(s, y))
    assert_close(losses.reduce(losses.hinge(s, y)), sklearn.hinge_loss(np.asarray(y), np.asarray(s)))
    assert_close(losses.logistic(s, y), losses.sigmoid_binary_cross_entropy(s, (y + 1) / 2))
    assert_close(scalar_gradient(losses.logistic, s, y), -y / (1 + jnp.exp(y * s)))


@pytest.mark.row(25)
def test_gradients_at_the_knee_are_zero():
    for function in (losses.hinge, losses.squared_hinge):
        assert scalar_gradient(function, jnp.array([1.0, -1.0]), jnp.array([1, -1])).tolist() == [0, 0]
    assert scalar_gradient(losses.hinge, jnp.array([0.5, 3.0]), jnp.array([1, -1])).tolist() == [-1, 1]


@pytest.mark.row(25, 26)
@pytest.mark.parametrize("function", [losses.hinge, losses.squared_hinge, losses.logistic])
def test_labels_of_zero_give_nan_where_they_cannot_be_looked_at(function):
    got = jax.jit(function)(jnp.array([2.0, 2.0, 2.0, -3.0]), jnp.array([1, 0, 2, -1]))
    assert np.isnan(got).tolist() == [False, True, True, False]


@pytest.mark.row(25, 62)
def test_hinge_with_weight_decay_is_the_objective_of_the_linear_svm(x64, rng):
    svm = pytest.importorskip("sklearn.svm")
    x, y, decay = rng.standard_normal((30, 2)), signs(rng, 30), 0.1
    # its C weighs the sum of losses against half the squared norm; it would count an intercept in that norm
    theirs = svm.LinearSVC(loss="hinge", C=1 / (30 * decay), fit_intercept=False, tol=1e-10, max_iter=100_000).fit(x, y)

    def objective(w):
        return losses.reduce(losses.hinge(jnp.asarray(x) @ w, jnp.asarray(y))) + decay / 2 * jnp.sum(w * w)

    w, best = jnp.asarray(theirs.coef_[0]), float(objective(jnp.asarray(theirs.coef_[0])))
    for _ in range(20):
        # convex: no step from the minimum leads lower
        assert objective(w + jnp.asarray(0.1 * rng.standard_normal(2))) > best
    decayed = optim.weight_decay(decay)
    update = decayed.update({"kernel": jnp.zeros(2)}, decayed.init({"kernel": w}), {"kernel": w})[0]["kernel"]
    assert_close(update, decay * w)  # the gradient of the penalty


@configurations()
@pytest.mark.parametrize("kind", ["crammer_singer", "weston_watkins"])
def test_multiclass_hinge(rng, kind):
    torch = pytest.importorskip("torch")
    size = shape(rng, low=2)
    margin = float(rng.uniform(0.5, 2))
    s, y = rng.standard_normal(size), rng.integers(0, size[1], size[0])

    def by_hand(s, y):
        collect = max if kind == "crammer_singer" else sum
        return np.array(
            [
                collect([max(0.0, margin + row[c] - row[label]) for c in range(len(row)) if c != label])
                for row, label in zip(s, y, strict=True)
            ]
        )

    def function(s, y):
        return losses.multiclass_hinge(s, y, kind=kind, margin=margin)

    prove(function, [s, y], reference=by_hand, kind="contraction")
    if kind == "weston_watkins":
        theirs = torch.nn.functional.multi_margin_loss(
            torch.tensor(s), torch.tensor(y), margin=margin, reduction="none"
        )
        with jax.enable_x64(True):
            assert_close(function(jnp.asarray(s), jnp.asarray(y)) / size[1], theirs.numpy())


def test_crammer_singer_is_the_default_and_scikit_learns(x64, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    s, y = rng.standard_normal((12, 4)), rng.integers(0, 4, 12)
    got = losses.reduce(losses.multiclass_hinge(jnp.asarray(s), jnp.asarray(y)))
    assert_close(got, sklearn.hinge_loss(y, s, labels=range(4)))


@pytest.mark.parametrize("kind", ["crammer_singer", "weston_watkins"])
def test_multiclass_hinge_of_no_class_and_of_a_clear_lead(kind):
    s = jnp.array([[5.0, 0.0, 1.0]] * 3)
    got = jax.jit(lambda s, y: losses.multiclass_hinge(s, y, kind=kind))(s, jnp.array([0, 3, -1]))
    assert np.isnan(got).tolist() == [False, True, True]
    assert got[0] == 0
    gradient = jax.grad(lambda s: losses.multiclass_hinge(s, jnp.array([0, 0, 0]), kind=kind).sum())(s)
    assert not np.any(gradient)
