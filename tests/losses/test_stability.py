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
