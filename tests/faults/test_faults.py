"""Every case of `make faults`, each in processes of its own."""

import pytest

from tools.faults.cases import CASES


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Compiled programs and the results of uninterrupted runs, for all cases."""
    return tmp_path_factory.mktemp("faults")


@pytest.mark.parametrize(
    "number",
    [pytest.param(number, marks=() if item.quick else pytest.mark.slow, id=f"{number:02d} {item.title}")
     for number, item in sorted(CASES.items())],
)  # fmt: skip
def test_fault(number, shared):
    outcome = CASES[number].run(shared)
    assert not outcome.failure, outcome.failure
    assert outcome.saw


def test_the_list_is_whole():
    assert sorted(CASES) == list(range(1, 36))
