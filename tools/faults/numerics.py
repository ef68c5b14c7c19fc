"""Faults in the numbers."""

from tools.faults.case import case
from tools.faults.stage import SHORT, Seen, Stage, must


@case(27, "NaN in training")
def not_finite(stage: Stage) -> Seen:
    """The parameters become NaN in step 6; then `--optimizer sgd --learning-rate 1e30`."""
    seen = stage.start(*SHORT, "--name", "a", fault="nan:6:0").end()
    seen.ended(1, "seed 0", "step 6", "params/", "--learning-rate", "kept")
    steps = [int(file.stem.removeprefix("step_")) for file in stage.checkpoints("a")]
    must(max(steps) == 5, f"checkpoints of the steps {steps}", seen)
    words = [word for word in SHORT if word not in ("--log-every", "1", "--checkpoint-every")]
    diverged = stage.run(*words, "--optimizer", "sgd", "--learning-rate", "1e30")
    diverged.ended(1, "seed 0", "--learning-rate")
    again = stage.run(*SHORT, "--name", "a", "--resume")
    stage.same_as(stage.uninterrupted(), again, "a")
    return seen


@case(33, "NaN in one of three seeds")
def one_seed_not_finite(stage: Stage) -> Seen:
    """`--seeds 3`, the parameters of seed 1 become NaN in step 6."""
    words = [*SHORT, "--seeds", "3"]
    seen = stage.start(*words, "--name", "a", fault="nan:6:1").end()
    seen.ended(0, "seed 1", "step 6", "params/", "the others go on")
    result, whole = seen.result, stage.uninterrupted(*words)
    must(result["failed_seeds"] == [1], f"failed_seeds {result['failed_seeds']}", seen)
    must(seen.message.count("seed 1") == 1, "not reported exactly once", seen)
    for name, values in result["metrics"].items():
        own, others = values["per_seed"], whole["metrics"][name]["per_seed"]
        must(own[::2] == others[::2], f"{name} of the other seeds differs", seen)
        must(abs(values["mean"] - (own[0] + own[2]) / 2) < 1e-12, f"the mean of {name} has the failed seed in it", seen)
    return seen


@case(28, "the same seed twice, another seed")
def seeds(stage: Stage) -> Seen:
    """The same command twice; once more with `--seed 1`."""
    whole = stage.uninterrupted()["state_sha256"]
    again, other = stage.run(*SHORT), stage.run(*SHORT, "--seed", "1")
    must(again.sha256 == whole, "the same command gave another state", again)
    must(other.sha256 != whole, "another seed gave the same state", other)
    return Seen(0, f"sha256 {whole[:12]} twice, {other.sha256[:12]} with the other seed", "", again.seconds)


@case(30, "pmap and shard_map")
def pmap_and_shard_map(stage: Stage) -> Seen:
    """`--devices 2 --parallel pmap`, and `shard_map`."""
    ends = [stage.run(*SHORT, "--devices", "2", "--parallel", each, "--name", each) for each in ("pmap", "shard_map")]
    must(ends[0].sha256 == ends[1].sha256, "two states", ends[1])
    must(stage.log("pmap") == stage.log("shard_map"), "two logs", ends[1])
    return Seen(0, f"sha256 {ends[0].sha256[:12]} twice", "", ends[1].seconds)
