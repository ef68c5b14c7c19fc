import os
import signal
import subprocess
import sys
import threading

import pytest

from dlx.run.signals import StopOnSignal
from tests.run.moments import moment
from tests.run.toy import ROOT


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_at_the_next_moment(number, code, capfd):
    stop = StopOnSignal()
    before = signal.getsignal(number)
    with stop.listening():
        assert stop(moment(10)) is False
        os.kill(os.getpid(), number)
        assert stop(moment(20)) is True
    assert (stop.exit_code, stop.stopped_at) == (code, 20)
    assert signal.getsignal(number) is before
    assert "stopping at the end of this chunk; once more ends at once" in capfd.readouterr().err


def test_without_a_signal_nothing_happens():
    stop = StopOnSignal()
    with stop.listening():
        assert stop(moment(10)) is False
    assert (stop.exit_code, stop.stopped_at) == (0, None)


def test_the_first_request_holds():
    stop = StopOnSignal()
    stop.request(141)
    stop.request(143)
    assert stop(moment(10)) is True
    assert stop.exit_code == 141
    assert stop.reason == "a closed standard output"


def test_a_second_signal_ends_at_once():
    code = (
        "import os, signal, time\nfrom dlx.run.signals import StopOnSignal\nstop = StopOnSignal()\n"
        "with stop.listening():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    print('still here', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(20)\n    print('never')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=15)
    assert (done.returncode, done.stdout) == (143, "still here\n")


def test_listening_in_another_thread_leaves_the_signals_alone():
    stop, seen = StopOnSignal(), []
    before = signal.getsignal(signal.SIGINT)

    def work():
        with stop.listening():
            seen.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


TWO = """
import os, signal, sys, time
from dlx.run import Options, start
from dlx.run.signals import StopOnSignal
from tests.run.moments import moment
me, port, number = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
start(Options(processes=2, process_id=me, coordinator=f"127.0.0.1:{port}", init_timeout=60, cache=False))
stop = StopOnSignal()
with stop.listening():
    for call in range(1, 400):
        if me == 1 and call == 5:
            os.kill(os.getpid(), number)
        if stop(moment(100 * call, steps=10**6)):  # chunk ends: step numbers with gaps
            break
        time.sleep(0.05)
print("STOP", stop.exit_code, stop.stopped_at, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_one_of_two_processes_stops_both_at_one_step(number, free_port):
    words = [[sys.executable, "-c", TWO, str(me), str(free_port), str(int(number))] for me in (0, 1)]
    both = [
        subprocess.Popen(each, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for each in words
    ]
    outputs = [process.communicate(timeout=100) for process in both]
    said = [next((line for line in out.splitlines() if line.startswith("STOP")), errors) for out, errors in outputs]
    codes = [int(line.split()[1]) for line in said]
    steps = [int(line.split()[2]) for line in said]
    assert steps[0] == steps[1] >= 500
    assert codes == [143, 128 + number]
