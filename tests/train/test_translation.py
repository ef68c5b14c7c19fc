"""dlx.train.translation: the loss, scheduled sampling, translating, scores, attention to copies."""

import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dlx
from dlx import text
from dlx.data import TextSet
from dlx.data.translation import translation_set
from dlx.errors import DatasetError
from dlx.train import translation
from tests.data.test_translation import small_set
from tests.tolerances import assert_close


def network(data, **changes):
    sizes = {"vocabulary": len(data.source), "target_vocabulary": len(data.target), "embedding": 3, "units": 4}
    return dlx.models.GRUSeq2Seq(**{**sizes, "attention": "dot", **changes})


def loop_loss(logits, labels):
    """Sum of -log P over the tokens before the padding, and their number, in float64 from the formula."""
    total, count = 0.0, 0
    for row, words in zip(np.float64(logits), labels, strict=True):
        for scores, word in zip(row, words, strict=True):
            if word:
                total -= scores[word] - math.log(sum(math.exp(z) for z in scores))
                count += 1
    return total, count


@pytest.mark.row(257)
def test_the_loss_is_a_mean_over_tokens():
    data = small_set()
    model = network(data)
    task = translation.translation_task(model, data, optax.sgd(0.5))
    state = jax.jit(task.init)(jax.random.key(0))
    batch = {name: value[1:3] for name, value in data.train.items()}
    lengths = [4, 4]
    batch = jax.tree.map(jnp.asarray, batch)
    logits = model.apply({"params": state.params}, batch["inputs"], batch["targets"], jnp.array(lengths))
    total, _ = loop_loss(logits, np.asarray(batch["labels"]))
    new, metrics = jax.jit(task.step)(state, batch)
    # 3, 3 and 3 tokens of three training pairs, <eos> among them
    mean_length = np.mean(np.sum(data.train["labels"] != 0, axis=1))
    assert float(metrics["loss"][0]) == pytest.approx(total / mean_length, rel=1e-5)
    assert float(metrics["loss"][1]) == 2

    def cost(params):
        logits = model.apply({"params": params}, batch["inputs"], batch["targets"], jnp.array(lengths))
        return -jnp.sum(jnp.take_along_axis(jax.nn.log_softmax(logits), batch["labels"][..., None], -1)[..., 0]
                        * (batch["labels"] != 0)) / (2 * mean_length)  # fmt: skip

    want = jax.tree.map(lambda p, g: p - 0.5 * g, state.params, jax.jit(jax.grad(cost))(state.params))
    jax.tree.map(lambda one, other: assert_close(one, other, kind="contraction"), new.params, want)
    # a row of weight 0 fills a batch up
    measured = jax.jit(task.measure)(state, batch, jnp.array([1.0, 0.0]))["loss"]
    first, size = loop_loss(logits[:1], np.asarray(batch["labels"])[:1])
    assert (float(measured[0]), float(measured[1])) == (pytest.approx(first, rel=1e-5), size)


@pytest.mark.row(256)
def test_scheduled_sampling_follows_its_schedule():
    data = small_set()
    model = network(data)
    batch = {name: value[:2] for name, value in data.train.items()}

    # never at the first step, always at the second
    tasks = [translation.translation_task(model, data, optax.sgd(0.5), free=free) for free in (None, lambda step: step)]
    state = jax.jit(tasks[0].init)(jax.random.key(0))
    # scores far from each other, so that the model's own words differ from the target's
    state = state._replace(params=jax.tree.map(lambda leaf: 3 * leaf, state.params))
    steps = [jax.jit(task.step) for task in tasks]
    losses = [[float(step(state._replace(step=jnp.int32(at)), batch)[1]["loss"][0]) for step in steps] for at in (0, 1)]
    assert losses[0][0] == pytest.approx(losses[0][1], rel=1e-5)
    assert abs(losses[1][0] - losses[1][1]) > 1e-4


