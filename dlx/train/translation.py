"""Translation: teacher forcing, search, scores, attention to copied words."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dlx.data import Split, pad_sequences
from dlx.data.translation import PADDING, Tokens, TranslationSet
from dlx.losses import sequence_cross_entropy
from dlx.nn import example_keys, scheduled_sampling
from dlx.text import BOS, EOS, UNK, beam_search, bleu, corpus_bleu, greedy_search
from dlx.train.supervised import Supervised, SupervisedState, stream_key, supervised

__all__ = ["Copies", "alignments", "bleu_scores", "copied", "copy_share", "searches", "translate", "translation_task"]


class _TeacherForced(NamedTuple):
    """A network of source, target and lengths as `supervised` calls a model: with one argument."""

    network: Any

    @property
    def axis_name(self) -> str | None:
        return self.network.axis_name

    def clone(self, axis_name: str | None) -> "_TeacherForced":
        return _TeacherForced(self.network.clone(axis_name=axis_name))

    def init(self, rngs: Any, inputs: Mapping[str, jax.Array], **options: Any) -> Any:
        return self.network.init(rngs, *_arguments(inputs), **options)

    def apply(self, variables: Any, inputs: Mapping[str, jax.Array], **options: Any) -> Any:
        forced = {"forced": inputs["forced"]} if "forced" in inputs else {}
        return self.network.apply(variables, *_arguments(inputs), **forced, **options)


def _arguments(inputs: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
    return inputs["inputs"], inputs["targets"], _lengths(inputs["inputs"])


def _lengths(ids: Any) -> jax.Array:
    """Tokens before the padding; one at least, so that an example of nothing but padding has an encoding."""
    return jnp.maximum(jnp.sum(jnp.asarray(ids) != PADDING, axis=-1), 1)


def translation_task(
    network: Any,
    data: TranslationSet,
    optimizer: optax.GradientTransformation,
    *,
    label_smoothing: float = 0.0,
    free: Callable[[jax.Array], Any] | None = None,
    **options: Any,
) -> Supervised:
    """Maximum likelihood with teacher forcing, or with scheduled sampling.

        objective = -sum_t log P(y_t | y_<t, x) / L,    a mean over the batch; L is the mean length of a target

    Args:
      network: network(source, target, source_lengths, train=...) -> logits, as `dlx.models.GRUSeq2Seq`; with `free` it
        takes `forced` as well.
      data: what it learns.
      optimizer: an optax transformation.
      label_smoothing: see `sequence_cross_entropy`; the test loss has none.
      free: steps done -> probability that the decoder reads its own word in place of the target's; None: never.
      options: further ones of `supervised`.
    Returns: init, step and measure; metrics {"loss"}, a mean over the tokens, <eos> among them.
    Source: Sutskever et al. 2014, section 3.2; Bengio et al. 2015 (scheduled sampling); notes 001 section 11.
    """
    mean_length = float(np.mean(np.sum(data.train["labels"] != PADDING, axis=1)))

    def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
        values = sequence_cross_entropy(logits, labels, labels != PADDING, how="none", label_smoothing=label_smoothing)
        return jnp.sum(values, axis=1) / mean_length

    def prepare(batch: Mapping[str, Any]) -> dict:
        return {"inputs": {name: value for name, value in batch.items() if name != "labels"}, "labels": batch["labels"]}

    model = _TeacherForced(network)
    task = supervised(model, loss, optimizer, example=data.train, prepare=prepare, **options)

    def step(state: SupervisedState, batch: Any, *, axis_name: str | None = None) -> tuple:
        if free is not None:
            count, time = batch["targets"].shape
            keys = example_keys(stream_key(state.key, state.step, "sampling"), count, axis_name=axis_name)
            draw = functools.partial(
                scheduled_sampling, shape=(1, time), ratio=1 - jnp.asarray(free(state.step), jnp.float32)
            )
            batch = {**batch, "forced": jax.vmap(draw)(keys)[:, 0]}
        return task.step(state, batch, axis_name=axis_name)

    def measure(state: SupervisedState, batch: Any, weight: jax.Array) -> dict:
        params = state.params if state.ema is None else state.ema
        logits = model.apply({"params": params, **state.model_state}, batch, train=False)
        mask = (batch["labels"] != PADDING) & (weight[:, None] > 0)
        values = sequence_cross_entropy(logits, batch["labels"], mask, how="none")
        return {"loss": (jnp.sum(values), jnp.sum(mask, dtype=values.dtype))}

    return Supervised(task.init, step, measure)


def searches(network: Any, data: TranslationSet, *, beam: int = 5, alpha: float = 0.75) -> dict[str, Callable]:
    """Compiled searches over a network's decoder.

    Args:
      network: with the methods `start` and `step`.
      data: its vocabularies and length; a translation has at most `length` tokens.
      beam: width.
      alpha: exponent of the length by which the log probability is divided.
    Returns: {"greedy", "beam"}: function(params, (batch, length) ids) -> (batch, length) ids, behind the end <eos>.
    """
    bos, eos = data.target.index(BOS), data.target.index(EOS)

    def search(params: Any, ids: jax.Array, wide: bool) -> jax.Array:
        variables = {"params": params}
        state = network.apply(variables, ids, _lengths(ids), method="start")
        step = functools.partial(network.apply, variables, method="step")
        first = jnp.full(len(ids), bos, jnp.int32)
        if not wide:
            return greedy_search(step, state, first, max_length=data.length, eos=eos).tokens
        found = beam_search(step, state, first, beam=beam, max_length=data.length, eos=eos, alpha=alpha)
        return found.tokens[:, 0]

    return {name: jax.jit(functools.partial(search, wide=name == "beam")) for name in ("greedy", "beam")}


def translate(
    search: Callable, params: Any, data: TranslationSet, sentences: Sequence[Tokens], *, batch_size: int = 200
) -> list[list[str]]:
    """Sentences in the other language.

    Args:
      search: one of `searches`.
      params: of the network.
      data: its vocabularies.
      sentences: lists of tokens; a word that the vocabulary has not is read as <unk>.
      batch_size: sentences that are searched for at once; fewer are filled up, so that one program serves all.
    Returns: a list of tokens for each, without <eos>.
    Raises: DatasetError if a sentence is empty or too long.
    """
    eos, found = data.target.index(EOS), []
    ids = [[*data.source.encode(sentence), data.source.index(EOS)] if len(sentence) else [] for sentence in sentences]
    padded = pad_sequences(ids, pad=PADDING, length=data.length).ids
    for first in range(0, len(padded), batch_size):
        batch = padded[first : first + batch_size]
        filled = np.concatenate([batch, np.repeat(batch[:1], batch_size - len(batch), axis=0)])
        for row in np.asarray(search(params, filled))[: len(batch)]:
            ended = np.flatnonzero(row == eos)
            found.append(data.target.decode(row[: ended[0]] if len(ended) else row))
    return found


def bleu_scores(found: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> dict[str, float]:
    """BLEU in per cent, of translations and all the references of each.

    Args:
      found: translations.
      references: for each of them one or more.
    Returns: {"bleu": BLEU-4 of the corpus, "book_bleu": the mean over the sentences of `dlx.text.bleu` with n-grams up
      to 2, each against its best reference}.
    """
    best = [max(bleu(one, other) for other in own) for one, own in zip(found, references, strict=True)]
    return {"bleu": 100 * corpus_bleu(found, references), "book_bleu": 100 * float(np.mean(best))}


def alignments(network: Any, params: Any, split: Split, *, batch_size: int = 500) -> np.ndarray:
    """The attention with which a target is predicted, word by word, when it is read with teacher forcing.

    Args:
      network: one that sows `attention`, as `dlx.models.GRUSeq2Seq`.
      params: of the network.
      split: {"inputs", "targets"}.
      batch_size: pairs at once.
    Returns: (pairs, target length, source length), over the source places 1 at each target place.
    """

    @jax.jit
    def weights(params: Any, batch: Mapping[str, jax.Array]) -> jax.Array:
        _, kept = network.apply({"params": params}, *_arguments(batch), mutable=["intermediates"])
        return kept["intermediates"]["attention"][0]

    count = len(split["inputs"])
    parts = [{name: split[name][first : first + batch_size] for name in ("inputs", "targets")}
             for first in range(0, count, batch_size)]  # fmt: skip
    return np.concatenate([np.asarray(weights(params, part)) for part in parts])


class Copies(NamedTuple):
    """How well attention finds the source of words that are the same in both sentences.

    Fields: share, mean attention to the word itself where its copy is predicted; uniform, what equal attention to all
    places would have; hits, how often that word has the most attention of all; words, how many there are.
    """

    share: float
    uniform: float
    hits: float
    words: int


def copy_share(attention: Any, data: TranslationSet, *, shortest: int = 3) -> Copies:
    """Attention mass on the true positions of copies, in the test pairs.

    A copy is a word of letters or digits that stands exactly once in the source and exactly once in the target (tom,
    boston, 20), and that both vocabularies have. Its true position is where it stands in the source.

    Args:
      attention: (pairs, length, length) weights of teacher forcing, [b, t, s] of source place s when target word t is
        predicted.
      data: its test pairs.
      shortest: characters of a copy; short words of two languages are alike by chance, as French "a" and "me".
    Returns: Copies, NaN where there is none.
    """
    mass, uniform, hits = [], [], []
    for weights, (source, target) in zip(np.asarray(attention), data.pairs, strict=True):
        for time, place in copied(source, target, data, shortest):
            mass.append(weights[time, place])
            # <eos> is a place as well
            uniform.append(1 / (len(source) + 1))
            hits.append(np.argmax(weights[time]) == place)
    found = {"share": mass, "uniform": uniform, "hits": hits}
    means = {name: float(np.mean(values)) if values else float("nan") for name, values in found.items()}
    return Copies(**means, words=len(mass))


def copied(source: Tokens, target: Tokens, data: TranslationSet, shortest: int) -> list[tuple[int, int]]:
    """(place in the target, place in the source) of every copy, see `copy_share`."""
    return [
        (time, source.index(word))
        for time, word in enumerate(target)
        if len(word) >= shortest
        and word.isalnum()
        and source.count(word) == target.count(word) == 1
        and word in data.source
        and word in data.target
        and word != UNK
    ]
