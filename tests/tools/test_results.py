"""The recorded results on small trees: what is read from docstrings and runs, what pages show, what --check refuses."""

import copy
import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tools import results
from tools.results_claims import claims, compare, problems
from tools.results_pages import BEGIN, END, pages, picture, table
from tools.results_presets import agrees, allowed, command, missing, record_presets
from tools.results_record import RunError, documented, load, parse_result, record, run, store

TOY = '''"""A toy (nobody 2020).

    python -m experiments.toy --dataset mnist --seeds 2
    python -m experiments.toy --dataset fashion_mnist --seeds 2    # slower

    not_a_command = 1

CPU: 1 s. Test accuracy 0.75 +- 0.07 (mnist, 2 seeds), 0.500 +- 0.071 (Fashion-MNIST, 2 seeds); published 0.9.
"""
import json, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
def launch(dataset):
    folder = pathlib.Path(given["--output-dir"], "toy", dataset)
    folder.mkdir(parents=True)
    rows = {"mnist": [0.7, 0.8], "fashion_mnist": [0.45, 0.55]}[dataset]
    lines = [{"step": 5, "train_loss": [1, 2]}, {"step": 10, "test_accuracy": [0.1, None]},
             {"step": 20, "test_accuracy": rows}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
    (folder / "environment.json").write_text(json.dumps([{"started": "2026-01-02T03:04:05+00:00", "commit": "abc",
        "processor": "CPU of Theseus", "cores": 2, "command": "/secret/python", "system": "secret",
        "devices": {"platform": "cpu", "kind": "cpu", "count": 1}}]))
    metrics = {"test_accuracy": {"mean": sum(rows) / 2, "std": 0.0707107, "per_seed": rows},
               "train_loss": {"mean": 1.5, "std": 0.1, "per_seed": [1.4, 1.6]},
               "test_loss": {"mean": 6.43e-5, "std": 1.1e-6, "per_seed": [0, 0]}}
    print("RESULT " + json.dumps({"experiment": "toy", "dataset": dataset, "seeds": [0, 1], "metrics": metrics,
        "failed_seeds": [], "steps": 1200, "seconds": 0.5, "examples_per_second": 10.0, "run_folder": str(folder),
        "versions": {"dlx": "0"}}))
launch(given["--dataset"])
'''  # fmt: skip
BROKEN = """
'Broken.\\n\\n    python -m experiments.broken'
import sys
launch = sys.exit
print("it is\\nwrong")
launch(3)
"""
MNIST = "python -m experiments.toy --dataset mnist --seeds 2"


def checkout(root):
    """One experiment, nothing recorded."""
    (root / "experiments").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "experiments" / "__init__.py").write_text("")  # or an installed package of this name comes first
    (root / "experiments" / "toy.py").write_text(TOY)
    (root / "experiments" / "helper.py").write_text('"""Not an experiment."""\n')
    (root / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    return root


@pytest.fixture
def root(tmp_path):
    """A checkout with one experiment; its runs lie outside."""
    return checkout(tmp_path / "root")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """The same after --run, with a preset, and with its pages written."""
    folder = tmp_path_factory.mktemp("once")
    root = checkout(folder / "root")
    preset = {
        "toy": {"arguments": ["--dataset", "mnist"], "metric": "test_accuracy", "mean": 0.75, "std": 0, "seeds": 2}
    }
    (root / "results").mkdir()
    (root / "results" / "presets.json").write_text(json.dumps(preset))
    assert results.main(["--run", "--write", "--runs-dir", str(folder / "runs")], root) == 0
    return root


@pytest.fixture
def ran(once, tmp_path):
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(once, tmp_path / "root"))


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_docstrings(root):
    (toy,) = documented(root / "experiments")
    assert (toy.name, toy.title) == ("toy", "A toy (nobody 2020)")
    assert toy.commands == (MNIST, MNIST.replace("mnist", "fashion_mnist"))
    assert toy.expected.startswith("CPU: 1 s. Test accuracy")
    assert "not_a_command" not in toy.expected


def test_a_command_may_go_on_after_a_backslash(root):
    edit(root / "experiments" / "toy.py", "--dataset mnist --seeds 2", "--dataset mnist \\\\\n        --seeds 2")
    assert documented(root / "experiments")[0].commands[0] == MNIST


def test_an_experiment_without_a_command_is_not_run_in_silence(root, tmp_path):
    edit(root / "experiments" / "toy.py", "    python -m experiments.toy", "python -m experiments.toy")
    with pytest.raises(RunError, match=r"toy\.py: its docstring holds no indented `python -m experiments"):
        results.run_all(root, ["toy"], tmp_path)


def test_result_line():
    assert parse_result("RESULT {}\nnoise\nRESULT {\"steps\": 3}\n") == {"steps": 3}  # fmt: skip
    assert parse_result("no RESULT {}\n") is None


