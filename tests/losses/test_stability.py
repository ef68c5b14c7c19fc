"""dlx.losses: finite values and gradients where predictions are large."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import losses, nn

X = np.array([-1e4, -100, -89, -1, -1e-4, 0, 1e-4, 1, 89, 100, 1e4])
# every pair of large and small scores, with the label that is right and the one that is wrong
ROWS = np.stack([a.ravel() for a in np.meshgrid(X, X)], -1).astype(np.float32)
CLASS = np.arange(len(ROWS)) % 2
SIGN = 2 * np.stack([CLASS, 1 - CLASS], -1) - 1
ONE_HOT = np.eye(2, dtype=np.float32)[CLASS]
UNIT = jnp.asarray(nn.sigmoid(jnp.asarray(ROWS)))  # 0, 1 and what is between
MASK = np.ones_like(SIGN)
CASES = {
    "absolute_error": (ROWS, ROWS[::-1]),
    "binary_cross_entropy": (UNIT, ONE_HOT),
    "categorical_cross_entropy": (UNIT, ONE_HOT),
    "hinge": (ROWS, SIGN),
    "huber": (ROWS, ROWS[::-1]),
    "logistic": (ROWS, SIGN),
    "masked_sigmoid_cross_entropy": (ROWS, (SIGN + 1) // 2, MASK),
    "multi_label_cross_entropy": (ROWS, (SIGN + 1) // 2),
    "multiclass_hinge": (ROWS, CLASS),
    "negative_log_likelihood": (ROWS, CLASS),
    "reduce": (ROWS[:, 0],),
    "sequence_cross_entropy": (ROWS[None], CLASS[None]),
    "sigmoid_binary_cross_entropy": (ROWS, ONE_HOT),
    "smooth_l1": (ROWS, ROWS[::-1]),
    "softmax_cross_entropy": (ROWS, CLASS),
    "squared_error": (ROWS, ROWS[::-1]),
    "squared_hinge": (ROWS, SIGN),
}


@pytest.mark.row(38)
@pytest.mark.parametrize("name", losses.__all__)
def test_values_and_gradients_are_finite_to_ten_thousand(name):
    first, *rest = (jnp.asarray(array) for array in CASES[name])
    value, pull = jax.vjp(lambda first: getattr(losses, name)(first, *rest), first)
    (gradient,) = pull(jnp.ones_like(value))
    assert value.dtype == jnp.float32
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    # what is wrong by much still has a gradient, but where a clip or a right answer takes it
    assert np.any(gradient != 0)


# one example right, then one for each way to be wrong
CLASSES, SIGNS = np.array([1, -1, 2]), np.array([[1, -1], [0, 1], [1, 2]])
EVENTS = np.array([[0.0, 1.0], [-0.5, 1.0], [0.0, 2.0]])
SCORES = np.log(np.array([[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]]))
WRONG = {
    "binary_cross_entropy": (np.array([[0.3, 1.0], [0.0, 1.0], [0.5, 1.0]]), EVENTS),  # 0 and 1 are clipped
    "hinge": (5 * SIGNS, SIGNS),  # no gradient on the right side
    "logistic": (SCORES, SIGNS),
    "masked_sigmoid_cross_entropy": (SCORES, EVENTS, np.ones((3, 2))),
    "multi_label_cross_entropy": (SCORES, EVENTS),
    "multiclass_hinge": (SCORES, CLASSES),
    "negative_log_likelihood": (SCORES, CLASSES),
    "sigmoid_binary_cross_entropy": (SCORES, EVENTS),
    "softmax_cross_entropy": (SCORES, CLASSES),
    "squared_hinge": (5 * SIGNS, SIGNS),
}


@pytest.mark.row(18, 19, 20, 23, 25, 26, 28)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_label_that_cannot_be_looked_at_gives_nan_in_value_and_gradient(name):
    first, *rest = (np.asarray(a, np.float32) if a.dtype == float else a for a in WRONG[name])
    loss = getattr(losses, name)

    def pulled(first, *rest):
        value, pull = jax.vjp(lambda first: loss(first, *rest), first)
        return value, pull(jnp.ones_like(value))[0]

    value, gradient = jax.jit(pulled)(np.asarray(first, np.float32), *rest)
    assert np.isnan(value).tolist() == [False, True, True]
    assert np.isnan(gradient).any(-1).tolist() == [False, True, True]
    with pytest.raises(ValueError, match=r"^labels: got "):
        loss(jnp.asarray(first, jnp.float32), *(jnp.asarray(array) for array in rest))


@pytest.mark.row(18, 23)
@pytest.mark.parametrize("options", [{"label_smoothing": 0.1}, {"class_weights": jnp.array([1.0, 0.0])}])
def test_a_wrong_class_gives_nan_beside_smoothing_and_weights(options):
    rows, labels = jnp.asarray(SCORES, jnp.float32), jnp.asarray(CLASSES)
    functions = [losses.softmax_cross_entropy]
    if "class_weights" in options:
        functions.append(losses.negative_log_likelihood)
    for loss in functions:
        gradient = jax.jit(jax.grad(lambda z, y, loss=loss: loss(z, y, **options).sum()))(rows, labels)
        assert np.isnan(gradient).all(-1).tolist() == [False, True, True]
