"""The language models: their parts, and a tiny run of each from its configuration to its report."""

import dataclasses
import functools
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from dlx.data import SequenceWindows
from dlx.errors import CheckpointError, DatasetError, UsageError
from dlx.run.records import read_records
from dlx.run.texts import check_windows
from experiments import char_rnn_lm, neural_ngram_lm, ngram_lm, word_lm

SMALL = {"dataset": "python_docs", "checkpoint_every": 0}


def report(result):
    folder = Path(result["run_folder"])
    return (folder / "report.html").read_text("utf-8"), read_records(folder / "metrics.jsonl")


@pytest.mark.row(31, 135)
def test_ngrams(tmp_path):
    config = ngram_lm.Config(dataset="python_docs", order=2, smoothings=(10.0, 100.0), min_frequency=3,
                             sample_length=5, output_dir=tmp_path)  # fmt: skip
    result = ngram_lm.main(config)
    metrics = {name: value["mean"] for name, value in result["metrics"].items()}
    # a longer context knows more, and Kneser-Ney more than Laplace
    assert metrics["test_perplexity"] < metrics["laplace_bigram_perplexity"] < metrics["laplace_unigram_perplexity"]
    assert metrics["laplace_unigram_perplexity"] < 1500
    page, _ = report(result)
    assert all(words in page for words in ("Kneser-Ney, three discounts", "Written by the Kneser-Ney models"))


@pytest.mark.row(143)
def test_perplexity_of_a_uniform_model_is_the_vocabulary():
    model = lambda windows: np.full(len(windows), 1 / 7)  # noqa: E731
    assert ngram_lm.perplexity(model, np.array([0, 3, 2, 6]), 2) == pytest.approx(7)


@pytest.mark.row(231)
@pytest.mark.erratum("E29")
def test_examples_of_the_neural_model():
    """A 3-gram's context is the two words before; in front of the text stands its first token."""
    found = neural_ngram_lm.examples(np.array([9, 4, 5, 6]), 3)
    np.testing.assert_array_equal(found["inputs"], [[9, 9], [9, 4], [4, 5]])
    np.testing.assert_array_equal(found["labels"], [4, 5, 6])


def test_a_mixture_takes_the_better_part_of_both():
    neural, counted = np.array([[0.9, 0.1]]), np.array([0.1, 0.9])
    share = neural_ngram_lm.best_share(neural, counted)
    # log(0.1 + 0.8 s) + log(0.9 - 0.8 s) is largest at s = 1/2
    np.testing.assert_allclose(share, [0.5])
    mixed = neural_ngram_lm.perplexity(neural_ngram_lm.mixed(neural, counted, share))
    np.testing.assert_allclose(mixed, [2.0])
    np.testing.assert_allclose(neural_ngram_lm.perplexity(counted), (0.09) ** -0.5)


@pytest.mark.row(231)
def test_neural_ngrams(tmp_path):
    config = neural_ngram_lm.Config(**SMALL, min_frequency=20, order=3, embedding=8, hidden=8, steps=30, batch_size=64,
                                    output_dir=tmp_path)  # fmt: skip
    result = neural_ngram_lm.main(config)
    metrics = {name: value["mean"] for name, value in result["metrics"].items()}
    assert metrics["test_perplexity_both"] <= metrics["test_perplexity_kneser_ney"] * 1.01
    assert metrics["validation_perplexity"] == pytest.approx(np.exp(metrics["validation_loss"]))
    assert metrics["test_perplexity"] < 400


@pytest.mark.row(139, 143, 148)
@pytest.mark.erratum("E33")
def test_words(tmp_path):
    config = word_lm.Config(**SMALL, min_frequency=20, units=8, steps=8, log_every=3, batch_size=4, time=10,
                            prefix="the class", sample_length=5, output_dir=tmp_path)  # fmt: skip
    result = word_lm.main(config)
    page, records = report(result)
    assert "Written by seed 0 behind &#x27;the class&#x27;" in page
    for line in records:
        np.testing.assert_allclose(line["train_perplexity"], np.exp(line["train_loss"]))
    metrics = {name: value["mean"] for name, value in result["metrics"].items()}
    # the perplexity of the mean loss, not the mean of the lines' perplexities
    assert metrics["train_perplexity"] == pytest.approx(np.exp(metrics["train_loss"]))
    assert metrics["train_perplexity"] < np.average(
        [line["train_perplexity"][0] for line in records], weights=[3, 3, 2]
    )
    assert json.dumps(result["metrics"]["test_perplexity"])