def test_a_run_is_stored_without_paths(once, ran):
    assert set(load(ran / "results")) == {"toy-mnist", "toy-fashion_mnist"}
    text = (ran / "results" / "toy-mnist.json").read_text()
    kept = json.loads(text)
    assert kept["command"] == MNIST
    assert (kept["date"], kept["commit"]) == ("2026-01-02", "abc")
    assert kept["machine"] == {
        "processor": "CPU of Theseus",
        "cores": 2,
        "devices": {"platform": "cpu", "kind": "cpu", "count": 1},
    }
    assert kept["result"]["metrics"]["test_accuracy"]["per_seed"] == [0.7, 0.8]
    assert kept["curve"] == {"metric": "test_accuracy", "steps": [10, 20], "values": [[0.1, None], [0.7, 0.8]]}
    assert not any(word in text for word in (str(once.parent), "secret", "run_folder"))
    assert "[0.7, 0.8]" in text  # one line a list


def test_the_best_of_a_sweep_is_drawn(tmp_path):
    (tmp_path / "environment.json").write_text("[{}]")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "test_loss": [1, 2, 3, 4, 5, 6]}\n')
    result = {"seeds": [0, 1], "metrics": {"test_loss": {}}, "best": {"rate": 3},
              "sweep": [{"values": {"rate": value}} for value in (1, 3, 9)]}  # fmt: skip
    assert record("x", result, 1.0, tmp_path)["curve"]["values"] == [[3.0, 4.0]]


def test_a_result_without_metric(tmp_path):
    (tmp_path / "environment.json").write_text("[{}]")
    with pytest.raises(RunError, match="toy: the result has no metric"):
        record("x", {"experiment": "toy", "seeds": [0], "metrics": {}}, 1.0, tmp_path)


def test_a_failing_command_stops_with_its_output(root, tmp_path, capsys):
    (root / "experiments" / "broken.py").write_text(BROKEN)
    assert results.main(["--run", "broken", "toy", "--runs-dir", str(tmp_path / "runs")], root) == 1
    error = capsys.readouterr().err
    assert "exit code 3: python -m experiments.broken" in error
    assert "it is\nwrong" in error
    assert not (root / "results").exists()


def test_a_command_without_result(root, tmp_path):
    edit(root / "experiments" / "toy.py", 'print("RESULT "', 'print("result "')
    with pytest.raises(RunError, match="no RESULT line"):
        run(MNIST, tmp_path / "runs", root=root)


def test_unknown_experiment(root, capsys):
    assert results.main(["--run", "toi"], root) == 1
    assert "no experiment toi; there are toy" in capsys.readouterr().err


def test_two_commands_with_one_data_set(root, tmp_path, capsys):
    edit(root / "experiments" / "toy.py", "--dataset fashion_mnist --seeds 2", "--seeds 2 --dataset mnist")
    edit(root / "experiments" / "toy.py", "mkdir(parents=True)", "mkdir(parents=True, exist_ok=True)")
    assert results.main(["--run", "--runs-dir", str(tmp_path / "runs")], root) == 1
    assert "one command a data set" in capsys.readouterr().err


def test_table(ran):
    rows = table(load(ran / "results")).splitlines()
    assert [row.split(" | ")[1] for row in rows[2:]] == ["fashion mnist", "mnist"]
    cells = rows[3].strip("| ").split(" | ")
    assert cells[:3] == ["[toy](experiments/toy.py)", "mnist", "2"]
    assert cells[3:5] == ["test accuracy **0.7500**&nbsp;±&nbsp;0.0707", "1,200"]


def test_pages(ran):
    readme, page = (ran / "README.md").read_text(), (ran / "docs" / "results.md").read_text()
    assert readme.startswith(f"before\n{BEGIN}\n| experiment |")
    assert readme.endswith(f"{END}\nafter\n")
    assert "\nold\n" not in readme
    assert 'src="docs/images/toy-mnist.svg"' in readme
    for shown in ('src="images/toy-mnist.svg"', f"    {MNIST}\n", "CPU of Theseus, 2 cores", "6.43e-5"):
        assert shown in page
    assert "| train loss | 1.500 | 0.100 | 1.400 | 1.600 |" in page


def test_readme_without_markers(ran):
    (ran / "README.md").write_text(f"{BEGIN}\n")
    with pytest.raises(ValueError, match="results: end"):
        pages(ran, [], {})


