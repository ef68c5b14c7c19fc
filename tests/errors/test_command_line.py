"""What a person sees after a wrong command line: at most 12 lines, exit code 2, the option named, no traceback."""

import pytest

from tests.run.toy import run_toy

CASES = [
    ("--epohcs 3", ["--epohcs", "Perhaps you meant", "--epochs FLOAT"]),
    ("--datset mnist", ["--datset", "Perhaps you meant", "--dataset {digits,mnist}"]),
    ("--epochs five", ["--epochs", "wants a number; got 'five'"]),
    ("--batch-size 1.5", ["--batch-size", "wants a whole number; got '1.5'"]),
    ("--hidden wide", ["--hidden", "'wide'"]),
    ("--dataset cifar", ["--dataset", "'digits'", "'mnist'"]),
    ("--epochs", ["--epochs", "Missing"]),
    ("extra", ["extra"]),
    ("--batch-size 0", ["--batch-size wants at least 1; got 0."]),
    ("--learning-rate -1", ["--learning-rate wants more than 0; got -1.0."]),
    ("--hidden", ["--hidden wants at least one value; got none."]),
    ("--hidden 4 0", ["--hidden wants at least 1; got 0."]),
    ("--dropout 1", ["--dropout wants at least 0 and less than 1; got 1.0."]),
    ("--sweep lr=1,2", ["--sweep", "'lr'", "learning_rate, dropout"]),
    ("--name a/b", ["--name wants the name of a folder", "'a/b'"]),
    ("--processes 2", ["--processes and --process-id go together"]),
    ("--config absent.json", ["--config absent.json", "No such file"]),
    ("--config broken.json", ["--config broken.json", "not JSON"]),
    ("--config old.json", ["--config old.json", "saved by dlx 0.0.1", "epohcs (perhaps epochs)"]),
]


@pytest.mark.parametrize(("words", "expected"), CASES, ids=[words for words, _ in CASES])
def test_wrong_command_lines(tmp_path, words, expected):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "old.json").write_text('{"experiment": "toy", "dlx": "0.0.1", "options": {"epohcs": 3}}')
    done = run_toy(tmp_path, *words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 12
    for text in [*expected, "python -m toy --help"]:
        assert text in done.stderr


def test_a_platform_that_is_not_there(tmp_path):
    done = run_toy(tmp_path, "--platform", "tpu")
    assert done.returncode == 2
    assert "--platform tpu: no such device can be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 12


def test_more_devices_than_divide_over_the_processes(tmp_path):
    done = run_toy(
        tmp_path, *["--processes", "2", "--process-id", "0", "--coordinator", "127.0.0.1:9", "--devices", "3"]
    )
    assert done.returncode == 2
    assert "--devices 3 does not divide over 2 processes" in done.stderr


def test_nothing_is_detected(tmp_path):
    done = run_toy(tmp_path, "--distributed")
    assert done.returncode == 2
    assert "no cluster was detected" in done.stderr
    assert "--coordinator HOST:PORT, --processes and --process-id" in done.stderr


def test_a_peer_that_never_comes(tmp_path):
    words = "--processes 2 --process-id 1 --coordinator 127.0.0.1:9 --init-timeout 1"
    done = run_toy(tmp_path, *words.split())
    assert done.returncode == 1
    assert "process 1 waited 1 s at 127.0.0.1:9 and 2 processes did not meet there" in done.stderr
    assert "Traceback" not in done.stderr
