"""Cards of the texts that are not generated."""

from dlx.data.text_archives import NAMES
from dlx.data.texts import TextCard

__all__ = ["CARDS"]

_DOMAIN = "public domain"
_D2L = "https://github.com/d2l-ai/d2l-zh"
_POEMS = "https://github.com/chinese-poetry/chinese-poetry"

CARDS = {
    card.name: card
    for card in (
        TextCard(
            name="python_docs",
            title="Python's documentation topics",
            description="English technical prose with code, as the running Python carries it (`pydoc_data.topics`, "
            "what `help()` shows), so that it differs a little between versions; about 0.4 million characters. A "
            "paragraph that stands in several topics is kept in the first. A hash of a topic's name says in "
            "which split it is.",
            kind="text", sizes=None, classes=(), licence="Python Software Foundation License 2",
            source="Python's standard library", citation="The Python Language Reference", tier=1,
        ),
        TextCard(
            name="tiny_shakespeare",
            title="Tiny Shakespeare",
            description="Plays of Shakespeare, 1,115,394 characters, 65 different ones. The first 90 per cent train, "
            "the rest validates, as for the published losses per character; there is no test split.",
            kind="text", sizes=(1_003_854, 111_540, 0), classes=(), licence=f"{_DOMAIN} (file: MIT)",
            source="https://github.com/karpathy/char-rnn", citation="Karpathy, char-rnn, 2015", tier=3,
        ),
        TextCard(
            name="time_machine",
            title="H. G. Wells, The Time Machine",
            description="One novel, 178,979 characters with capitals and punctuation; `dlx.text.letters_only` makes "
            "the 27 characters of the field's exercises. The first 90 per cent train, the next 5 validate, the last 5 "
            "test.",
            kind="text", sizes=(161_081, 8_949, 8_949), classes=(), licence=_DOMAIN, source=_D2L,
            citation="Wells, The Time Machine, 1898", tier=3,
        ),
        TextCard(
            name="ptb",
            title="Penn Treebank, as Mikolov prepared it",
            description="Sentences of the Wall Street Journal, one a line, lower case, numbers as N, 9,999 word types "
            "with `<unk>` for the rest; `dlx.text.lines_with_end` adds `<eos>`: 929,589, 73,760 and 82,430 tokens. "
            "Published splits.",
            kind="text", sizes=(5_101_618, 399_782, 449_945), classes=(),
            licence="none stated; the Wall Street Journal's text is copyrighted: for research, not to be published",
            source=_D2L, citation="Marcus et al. 1993; Mikolov et al. 2010", tier=3,
        ),
        TextCard(
            name="wikitext2",
            title="WikiText-2",
            description="Good and featured articles of Wikipedia, words between spaces, 33,277 types with `<unk>`; "
            "`dlx.text.lines_with_end` adds `<eos>`: 2,088,628, 217,646 and 245,569 tokens. Published splits.",
            kind="text", sizes=(10_780_437, 1_120_192, 1_255_018), classes=(), licence="CC BY-SA",
            source="https://github.com/pytorch/examples/tree/main/word_language_model/data/wikitext-2",
            citation="Merity et al. 2016", tier=3,
        ),
        TextCard(
            name="tang_poems",
            title="Three hundred Tang poems",
            description="354 different poems of the 366 in traditional characters, a verse a line, a blank "
            "line after each poem; 90, 5 and 5 per cent of the poems, the choice fixed.",
            kind="text", sizes=(23_839, 870, 2_223), classes=(), licence=f"{_DOMAIN} (file: MIT)", source=_POEMS,
            citation="chinese-poetry", tier=3,
        ),
        TextCard(
            name="song_poems",
            title="Three hundred Song poems (ci)",
            description="280 poems in simplified characters, a verse a line, a blank line after each poem; 90, 5 and 5 "
            "per cent of the poems, the choice fixed.",
            kind="text", sizes=(28_921, 1_589, 1_508), classes=(), licence=f"{_DOMAIN} (file: MIT)", source=_POEMS,
            citation="chinese-poetry", tier=3,
        ),
        TextCard(
            name="fra_eng",
            title="English-French sentence pairs",
            description="167,130 pairs (English, French) as they are stored, sorted by length, with no-break spaces; "
            "`dlx.text.separate_punctuation` cleans them. A hash of the English sentence says in which split a pair "
            "is: all translations of a sentence are in one.",
            kind="pairs", sizes=(150_355, 8_505, 8_270), classes=(),
            licence="CC BY 2.0 (attribution: www.manythings.org/anki and tatoeba.org)",
            source="https://www.manythings.org/anki/, file of d2l", citation="Tatoeba project", tier=3,
        ),
        TextCard(
            name="names",
            title="Surnames of 18 languages",
            description="18,012 surnames after removing repeats inside a language; a name may stand in several "
            "languages. 80, 10 and 10 per cent of each language, the choice fixed.",
            kind="labelled", sizes=(14_410, 1_801, 1_801),
            classes=tuple(archive.name.removesuffix(".txt") for archive in NAMES), licence="MIT",
            source="https://github.com/spro/practical-pytorch/tree/master/data/names",
            citation="Robertson, practical-pytorch, 2017", tier=3,
        ),
    )
}  # fmt: skip
