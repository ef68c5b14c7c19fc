import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlx.errors import RunFolderError, UsageError
from dlx.run.environment import environment
from dlx.run.folder import open_folder
from dlx.run.options import Options
from tests.run.toy import ROOT


@pytest.fixture
def config(tmp_path) -> Options:
    return Options(output_dir=tmp_path / "runs")


def opened(config, **more):
    return open_folder(dataclasses.replace(config, **more))


def resumed(config, **more):
    """As a run does once its checkpoint fits."""
    folder = opened(config, resume=True, **more)
    folder.write_config(dataclasses.replace(config, **more))
    return folder


def test_numbers_go_up_and_are_not_used_twice(config):
    first, second = opened(config), opened(config)
    assert [first.name, second.name, first.resumed] == ["1", "2", False]
    assert first.path == config.output_dir / "options" / "1"
    opened(config, name="named")
    (second.path.parent / "7").mkdir()
    assert opened(config).name == "8"


def test_the_configuration_is_saved(config):
    saved = json.loads(opened(config, seeds=3).config.read_text())
    assert saved["experiment"] == "options"
    assert saved["options"]["seeds"] == 3
    assert "name" not in saved["options"]


def test_two_processes_never_share_a_number(config):
    code = (
        "import sys; from pathlib import Path; from dlx.run.folder import _make_next\n"
        "for _ in range(40): print(_make_next(Path(sys.argv[1])).name)"
    )
    config.output_dir.mkdir()
    words = [sys.executable, "-c", code, str(config.output_dir)]
    both = [subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE) for _ in range(2)]
    names = [name for process in both for name in process.communicate(timeout=60)[0].split()]
    assert sorted(map(int, names)) == list(range(1, 81))


def test_a_name_that_is_taken(config):
    opened(config, name="a")
    with pytest.raises(
        RunFolderError, match=r"options/a exists\. Add --resume to go on with it, or choose another --name"
    ):
        opened(config, name="a")


def test_resume_by_name(config, capsys):
    first = opened(config, name="a")
    again = resumed(config, name="a", log_every=7, devices=2)
    assert (again.path, again.resumed) == (first.path, True)
    assert json.loads(again.config.read_text())["options"]["log_every"] == 7
    assert capsys.readouterr().err == ""


def test_resume_for_longer(config):
    opened(config, name="a", epochs=1.0)
    assert opened(config, name="a", epochs=2.0, resume=True).resumed


def test_resume_of_a_name_that_is_new_starts_it(config, capsys):
    folder = opened(config, name="a", resume=True)
    assert not folder.resumed
    assert folder.config.exists()
    assert "options/a holds no run yet: starting one" in capsys.readouterr().err


def test_another_configuration_is_refused_field_by_field(config, capsys):
    saved = opened(config, name="a")
    before = saved.config.read_text()
    change = {"name": "a", "resume": True, "learning_rate": 0.5, "seeds": 2, "log_every": 3}
    with pytest.raises(UsageError) as caught:
        opened(config, **change)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("was made with another configuration:")
    assert lines[1:3] == ["  --seeds: saved 1, given 2", "  --learning-rate: saved 0.001, given 0.5"]
    assert "--force-config" in lines[3]
    assert saved.config.read_text() == before
    forced = opened(config, **change, force_config=True)
    assert forced.resumed
    assert saved.config.read_text() == before  # until the run knows that its checkpoint fits
    forced.write_config(dataclasses.replace(config, **change))
    assert "--learning-rate: saved 0.001, given 0.5" in capsys.readouterr().err
    assert json.loads(saved.config.read_text())["options"]["learning_rate"] == 0.5


def test_resume_without_a_name_takes_the_newest_equal(config, capsys):
    for seeds in (1, 1, 2):
        opened(config, seeds=seeds)
        time.sleep(0.01)
    assert opened(config, resume=True).name == "2"
    assert "Resuming" in capsys.readouterr().err


def test_resume_without_a_name_prefers_the_same_length(config):
    opened(config, steps=100)
    time.sleep(0.01)
    opened(config, steps=50)
    assert resumed(config, steps=100).name == "1"
    time.sleep(0.01)
    assert opened(config, steps=200, resume=True).name == "1"  # just touched


def test_resume_without_a_run(config):
    with pytest.raises(RunFolderError, match="holds no run yet"):
        opened(config, resume=True)
    opened(config)
    with pytest.raises(UsageError) as caught:
        opened(config, resume=True, batch_size=64)
    assert "The newest, 1, differs in:\n  --batch-size: saved 128, given 64" in str(caught.value)


def test_a_damaged_configuration(config):
    opened(config, name="a").config.write_text("{")
    with pytest.raises(RunFolderError, match=r"config\.json is damaged"):
        opened(config, name="a", resume=True)


def test_a_file_where_the_folder_should_be(config):
    config.output_dir.write_text("")
    with pytest.raises(RunFolderError, match=r"runs.*cannot be written: .*--output-dir names another place"):
        opened(config)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission(config):
    config.output_dir.mkdir(mode=0o500)
    with pytest.raises(RunFolderError, match="cannot be written: Permission denied"):
        opened(config)


def test_a_disk_that_takes_nothing(config, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(RunFolderError, match="cannot be written: No space left on device"):
        opened(config)


def test_environment_of_each_start(config):
    folder = opened(config)
    entry = environment()
    assert folder.add_environment(entry)[0]["devices"]["platform"] == "cpu"
    assert len(folder.add_environment(entry)) == 2
    assert len(json.loads(folder.environment.read_text())) == 2
    folder.environment.write_text("broken")
    assert len(folder.add_environment(entry)) == 1
    assert {"started", "command", "versions", "system", "processor", "cores", "commit"} <= set(entry)
    assert Path(entry["command"].split()[0]).name.startswith("python")
