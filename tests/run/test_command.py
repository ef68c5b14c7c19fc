import os
import signal
import subprocess

import pytest

from tests.run.toy import command, cpu_seconds, environment, result_of, run_toy, write_toy


def test_the_result_is_the_last_line_and_strict_json(tmp_path):
    done = run_toy(tmp_path, "--batch_size", "32", "--hidden", "3", "4", body="print('at work')\nreturn {'batch_size':"
                   " config.batch_size, 'hidden': config.hidden, 'bad': float('nan')}")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("at work\n")
    assert result_of(done.stdout) == {"batch_size": 32, "hidden": [3, 4], "bad": None}


def test_help_is_quick_and_says_everything(tmp_path):
    write_toy(tmp_path)

    def ask():
        return subprocess.run(
            command("--help"), cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True
        )

    done = ask()
    assert done.returncode == 0
    for text in ("Toy on digits", "python -m toy", "--learning-rate FLOAT", "Widths of the hidden", "{digits,mnist}"):
        assert text in done.stdout
    assert cpu_seconds(ask) < 1.5


def test_every_option_has_its_line_of_help(tmp_path):
    import dataclasses
    import re

    from dlx.run.options import Options

    shown = run_toy(tmp_path, "--help", COLUMNS="200").stdout
    for field in dataclasses.fields(Options):
        found = re.search(rf"--{field.name.replace('_', '-')}\b[^\n]*\n?[^\n]*\(default", shown)
        assert found, field.name


def test_a_saved_configuration_runs_again(tmp_path):
    (tmp_path / "saved.json").write_text('{"experiment": "toy", "options": {"batch_size": 7, "hidden": [5]}}')
    done = run_toy(tmp_path, "--config", "saved.json", "--hidden", "6")
    assert result_of(done.stdout)["hidden"] == [6]
    assert result_of(done.stdout)["batch_size"] == 7
    assert "saved.json does not have dataset" in done.stderr


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("from dlx.errors import DatasetError\nraise DatasetError('no such data')", 1, "error: no such data\n"),
        ("from dlx.errors import UsageError\nraise UsageError('--x y')", 2,
         "error: --x y\nEvery option: python -m toy --help\n"),
        ("raise KeyboardInterrupt", 130, "Interrupted.\n"),
        ("raise MemoryError", 1,
         "error: out of memory.\nTry --accumulate 2 (the same batch in smaller pieces), or --batch-size 64,"
         " or fewer than 4 replicas at once (--seeds, --sweep), or --map map.\n"),
        ("raise RuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 5 bytes.')", 1,
         "error: out of memory (RESOURCE_EXHAUSTED: Out of memory allocating 5 bytes.).\nTry --accumulate 2"),
        ("raise SystemExit(143)", 143, ""),
    ],
)  # fmt: skip
def test_exit_codes_and_messages_without_a_traceback(tmp_path, body, code, message):
    done = run_toy(tmp_path, "--seeds", "2", "--sweep", "learning_rate=0.1,0.2", body=body)
    assert done.returncode == code
    assert done.stderr.startswith(message)
    assert done.stderr == message or message.endswith("--accumulate 2")
    assert "Traceback" not in done.stderr
    assert "RESULT" not in done.stdout


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path):
    done = run_toy(tmp_path, body="raise ZeroDivisionError('mine')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: mine" in done.stderr


def start_toy(tmp_path, body):
    write_toy(tmp_path, body)
    process = subprocess.Popen(command(), cwd=tmp_path, env=environment(tmp_path), text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_outside_a_fit(tmp_path, number, code):
    # a shell starts what runs in the background with Ctrl-C ignored, and so it comes to this process
    heeded = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    process = start_toy(tmp_path, heeded + "print('ready', flush=True)\ntime.sleep(30)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in errors


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    process = start_toy(tmp_path, "for i in range(10**6): print('x' * 80)\nreturn {}")
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=20) == 141
    assert errors == ""


def test_an_ascii_terminal_shows_question_marks(tmp_path):
    done = run_toy(
        tmp_path, body="print('naïve ±')\nreturn {'name': 'ï'}", PYTHONIOENCODING="ascii", TERM="dumb", LC_ALL="C"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("na?ve ?\n")
    assert result_of(done.stdout) == {"name": "ï"}


def test_help_on_an_ascii_terminal(tmp_path):
    done = run_toy(tmp_path, "--help", PYTHONIOENCODING="ascii", TERM="dumb", LC_ALL="C")
    assert done.returncode == 0
    assert "--learning-rate" in done.stdout
    assert "Traceback" not in done.stderr
    assert "\r" not in done.stdout


def test_standard_output_that_was_closed_before_the_start(tmp_path):
    write_toy(tmp_path)
    shell = " ".join(command()) + " >&-"
    done = subprocess.run(shell, shell=True, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_disk_that_is_full(tmp_path):
    done = run_toy(tmp_path, body="with open('/dev/full', 'w') as file:\n    file.write('x' * 10**6)")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: No space left on device. What was saved before is intact.\n"


def test_resume_by_name_takes_the_options_of_the_run(tmp_path):
    saved = tmp_path / "runs" / "toy" / "first" / "config.json"
    saved.parent.mkdir(parents=True)
    saved.write_text('{"experiment": "toy", "options": {"batch_size": 7, "hidden": [5]}}')
    given = run_toy(tmp_path, "--name", "first", "--resume", "--hidden", "6")
    assert (result_of(given.stdout)["batch_size"], result_of(given.stdout)["hidden"]) == (7, [6])
    fresh = run_toy(tmp_path, "--name", "first")  # without --resume nothing is taken
    assert result_of(fresh.stdout)["batch_size"] != 7


def test_a_static_check_speaks_without_a_traceback(tmp_path):
    done = run_toy(tmp_path, body="import dlx\ndlx.optim.create('adm', 0.1)")
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)
    assert "optimizer: got 'adm'" in done.stderr
    assert "adam" in done.stderr
    own = run_toy(tmp_path, body="raise ValueError('width: got 3')")  # not of dlx: a bug is shown whole
    assert "Traceback" in own.stderr
