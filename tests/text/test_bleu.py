"""dlx.text: BLEU by hand, by counting loops, and by other libraries where they are."""

import math

import numpy as np
import pytest

from dlx import text
from tests.proof import configurations
from tests.reference import attention as reference


@pytest.mark.row(264)
@pytest.mark.gap("U33")
def test_bleu_of_the_book():
    # A B B C D against A B C D E F: p_1 = 4/5, p_2 = 3/4 (A B, B C, C D), p_3 = 1/3, p_4 = 0
    predicted, wanted = list("ABBCD"), list("ABCDEF")
    short = math.exp(1 - 6 / 5)
    assert text.bleu(predicted, wanted, order=1) == pytest.approx(short * (4 / 5) ** 0.5, rel=1e-14)
    assert text.bleu(predicted, wanted) == pytest.approx(short * (4 / 5) ** 0.5 * (3 / 4) ** 0.25, rel=1e-14)
    assert text.bleu(predicted, wanted, order=4) == 0
    assert text.bleu(wanted, wanted, order=4) == 1
    assert text.bleu([], wanted) == 0
    # one word of four: longer n-grams do not exist
    assert text.bleu(["A"], wanted, order=4) == pytest.approx(math.exp(1 - 6), rel=1e-14)


@pytest.mark.row(264)
@pytest.mark.gap("U33")
@configurations(3, 20)
def test_bleu_counts_every_n_gram_once(rng):
    predicted, wanted = (rng.integers(0, 4, rng.integers(2, 9)).tolist() for _ in range(2))
    score = math.exp(min(0, 1 - len(wanted) / len(predicted)))
    for n in range(1, min(3, len(predicted)) + 1):
        found, count = reference.overlap(predicted, wanted, n)
        score *= (found / count) ** (1 / 2**n)
    assert text.bleu(predicted, wanted, order=3) == pytest.approx(score, rel=1e-13)


@pytest.mark.row(264)
@pytest.mark.gap("U33")
def test_corpus_bleu():
    predicted = [list("ABCDE"), list("ABX")]
    one = [[list("ABCDF")], [list("ABCD")]]
    # n-grams: 6 of 8, 4 of 6, 2 of 4, 1 of 2; lengths 8 against 9
    want = math.exp(1 - 9 / 8) * (6 / 8 * 4 / 6 * 2 / 4 * 1 / 2) ** 0.25
    assert text.corpus_bleu(predicted, one) == pytest.approx(want, rel=1e-14)
    assert text.corpus_bleu(predicted, one, order=1) == pytest.approx(math.exp(1 - 9 / 8) * 6 / 8, rel=1e-14)
    # of two references the n-gram counts are the larger ones; 3 tokens are nearest to 3
    more = [[list("ABCDF")], [list("ABCD"), list("XAB")]]
    # 4 + 3 of 8 words, 3 + 1 of 6 pairs: A B stands in both references
    assert text.corpus_bleu(predicted, more, order=2) == pytest.approx((7 / 8 * 4 / 6) ** 0.5, rel=1e-14)
    # 4-grams: none of the second sentence, so that one missing n-gram makes 0, unless it is smoothed
    assert text.corpus_bleu([list("ABX")], [[list("ABX")]]) == 0
    smooth = text.corpus_bleu([list("ABX")], [[list("ABY")]], smoothing=True)
    assert smooth == pytest.approx((2 / 3 * 2 / 3 * 1 / 2 * 1 / 1) ** 0.25, rel=1e-14)
    assert text.corpus_bleu([[]], [[["A"]]]) == 0


@pytest.mark.row(264)
@pytest.mark.parametrize("library", ["nltk.translate.bleu_score", "sacrebleu"])
def test_libraries(library):
    module = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    predicted = [[str(w) for w in rng.integers(0, 3, n)] for n in (9, 12, 7)]
    references = [[[str(w) for w in rng.integers(0, 3, n)]] for n in (10, 11, 8)]
    got = text.corpus_bleu(predicted, references)
    if library == "sacrebleu":
        lines = [" ".join(p) for p in predicted], [[" ".join(r[0]) for r in references]]
        want = module.corpus_bleu(*lines, tokenize="none", smooth_method="none").score / 100
    else:
        want = module.corpus_bleu(references, predicted)
    assert got == pytest.approx(want, rel=1e-12)
