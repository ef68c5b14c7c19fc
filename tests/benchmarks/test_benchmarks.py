"""The benchmarks run, and their arithmetic says what was measured. No test looks at a speed."""

import importlib
import inspect
import json
import sys

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import report
from benchmarks.cases import BARE, CASES, FIT, TORCH, Case, Comparison
from benchmarks.measure import Measured, Side, measure, median_interval, quiet_rounds
from benchmarks.startup import Start, measure_starts, summary

TINY = {"steps": 4, "examples": 256, "batch_size": 32}


def measured(walls, *, cpus=None, items=100, others=0.0, **more):
    cpus = cpus or walls
    rounds = [{"items": items, "wall": w, "cpu": c, "others": others, **more} for w, c in zip(walls, cpus, strict=True)]
    return Measured({}, rounds)


def test_median_interval():
    assert median_interval([2.0] * 5) == (2.0, 2.0, 2.0)
    values = np.random.default_rng(1).normal(10.0, 1.0, 400)
    median, low, high = median_interval(values)
    assert median == np.median(values)
    # the standard error of a normal sample's median is 1.2533 sigma / sqrt(n)
    assert high - low == pytest.approx(2 * 1.96 * 1.2533 / np.sqrt(400), rel=0.3)


def test_rows_of_every_kind():
    sides = {
        "a": measured([1.0, 1.0, 1.0], inside=[0.002, 0.004], resident=90.0, planned=7.0),
        "b": measured([2.0, 2.0, 2.0]),
    }
    kinds = ("ratio", "overhead", "extra", "inside", "resident", "planned")
    slower = ("overhead", "extra")
    rows = tuple(Comparison(kind, *("ba" if kind in slower else "ab"), kind, 1.5) for kind in kinds)
    case = Case("tiny", (), rows, events=4)
    found = report.summarise(case, "2t", sides, [0, 1, 2])
    assert {row["what"]: row["value"] for row in found["rows"]} == pytest.approx(
        {"ratio": 2.0, "overhead": 1.0, "extra": 250.0, "inside": 3.0, "resident": 90.0, "planned": 7.0}
    )
    assert [report.verdict(row) for row in found["rows"]] == ["met", "met", *["MISSED"] * 4]
    assert report._number("resident", 1234.4) == "1,234 MiB"
    assert [report._rate_text(rate) for rate in (0.7, 51.26, 1234.0)] == ["0.7", "51.3", "1.2k"]


def test_one_thread_counts_processor_time():
    sides = {"a": measured([9.0, 9.0], cpus=[1.0, 1.0]), "b": measured([1.0, 1.0], cpus=[2.0, 2.0])}
    case = Case("tiny", (), (Comparison("ratio", "a", "b"),))
    assert report.summarise(case, "1t", sides, [0, 1])["rows"][0]["value"] == 2.0
    assert report.summarise(case, "2t", sides, [0, 1])["rows"][0]["value"] == pytest.approx(1 / 9)


@pytest.mark.parametrize(("kind", "value", "expected"), [
    ("ratio", 60.0, "open, machine loaded"), ("ratio", 0.1, "open, machine loaded"),
    ("seconds", 0.5, "met"), ("seconds", 2.0, "open, machine loaded"), ("overhead", 0.5, "open, machine loaded"),
])  # fmt: skip
def test_no_verdict_that_load_may_have_made(kind, value, expected):
    row = {"kind": kind, "value": value, "low": value, "high": value, "goal": 1.0}
    assert report.verdict(row, loaded=True) == expected
    assert report.verdict(row) in ("met", "MISSED")


def test_a_goal_holds_in_its_modes_only():
    case = Case("tiny", (), (Comparison("ratio", "a", "b", goal=3.0, modes=("2t",)),))
    sides = {"a": measured([1.0]), "b": measured([2.0])}
    assert report.verdict(report.summarise(case, "2t", sides, [0])["rows"][0]) == "MISSED"
    assert report.verdict(report.summarise(case, "1t", sides, [0])["rows"][0]) == ""


def test_a_round_is_quiet_when_all_its_sides_were():
    a, b = measured([1.0, 1.0, 1.0]), measured([1.0, 1.0, 1.0])
    b.rounds[1]["others"] = 0.5
    assert quiet_rounds({"a": a, "b": b, "skipped": Measured({}, [], "why")}) == [0, 2]


@pytest.mark.parametrize("name", CASES)
def test_cases_name_sides_and_options_that_exist(name):
    pytest.importorskip("torch")
    case = CASES[name]
    names = [side.name for side in case.sides]
    assert len(set(names)) == len(names)
    assert all({row.side, row.against} <= set(names) for row in case.rows)
    for side in case.sides:
        module, function = side.function.split(":")
        inspect.signature(getattr(importlib.import_module(module), function)).bind(None, **side.options)


def test_interleaved_processes():
    sides = (Side("fit", FIT, {**TINY, "log_every": 2}), Side("bare", BARE, {**TINY, "chunk": 4}))
    results, used = measure(sides, "1t", rounds=2)
    assert used == [0, 1]
    for result in results.values():
        assert result.facts["compile_seconds"] > 0
        assert [one["items"] for one in result.rounds] == [4 * 32, 4 * 32]
        assert all(one["cpu"] > 0 and one["wall"] > 0 for one in result.rounds)


