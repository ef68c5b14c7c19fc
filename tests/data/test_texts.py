"""dlx.data: named texts, embedded, from folders and from a server on this machine."""

import io
import itertools
import json
import zipfile

import numpy as np
import pytest

import dlx.data
import dlx.text
from dlx.data import TextCard, TextSet, decode_texts, load_text, text_names
from dlx.data.find import Archive
from dlx.data.gather import Member
from dlx.data.text_archives import NAMES
from dlx.data.texts import TextEntry, load_text_from, text_catalogue
from dlx.errors import DatasetError, UsageError
from tests.data import tiny

CONTENT = ("to be or not to be\n" * 10).encode()
EMBEDDED = [name for name in text_names() if text_catalogue()[name].card.tier == 1]
STORED = [name for name in text_names() if text_catalogue()[name].card.tier == 3]


def entry(*urls, **more):
    archive = Archive("small.txt", tiny.sha256(CONTENT), tiny.sha256(CONTENT), urls)
    card = TextCard("small", "t", "d", "text", (180, 10, 10), (), "l", "the source", "c", 3)
    return TextEntry(card, None, (archive,), decode_texts.contiguous("small.txt", 0.9, 0.05), **more)


def load(one):
    text = load_text_from({"small": one}, "small")
    assert isinstance(text, TextSet)
    assert text.train + text.validation + text.test == CONTENT.decode()
    # 190 characters: 171, 9.5, 9.5
    assert [len(split) for split in text[1:4]] == [171, 9, 10]
    return text


@pytest.mark.parametrize("file", ["small.txt", "another.txt"])
def test_fetched_once(cache, file):
    with tiny.serve({f"/{file}": CONTENT}) as (base, asked):
        load(entry(f"{base}/{file}"))
        load(entry(f"{base}/{file}"))
    assert asked == [f"/{file}"]
    assert (cache / "downloads" / "small" / "small.txt").read_bytes() == CONTENT


def test_found_in_a_folder(monkeypatch, tmp_path, no_network):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "small.txt.gz").write_bytes(tiny.zipped(CONTENT))
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    load(entry("http://nowhere.invalid/small.txt"))


def test_another_file_of_the_name_is_told(monkeypatch, tmp_path):
    (tmp_path / "small.txt").write_bytes(CONTENT[1:])
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    with tiny.serve({"/small.txt": CONTENT}) as (base, _), pytest.warns(UserWarning, match="another file of that name"):
        load(entry(f"{base}/small.txt"))


def test_a_member_of_a_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr("folder/small.txt", CONTENT)
    with tiny.serve({"/all.zip": stream.getvalue()}) as (base, asked):
        one = entry(members={"small.txt": Member(f"{base}/all.zip", "folder/small.txt")})
        load(one)
        load(one)
    assert asked == ["/all.zip"]


def test_a_server_with_another_file(cache):
    with (
        tiny.serve({"/small.txt": CONTENT[1:]}) as (base, _),
        pytest.raises(DatasetError, match="served a file of sha"),
    ):
        load(entry(f"{base}/small.txt"))
    assert not list(cache.rglob("*small.txt"))


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded(no_network, name):
    text = load_text(name)
    assert text.card is text_catalogue()[name].card
    assert text.name == text.card.name == name
    splits = text[1:4]
    if text.card.kind == "pairs":
        assert tuple(map(len, splits)) == text.card.sizes == (10_000, 1_000, 1_000)
        # no source is in two splits
        assert len({source for split in splits for source, _ in split}) == 12_000
    else:
        assert sum(map(len, splits)) > 300_000
        assert all(len(split) > 10_000 for split in splits)
        assert "yield" in text.train + text.validation + text.test
    again = load_text(name)
    assert again[1:4] == splits


def test_documentation_by_hand():
    topics = {"b": "\nshared  line\n\n\nown of b\n", "a": "own of a  \n\n shared line"}
    splits = decode_texts.documentation(topics)
    everything = "".join(splits.values())
    assert everything == "own of a\n\n shared line\n\nown of b\n\n"


def test_poems_by_hand():
    several = [{"paragraphs": [f"{n} first", "second"]} for n in (*range(40), 3)]
    splits = decode_texts.poems("p.json")({"p.json": json.dumps(several).encode()})
    poems = {split: text.split("\n\n")[:-1] for split, text in splits.items()}
    assert {split: len(part) for split, part in poems.items()} == {"train": 36, "validation": 2, "test": 2}
    assert sorted(itertools.chain(*poems.values())) == sorted(f"{n} first\nsecond" for n in range(40))
    for content in (b"[", b"{}]", b'[{"title": "x"}]', b"[3]"):
        with pytest.raises(DatasetError, match=r"p\.json: not a list of poems"):
            decode_texts.poems("p.json")({"p.json": content})


