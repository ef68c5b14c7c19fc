"""docs/rows.toml is whole, and its cross-references hold."""

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = tomllib.loads((ROOT / "docs" / "rows.toml").read_text("utf-8"))
SOURCE = r"notes 00[0-4] (section|line) \d+"
# Rows a group, as the course's own count of them has it.
SIZES = dict(zip("ABCDEFGHIJKLMNOPQ", (40, 2, 14, 25, 9, 20, 11, 13, 26, 15, 38, 51, 16, 13, 50, 18, 14), strict=True))


def test_rows_are_numbered_without_a_hole():
    assert [row["n"] for row in TABLE["rows"]] == list(range(1, 376))


def test_groups_have_their_sizes_and_a_title():
    assert Counter(row["group"] for row in TABLE["rows"]) == SIZES
    assert set(TABLE["groups"]) == set(SIZES)


def test_errata_and_gaps_are_numbered_without_a_hole():
    assert [entry["id"] for entry in TABLE["errata"]] == [f"E{n}" for n in range(1, 100)]
    assert [entry["id"] for entry in TABLE["gaps"]] == [f"U{n}" for n in range(1, 35)]


@pytest.mark.parametrize("kind", ["errata", "gaps"])
def test_rows_name_every_erratum_and_gap_and_no_other(kind):
    named = {entry for row in TABLE["rows"] for entry in row.get(kind, [])}
    assert named == {entry["id"] for entry in TABLE[kind]}


@pytest.mark.parametrize(
    ("kind", "fields"), [("rows", ["concept"]), ("errata", ["accepted"]), ("gaps", ["missing", "filled"])]
)
def test_entries_have_text_and_a_source(kind, fields):
    for entry in TABLE[kind]:
        assert all(len(entry[field].strip()) > 3 for field in fields), entry
        assert all(re.fullmatch(SOURCE, source) for source in entry["source"].split("; ")), entry


def test_concepts_differ():
    concepts = Counter(row["concept"] for row in TABLE["rows"])
    assert not [concept for concept, count in concepts.items() if count > 1]
