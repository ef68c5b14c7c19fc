"""experiments.seq2seq and experiments.transformer_translation: small runs, one's own sentences, what is refused."""

import dataclasses
import json

import numpy as np
import pytest

from dlx.data.translation import translation_set
from dlx.errors import CheckpointError, UsageError
from dlx.run.records import read_records
from dlx.run.translation import examples_table, spread
from dlx.text import Vocabulary
from dlx.train.translation import copied
from experiments import seq2seq, transformer_translation

SMALL = {"dataset": "copy", "max_tokens": 3, "steps": 2, "beam": 2, "batch_size": 8, "epochs": None}


@pytest.mark.row(255, 256, 257, 258, 259, 261, 264)
def test_a_run_and_a_sentence_after_it(tmp_path, capsys):
    config = seq2seq.Config(**SMALL, units=4, embedding=3, output_dir=tmp_path, name="small")
    metrics = seq2seq.main(config)["metrics"]
    kinds = [f"{kind}_{search}{end}" for kind in ("bleu", "book_bleu", "exact") for search in ("greedy", "beam")
             for end in ("", "_plain")]  # fmt: skip
    assert {*kinds, "copy_share", "test_perplexity", "test_perplexity_plain"} <= set(metrics)
    assert metrics["test_perplexity"]["mean"] == pytest.approx(np.exp(metrics["test_loss"]["mean"]))
    # untrained attention to one to three letters and <eos> is nearly even
    assert metrics["copy_share"]["mean"] == pytest.approx(metrics["copy_uniform"]["mean"], abs=0.05)
    folder = tmp_path / "seq2seq" / "small"
    before = {name: (folder / name).read_bytes() for name in ("summary.json", "metrics.jsonl", "config.json")}
    capsys.readouterr()
    again = dataclasses.replace(config, resume=True, translate="a?c")
    result = seq2seq.main(again)
    assert result["translations"]["unknown"] == ["?"]
    assert result["metrics"] == json.loads(before["summary.json"])["metrics"]
    captured = capsys.readouterr()
    assert f"a?c -> {result['translations']['beam']}  (beam)" in captured.out
    assert "Not among the 30 words of the vocabulary: ?." in captured.err
    # nothing was trained, nothing was written over
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert read_records(folder / "metrics.jsonl")[-1]["step"] == 2
    # each language has a vocabulary of its own
    for language in ("source", "target"):
        path = folder / f"{language}_vocabulary.json"
        saved = path.read_text("utf-8")
        tokens = json.loads(saved)["tokens"]
        path.write_text(json.dumps(Vocabulary(tokens[:-1], reserved=4).as_dict()), "utf-8")
        with pytest.raises(CheckpointError, match=f"another vocabulary, of {len(tokens) - 1} tokens"):
            seq2seq.main(again)
        path.write_text(saved, "utf-8")


@pytest.mark.row(246)
def test_a_transformer_in_the_same_run(tmp_path):
    sizes = {"features": 4, "num_heads": 2, "hidden": 4, "num_layers": 1}
    config = transformer_translation.Config(**SMALL, **sizes, seeds=2, output_dir=tmp_path, translate="ab")
    result = transformer_translation.main(config)
    assert len(result["metrics"]["bleu_beam"]["per_seed"]) == 2
    assert result["translations"]["source"] == "ab"
    assert "plain" not in " ".join(result["metrics"])


def test_what_is_refused():
    for given, message in (
        ({"translate": " "}, "--translate wants a sentence; got ' '"),
        ({"sampling": 1.5}, "--sampling"),
        ({"dropout": 1.0}, "--dropout"),
        ({"warmup": 0}, "--warmup"),
        ({"units": 0}, "--units"),
        ({"sweep": ("learning_rate=1,2",)}, "--sweep"),
    ):
        with pytest.raises(UsageError, match=message):
            seq2seq.Config(**given)
    with pytest.raises(UsageError, match="'abcd' has 4 tokens"):
        seq2seq.main(seq2seq.Config(**SMALL, translate="abcd"))
    with pytest.raises(UsageError, match="--beam 40: the vocabulary has 30 tokens"):
        seq2seq.main(seq2seq.Config(**{**SMALL, "beam": 40}))
    with pytest.raises(UsageError, match="--num-heads 3 does not divide --features 128"):
        transformer_translation.Config(num_heads=3)


def test_what_the_report_shows():
    import dlx

    data = translation_set(dlx.data.load_text("copy"), max_tokens=4)
    sources = list(data.references)
    answers = {"greedy": [list(s) for s in sources], "beam": [[] for _ in sources]}
    rows = examples_table(data, answers, {"": "attention, {}"}, count=5)
    assert rows[0] == ["source", "reference", "attention, greedy", "attention, beam"]
    assert [row[0] for row in rows[1:]] == [row[2] for row in rows[1:]]
    lengths = [len(row[0]) for row in rows[1:]]
    assert lengths == sorted(lengths)
    assert (len(lengths), lengths[0], lengths[-1]) == (5, min(map(len, sources)), 4)
    assert (spread(np.array([0.5]), 100), spread(np.array([1.0, 2.0]), 1)) == ("50.0", "1.5 ± 0.7")
    drawn = seq2seq.shown(data, 1)
    assert [bool(copied(*data.pairs[number], data, 1)) for number in drawn] == [True, False, True, True, True, True]
    assert len({tuple(data.pairs[number][0]) for number in drawn}) == 6
