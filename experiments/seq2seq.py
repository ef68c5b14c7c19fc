"""Translation by gated recurrent units, with and without attention (Bahdanau et al. 2015; notes 001 section 11).

    python -m experiments.seq2seq

English to French, sentences of up to eight words and a mark; no held-out sentence stands in training, and all its
translations are its references, with the words that the vocabulary has not. Two networks on the same batches: one reads
the source once, the other looks at it before each word. --name NAME --resume --translate "go on ." asks a finished run,
--sampling 0.3 lets the decoder read its own words in training, --dataset reverse needs no files.

2 CPU cores: 6 min, 507 s of processor time. In per cent, bleu greedy 33.6 +- 0.0 and bleu beam 37.6 +- 0.0 (fra_eng,
1 seed); without attention bleu greedy plain 24.8 +- 0.0 and bleu beam plain 27.6 +- 0.0 (fra_eng, 1 seed). Where a word
of the source is to be copied (tom, boston), copy share 0.623 +- 0.000 (fra_eng, 1 seed) of the attention is on it, and
copy uniform 0.136 +- 0.000 (fra_eng, 1 seed) if it were even.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

import dlx
from dlx.data.translation import TranslationSet
from dlx.run import launch, require
from dlx.run.session import Run
from dlx.run.translation import TranslationOptions, alignment_figure, learning, load_pairs, run_translation
from dlx.train.translation import alignments, copied, copy_share, translation_task


@dataclass(frozen=True)
class Config(TranslationOptions):
    """Options of the recurrent translation."""

    units: int = 256
    """Of encoder and decoder."""
    embedding: int = 128
    """Width of a word's vector."""
    attention: Literal["additive", "dot"] = "additive"
    """Scores of the attention."""
    plain: bool = True
    """Train the network without attention beside it on the same batches; its metrics end in _plain."""
    sampling: float = 0.0
    """Probability, risen to in a straight line, that the decoder reads its own word in training, not the target's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("units", "embedding"):
            require(self, field, at_least=1)
        require(self, "sampling", at_least=0, at_most=1)


def main(config: Config) -> dict:
    """Trains with and without attention, translates the held-out sentences and reports; returns the result."""
    data = load_pairs(config)
    optimizer, steps = learning(config, data)
    kinds = {"": config.attention, **({"_plain": "none"} if config.plain else {})}
    networks = {end: network(config, data, kind) for end, kind in kinds.items()}

    def free(step: Any) -> Any:
        return config.sampling * step / steps

    variants = {}
    for end, own in networks.items():
        task = translation_task(
            own,
            data,
            optimizer,
            label_smoothing=config.label_smoothing,
            free=free if config.sampling else None,
            **config.training_options(),
        )
        variants[end] = own, task
    # short words of two languages are alike by chance; letters of a generated task are copies, whatever their length
    shortest = 3 if config.dataset == "fra_eng" else 1

    def attention(run: Run, seeds: list[dict[str, Any]]) -> dict[str, Any]:
        weights = [alignments(networks[""], params[""], data.test) for params in seeds]
        shares = [copy_share(one, data, shortest=shortest) for one in weights]
        run.table("Attention to the source of copied words", copies_table(config, shares))
        run.picture(
            f"Attention (seed {config.seed}): white is all of it; framed, words that stand in both sentences",
            alignment_figure(data, weights[0], shown(data, shortest), lambda i: copied(*data.pairs[i], data, shortest)),
        )
        names = ("share", "uniform", "hits")
        return {f"copy_{name}": np.array([getattr(share, name) for share in shares]) for name in names}

    titles = {"": "attention,", "_plain": "no attention,"}
    return run_translation(config, data, variants, titles=titles, after=attention)


def network(config: Config, data: TranslationSet, attention: str) -> dlx.models.GRUSeq2Seq:
    """Encoder and decoder for the vocabularies of the data."""
    return dlx.models.GRUSeq2Seq(
        vocabulary=len(data.source),
        target_vocabulary=len(data.target),
        embedding=config.embedding,
        units=config.units,
        attention=attention,
        dropout=config.dropout,
    )


def copies_table(config: Config, shares: list) -> list[list[str]]:
    """A row for each seed."""
    rows = [["seed", "copied words", "attention to the word itself", "most attention is there", "equal attention"]]
    for seed, one in zip(config.seed_values, shares, strict=True):
        rows.append([str(seed), str(one.words), f"{one.share:.3f}", f"{one.hits:.3f}", f"{one.uniform:.3f}"])
    return rows


def shown(data: TranslationSet, shortest: int, count: int = 6) -> list[int]:
    """Long test pairs of different sources with known words, one with a copy and one without in turn."""
    sides = data.source, data.target
    known = [i for i, pair in enumerate(data.pairs)
             if all(word in own for own, side in zip(sides, pair, strict=True) for word in side)]  # fmt: skip
    once = {tuple(data.pairs[i][0]): i for i in reversed(known)}
    longest = sorted(once.values(), key=lambda i: -min(map(len, data.pairs[i])))
    kinds = {has: [i for i in longest if bool(copied(*data.pairs[i], data, shortest)) == has] for has in (True, False)}
    mixed = [i for pair in zip(*kinds.values(), strict=False) for i in pair]
    return [*mixed, *(i for i in longest if i not in mixed)][:count]


if __name__ == "__main__":
    launch(Config, main)