def test_pairs_by_hand():
    lines = "".join(f"source {n}\tcible {n}.{k}\n" for n in range(200) for k in range(2))
    splits = decode_texts.pairs("f.txt")({"f.txt": lines.encode()})
    assert sum(map(len, splits.values())) == 400
    # both translations of a source are in one split, whatever else is there
    for split, part in splits.items():
        assert len(part) == 2 * len({source for source, _ in part})
        few = decode_texts.pairs("f.txt")({"f.txt": "".join(f"{s}\t{t}\n" for s, t in part).encode()})
        assert few[split] == part
    # 20 sentences in 200 of two splits of a twentieth each, by the binomial law within five deviations
    assert abs(len(splits["validation"]) / 2 - 10) < 5 * np.sqrt(9.5)
    with pytest.raises(DatasetError, match=r"f\.txt: line 2: no tab"):
        decode_texts.pairs("f.txt")({"f.txt": b"a\tb\nc d\n"})


def test_names_by_hand():
    contents = {
        "Aa.txt": "\n".join([f"a{n}" for n in range(60)] + ["a1", ""]).encode(),
        "Bb.txt": "".join(f"b{n}\n" for n in [*range(39), 7]).encode() + b"a1",
    }
    splits = decode_texts.names(contents)
    everything = [*itertools.chain(*splits.values())]
    assert sorted(everything) == sorted(
        [(f"a{n}", "Aa") for n in range(60)] + [(f"b{n}", "Bb") for n in range(39)] + [("a1", "Bb")]
    )
    assert {split: len(part) for split, part in splits.items()} == {"train": 80, "validation": 10, "test": 10}
    for split, share in (("test", 10), ("validation", 10), ("train", 80)):
        assert sum(language == "Aa" for _, language in splits[split]) == 0.6 * share


def test_text_that_is_not_utf8():
    with pytest.raises(DatasetError, match=r"small\.txt: byte offset 2: not UTF-8"):
        decode_texts.official({"train": "small.txt"})({"small.txt": b"ab\xff"})


def test_every_file_has_an_address():
    for name, one in text_catalogue().items():
        assert name == one.card.name
        assert bool(one.make) != bool(one.archives)
        for archive in one.archives:
            assert len(archive.content) == 64
            urls = archive.urls or (one.members[archive.name].url,)
            assert all(url.startswith("https://") and url.isascii() for url in urls)


def test_unknown_name():
    with pytest.raises(UsageError, match="did you mean tiny_shakespeare"):
        load_text("tinyshakespeare")


@pytest.fixture
def stored(request):
    return load_text(request.param)


@pytest.mark.real_data
@pytest.mark.parametrize("stored", STORED, indirect=True)
def test_stored_texts_fit_their_card(stored):
    assert tuple(len(split) for split in stored[1:4]) == stored.card.sizes
    if stored.card.kind == "labelled":
        assert {language for _, language in stored.test} == set(stored.card.classes)
        assert len(stored.card.classes) == len(NAMES) == 18


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "tokens", "types"), [("ptb", (929_589, 73_760, 82_430), 10_000)])
def test_published_counts_of_words(name, tokens, types):
    text = load_text(name)
    lists = [dlx.text.lines_with_end(split) for split in text[1:4]]
    assert tuple(map(len, lists)) == tokens
    vocabulary = dlx.text.build_vocabulary(lists[0], reserved=("<unk>", "<eos>"))
    assert len(vocabulary) == types
    assert set(lists[1]) | set(lists[2]) <= set(vocabulary.tokens)


@pytest.mark.real_data
def test_published_counts_of_characters():
    shakespeare, machine = load_text("tiny_shakespeare"), load_text("time_machine")
    whole = shakespeare.train + shakespeare.validation
    assert (len(whole), len(set(whole)), whole.count("\n")) == (1_115_394, 65, 40_000)
    assert whole.startswith("First Citizen:\nBefore we proceed any further")
    whole = machine.train + machine.validation + machine.test
    assert (len(whole), len(dlx.text.words(dlx.text.letters_only(whole)))) == (178_979, 32_775)


@pytest.mark.real_data
def test_sentences_of_the_splits_are_different():
    text = load_text("fra_eng")
    sources = [{source for source, _ in split} for split in text[1:4]]
    assert not sources[0] & sources[1]
    assert not sources[0] & sources[2]
    assert not sources[1] & sources[2]
    assert sum(map(len, text[1:4])) == 167_130
    cleaned = dlx.text.separate_punctuation(next(target for source, target in text.test if source == "Wait!"))
    assert cleaned == "attends !"
