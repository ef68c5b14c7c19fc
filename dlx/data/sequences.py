"""Subsequences for language models as tables of starts, padding and masks, buckets: pure functions of seed and epoch.

A subsequence of T inputs has T labels, the inputs shifted by one, so that it needs T + 1 tokens of the text.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from dlx.data.batching import epoch_order
from dlx.data.cards import Split
from dlx.errors import DatasetError

__all__ = [
    "Padded", "adjacent_starts", "bucket_batches", "grid_blocks", "next_token_data", "pad_sequences", "random_starts",
    "translation_data",
]  # fmt: skip


def random_starts(
    length: int,
    batch_size: int,
    steps: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    offset: int | None = None,
    shuffle: bool = True,
) -> np.ndarray:
    """Random sampling: the subsequences of one epoch in random order, none of them twice.

        starts s, s + T, s + 2 T, ...,    floor((S - 1 - s) / T) of them,    s uniform in 0..T-1

    The last token is needed as a label; the notes' floor((S - s) / T) counts one subsequence too many where T divides
    S - s. The hidden state of a batch means nothing to the next one.

    Args:
      length: S, tokens of the text.
      batch_size: B; a remainder smaller than a batch is left out.
      steps: T.
      seed: of offset and order.
      epoch: number of the epoch; each has its own offset and order.
      offset: s; None draws it.
      shuffle: False keeps the order of the text.
    Returns: (batches, B) int64 positions of the first tokens, batches = floor(floor((S - 1 - s) / T) / B).
    Raises: ValueError on a number out of range; DatasetError if the text holds less than one batch.
    Source: notes 001 section 8; Zhang et al., Dive into Deep Learning, section 9.3.
    """
    offset = _offset(length, batch_size, steps, seed, epoch, offset)
    count = (length - 1 - offset) // steps
    starts = offset + steps * np.arange(count - count % batch_size)
    if shuffle:
        starts = offset + steps * epoch_order(count, seed=seed, epoch=epoch)[: len(starts)]
    return starts.reshape(-1, batch_size)


def adjacent_starts(
    length: int,
    batch_size: int,
    steps: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    offset: int | None = 0,
    rows: Literal["samples", "tokens"] = "samples",
) -> np.ndarray:
    """Adjacent sampling: row i of a batch continues row i of the batch before.

        start of row i in batch k:  s + T (n i + k),   n = floor(floor((S - 1 - s) / T) / B)      rows="samples"
                                    s + L i + T k,     L = floor((S - 1 - s) / B), k < floor(L / T)   rows="tokens"

    The hidden state starts at zero in batch 0 of an epoch, and is carried on without its gradient. With "samples" the
    rows are made of whole subsequences, those of random sampling, as in the notes; with "tokens" the text is first cut
    into B equal rows, as in Dive into Deep Learning. There are equally many batches.

    Args:
      length: S, tokens of the text.
      batch_size: B.
      steps: T.
      seed: of the offset, if it is drawn.
      epoch: number of the epoch, if the offset is drawn.
      offset: s; None draws it from 0..T-1.
      rows: what a row is made of.
    Returns: (batches, B) int64 positions of the first tokens.
    Raises: ValueError on a number out of range; DatasetError if the text holds less than one batch.
    Source: notes 001 section 8; Zhang et al., Dive into Deep Learning, section 9.3.
    """
    if rows not in ("samples", "tokens"):
        raise ValueError(f"rows must be 'samples' or 'tokens', not {rows!r}")
    offset = _offset(length, batch_size, steps, seed, epoch, offset)
    batches = (length - 1 - offset) // steps // batch_size
    row = batches * steps if rows == "samples" else (length - 1 - offset) // batch_size
    return offset + row * np.arange(batch_size) + steps * np.arange(batches)[:, None]


def grid_blocks(tokens: np.ndarray, batch_size: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Grid sampling: the text fills B rows of whole subsequences, which are cut into blocks (B, T).

    The blocks are in consecutive order, which makes this adjacent sampling. The notes draw them at random, which breaks
    the sequence whose hidden state they carry on.

    Args:
      tokens: (S,) ids.
      batch_size: B.
      steps: T.
    Returns: (inputs, labels), each (blocks, B, T).
    Raises: ValueError on a number out of range; DatasetError if the text holds less than one block.
    Source: notes 002 section 5.
    """
    _offset(len(tokens), batch_size, steps, 0, 0, 0)
    row = (len(tokens) - 1) // steps // batch_size * steps
    filled = [tokens[shift : shift + batch_size * row].reshape(batch_size, -1, steps) for shift in (0, 1)]
    return filled[0].swapaxes(0, 1), filled[1].swapaxes(0, 1)


