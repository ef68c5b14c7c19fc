import math
import sys

import pytest

from dlx.errors import UsageError
from dlx.run.console import Console, TensorBoard
from dlx.run.signals import StopOnSignal
from tests.run.moments import moment


def test_lines_where_there_is_no_terminal(capsys):
    console = Console(interval=0)
    console(moment(10, train_loss=[1.0, 3.0], train_accuracy=[0.1, 0.1]))
    console(moment(20, train_loss=[0.5, math.nan], test_accuracy=[0.9, 0.7]))
    console(moment(100, every=80, train_loss=[0.25, 0.25]))
    assert capsys.readouterr().out.splitlines() == [
        "compiled in 2.0 s",
        "step  10/100  epoch 0.10  train_loss 2.0000  1,280 examples/s  0:00:04 left",
        "step  20/100  epoch 0.20  train_loss 0.5000  test_accuracy 0.8000  1,280 examples/s  0:00:04 left",
        "step 100/100  epoch 1.00  train_loss 0.2500  10,240 examples/s",
    ]


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_a_line_a_second_and_one_at_the_end(capsys, clock):
    console = Console()
    for step in range(10, 110, 10):
        clock[0] += 0.3
        console(moment(step, train_loss=[float(step)] * 2, **({"test_accuracy": [0.5, 0.7]} if step == 20 else {})))
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[1].split("/")[0] for line in shown[1:]] == ["10", "50", "90", "100"]
    # the evaluation at step 20 is not lost, and the throughput is that since the last line
    assert shown[2].startswith("step  50/100  epoch 0.50  train_loss 50.0000  test_accuracy 0.6000  1,280 examples/s")
    assert "test_accuracy" not in shown[3]


def test_the_last_line_of_a_fit_that_was_stopped(capsys, clock):
    console = Console()
    for step in (10, 20, 30):
        console(moment(step, train_loss=[1.0, 3.0]))
    assert "step  20" not in capsys.readouterr().out
    console.close()
    assert capsys.readouterr().out.startswith("step  30/100")
    console.close()
    assert capsys.readouterr().out == ""


def test_the_time_left_of_a_resumed_run(capsys):
    console = Console()
    console.begin(80)
    console(moment(90, train_loss=[1.0, 1.0]))
    assert capsys.readouterr().out.rstrip().endswith("0:00:00 left")  # half a second: ten steps took one


def test_no_data_no_examples(capsys):
    Console()(moment(10, reward=[1.0, 2.0])._replace(examples=0, epoch=0.0, compile_seconds=0.0))
    assert capsys.readouterr().out == "step  10/100  reward 1.5000  0:00:04 left\n"


def test_a_bar_on_a_terminal(capsys):
    console = Console(bar=True)
    for step in (10, 20):
        console(moment(step, train_loss=[1.0, 3.0]))
    console.close()
    shown = capsys.readouterr().out
    assert "\r" in shown
    assert "20/100" in shown
    assert "train_loss 2.0000" in shown


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not Console().bar
    monkeypatch.setenv("TERM", "xterm")
    assert Console().bar


def test_events_of_mean_and_replicas(tmp_path):
    pytest.importorskip("tensorboardX")
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = TensorBoard(tmp_path, ["seed_0", "seed_1"])
    board(moment(10, train_loss=[1.0, 3.0]))
    board(moment(20, train_loss=[2.0, math.nan]))
    board.close()
    events = reader.EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train_loss")] == [(10, 2.0), (20, 2.0)]
    assert [event.value for event in events.Scalars("train_loss/seed_0")] == [1.0, 2.0]
    assert events.Scalars("examples_per_second")[0].value == 1280.0


def test_without_tensorboardx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UsageError, match=r"--tensorboard needs tensorboardX: pip install 'dlx\[tensorboard\]'"):
        TensorBoard(tmp_path, ["seed_0"])


def test_a_reader_that_goes_away_stops_the_fit(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def isatty(self):
            return False

        def fileno(self):
            return 77

    pointed = []
    monkeypatch.setattr("os.dup2", lambda source, target: pointed.append(target))
    stop = StopOnSignal()
    console = Console(stop=stop)
    monkeypatch.setattr(sys, "stdout", Gone())
    console(moment(10, train_loss=[1.0, 1.0]))
    stopped = stop(moment(10))
    monkeypatch.undo()
    assert (stopped, stop.exit_code, pointed) == (True, 141, [77])