@pytest.mark.row(145, 148)
def test_characters(tmp_path):
    config = char_rnn_lm.Config(**SMALL, cells=("rnn", "lstm"), units=8, steps=4, batch_size=4, time=8, notes=True,
                                sample_length=5, output_dir=tmp_path)  # fmt: skip
    result = char_rnn_lm.main(config)
    page, _ = report(result)
    assert "Written by the RNN" in page
    assert "Written by the LSTM" in page
    assert {"test_perplexity_rnn", "validation_loss_lstm"} <= set(result["metrics"])
    # the run's vocabulary is kept, and no other is read with its parameters
    again = {"name": Path(result["run_folder"]).name, "resume": True, "force_config": True, "min_frequency": 20}
    with pytest.raises(CheckpointError, match="another vocabulary"):
        char_rnn_lm.main(dataclasses.replace(config, **again))


@pytest.mark.parametrize(
    ("main", "config", "message"),
    [
        (
            word_lm.main,
            lambda: word_lm.Config(**SMALL, prefix="the qwz class vwq"),
            "--prefix: got 'qwz', 'vwq', first at 1",
        ),
        (char_rnn_lm.main, lambda: char_rnn_lm.Config(**SMALL, prefix="a☃"), "--prefix: got '☃', first at 1"),
        (char_rnn_lm.main, lambda: char_rnn_lm.Config(**SMALL, time=10**6), "--time 1000000 --batch-size 32: the tr"),
        (
            word_lm.main,
            lambda: word_lm.Config(**SMALL, time=5000),
            "--time 5000 --batch-size 20: the training text has",
        ),
    ],
)
def test_what_does_not_fit_the_text_is_refused_before_the_training(main, config, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        main(dataclasses.replace(config(), output_dir=tmp_path))
    assert not list(tmp_path.iterdir())


def test_windows_are_refused_where_there_is_no_batch():
    tokens = np.arange(41)
    for time in (5, 6, 10, 13, 14):
        config = char_rnn_lm.Config(time=time, batch_size=2)
        source = functools.partial(SequenceWindows, tokens, batch_size=2, steps=time)
        if time <= 13:
            check_windows(config, tokens)
            assert source().batches_per_epoch
        else:
            with pytest.raises(UsageError, match="has 41 tokens, a batch wants 42"):
                check_windows(config, tokens)
            with pytest.raises(DatasetError):
                source()


@pytest.mark.row(142)
@pytest.mark.erratum("E99")
def test_the_notes_optimizer_steps_by_at_most_rate_times_bound():
    optimizer = char_rnn_lm.optimizer_of(char_rnn_lm.Config(notes=True), 10)
    params, gradient = {"w": jnp.zeros(2)}, {"w": jnp.array([3.0, 4.0])}
    updates, _ = optimizer.update(gradient, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], [-0.6, -0.8], rtol=1e-5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (lambda: word_lm.Config(dropout=1.0), "--dropout wants"),
        (lambda: word_lm.Config(reset=-0.1), "--reset wants"),
        (lambda: word_lm.Config(prefix=" "), "--prefix wants at least one word"),
        (lambda: char_rnn_lm.Config(notes=True, optimizer="sgd"), "--optimizer sgd has no effect with --notes: SGD at"),
        (lambda: char_rnn_lm.Config(notes=True, learning_rate=1.0), "--learning-rate 1.0 has no effect with --notes"),
        (lambda: char_rnn_lm.Config(notes=True, clip=2.0), "--clip 2.0 has no effect with --notes"),
        (lambda: char_rnn_lm.Config(notes=True, reset=0.0), "--reset 0.0 has no effect with --notes"),
        (lambda: char_rnn_lm.Config(prefix=""), "--prefix wants at least one character"),
        (lambda: word_lm.Config(accumulate=2), "--accumulate: this experiment has no use"),
        (lambda: char_rnn_lm.Config(cells=("elman",)), "--cells wants one of rnn, gru, lstm; got elman"),
        (lambda: ngram_lm.Config(order=0), "--order wants at least 1"),
        (lambda: ngram_lm.Config(smoothings=(0.0,)), "--smoothings wants more than 0"),
        (lambda: neural_ngram_lm.Config(order=1), "--order wants at least 2"),
    ],
)
def test_configurations_that_cannot_be(config, message):
    with pytest.raises(UsageError, match=message):
        config()
