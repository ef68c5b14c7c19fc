"""Faults in what a person types."""

import json

from tools.faults.case import case
from tools.faults.stage import SHORT, Seen, Stage, must


@case(1, "misspelt option", quick=True)
def misspelt(stage: Stage) -> Seen:
    """`--lerning-rate 0.1`."""
    return stage.run("--lerning-rate", "0.1").ended(2, "--lerning-rate", "--learning-rate", "Perhaps you meant")


@case(2, "a word where a number belongs", quick=True)
def ill_typed(stage: Stage) -> Seen:
    """`--epochs five`."""
    return stage.run("--epochs", "five").ended(2, "--epochs", "'five'", "a number")


@case(3, "unknown experiment", quick=True)
def unknown_experiment(stage: Stage) -> Seen:
    """`python -m experiments.mlpp`, and `python -m experiments mlpp`."""
    stage.python("-m", "experiments", "mlpp").end().ended(2, "'mlpp'", "mlp", "python -m experiments")
    return stage.run(module="experiments.mlpp").ended(2, "'mlpp'", "mlp", "python -m experiments")


@case(4, "impossible value", quick=True)
def impossible(stage: Stage) -> Seen:
    """`--learning-rate -1`, `--hidden` without a value, `--dropout 1`, `--batch-size 0`."""
    stage.run("--learning-rate", "-1").ended(2, "--learning-rate", "more than 0", "-1")
    stage.run("--hidden").ended(2, "--hidden", "at least one")
    stage.run("--dropout", "1").ended(2, "--dropout", "less than 1")
    return stage.run("--batch-size", "0").ended(2, "--batch-size", "at least 1", "got 0")


@case(5, "batch that does not divide over the devices", quick=True)
def indivisible(stage: Stage) -> Seen:
    """`--batch-size 100 --devices 8`."""
    return stage.run(*SHORT, "--batch-size", "100", "--devices", "8").ended(2, "--batch-size 100", "8 devices", "96")


@case(6, "resume with another model")
def other_model(stage: Stage) -> Seen:
    """12 steps with `--hidden 32`, then `--resume --hidden 64`."""
    whole = stage.run(*SHORT, "--name", "a").result
    words = [word.replace("32", "64") for word in SHORT]
    refused = stage.run(*words, "--name", "a", "--resume", "--learning-rate", "0.1")
    refused.ended(2, "--hidden: saved [32], given [64]", "--learning-rate: saved 0.001, given 0.1", "--force-config")
    must(stage.log("a")[-1]["step"] == whole["steps"], "the run that was refused lost its log", refused)
    return refused


@case(34, "configuration file of an older version")
def older_configuration(stage: Stage) -> Seen:
    """`--config` with a saved file that lacks a field; then one with a field that dlx no longer knows."""
    stage.run(*SHORT, "--name", "a").ended(0)
    saved = json.loads((stage.path("a") / "config.json").read_text())
    del saved["options"]["weight_decay"]
    saved["dlx"] = "0.0.1"
    file = stage.folder / "older.json"
    file.write_text(json.dumps(saved))
    missing = stage.run("--config", "older.json").ended(0, "older.json", "weight_decay", "default")
    must(missing.sha256 == stage.uninterrupted()["state_sha256"], "other options than those of the file", missing)
    saved["options"]["lr_schedule"] = "cosine"
    file.write_text(json.dumps(saved))
    unknown = stage.run("--config", "older.json").ended(2, "older.json", "lr_schedule", "dlx 0.0.1")
    return Seen(unknown.code, "", f"{missing.message}\n{unknown.message}", unknown.seconds)
