"""How much of a translation stands in its reference."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

from dlx.checks import check_count

__all__ = ["bleu", "corpus_bleu"]


def bleu(predicted: Sequence[Hashable], reference: Sequence[Hashable], *, order: int = 2) -> float:
    """Overlap of one sentence with its reference, long n-grams counting more.

        exp(min(0, 1 - len_ref / len_pred)) prod_n p_n^(1/2^n),    n = 1, ..., min(order, len_pred)

    p_n is the share of the prediction's n-grams that the reference holds, each of its own used once. The book's form
    for short sentences; the paper's is `corpus_bleu`.

    Args:
      predicted: tokens, without <eos> and padding.
      reference: the same.
      order: longest n-grams, k.
    Returns: a number in [0, 1]; 0 for an empty prediction.
    Raises: ValueError if `reference` is empty or `order` is not positive; TypeError if tokens come as one string or no
      sequence.
    Source: Zhang et al. 2023, Dive into Deep Learning, section 10.7.6; notes 001 section 11 (translation).
    """
    check_count("order", order)
    _check_tokens("predicted", predicted)
    _check_tokens("reference", reference)
    if not len(reference):
        raise ValueError("reference: got no token, wanted at least one")
    if not len(predicted):
        return 0.0
    score = math.exp(min(0.0, 1 - len(reference) / len(predicted)))
    for n in range(1, min(order, len(predicted)) + 1):
        found, count = _matches(predicted, [reference], n)
        score *= (found / count) ** (0.5**n)
    return score


def corpus_bleu(
    predicted: Sequence[Sequence[Hashable]],
    references: Sequence[Sequence[Sequence[Hashable]]],
    *,
    order: int = 4,
    smoothing: bool = False,
) -> float:
    """Overlap of a whole corpus with its references, BLEU-4.

        BP exp(sum_n log p_n / order),    BP = exp(min(0, 1 - r / c))

    p_n is the share of n-grams over all sentences together, each found at most as often as in the one reference that
    has it most often; c is the length of the predictions, r of the references that come nearest to them, of two the
    shorter.

    Args:
      predicted: sentences, sequences of tokens.
      references: for each of them one or more sentences.
      order: longest n-grams.
      smoothing: add 1 to both counts of every n above 1, so that a corpus without a long n-gram does not get 0.
    Returns: a number in [0, 1]; papers print it times 100.
    Raises: ValueError if there is no sentence, the numbers of sentences differ, or one has no reference; TypeError if
      tokens come as one string or no sequence.
    Source: Papineni et al. 2002, section 2.3; Lin and Och 2004 (smoothing).
    """
    check_count("order", order)
    if not len(predicted) or len(predicted) != len(references):
        raise ValueError(f"references: got {len(references)} for {len(predicted)} sentences, wanted one list for each")
    found, counts, length, wanted = [0] * order, [0] * order, 0, 0
    for place, (sentence, own) in enumerate(zip(predicted, references, strict=True)):
        _check_tokens(f"predicted[{place}]", sentence)
        if isinstance(own, str) or not len(own):
            raise ValueError(f"references: got {own!r} at [{place}], wanted a list of one or more sentences")
        for number, reference in enumerate(own):
            _check_tokens(f"references[{place}][{number}]", reference)
        length += len(sentence)
        wanted += min((abs(len(r) - len(sentence)), len(r)) for r in own)[1]
        for n in range(1, order + 1):
            more, of = _matches(sentence, own, n)
            found[n - 1] += more
            counts[n - 1] += of
    if smoothing:
        found, counts = ([c[0], *(number + 1 for number in c[1:])] for c in (found, counts))
    if not length or 0 in found:
        return 0.0
    logs = [math.log(part / whole) for part, whole in zip(found, counts, strict=True)]
    return math.exp(min(0.0, 1 - wanted / length) + math.fsum(logs) / order)


def _ngrams(tokens: Sequence[Hashable], n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _matches(predicted: Sequence[Hashable], references: Sequence[Sequence[Hashable]], n: int) -> tuple[int, int]:
    """(n-grams found, n-grams)."""
    grams, allowed = _ngrams(predicted, n), Counter[tuple]()
    for reference in references:
        allowed |= _ngrams(reference, n)
    return sum((grams & allowed).values()), sum(grams.values())


def _check_tokens(name: str, tokens: Sequence[Hashable]) -> None:
    # an array's tokens are arrays, which are not equal by value
    if isinstance(tokens, str) or not isinstance(tokens, Sequence):
        raise TypeError(f"{name}: got {tokens!r:.40} of type {type(tokens).__name__}, wanted a list of tokens")
