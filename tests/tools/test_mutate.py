"""The mutation tool on small trees: a good test kills, a weak one lets live, and the checkout stays as it is."""

import json

import pytest

from tools import mutate

SOURCE = "def total(a, b):\n    return a + b\n"
GOOD = "from dlx.nn.add import total\n\ndef test_total():\n    assert total(2, 3) == 5\n"
WEAK = "from dlx.nn.add import total\n\ndef test_total():\n    assert total(2, 0) == 2\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Writes a checkout of these files; gives its root."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # faster; the trees need none

    def write(files):
        for name, text in {"dlx/__init__.py": "", "dlx/nn/__init__.py": "", "docs/x.md": "", **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def run(root, *options):
    status = mutate.main(["--root", str(root), "--timeout", "60", *options])
    path = root / "docs" / "mutation.json"
    return status, json.loads(path.read_text()) if path.is_file() else None


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_good_test_kills_every_fault(tree):
    root = tree({"dlx/nn/add.py": SOURCE, "tests/nn/test_add.py": GOOD})
    before = contents(root)
    status, result = run(root, "--goal", "1.0")
    assert status == 0
    counts = {"mutants": 3, "killed": 3, "survived": 0, "not_covered": 0, "equivalent": 0}
    assert result == {"seed": 0, **counts, "kill_rate": 1.0, "alive": []}
    (root / "docs" / "mutation.json").unlink()
    assert contents(root) == before


def test_a_weak_test_lets_faults_live_and_they_are_printed(tree, capsys):
    root = tree({"dlx/nn/add.py": SOURCE, "tests/nn/test_add.py": WEAK})
    status, result = run(root, "--goal", "0.95", "--jobs", "2")
    assert status == 1
    assert (result["killed"], result["survived"], result["kill_rate"]) == (1, 2, 0.333)
    assert [entry["after"] for entry in result["alive"]] == ["return (a - b)", "return (a)"]
    output = capsys.readouterr().out
    assert "survived    dlx/nn/add.py:2 total (sign)" in output
    assert "    - return a + b\n    + return (a - b)\n" in output


def test_what_the_mirrored_tests_let_live_meets_the_tests_that_use_it(tree):
    root = tree({"dlx/nn/add.py": SOURCE, "tests/nn/test_add.py": WEAK, "tests/errors/test_all.py": GOOD})
    assert run(root)[1]["kill_rate"] == 1.0


def test_a_helper_meets_the_tests_of_the_functions_that_call_it(tree):
    helper = "def sum_of(a, b):\n    return a + b\n"
    source = "from dlx.nn._sum import sum_of\n\n\ndef total(a, b):\n    return sum_of(a, b)\n"
    root = tree({"dlx/nn/_sum.py": helper, "dlx/nn/add.py": source, "tests/nn/test_add.py": GOOD})
    _, result = run(root)
    assert (result["mutants"], result["kill_rate"]) == (3, 1.0)


def test_a_function_without_tests_is_not_covered(tree):
    root = tree({"dlx/nn/add.py": SOURCE, "tests/nn/test_other.py": "def test_it():\n    pass\n"})
    _, result = run(root, "--sample", "1")
    assert (result["killed"], result["not_covered"], result["kill_rate"]) == (0, 1, 0.0)


def test_an_endless_mutant_is_killed_by_the_clock(tree, monkeypatch):
    source = "def count():\n    n = 5\n    while n != 0:\n        n = n - 1\n    return n\n"
    test = "from dlx.nn.add import count\n\ndef test_count():\n    assert count() == 0\n"
    root = tree({"dlx/nn/add.py": source, "tests/nn/test_add.py": test})
    candidates = mutate.mutants(root / "dlx/nn/add.py", root)
    (endless,) = [mutant for mutant in candidates if mutant.after == "n = (n + 1)"]
    runner = mutate.Runner(root, root / "copies", jobs=1, timeout=2.0)
    monkeypatch.setattr(runner, "baselines", {("tests/nn/test_add.py",): 0.1})
    assert runner.verdict(endless, [("tests/nn/test_add.py",)]) == "timeout"


def test_a_failing_baseline_is_an_error(tree, capsys):
    root = tree({"dlx/nn/add.py": SOURCE, "tests/nn/test_add.py": GOOD.replace("== 5", "== 6")})
    assert run(root) == (2, None)
    assert "the unchanged tree fails" in capsys.readouterr().err


def test_nothing_to_mutate_is_an_error(tree, capsys):
    assert run(tree({}), "--package", "dlx.nm") == (2, None)
    assert "dlx.nm" in capsys.readouterr().err


EQUIVALENT = """
[[mutant]]
file = "dlx/nn/add.py"
function = "total"
before = "return a + b"
after = "{after}"
reason = "{reason}"
"""


def test_equivalent_mutants_are_left_out(tree):
    entries = "".join(EQUIVALENT.format(after=after, reason="planted") for after in ("return (a - b)", "return (a)"))
    files = {"dlx/nn/add.py": SOURCE, "tests/nn/test_add.py": WEAK, "tools/mutate_equivalent.toml": entries}
    _, result = run(tree(files))
    assert (result["mutants"], result["equivalent"], result["kill_rate"]) == (1, 2, 1.0)


@pytest.mark.parametrize(
    ("after", "reason", "complaint"), [("return (a - b)", "", "no reason"), ("return a", "x", "fits no mutant")]
)
def test_an_equivalent_mutant_needs_a_reason_and_a_place(tree, capsys, after, reason, complaint):
    entry = EQUIVALENT.format(after=after, reason=reason)
    root = tree({"dlx/nn/add.py": SOURCE, "tests/nn/test_add.py": GOOD, "tools/mutate_equivalent.toml": entry})
    assert run(root) == (2, None)
    assert complaint in capsys.readouterr().err


def test_a_sample_is_spread_over_functions_and_repeatable(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("".join(f"def f{i}(a, b):\n    return a + b - 1\n\n\n" for i in range(6)))
    every = mutate.mutants(path, tmp_path)
    chosen = mutate.sample(every, 6, seed=3)
    assert {mutant.function for mutant in chosen} == {f"f{i}" for i in range(6)}
    assert chosen == mutate.sample(every, 6, seed=3)
    assert chosen != mutate.sample(every, 6, seed=4)
    assert len(mutate.sample(every, None, seed=0)) == len(every)