def next_token_data(tokens: np.ndarray, starts: np.ndarray, steps: int) -> Split:
    """Subsequences and the same shifted by one.

        inputs[..., t] = tokens[start + t]        labels[..., t] = tokens[start + t + 1]

    Args:
      tokens: (S,) ids.
      starts: (...) positions of first tokens; `.ravel()` of a table of starts gives data that `fit` shuffles.
      steps: T.
    Returns: {"inputs": (..., T), "labels": (..., T)}, dtype of `tokens`.
    Raises: ValueError if a subsequence reaches outside the text.
    """
    if np.ndim(tokens) != 1:
        raise ValueError(f"tokens must be (S,), not of shape {np.shape(tokens)}")
    starts = np.asarray(starts)
    if starts.size and not (starts.min() >= 0 and starts.max() + steps < len(tokens)):
        raise ValueError(
            f"starts must lie in 0..{len(tokens) - steps - 1} for {steps} steps of {len(tokens)} tokens, not "
            f"{starts.min()}..{starts.max()}"
        )
    places = starts[..., None] + np.arange(steps)
    return {"inputs": tokens[places], "labels": tokens[places + 1]}


class Padded(NamedTuple):
    """Sequences of equal length.

    Attributes:
      ids: (N, length), padded behind the end.
      lengths: (N,) int32, how many are no padding.
      mask: (N, length) bool, True where there is no padding.
    """

    ids: np.ndarray
    lengths: np.ndarray
    mask: np.ndarray


def pad_sequences(
    sequences: Sequence[Sequence[int] | np.ndarray], *, pad: int = 0, length: int | None = None, truncate: bool = False
) -> Padded:
    """Pads sequences of ids to one length.

    Args:
      sequences: N of them.
      pad: id of the padding.
      length: of the result; None takes that of the longest.
      truncate: cut off what is longer, instead of refusing it.
    Returns: ids int32, lengths, mask.
    Raises: DatasetError that names the first sequence that is empty or too long, or if there is none.
    """
    sizes = [len(sequence) for sequence in sequences]
    if not sizes:
        raise DatasetError("There are no sequences to pad.")
    if 0 in sizes:
        raise DatasetError(f"Sequence {sizes.index(0)} is empty.")
    length = max(sizes) if length is None else length
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length}")
    if max(sizes) > length and not truncate:
        first = next(i for i, size in enumerate(sizes) if size > length)
        raise DatasetError(f"Sequence {first} has {sizes[first]} tokens, more than the length {length}.")
    ids = np.full((len(sizes), length), pad, np.int32)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence[:length]
    lengths = np.minimum(np.array(sizes, np.int32), np.int32(length))
    return Padded(ids, lengths, np.arange(length) < lengths[:, None])