def test_translations_are_read_up_to_their_end():
    data = small_set()
    seen = []

    def search(params, ids):
        seen.append(np.array(ids))
        rows = [[5, 4, 2, 2, 2], [7, 7, 7, 7, 7], [2, 2, 2, 2, 2]]
        return jnp.array([rows[int(row[0]) % 3] for row in ids])

    # ids of the first words: 8 (tom), 3 (unknown), 7 (ran)
    found = translation.translate(search, None, data, [["tom"], ["xyz", "tom"], ["ran"]], batch_size=2)
    assert found == [[], ["continue", "."], ["tom"] * 5]
    assert [ids.shape for ids in seen] == [(2, 5), (2, 5)]
    np.testing.assert_array_equal(seen[0], [[8, 2, 0, 0, 0], [3, 8, 2, 0, 0]])
    with pytest.raises(DatasetError, match="Sequence 1 is empty"):
        translation.translate(search, None, data, [["tom"], []])
    with pytest.raises(DatasetError, match="Sequence 0 has 6 tokens"):
        translation.translate(search, None, data, [["tom"] * 5])


@pytest.mark.row(258, 259)
def test_searches_are_those_of_the_decoder():
    data = small_set()
    model = network(data)
    ids = jnp.asarray(data.train["inputs"][:2])
    params = jax.tree.map(lambda leaf: 3 * leaf, jax.jit(model.init)(jax.random.key(1), ids, ids)["params"])
    found = {name: search(params, ids) for name, search in translation.searches(model, data, beam=3).items()}
    assert found["greedy"].shape == found["beam"].shape == (2, 5)

    def best(row):
        state = model.apply({"params": params}, row[None], jnp.sum(row != 0)[None], method="start")
        step = lambda s, t: model.apply({"params": params}, s, t, method="step")  # noqa: E731
        return text.beam_search(step, state, jnp.array([1]), beam=3, max_length=5, eos=2, alpha=0.75).tokens[0, 0]

    np.testing.assert_array_equal(found["beam"], jnp.stack([jax.jit(best)(row) for row in ids]))


@pytest.mark.row(264)
def test_scores_take_the_best_of_several_references():
    found = [list("abcd"), list("ab")]
    references = [[list("abcx"), list("abcd")], [list("ax")]]
    scores = translation.bleu_scores(found, references)
    # the book's form: 1 for the first; p_1 = 1/2, p_2 = 0 for the second
    assert scores["book_bleu"] == pytest.approx(50)
    # 5 of 6 words, 3 of 4 pairs, 2 of 2 triples, 1 of 1 quadruple, and no brevity: 6 words for 4 + 2
    assert scores["bleu"] == pytest.approx(100 * (5 / 6 * 3 / 4) ** 0.25)


@pytest.mark.row(261)
def test_attention_to_copies():
    card = types.SimpleNamespace(kind="pairs", tier=3)
    train = [("tom saw me in Boston", "tom m'a vu à boston"), ("me .", "me .")]
    test = [("saw tom in Boston .", "boston tom boston ."), ("in Boston me .", "me à boston .")]
    data = translation_set(TextSet("pairs", train, [], test, card))
    # boston stands twice in the first target, a full stop is no word, "me" is short
    assert translation.copied(*data.pairs[0], data, 3) == [(1, 1)]
    assert translation.copied(*data.pairs[1], data, 3) == [(2, 1)]
    assert translation.copied(*data.pairs[1], data, 2) == [(0, 2), (2, 1)]
    weights = np.zeros((2, 10, 10))
    weights[0, 1, [1, 3]] = 0.75, 0.25
    weights[1, 2, [0, 1]] = 0.9, 0.1
    # places of the source: 5 and 4 tokens and their <eos>
    got = translation.copy_share(weights, data)
    np.testing.assert_allclose(got, [(0.75 + 0.1) / 2, (1 / 6 + 1 / 5) / 2, 0.5, 2])
    assert math.isnan(translation.copy_share(weights, data, shortest=20).share)


@pytest.mark.row(261)
def test_alignments_in_pieces():
    data = small_set()
    model = network(data)
    split = data.train
    params = jax.jit(model.init)(jax.random.key(1), split["inputs"], split["targets"])["params"]
    whole = translation.alignments(model, params, split)
    assert whole.shape == (3, 5, 5)
    assert_close(np.sum(whole, -1), np.ones((3, 5)))
    assert_close(translation.alignments(model, params, split, batch_size=2), whole)
    # nothing looks at the padding
    assert (whole[split["inputs"][:, None].repeat(5, 1) == 0] == 0).all()
