"""docs/capabilities.md says what the tests show: no tick without its test, no test without its tick."""

import importlib
import itertools
import re
from pathlib import Path

import pytest

from tests.train.kinds import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "capabilities.md").read_text("utf-8")


def table(page: str, first: str) -> list[dict[str, str]]:
    """The rows of the Markdown table whose first column is called `first`."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")
    ]
    start = next(i for i, cells in enumerate(lines) if cells[0] == first)
    rows = itertools.takewhile(lambda cells: len(cells) == len(lines[start]), lines[start + 2 :])
    return [dict(zip(lines[start], cells, strict=True)) for cells in rows]


def exists(test: str) -> bool:
    """Whether `file.py::function[parameters]` is a test that pytest would collect."""
    module, function, parameters = re.fullmatch(r"(\w+)\.py::(test_\w+)(?:\[(.+)\])?", test).groups()
    found = getattr(importlib.import_module(f"tests.train.{module}"), function, None)
    marks = [mark for mark in getattr(found, "pytestmark", []) if mark.name == "parametrize"]
    values = [[getattr(value, "values", [value])[0] for value in mark.args[1]] for mark in marks]
    ids = {"-".join(combination) for combination in itertools.product(*values)}
    return found is not None and (parameters or "") in ids


def named_tests(column: str, kind: str) -> list[str]:
    row = next(row for row in table(PAGE, "column") if row["column"] == column)
    return [name.replace("KIND", kind) for name in re.findall(r"`([^`]+)`", row["test"])]


@pytest.mark.parametrize("kind", list(KINDS))
def test_ticks_and_tests_agree(kind):
    cells = next(row for row in table(PAGE, "kind") if row["kind"] == kind)
    columns = [row["column"] for row in table(PAGE, "column")]
    assert list(cells)[2:] == columns
    for column in columns:
        names = named_tests(column, kind)
        assert names
        if cells[column] == "✓":
            assert all(exists(name) for name in names), (column, names)
        else:
            assert re.search(rf"^- {cells[column]}: ", PAGE, re.MULTILINE), f"{column}: no reason {cells[column]}"
            own = [name for name in names if name.endswith(f"{kind}]")]
            assert not any(exists(name) for name in own), (column, own)


def test_the_page_knows_every_kind():
    assert [row["kind"] for row in table(PAGE, "kind")] == list(KINDS)


def test_every_named_file_exists():
    for name in set(re.findall(r"`(?:tests/train/)?(\w+\.py)", PAGE)):
        assert (Path(__file__).parent / name).is_file(), name


def test_a_test_that_is_not_there_is_noticed():
    assert exists("test_kinds.py::test_eight_devices[jit-gan]")
    assert not exists("test_kinds.py::test_eight_devices[jit-image]")
    assert not exists("test_kinds.py::test_chunk")
    assert not exists("test_kinds.py::test_chunks[gan]")