def test_checkpoints_are_timed_inside_the_loop():
    side = Side("with", FIT, {**TINY, "hidden": (8,), "checkpoint_every": 2})
    results, _ = measure((side,), "1t", rounds=1)
    inside = results["with"].rounds[0]["inside"]
    assert len(inside) == 2
    assert sum(inside) < results["with"].rounds[0]["wall"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="where Linux tells of memory")
def test_memory_of_a_step():
    """No more resident than the process ever had; the plan holds at least parameters and moments, 4 bytes each."""
    pytest.importorskip("torch")
    options = {"model": "lenet", "batch_size": 8, "steps": 1}
    module = "benchmarks.sides_memory"
    sides = [Side("ours", f"{module}:ours", options), Side("torch", f"{module}:torch", options)]
    results, _ = measure(sides, "1t", rounds=1)
    ours, torch = (results[side.name].rounds[0] for side in sides)
    assert ours["items"] == torch["items"] == 8
    assert 3 * 4 * 61_706 / 2**20 < ours["planned"] < ours["resident"]
    assert 50 < torch["resident"] < 5_000


def test_pytorch_side_and_one_that_cannot_run():
    torch = pytest.importorskip("torch")
    sides = [Side("models", TORCH, {**TINY, "models": 2, "optimizer": "adam"})]
    if not torch.cuda.is_available():
        sides.append(Side("cuda", TORCH, {**TINY, "device": "cuda"}))
    results, _ = measure(sides, "1t", rounds=1)
    assert results["models"].rounds[0]["items"] == 2 * 4 * 32
    assert results["models"].facts["threads"] == 1
    if "cuda" in results:
        assert results["cuda"].skipped
        assert not results["cuda"].rounds


def test_a_side_that_dies_is_named():
    with pytest.raises(RuntimeError, match="broken: the process ended with 1"):
        measure((Side("broken", "benchmarks.sides_dlx:no_such_function"),), "1t", rounds=1)


def test_starts():
    line = Start("line", ("-c", "import time; print('step 1', flush=True); time.sleep(0.3)"), 1.0, "step")
    whole = Start("whole", ("-c", "import time; time.sleep(0.3)"), 0.1)
    times = measure_starts(1, {"line": line, "whole": whole})
    assert times["line"]["wall"][0] < times["whole"]["wall"][0]
    assert summary(times["whole"])["wall_min"] >= 0.3
    with pytest.raises(RuntimeError, match="before step"):
        measure_starts(1, {"none": Start("none", ("-c", "print('compiled')"), 1.0, "step")})


def test_page_of_what_was_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(command, "PAGE", tmp_path / "docs.md")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setitem(CASES, "sgd", Case("Tiny", (Side("fit", FIT, TINY), Side("bare", BARE, {**TINY, "chunk": 4})),
                                           (Comparison("overhead", "fit", "bare", "overhead", 1e9),)))  # fmt: skip
    command.main(["--only", "sgd", "--mode", "1t", "--rounds", "1"])
    page = (tmp_path / "docs.md").read_text()
    (tmp_path / "docs.md").unlink()
    command.main(["--write"])
    assert (tmp_path / "docs.md").read_text() == page
    assert "## Tiny" in page
    assert "| overhead | 1t |" in page
    assert page.count("| met |") == 1
    result = json.loads((tmp_path / "results.json").read_text())["sgd"]["1t"]
    assert result["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert result["sides"]["fit"]["items_per_second"] > 0
    assert "MISSED" not in capsys.readouterr().out


class StubPort:
    """Takes what a side tells and lets it run one round."""

    def __init__(self):
        self.facts, self.left = {}, 1

    def ready(self, **facts):
        self.facts = facts

    def begin(self):
        self.left -= 1
        return self.left >= 0

    def end(self, items, **facts):
        assert items > 0


@pytest.mark.parametrize("model", ["ridge", "lasso", "logistic", "softmax", "svm"])
def test_both_sides_of_a_linear_model_reach_the_same_cost(model):
    pytest.importorskip("sklearn")
    from benchmarks import sides_linear

    costs = []
    for side in (sides_linear.fit_dlx, sides_linear.fit_sklearn):
        port = StubPort()
        side(port, model=model, repeats=1)
        costs.append(port.facts["objective"])
    assert costs[0] == pytest.approx(costs[1], abs=1e-4, rel=1e-7)


def test_a_gradient_by_hand_is_a_side_of_its_own():
    from benchmarks import sides_linear

    for how in ("hand", "autodiff"):
        sides_linear.gradient_step(StubPort(), how=how, steps=2, batch_size=4)


def test_every_image_case_has_its_operation_in_each_library_that_it_names():
    pytest.importorskip("skimage")
    pytest.importorskip("cv2")
    from benchmarks import sides_image

    given = sides_image.scene()
    found = {
        "dlx": sides_image.dlx_operations(given),
        "scikit-image": sides_image.skimage_operations(given),
        "OpenCV": sides_image.opencv_operations(given),
    }
    sides = [side for name, case in CASES.items() if name.startswith("image_") for side in case.sides]
    assert sides
    for side in sides:
        assert side.options["operation"] in found[side.name]


@pytest.mark.parametrize("batch", [0, 2])
def test_an_image_side_runs_one_image_or_a_batch(batch):
    pytest.importorskip("skimage")
    from benchmarks import sides_image

    options = {"operation": "average", "batch": batch, "seconds": 0.0}
    sides_image.peer(StubPort(), library="scikit-image", **options)
    sides_image.dlx(StubPort(), allocator="default", **options)
