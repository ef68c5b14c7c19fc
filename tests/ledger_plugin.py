"""Pytest plugin: the errors that tests measure, for the ledger's page.

    def test_relu_matches_torch(record_error):
        ...
        record_error(np.abs(ours - theirs).max())

    python -m pytest --ledger-errors docs/errors.json

keeps, per test and row that its marker names, the largest error over the test's parameters, rounded up to a power of
ten so that machines agree. Other tests' entries in the file stay.
"""

import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

PROPERTY = "ledger_error"


def round_up(value: float) -> float:
    """The least power of ten that is not below `value`; 0 for 0."""
    if value == 0:
        return 0.0
    decimal = Decimal(repr(value)).normalize()
    is_power = decimal.as_tuple().digits == (1,)
    return float(f"1e{decimal.adjusted() + (not is_power)}")


@pytest.fixture
def record_error(request: pytest.FixtureRequest, record_property: Callable) -> Callable[[float], None]:
    """Reports a largest error against a reference: finite and not negative."""
    rows = sorted({number for mark in request.node.iter_markers("row") for number in mark.args})

    def record(value: float) -> None:
        value = float(value)
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"record_error: wants a finite error >= 0, got {value}")
        record_property(PROPERTY, [rows, value])

    return record


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ledger-errors", metavar="PATH", help="write the errors that tests measured into this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    # Under pytest-xdist the workers' reports reach the main process, which writes alone.
    path = config.getoption("--ledger-errors")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(Path(path)), "ledger-errors")


class Writer:
    """Gathers the errors of the tests that passed, and writes them at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: dict[str, dict[str, float]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed:
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                rows = self.errors.setdefault(report.nodeid.split("[")[0], {})
                for number in value[0]:
                    rows[str(number)] = max(rows.get(str(number), 0.0), round_up(value[1]))

    def pytest_sessionfinish(self) -> None:
        before = json.loads(self.path.read_text("utf-8")) if self.path.is_file() else {}
        after = before | {test: rows for test, rows in self.errors.items() if rows}
        self.path.write_text(json.dumps(after, indent=1, sort_keys=True) + "\n", "utf-8")
