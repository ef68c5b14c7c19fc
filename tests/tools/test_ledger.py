"""The ledger on small trees: what it reads from tests, and what `--check` refuses."""

import json

import pytest

from tools import ledger
from tools.ledger_tests import collect

ROWS = """
rows = [
  { n = 1, group = "A", concept = "ReLU: max(0, |x|)", source = "notes 001 section 1" },
  { n = 2, group = "A", concept = "Sigmoid", source = "notes 001 section 1", errata = ["E1"] },
]
errata = [{ id = "E1", source = "notes 001 section 1", accepted = "the right sign" }]
gaps = [{ id = "U1", source = "notes 001 section 2", missing = "rule", filled = "rule" }]
[groups]
A = "Basics"
"""
GOOD = """
import dlx
import jax
import pytest
import torch
from dlx.nn import activations as act

def expected(x):
    return torch.relu(x)

@pytest.mark.row(1)
def test_relu():
    assert dlx.nn.relu(1) == expected(1)

@pytest.mark.erratum("E1")
@pytest.mark.gap("U1")
@pytest.mark.row(2, references="numpy")
def test_sigmoid():
    assert act.sigmoid(0) == jax.nn.sigmoid(0)

def test_unmarked():
    pass
"""


@pytest.fixture
def tree(tmp_path):
    """Writes a checkout with these test files; gives its root."""

    def write(**tests):
        files = {
            "docs/rows.toml": ROWS,
            "dlx/__init__.py": "",
            "dlx/nn/__init__.py": '__all__ = ["relu", "sigmoid"]',
            "tests/conftest.py": "",
        } | {f"tests/nn/test_{name}.py": text for name, text in tests.items()}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def run(root, *options):
    return ledger.main(["--root", str(root), *options])


def test_functions_references_and_tests_are_read_from_the_source(tree):
    proofs, tests, problems = collect(tree(activations=GOOD))
    assert not problems
    assert tests == [f"tests/nn/test_activations.py::test_{name}" for name in ("relu", "sigmoid", "unmarked")]
    by_kind = {(proof.kind, proof.ids): proof for proof in proofs}
    assert set(by_kind) == {("row", (1,)), ("row", (2,)), ("erratum", ("E1",)), ("gap", ("U1",))}
    relu, sigmoid = by_kind["row", (1,)], by_kind["row", (2,)]
    assert (relu.functions, relu.references) == (("dlx.nn.relu",), ("torch",))
    assert (sigmoid.functions, sigmoid.references) == (("dlx.nn.sigmoid",), ("numpy",))
    assert by_kind["gap", ("U1",)].references == ("jax.nn",)


def test_markers_of_module_class_and_parameters(tree):
    text = """
import pytest
pytestmark = [pytest.mark.erratum("E1")]
CASES = [pytest.param(1, marks=pytest.mark.row(1, function="dlx.nn.relu"))]

@pytest.mark.gap("U1")
class TestAll:
    @pytest.mark.parametrize("x", CASES)
    def test_it(self, x):
        pass

@pytest.mark.row(2)
@pytest.mark.skip
def test_not_run():
    pass
"""
    proofs, _, problems = collect(tree(marks=text))
    assert not problems
    assert {(proof.ids, proof.test.split("::", 1)[1]) for proof in proofs} == {
        (("E1",), "TestAll::test_it"),
        (("U1",), "TestAll::test_it"),
        ((1,), "TestAll::test_it"),
    }
    assert [proof.functions for proof in proofs if proof.ids == (1,)] == [("dlx.nn.relu",)]


def test_each_parameter_speaks_of_its_own_function(tree):
    text = """
import jax, pytest
from dlx import nn
TABLE = [
    pytest.param(nn.relu, jax.nn.relu, marks=pytest.mark.row(1)),
    pytest.param(nn.sigmoid, None, marks=[pytest.mark.row(2)]),
]

@pytest.mark.parametrize(("function", "library"), TABLE, ids=[p.values[0].__name__ for p in TABLE])
def test_each(function, library):
    pass

@pytest.mark.row(2)
@pytest.mark.parametrize("function", [p.values[0] for p in TABLE])
def test_all(function):
    pass
"""
    proofs, _, problems = collect(tree(table=text))
    assert not problems
    assert {(proof.ids, proof.test.split("::")[1], proof.functions, proof.references) for proof in proofs} == {
        ((1,), "test_each", ("dlx.nn.relu",), ("jax.nn",)),
        ((2,), "test_each", ("dlx.nn.sigmoid",), ()),
        ((2,), "test_all", ("dlx.nn.relu", "dlx.nn.sigmoid"), ("jax.nn",)),
    }


