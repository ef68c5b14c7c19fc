import dataclasses
import json
from pathlib import Path
from typing import ClassVar, Literal

import pytest

import dlx
from dlx.errors import UsageError
from dlx.run.configuration import command_line, differences, from_json, read_config, saved_config
from dlx.run.options import Options
from dlx.run.parsing import parse


@dataclasses.dataclass(frozen=True)
class Schedule:
    kind: Literal["constant", "cosine"] = "constant"
    """Shape."""
    warmup: int | None = None
    """Steps."""


@dataclasses.dataclass(frozen=True)
class Config(Options):
    hidden: tuple[int, ...] = (256,)
    """Widths."""
    sizes: tuple[int, float] = (1, 0.5)
    """A pair."""
    source: Path | None = None
    """A file."""
    bias: bool = True
    """Whether."""
    schedule: Schedule = Schedule()
    """Of the learning rate."""


FULL = Config(
    hidden=(3, 4), sizes=(2, 0.25), source=Path("a b.txt"), bias=False, schedule=Schedule("cosine", 5), epochs=2.5,
    sweep=("learning_rate=0.1,0.2",), platform="cpu", output_dir=Path("out"), ema=0.99,
)  # fmt: skip


def saved(config):
    return json.loads(json.dumps(saved_config(config)))


def test_round_trip_through_json():
    config, missing = from_json(Config, saved(FULL)["options"])
    assert config == FULL
    assert missing == []


def test_round_trip_through_the_command_line():
    words = command_line(FULL)
    import shlex

    arguments = shlex.split(words)
    assert arguments[:2] == ["python", "-m"]
    assert parse(Config, [*arguments[3:], "--output-dir", "out"]) == FULL


def test_an_invocation_is_not_saved():
    options = saved(Config(name="x", resume=True, force_config=True))["options"]
    assert not {"name", "resume", "force_config", "config"} & set(options)


def write(folder, content):
    path = folder / "config.json"
    path.write_text(json.dumps(content))
    return path


def test_a_saved_file_with_options_over_it(tmp_path):
    path = write(tmp_path, saved(FULL))
    config = parse(Config, ["--config", str(path), "--seeds", "3"])
    assert config == dataclasses.replace(FULL, seeds=3, config=path)
    assert parse(Config, [f"--config={path}"]) == dataclasses.replace(FULL, config=path)


def test_a_run_folder_stands_for_its_configuration(tmp_path):
    write(tmp_path, saved(FULL))
    assert read_config(tmp_path, Config)[0] == FULL


def test_an_older_file_lacks_a_field_and_says_so(tmp_path, capsys):
    content = saved(FULL)
    del content["options"]["bias"], content["options"]["ema"]
    config = parse(Config, ["--config", str(write(tmp_path, content))])
    assert config.bias is True
    assert config.ema is None
    assert "does not have ema, bias: taking the default" in capsys.readouterr().err


def test_an_older_file_has_fields_that_are_gone(tmp_path):
    content = saved(FULL)
    content["dlx"] = "0.0.9"
    content["options"] |= {"batchsize": 3, "momentum": 0.9}
    with pytest.raises(UsageError) as caught:
        read_config(write(tmp_path, content), Config)
    text = str(caught.value)
    assert f"(saved by dlx 0.0.9; this is {dlx.__version__})" in text
    assert "batchsize (perhaps batch_size)" in text
    assert "momentum" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": "five"}, 'epochs wants float or null; got "five"'),
        ({"seeds": 1.5}, "seeds wants int; got 1.5"),
        ({"bias": 1}, "bias wants bool; got 1"),
        ({"hidden": 3}, "hidden wants a list of int; got 3"),
        ({"sizes": [1]}, "sizes wants a list of int, float"),
        ({"parallel": "pmpa"}, "parallel wants one of jit, pmap, shard_map"),
        ({"schedule": {"kind": "linear"}}, "schedule.kind wants one of constant, cosine"),
        ({"schedule": {"kid": "linear"}}, "schedule.kid"),
        ({"batch_size": 0}, "--batch-size wants at least 1"),
    ],
)
def test_wrong_values_are_named(tmp_path, change, message):
    content = saved(Config())
    content["options"] |= change
    with pytest.raises(UsageError, match=r"config\.json") as caught:
        read_config(write(tmp_path, content), Config)
    assert message in str(caught.value)


def test_files_that_are_no_configuration(tmp_path):
    for text, message in (("{", "not JSON"), ("[1]", "wants a JSON object")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UsageError, match=message):
            read_config(tmp_path / "config.json", Config)
    with pytest.raises(UsageError, match="No such file"):
        read_config(tmp_path / "absent.json", Config)


def test_a_file_of_another_experiment(tmp_path):
    content = saved(Config()) | {"experiment": "lenet"}
    with pytest.raises(UsageError, match="saved by the experiment lenet; this is test_configuration"):
        read_config(write(tmp_path, content), Config)


def test_differences_field_by_field():
    other = dataclasses.replace(FULL, hidden=(3, 5), log_every=7, name="x")
    found = differences(saved(FULL)["options"], other)
    assert [str(each) for each in found] == ["--log-every: saved 100, given 7", "--hidden: saved [3, 4], given [3, 5]"]
    assert [each.field for each in differences(saved(FULL)["options"], other, but=FULL.neutral)] == ["hidden"]


def test_differences_across_versions():
    options = saved(Config())["options"]
    del options["ema"]  # a field that did not exist had its default's effect
    assert differences(options, Config()) == []
    assert [each.field for each in differences(options, Config(ema=0.5))] == ["ema"]
    assert [each.field for each in differences(options | {"gone": 1}, Config())] == ["gone"]


@dataclasses.dataclass(frozen=True)
class Coin(Options):
    uses: ClassVar[frozenset[str]] = frozenset({"epochs"})

    bias: float = 0.5
    """Probability of heads."""


def test_options_without_a_use_are_not_saved():
    options = saved(Coin(epochs=3.0))["options"]
    assert options["epochs"] == 3.0
    assert not Coin.unused() & set(options)
    assert from_json(Coin, options) == (Coin(epochs=3.0), [])


@pytest.mark.parametrize("word", ["--learning-rate", "--learning_rate=0.1", "--resume", "--no-tensorboard"])
def test_the_command_line_refuses_options_without_a_use(word):
    with pytest.raises(UsageError, match=f"{word.partition('=')[0]}: this experiment has no use for it"):
        parse(Coin, [word, "0.1"])


def test_options_with_a_use_are_parsed(tmp_path):
    config = parse(Coin, ["--epochs", "2", "--bias", "0.25", "--seeds", "3"])
    assert type(config) is Coin
    assert config == Coin(epochs=2.0, bias=0.25, seeds=3)
    path = write(tmp_path, saved(config))
    assert parse(Coin, ["--config", str(path), "--seeds", "4"]) == dataclasses.replace(config, seeds=4, config=path)


def test_help_shows_no_option_without_a_use(capsys):
    with pytest.raises(SystemExit):
        parse(Coin, ["--help"])
    shown = capsys.readouterr().out
    assert "--epochs" in shown
    assert "--bias" in shown
    assert "Probability of heads" in shown
    for name in Coin.unused():
        assert f"--{name.replace('_', '-')} " not in shown


def test_differences_leave_out_what_has_no_use():
    assert differences(saved(Coin())["options"], Coin()) == []
