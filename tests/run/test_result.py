import math

import numpy as np
import pytest

from dlx.run.folder import RunFolder
from dlx.run.options import Options
from dlx.run.result import build_result, larger_is_better, replica_labels, score_name, summarise

TIMES = {"steps": 10, "seconds": 1.23456, "examples_per_second": 99.96, "compile_seconds": 0.5}


def test_mean_sample_deviation_and_each_seed():
    result = build_result(Options(seeds=3, seed=5), {"test_loss": np.array([1.0, 2.0, 6.0])}, **TIMES)
    assert result["seeds"] == [5, 6, 7]
    statistics = result["metrics"]["test_loss"]
    assert statistics["mean"] == 3.0
    assert math.isclose(statistics["std"], math.sqrt((4 + 1 + 9) / 2))
    assert statistics["per_seed"] == [1.0, 2.0, 6.0]
    assert result["failed_seeds"] == []


def test_one_seed_has_no_spread():
    result = build_result(Options(), {"test_loss": [2.0]}, **TIMES)
    assert result["metrics"]["test_loss"] == {"mean": 2.0, "std": 0.0, "per_seed": [2.0]}


def test_a_seed_that_failed_is_left_out_and_named():
    result = summarise({"a": np.array([1.0, math.nan, 3.0]), "b": np.array([1.0, 2.0, math.inf])}, [7, 8, 9])
    assert result["failed_seeds"] == [8, 9]
    assert result["metrics"]["a"]["mean"] == 1.0  # not 2.0: seed 9 failed by its other metric
    assert result["metrics"]["b"]["mean"] == 1.0
    assert result["metrics"]["b"]["per_seed"] == [1.0, 2.0, math.inf]
    assert math.isnan(summarise({"a": np.array([math.nan])}, [0])["metrics"]["a"]["mean"])


def test_the_fields_of_a_result():
    result = build_result(Options(dataset="d"), {}, **TIMES, folder=RunFolder("runs/x/1"), extra=5)
    fields = (
        "experiment dataset seeds metrics failed_seeds steps seconds examples_per_second compile_seconds run_folder"
    )
    assert set(result) == {*fields.split(), "versions", "extra"}
    assert (result["dataset"], result["run_folder"], result["seconds"], result["extra"]) == ("d", "runs/x/1", 1.235, 5)
    assert {"dlx", "python", "jax", "numpy"} <= set(result["versions"])


SWEEP = Options(seeds=2, sweep=("learning_rate=0.1,0.2,0.3",))


def test_a_sweep_has_a_row_for_each_value_and_the_best():
    metrics = {"train_loss": np.arange(6.0), "test_accuracy": [0.1, 0.3, 0.9, 0.7, 0.5, 0.5]}
    result = build_result(SWEEP, metrics, **TIMES)
    assert [row["values"] for row in result["sweep"]] == [
        {"learning_rate": 0.1},
        {"learning_rate": 0.2},
        {"learning_rate": 0.3},
    ]
    assert [row["metrics"]["test_accuracy"]["mean"] for row in result["sweep"]] == pytest.approx([0.2, 0.8, 0.5])
    assert result["best"] == {"learning_rate": 0.2}
    assert result["metrics"]["train_loss"]["per_seed"] == [2.0, 3.0]
    assert list(result["metrics"]) == ["test_accuracy", "train_loss"]


def test_the_best_by_a_loss_is_the_smallest():
    metrics = {"test_accuracy": [1.0, 1.0, 0, 0, 0, 0], "test_loss": [3.0, 3.0, 2.0, 2.0, 1.0, 1.0]}
    assert build_result(SWEEP, metrics, score="test_loss", **TIMES)["best"] == {"learning_rate": 0.3}


def test_a_value_that_lost_a_seed_is_not_the_best():
    metrics = {"test_accuracy": [0.1, 0.1, math.nan, 0.9, 0.2, 0.2]}
    result = build_result(SWEEP, metrics, **TIMES)
    assert result["best"] == {"learning_rate": 0.3}
    assert result["sweep"][1]["failed_seeds"] == [0]


def test_replicas_are_counted():
    with pytest.raises(ValueError, match=r"metrics\['test_loss'\] wants one number for each of 6 replicas"):
        build_result(SWEEP, {"test_loss": [1.0, 2.0]}, **TIMES)
    assert build_result(SWEEP, {"parameters": 12}, **TIMES)["metrics"]["parameters"]["per_seed"] == [12.0, 12.0]


def test_labels():
    assert replica_labels(Options(seeds=2, seed=3)) == ["seed_3", "seed_4"]
    assert replica_labels(SWEEP)[:3] == [
        "learning_rate=0.1 seed_0",
        "learning_rate=0.1 seed_1",
        "learning_rate=0.2 seed_0",
    ]


def test_which_metric_judges():
    assert score_name(["train_accuracy", "test_loss", "test_accuracy"]) == "test_accuracy"
    assert score_name(["train_accuracy", "test_perplexity"]) == "test_perplexity"
    assert score_name(["train_loss", "validation_loss", "bits"]) == "validation_loss"
    assert score_name([]) is None
    assert larger_is_better("test_accuracy")
    assert not larger_is_better("test_perplexity")
