import dataclasses
import subprocess
import sys
from typing import ClassVar

import pytest

from dlx.errors import UsageError
from dlx.run.options import DEVICES, LOG, TRAINING, Options, require
from tests.run.toy import ROOT


def test_defaults_are_valid_and_frozen():
    options = Options()
    assert options.seed_values == (0,)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.seeds = 2  # type: ignore[misc]


def test_seed_values_start_at_the_first_seed():
    assert Options(seeds=3, seed=10).seed_values == (10, 11, 12)


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("seeds", 0, 1), ("seed", -1, 0), ("epochs", 0.0, 0.5), ("epochs", float("nan"), 1.0), ("steps", 0, 1),
        ("batch_size", 0, 1), ("learning_rate", -1.0, 1e-9), ("learning_rate", float("inf"), 1.0), ("devices", 0, 2),
        ("log_every", 0, 1), ("evaluate_every", 0, 1), ("checkpoint_every", -1, 0), ("keep_checkpoints", 0, 1),
        ("accumulate", 0, 2), ("ema", 1.0, 0.999), ("ema", -0.1, 0.0), ("init_timeout", 0, 1),
    ],
)  # fmt: skip
def test_ranges(field, bad, good):
    assert getattr(Options(**{field: good}), field) == good
    with pytest.raises(UsageError, match=f"--{field.replace('_', '-')} wants .*; got {bad}"):
        Options(**{field: bad})


def test_accumulate_divides_the_batch():
    with pytest.raises(UsageError, match="--batch-size 100 does not divide by --accumulate 3"):
        Options(batch_size=100, accumulate=3)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\\b", " a", "a:b"])
def test_names_that_are_no_folder(name):
    with pytest.raises(UsageError, match="--name wants"):
        Options(name=name)


def test_sweep_values():
    options = Options(epochs=1.0, sweep=("learning-rate=0.1,0.03", "epochs=1,2"))
    assert options.sweep_values() == {"learning_rate": (0.1, 0.03), "epochs": (1.0, 2.0)}
    assert Options().sweep_values() == {}


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (("learning_rate",), "NAME=VALUE"),
        (("learning_rat=1,2",), "perhaps you meant learning_rate"),
        (("seeds=1,2",), "takes a real number"),
        (("learning_rate=0.1,x",), "got 'x' in '0.1,x'"),
        (("learning_rate=",), "got ''"),
        (("learning_rate=0.1,-1",), "--learning-rate wants more than 0; got -1.0"),
        (("learning_rate=1,2", "learning_rate=3,4"), "twice"),
    ],
)
def test_sweeps_that_cannot_be(sweep, message):
    with pytest.raises(UsageError, match=message):
        Options(sweep=sweep)


def test_sweep_lists_of_unequal_length():
    with pytest.raises(UsageError, match="equally many"):
        Options(epochs=1.0, sweep=("learning_rate=1,2", "epochs=1,2,3"))


def test_several_processes_are_described_whole():
    Options(processes=2, process_id=1, coordinator="localhost:1234")
    for wrong in ({"processes": 2}, {"process_id": 0}, {"processes": 2, "process_id": 0},
                  {"processes": 2, "process_id": 2, "coordinator": "a:1"}, {"coordinator": "localhost"},
                  {"coordinator": "localhost:99999"}):  # fmt: skip
        with pytest.raises(UsageError, match=r"--(processes|process-id|coordinator)"):
            Options(**wrong)


def test_require_checks_choices_and_tuples():
    @dataclasses.dataclass(frozen=True)
    class Config(Options):
        widths: tuple[int, ...] = (8,)
        kind: str = "a"

        def __post_init__(self):
            super().__post_init__()
            require(self, "widths", at_least=1, at_most=9)
            require(self, "kind", choices=("a", "b"))

    Config(widths=(1, 9), kind="b")
    with pytest.raises(UsageError, match="--widths wants at least 1 and at most 9; got 10"):
        Config(widths=(1, 10))
    with pytest.raises(UsageError, match="--widths wants at least one value"):
        Config(widths=())
    with pytest.raises(UsageError, match="--kind wants one of a, b; got c"):
        Config(kind="c")


def test_fields_named_elsewhere_exist():
    fields = {field.name for field in dataclasses.fields(Options)}
    assert Options.neutral | Options.length | Options.invocation <= fields
    assert not Options.neutral & Options.length


def test_importing_the_command_line_imports_neither_jax_nor_matplotlib():
    code = (
        "import sys, dlx, dlx.run; from dlx.run import Options, launch, require; Options(); "
        "print([m for m in ('jax', 'matplotlib', 'numpy', 'flax', 'tyro') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@dataclasses.dataclass(frozen=True)
class Coin(Options):
    uses: ClassVar[frozenset[str]] = DEVICES | {"epochs"}

    bias: float = 0.5


@pytest.mark.parametrize(
    "given", [{"sweep": ("bias=0.1,0.2",)}, {"learning_rate": 0.1}, {"log_every": 7}, {"resume": True}]
)
def test_an_option_without_a_use_is_refused(given):
    name = next(iter(given)).replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name}: this experiment has no use for it"):
        Coin(**given)


def test_what_an_experiment_uses_it_has():
    assert Coin(epochs=2.0, devices=2, seeds=3, name="x").epochs == 2.0
    assert Options().unused() == frozenset()
    assert Coin.unused() == (TRAINING | LOG | {"sweep"}) - {"epochs"}


def test_the_groups_of_options_are_options_and_do_not_overlap():
    fields = {field.name for field in dataclasses.fields(Options)}
    assert fields >= TRAINING | DEVICES | LOG
    assert len(TRAINING) + len(DEVICES) + len(LOG) == len(TRAINING | DEVICES | LOG)