def test_functions_by_their_text_and_through_helpers_and_fixtures(tree):
    text = """
import pytest
import dlx.nn as nn
from ..reference import activations

@pytest.fixture
def torch():
    return pytest.importorskip("torch")

def prove(x):
    assert nn.relu(x) == activations.relu(x)

@pytest.mark.row(1)
def test_relu(torch):
    prove(1)

@pytest.mark.row(2)
@pytest.mark.parametrize("name", ["sigmoid", "float32"])
def test_named(name):
    getattr(nn, name)(1)
"""
    proofs, _, problems = collect(tree(helpers=text))
    assert not problems
    assert [(proof.functions, proof.references) for proof in proofs] == [
        (("dlx.nn.relu",), ("tests.reference", "torch")),
        (("dlx.nn.sigmoid",), ()),
    ]


def test_page_is_written_checked_and_deterministic(tree, capsys):
    root = tree(activations=GOOD)
    assert run(root, "--check") == 1
    assert "stale" in capsys.readouterr().err
    assert run(root, "--write") == 0
    page = (root / "docs/coverage.md").read_text()
    assert run(root, "--check") == 0
    assert run(root, "--write") == 0
    assert (root / "docs/coverage.md").read_text() == page
    assert "| **all rows** | **2** | **2** |" in page
    assert (
        r"| 1 | ReLU: max(0, \|x\|) | `dlx.nn.relu` | `tests/nn/test_activations.py`: test_relu | torch |  |"
    ) in page.splitlines()


def test_page_goes_stale_with_the_tests(tree):
    root = tree(activations=GOOD)
    run(root, "--write")
    (root / "tests/nn/test_activations.py").write_text(GOOD.replace("row(1)", "row(2)"))
    assert run(root, "--check") == 1


@pytest.mark.parametrize(
    ("marker", "complaint"),
    [
        ("row(3)", "has no row 3"),
        ('erratum("E2")', "has no erratum E2"),
        ('gap("U9")', "has no gap U9"),
        ('row("1")', "type int"),
        ("row()", "one or more"),
        ("row(NUMBER)", "wants literals"),
        ('row(1, function="dlx.nn.rely")', "no public function dlx.nn.rely"),
    ],
)
def test_check_fails_on_a_marker_that_names_nothing(tree, capsys, marker, complaint):
    root = tree(bad=f"import pytest\nNUMBER = 1\n@pytest.mark.{marker}\ndef test_it():\n    pass\n")
    run(root, "--write")
    capsys.readouterr()
    assert run(root, "--check") == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert "tests/nn/test_bad.py" in error


def test_check_fails_on_a_marker_on_no_test(tree, capsys):
    root = tree(bad="import pytest\n@pytest.mark.row(1)\ndef helper():\n    pass\n")
    assert run(root, "--write") == 1
    assert "tests/nn/test_bad.py:2: row is on no test" in capsys.readouterr().err


def test_measured_errors_and_kill_rate_stand_on_the_page(tree, capsys):
    root = tree(activations=GOOD)
    test = "tests/nn/test_activations.py::test_relu"
    (root / "docs/errors.json").write_text(json.dumps({test: {"1": 1e-7}, "tests/gone.py::test_it": {"1": 1.0}}))
    (root / "docs/mutation.json").write_text(
        json.dumps({"seed": 0, "kill_rate": 0.9, "killed": 9, "survived": 1, "not_covered": 0, "equivalent": 2})
    )
    assert run(root, "--check") == 1
    assert "no test tests/gone.py::test_it" in capsys.readouterr().err
    assert run(root, "--write") == 0
    page = (root / "docs/coverage.md").read_text()
    assert "test_relu | torch | 1e-07 |" in page
    assert "0.900 of the mutants killed, goal 0.95 (9 killed, 1 survived, 0 not covered, 2 equivalent)" in page
    assert json.loads((root / "docs/errors.json").read_text()) == {test: {"1": 1e-7}}
    assert run(root, "--check") == 0
