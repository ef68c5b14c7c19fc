"""The plugin that keeps the errors which tests measure."""

import json

import pytest

from tests.ledger_plugin import round_up

pytest_plugins = ["pytester"]

SUITE = """
import pytest

@pytest.mark.row(1, 2)
@pytest.mark.parametrize("error", [3e-8, 2e-6, 0.0])
def test_two_rows(error, record_error):
    record_error(error)

@pytest.mark.row(3)
def test_exact(record_error):
    record_error(0.0)

@pytest.mark.row(4)
def test_fails(record_error):
    record_error(1e-3)
    assert False

def test_no_row(record_error):
    record_error(1e-3)
"""


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.0, 0.0),
        (1e-6, 1e-6),
        (1.0000001e-6, 1e-5),
        (9.99e-7, 1e-6),
        (3e-16, 1e-15),
        (1.0, 1.0),
        (2.5, 10.0),
        (1e3, 1e3),
    ],
)
def test_round_up(value, rounded):
    assert round_up(value) == rounded


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # faster; the suites need none


def suite(pytester, text, *options):
    pytester.makeini("[pytest]\nmarkers =\n  row")
    pytester.makepyfile(test_suite=text)
    return pytester.runpytest("-p", "tests.ledger_plugin", "-p", "no:cacheprovider", *options)


def test_errors_are_written_by_test_and_row(pytester):
    path = pytester.path / "errors.json"
    path.write_text(json.dumps({"test_other.py::test_it": {"9": 1e-2}}))
    suite(pytester, SUITE, "--ledger-errors", str(path)).assert_outcomes(passed=5, failed=1)
    assert json.loads(path.read_text()) == {
        "test_other.py::test_it": {"9": 1e-2},
        "test_suite.py::test_two_rows": {"1": 1e-5, "2": 1e-5},
        "test_suite.py::test_exact": {"3": 0.0},
    }


def test_without_the_option_nothing_is_written(pytester):
    suite(pytester, SUITE).assert_outcomes(passed=5, failed=1)
    assert not list(pytester.path.glob("*.json"))


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "-1.0"])
def test_an_error_must_be_finite_and_not_negative(pytester, value):
    result = suite(pytester, f"def test_it(record_error):\n    record_error({value})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*record_error: wants a finite error*"])
