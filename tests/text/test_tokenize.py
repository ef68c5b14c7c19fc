"""dlx.text: characters, words, cleaned text."""

import re
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from dlx.text import characters, letters_only, lines_with_end, separate_punctuation, words


@settings(deadline=None)
@given(st.text())
def test_characters_join_to_the_text(text):
    assert "".join(characters(text)) == text
    assert all(len(token) == 1 for token in characters(text))


@settings(deadline=None)
@given(st.lists(st.text("abc,é", min_size=1)))
def test_words_join_to_the_text(tokens):
    assert words(" ".join(tokens)) == tokens
    assert words("\n".join(tokens) + " \t") == tokens


def test_letters_by_hand():
    assert letters_only("The Time Machine, by H. G. Wells [1898]") == "the time machine by h g wells"
    assert letters_only("Él_99") == "l"


@settings(deadline=None)
@given(st.text(string.printable))
def test_letters_and_single_spaces(text):
    cleaned = letters_only(text)
    assert re.fullmatch("([a-z]+( [a-z]+)*)?", cleaned)
    assert letters_only(cleaned) == cleaned
    assert cleaned.replace(" ", "") == "".join(c for c in text.lower() if c in string.ascii_lowercase)


def test_punctuation_by_hand():
    assert separate_punctuation("Wait...") == "wait ..."
    assert separate_punctuation("Arrêtez de faire, la prof\u202f!") == "arrêtez de faire , la prof !"
    assert separate_punctuation("it's: 5\u00a0? no; «yes».") == "it's : 5 ? no ; «yes» ."


@settings(deadline=None)
@given(st.text("ab ,.!?"))
def test_punctuation_only_adds_spaces(text):
    cleaned = separate_punctuation(text)
    assert cleaned.replace(" ", "") == text.replace(" ", "")
    assert separate_punctuation(cleaned) == cleaned
    assert all(
        set(word) <= set(",.!?") or not set(word) & set(",.!?")
        for word in re.split("[ab]* |(?<=[,.!?])(?=[ab])", cleaned)
    )


def test_lines():
    assert lines_with_end(" a b \n\n c") == ["a", "b", "<eos>", "<eos>", "c", "<eos>"]
    assert lines_with_end("a\n", end="|") == ["a", "|"]
    assert lines_with_end("") == []
    assert lines_with_end("\n") == ["<eos>"]


@settings(deadline=None)
@given(st.lists(st.lists(st.text("xy", min_size=1)), max_size=5))
def test_lines_are_counted(lines):
    text = "".join(" ".join(line) + "\n" for line in lines)
    assert lines_with_end(text) == [token for line in lines for token in [*line, "<eos>"]]
