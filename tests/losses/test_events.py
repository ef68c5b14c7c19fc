"""dlx.losses: cross entropies of events."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dlx import losses, metrics, nn
from tests.proof import configurations, prove, shape
from tests.reference import losses as reference
from tests.tolerances import assert_close


@pytest.mark.row(19)
@pytest.mark.erratum("E3")
@configurations()
def test_binary_cross_entropy(rng):
    torch = pytest.importorskip("torch")
    size = shape(rng)
    # far enough from 0 and 1 for finite differences, whose error grows as 1 / p^3
    p, y = rng.uniform(0.2, 0.8, size), rng.uniform(0, 1, size)
    prove(losses.binary_cross_entropy, [p, y], reference=reference.binary_cross_entropy, kind="contraction")
    with jax.enable_x64(True):
        got = losses.binary_cross_entropy(jnp.asarray(p), jnp.asarray(y), features="mean")
        theirs = torch.nn.functional.binary_cross_entropy(torch.tensor(p), torch.tensor(y), reduction="none")
        assert_close(got, theirs.numpy().mean(1))


@pytest.mark.row(19)
@pytest.mark.erratum("E3")
def test_binary_cross_entropy_is_positive_and_clipped():
    y = jnp.array([0.0, 1.0, 0.0, 1.0])
    p = jnp.array([0.9, 0.9, 1.0, 0.0])
    got = losses.binary_cross_entropy(p, y, eps=1e-3)
    assert_close(got, -np.log([0.1, 0.9, 1e-3, 1e-3]), factor=30)  # 1 - p is rounded: relative error 6e-8 / 1e-3
    assert np.isfinite(losses.binary_cross_entropy(p, y)).all()


@pytest.mark.row(19)
@configurations()
def test_sigmoid_binary_cross_entropy(rng):
    torch = pytest.importorskip("torch")
    size = shape(rng)
    x, y = 3 * rng.standard_normal(size), rng.uniform(0, 1, size)

    def by_hand(x, y):
        return reference.binary_cross_entropy(1 / (1 + np.exp(-x)), y)

    prove(losses.sigmoid_binary_cross_entropy, [x, y], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        x, y = jnp.asarray(x), jnp.asarray(y)
        got = losses.sigmoid_binary_cross_entropy(x, y)
        theirs = torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(np.array(x)), torch.tensor(np.array(y)), reduction="none"
        )
        assert_close(got, theirs.numpy().sum(1))
        gradient = jax.grad(lambda x: losses.sigmoid_binary_cross_entropy(x, y).sum())(x)
        assert_close(gradient, nn.sigmoid(x) - y)


@pytest.mark.row(19, 38)
def test_sigmoid_binary_cross_entropy_of_large_logits():
    x, y = jnp.array([1e4, -1e4, 1e4, 20.0], jnp.float32), jnp.array([1.0, 0.0, 0.0, 1.0])
    value, pull = jax.vjp(lambda x: losses.sigmoid_binary_cross_entropy(x, y), x)
    np.testing.assert_allclose(value, [0, 0, 1e4, np.log1p(np.exp(-20))], rtol=1e-6)
    assert np.isfinite(pull(jnp.ones(4))[0]).all()


@pytest.mark.row(19)
def test_label_smoothing_of_events(x64, rng):
    x, y = jnp.asarray(rng.standard_normal((3, 4))), jnp.asarray(rng.integers(0, 2, (3, 4)), jnp.float64)
    got = losses.sigmoid_binary_cross_entropy(x, y, label_smoothing=0.2)
    # between the right and the wrong label with the weights 0.9 and 0.1
    right, wrong = (losses.sigmoid_binary_cross_entropy(x, label) for label in (y, 1 - y))
    assert_close(got, 0.9 * right + 0.1 * wrong)


@pytest.mark.row(350)
def test_the_bernoulli_output_unit(x64, rng):
    x, y = jnp.asarray(3 * rng.standard_normal(8)), jnp.asarray(rng.integers(0, 2, 8), jnp.float64)
    # P(y) proportional to exp(y x) is sigmoid((2 y - 1) x), and its loss softplus((1 - 2 y) x)
    probability = jnp.exp(y * x) / (1 + jnp.exp(x))
    assert_close(nn.sigmoid((2 * y - 1) * x), probability)
    assert_close(losses.sigmoid_binary_cross_entropy(x, y), -jnp.log(probability))
    assert_close(losses.sigmoid_binary_cross_entropy(x, y), nn.softplus((1 - 2 * y) * x, threshold=100.0))


@pytest.mark.row(20)
@configurations()
def test_multi_label_cross_entropy(rng):
    torch = pytest.importorskip("torch")
    size = shape(rng)
    x, y = 2 * rng.standard_normal(size), rng.integers(0, 2, size)

    def by_hand(x, y):
        return reference.binary_cross_entropy(1 / (1 + np.exp(-x)), y)

    prove(losses.multi_label_cross_entropy, [x, y], reference=by_hand, kind="contraction")
    label, positive = rng.uniform(0.5, 2, (2, size[1]))
    with jax.enable_x64(True):
        ours, theirs = [[make(a) for a in (x, y, label, positive)] for make in (jnp.asarray, torch.tensor)]
        got = losses.multi_label_cross_entropy(*ours[:2], label_weights=ours[2], positive_weights=ours[3])
        want = torch.nn.functional.binary_cross_entropy_with_logits(
            theirs[0], theirs[1].double(), weight=theirs[2], pos_weight=theirs[3], reduction="none"
        )
        assert_close(got, want.sum(1).numpy())
        want = torch.nn.functional.multilabel_soft_margin_loss(theirs[0], theirs[1].double(), reduction="none")
        assert_close(losses.multi_label_cross_entropy(*ours[:2]) / size[1], want.numpy())


@pytest.mark.row(20)
def test_multi_label_of_a_batch_with_two_axes(x64, rng):
    x, y = jnp.asarray(rng.standard_normal((2, 3, 4))), rng.integers(0, 2, (2, 3, 4))
    want = reference.binary_cross_entropy(1 / (1 + np.exp(-np.asarray(x).reshape(6, 4))), y.reshape(6, 4))
    assert_close(losses.multi_label_cross_entropy(x, jnp.asarray(y)), want.reshape(2, 3))


@pytest.mark.row(20)
def test_multi_label_is_the_log_loss_of_every_column(x64, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    x, y = jnp.asarray(rng.standard_normal((10, 3))), np.array(rng.integers(0, 2, (10, 3)))
    y[0], y[1] = 0, 1  # every column has both
    p = np.asarray(nn.sigmoid(x))
    want = sum(sklearn.log_loss(y[:, j], p[:, j]) for j in range(3))
    assert_close(losses.reduce(losses.multi_label_cross_entropy(x, jnp.asarray(y))), want)


LOGITS = [[1.5, 0.3, -1.0, 2.0], [1.1, -0.6, 2.2, 0.4]]
LABELS = [[1, 0, 0, 0], [1, 1, 0, 0]]
MASK = [[1, 1, 1, 1], [1, 1, 1, 0]]


@pytest.mark.row(28)
@pytest.mark.erratum("E4")
def test_masked_sigmoid_cross_entropy_of_the_book(x64):
    # -log sigmoid(x) for a context word, -log sigmoid(-x) for noise, by hand; the last word of row two is padding:
    # (0.2014 + 0.8544 + 0.3133 + 2.1269) / 4 and (0.2873 + 1.0375 + 2.3051) / 3
    rows = [
        [np.log1p(np.exp(-x if y else x)) for x, y, m in zip(*row, strict=True) if m]
        for row in zip(LOGITS, LABELS, MASK, strict=True)
    ]
    got = losses.masked_sigmoid_cross_entropy(jnp.array(LOGITS), jnp.array(LABELS), jnp.array(MASK))
    assert_close(got, [np.mean(row) for row in rows])
    assert [f"{value:.4f}" for value in got.tolist()] == ["0.8740", "1.2100"]  # Zhang et al., Dive into Deep Learning


@pytest.mark.row(28)
@pytest.mark.erratum("E4")
@configurations()
def test_masked_sigmoid_cross_entropy(rng):
    size = (int(rng.integers(2, 6)), int(rng.integers(2, 6)))
    x, y, mask = 2 * rng.standard_normal(size), rng.integers(0, 2, size), rng.integers(0, 2, size)
    mask[:, 0], mask[0] = 1, 0  # every row but the first has something

    def by_hand(x, y, mask):
        out = np.zeros(len(x))
        for i, row in enumerate(zip(x, y, mask, strict=True)):
            terms = [math_log_loss(*entry[:2]) for entry in zip(*row, strict=True) if entry[2]]
            out[i] = np.mean(terms) if terms else 0
        return out

    def math_log_loss(x, y):
        return -np.log(1 / (1 + np.exp(-x if y else x)))

    prove(losses.masked_sigmoid_cross_entropy, [x, y, mask], reference=by_hand, kind="contraction")
    with jax.enable_x64(True):
        entries = optax.sigmoid_binary_cross_entropy(jnp.asarray(x), jnp.asarray(y)) * mask
        got = losses.masked_sigmoid_cross_entropy(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask, bool))
        assert_close(got, entries.sum(1) / np.maximum(mask.sum(1), 1))
        # a mask of weights gives a weighted mean
        weights = jnp.asarray(mask * rng.uniform(0.5, 2, size))
        got = losses.masked_sigmoid_cross_entropy(jnp.asarray(x), jnp.asarray(y), weights)
        values = optax.sigmoid_binary_cross_entropy(jnp.asarray(x), jnp.asarray(y)) * weights
        assert_close(got[1:], (values.sum(1) / weights.sum(1))[1:])


@pytest.mark.row(28)
def test_what_is_masked_is_not_looked_at():
    x, y, mask = (
        jnp.array([[jnp.nan, 1.0], [jnp.inf, jnp.nan]]),
        jnp.array([[7, 1], [0, 1]]),
        jnp.array([[0, 1], [0, 0]]),
    )
    value, pull = jax.vjp(lambda x: losses.masked_sigmoid_cross_entropy(x, y, mask), x)
    assert_close(value, [np.log1p(np.exp(-1)), 0])
    assert_close(pull(jnp.ones(2))[0], [[0, -1 / (1 + np.e)], [0, 0]])
    assert metrics.mean_label_probability(x, y, mask).tolist()[1] == 0


@pytest.mark.row(28)
@pytest.mark.erratum("E4")
def test_the_score_of_the_notes_rises_with_what_its_loss_should_lower():
    x, y, mask = jnp.array(LOGITS), jnp.array(LABELS), jnp.array(MASK)
    better = x + jnp.where(y == 1, 1.0, -1.0)
    score, loss = metrics.mean_label_probability, losses.masked_sigmoid_cross_entropy
    assert (score(better, y, mask) > score(x, y, mask)).all()
    assert (loss(better, y, mask) < loss(x, y, mask)).all()