def translation_data(
    sources: Sequence[Sequence[int] | np.ndarray],
    targets: Sequence[Sequence[int] | np.ndarray],
    *,
    bos: int,
    eos: int,
    pad: int = 0,
    source_length: int | None = None,
    target_length: int | None = None,
    truncate: bool = False,
) -> Split:
    """Pairs of sequences as an encoder and a decoder with teacher forcing want them.

        inputs: x_1 ... x_n <eos>      targets: <bos> y_1 ... y_m      labels: y_1 ... y_m <eos>

    Args:
      sources: N sequences of ids without reserved ones.
      targets: their N translations.
      bos: id that begins the decoder's input.
      eos: id that ends source and labels.
      pad: id of the padding.
      source_length: of the inputs, <eos> counted; None takes what the longest needs.
      target_length: of targets and labels, <bos> or <eos> counted.
      truncate: cut off what is longer, <eos> with it, instead of refusing it.
    Returns: {"inputs": (N, source_length), "input_lengths": (N,), "targets": (N, target_length), "labels" like them,
      "label_lengths": (N,)}, all int32.
    Raises: DatasetError if a sequence is empty or too long, or the numbers of sources and targets differ.
    """
    if len(sources) != len(targets):
        raise DatasetError(f"There are {len(sources)} sources, but {len(targets)} targets.")
    for name, sequences in (("Source", sources), ("Target", targets)):
        empty = next((i for i, sequence in enumerate(sequences) if not len(sequence)), None)
        if empty is not None:
            raise DatasetError(f"{name} {empty} is empty.")

    def padded(sequences: list[list[int]], length: int | None) -> Padded:
        return pad_sequences(sequences, pad=pad, length=length, truncate=truncate)

    inputs = padded([[*source, eos] for source in sources], source_length)
    decoder = padded([[bos, *target] for target in targets], target_length)
    labels = padded([[*target, eos] for target in targets], target_length)
    return {
        "inputs": inputs.ids,
        "input_lengths": inputs.lengths,
        "targets": decoder.ids,
        "labels": labels.ids,
        "label_lengths": labels.lengths,
    }


def bucket_batches(
    lengths: Sequence[int] | np.ndarray,
    boundaries: Sequence[int],
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    drop_last: bool = False,
) -> list[tuple[int, np.ndarray]]:
    """Batches of sequences of similar length, so that little padding is computed; one shape for each bucket.

    Args:
      lengths: (N,) of the sequences.
      boundaries: ascending; a sequence is in the first bucket whose boundary it does not exceed.
      batch_size: B.
      seed: of the order.
      epoch: number of the epoch; each has its own order of sequences and batches.
      drop_last: leave out the last batch of a bucket if it is smaller than B.
    Returns: (boundary, indices of at most B sequences) for each batch; pad them to the boundary.
    Raises: ValueError if the boundaries do not ascend or `batch_size` is not positive; DatasetError if a sequence is
      longer than the last boundary.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    edges, sizes = np.asarray(boundaries), np.asarray(lengths)
    if edges.ndim != 1 or not edges.size or edges[0] < 1 or (np.diff(edges) <= 0).any():
        raise ValueError(f"boundaries must be positive and ascend, not {boundaries!r}")
    if (sizes > edges[-1]).any():
        first = int(np.flatnonzero(sizes > edges[-1])[0])
        raise DatasetError(f"Sequence {first} has {sizes[first]} tokens, more than the last boundary {edges[-1]}.")
    order = epoch_order(len(sizes), seed=seed, epoch=epoch)
    bucket = np.searchsorted(edges, sizes[order])
    found: list[tuple[int, np.ndarray]] = []
    for number, edge in enumerate(edges.tolist()):
        members = order[bucket == number]
        stop = len(members) - len(members) % batch_size if drop_last else len(members)
        found += [(edge, members[start : min(start + batch_size, stop)]) for start in range(0, stop, batch_size)]
    return [found[i] for i in np.random.default_rng((seed, epoch, 1)).permutation(len(found))]


def _offset(length: int, batch_size: int, steps: int, seed: int, epoch: int, offset: int | None) -> int:
    """The checked or drawn offset."""
    checked: tuple[tuple[str, Any, int], ...] = (
        ("batch_size", batch_size, 1), ("steps", steps, 1), ("seed", seed, 0), ("epoch", epoch, 0),
    )  # fmt: skip
    for name, value, least in checked:
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    if offset is None:
        # a stream of its own, not that of the order
        offset = int(np.random.default_rng((seed, epoch, 2)).integers(steps))
    if not 0 <= offset < steps:
        raise ValueError(f"offset must lie in 0..{steps - 1}, not {offset}")
    if (length - 1 - offset) // steps < batch_size:
        raise DatasetError(
            f"The text holds {length} tokens, fewer than one batch: {batch_size} subsequences of {steps} steps and a "
            f"label want {batch_size * steps + 1 + offset}."
        )
    return offset