def test_picture_stands_alone(ran):
    kept = load(ran / "results")["toy-mnist"]
    drawing = ElementTree.fromstring((ran / "docs" / "images" / "toy-mnist.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    assert drawing.tag == f"{space}svg"
    assert drawing.find(f"{space}rect").get("fill") == "#ffffff"
    assert any("0.7500" in "".join(text.itertext()) for text in drawing.iter(f"{space}text"))
    paths = [path.get("class") for path in drawing.iter(f"{space}path")]
    assert sorted(paths) == ["c0 mean", "c0 seed", "c0 seed"]
    assert "var(" not in ElementTree.tostring(drawing, "unicode")
    del kept["curve"]["steps"][1], kept["curve"]["values"][1]
    assert picture(kept) is None


def test_check_passes_and_writes_nothing(ran, capsys):
    assert results.main(["--check"], ran) == 0
    assert results.write(ran) == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("README.md", "| mnist |", "| mnist2 |", "README.md: stale"),
        ("docs/results.md", "Theseus", "Troy", "docs/results.md: stale"),
        ("docs/images/toy-mnist.svg", "0.7500", "0.7600", "docs/images/toy-mnist.svg: stale"),
        (
            "results/toy-mnist.json",
            "0.0707107",
            "0.0807107",
            "toy: test accuracy on mnist: sd stated 0.07, recorded 0.08",
        ),
        ("experiments/toy.py", "0.75 +-", "0.76 +-", "toy: test accuracy on mnist: mean stated 0.76, recorded 0.75"),
        ("experiments/toy.py", "(mnist, 2 seeds)", "(mnist, 4 seeds)", "stated for 4 seeds, recorded for 2"),
        ("experiments/toy.py", "Test accuracy", "Test f1", "names no recorded metric"),
        ("experiments/toy.py", "(mnist, 2 seeds)", "(2 seeds)", "of which data set? (mnist, fashion_mnist)"),
        (
            "experiments/toy.py",
            ", 0.500 +- 0.071 (Fashion-MNIST, 2 seeds)",
            "",
            "states no `mean +- sd` for fashion_mnist",
        ),
        ("experiments/toy.py", "--dataset mnist --seeds 2", "--dataset mnist --seeds 3", "no result of"),
        (
            "experiments/toy.py",
            "--dataset mnist --seeds 2",
            "--dataset mnist --seeds 3",
            "toy-mnist.json: no docstring has",
        ),
        ("experiments/toy.py", "    python -m", "python -m", "the docstring has no line"),
        ("results/presets.json", '"toy"', '"toi"', "toy: no preset"),
        ("results/presets.json", '"toy"', '"toi"', "no experiment toi"),
        ("results/presets.json", '"mean"', '"median"', "toy: its preset is not recorded"),
    ],
)
def test_check_refuses(ran, capsys, file, old, new, message):
    edit(ran / file, old, new)
    assert results.main(["--check"], ran) == 1
    assert message in capsys.readouterr().err


def test_claims_are_read_tolerantly():
    text = "2 cores: 3 s. Test loss 6.43e-05 +/- 1.1e-6 (4 seeds), weight error 1,234 ± 5. Published 0.9."
    assert [(claim.mean, claim.std, claim.within) for claim in claims(text)] == [
        ("6.43e-05", "1.1e-6", "(4 seeds)"),
        ("1,234", "5", ""),
    ]


@pytest.mark.parametrize(
    ("stated", "fits"), [("0.7", True), ("0.75", True), ("0.749", True), ("0.748", False), ("0.8", False), ("1", True)]
)
def test_numbers_agree_to_the_digits_stated(stated, fits):
    result = {"dataset": "d", "seeds": [0], "metrics": {"error": {"mean": 0.7492, "std": 0.0}}}
    assert (compare("x", f"Error {stated} +- 0.", {"d": {"result": result}}) == []) == fits


def test_a_recorded_mean_that_is_not_finite_is_refused():
    result = {"dataset": "d", "seeds": [0], "metrics": {"error": {"mean": None, "std": 0.0}}}
    assert "recorded nothing finite" in compare("x", "Error 0.7 +- 0.", {"d": {"result": result}})[0]


def test_check_of_an_empty_checkout(root):
    (toy,) = documented(root / "experiments")
    assert len(problems([toy], {})) == 2  # each command without a result
    assert missing(["toy"], {})[0].startswith("toy: no preset")


def test_presets(ran, tmp_path):
    record_presets(ran, ["toy"], tmp_path / "presets")
    preset = json.loads((ran / "results" / "presets.json").read_text())["toy"]
    assert command("toy", preset) == "python -m experiments.toy --dataset mnist"
    assert (preset["mean"], preset["std"], preset["seeds"]) == (0.75, 0.0707107, 2)
    assert preset["seconds"] >= 0


@pytest.mark.parametrize(
    ("metric", "mean", "std", "most"),
    [("test_accuracy", 0.9, 0.01, 0.03), ("test_accuracy", 0.9, 0.0001, 0.005), ("test_loss", 2.0, 0.01, 0.1)],
)
def test_presets_agree_within(metric, mean, std, most):
    preset = {"metric": metric, "mean": mean, "std": std, "seeds": 2}
    assert allowed(preset) == pytest.approx(most)
    near = {"seeds": [0, 1], "failed_seeds": [], "metrics": {metric: {"mean": mean - 0.99 * most}}}
    assert agrees(preset, near)
    changes = [("mean", mean + 1.01 * most), ("mean", None), ("seeds", [0]), ("failed_seeds", [1])]
    for name, value in changes:
        far = copy.deepcopy(near)
        (far["metrics"][metric] if name == "mean" else far)[name] = value
        assert not agrees(preset, far), name


def test_store_names_the_file_after_experiment_and_data_set(tmp_path):
    kept = {"result": {"experiment": "toy", "dataset": "moons"}}
    assert store(tmp_path / "results", kept).name == "toy-moons.json"
    assert load(tmp_path / "results") == {"toy-moons": kept}
