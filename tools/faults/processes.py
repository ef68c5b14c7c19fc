"""Signals, several processes, and what is at the other end of standard output."""

import signal
import sys
import time

from tools.faults.case import case
from tools.faults.stage import SHORT, Seen, Stage, free_port, must

# a peer's death is noticed after at most ten seconds of silence; ten more to end
_PEER_SECONDS = 20


@case(23, "SIGTERM and Ctrl-C in the midst of an epoch")
def stopped(stage: Stage) -> Seen:
    """SIGTERM at step 2, resumed, Ctrl-C at step 5, resumed; then Ctrl-C twice in another run."""
    words = (*SHORT, "--name", "a", "--resume")
    shown = None
    for number, step, code in ((signal.SIGTERM, 2, 143), (signal.SIGINT, 5, 130)):
        running = stage.start(*words, fault="pace:0.4").wait_for(f"step {step:2d}/")
        shown = running.signal(number).end().ended(code, "the state is saved", "--name a --resume")
        must("report" not in shown.out, "went on to the end", shown)
    stage.same_as(stage.uninterrupted(), stage.run(*words), "a")
    twice = stage.start(*SHORT, fault="pace:30").wait_for("step  1/").signal(signal.SIGINT).wait_for("once more")
    begun = time.monotonic()
    twice.signal(signal.SIGINT).end().ended(130)
    must(time.monotonic() - begun < 2, "the second Ctrl-C did not end the process at once", shown)
    assert shown is not None
    return shown


@case(24, "SIGTERM to one of two processes")
def one_of_two_stopped(stage: Stage) -> Seen:
    """SIGTERM to the second of two processes at step 3; then both again."""
    words = (*SHORT, "--name", "a", "--resume")
    pair = stage.pair(*words, fault="pace:0.3")
    pair[0].wait_for("step  3/")
    pair[1].signal(signal.SIGTERM)
    ends = [process.end() for process in pair]
    for seen in ends:
        seen.ended(143)
    step = stage.log("a")[-1]["step"]
    must(stage.checkpoints("a")[-1].name == f"step_{step:08d}.safetensors", "another step was saved", ends[0])
    again = [process.end() for process in stage.pair(*words)]
    again[1].ended(0)
    stage.same_as(two_devices(stage), again[0], "a")
    return ends[0].ended(143, "the state is saved", "SIGTERM")


def two_devices(stage: Stage) -> dict:
    """What two processes have to agree with: one process with two devices."""
    return stage.uninterrupted(*SHORT, "--devices", "2")


@case(25, "kill -9 of one of two processes")
def peer_killed(stage: Stage) -> Seen:
    """`kill -9` of the second of two processes at step 3; then both again."""
    words = (*SHORT, "--name", "a", "--resume")
    pair = stage.pair(*words, fault="pace:0.3")
    pair[0].wait_for("step  3/")
    pair[1].signal(signal.SIGKILL)
    begun = time.monotonic()
    seen = pair[0].end(seconds=_PEER_SECONDS)
    must(time.monotonic() - begun < _PEER_SECONDS, "took too long to notice", seen)
    must(seen.code not in (0, 143), f"exit code {seen.code}", seen)
    again = [process.end() for process in stage.pair(*words)]
    again[1].ended(0)
    stage.same_as(two_devices(stage), again[0], "a")
    return seen.ended(1, "another process", "--resume")


@case(26, "process that never comes")
def peer_absent(stage: Stage) -> Seen:
    """One of two processes, `--init-timeout 4`."""
    address = f"127.0.0.1:{free_port()}"
    words = ("--coordinator", address, "--processes", "2", "--process-id", "0", "--platform", "cpu")
    seen = stage.run(*SHORT, *words, "--init-timeout", "4")
    must(seen.seconds < 15, "took too long", seen)
    return seen.ended(1, address, "2 processes", "4 s")


@case(29, "1, 2 and 8 devices; two processes")
def devices_agree(stage: Stage) -> Seen:
    """The same run on 1 and 8 devices; by two processes, and by one with two devices."""
    whole = stage.uninterrupted()
    eight = stage.run(*SHORT, "--devices", "8", "--name", "eight")
    eight.ended(0)
    pairs = zip(stage.log("eight"), whole["log"], strict=True)
    furthest = max(abs(a["train_loss"][0] / b["train_loss"][0] - 1) for a, b in pairs)
    must(furthest < 1e-5, f"the losses on 8 devices differ by {furthest:.1e} of their value", eight)
    both = [process.end() for process in stage.pair(*SHORT, "--name", "both")]
    both[1].ended(0)
    must("RESULT" not in both[1].out, "the second process speaks too", both[1])
    stage.same_as(two_devices(stage), both[0], "both")
    note = f"1 and 8 devices: losses within {furthest:.0e}; two processes and two devices: equal sha256"
    return Seen(both[0].code, note, "", both[0].seconds)


@case(32, "reader gone, other locale, dumb terminal")
def odd_terminals(stage: Stage) -> Seen:
    """`| head -n 1`; LC_ALL=C; TERM=dumb on a pseudo-terminal; standard output closed."""
    stage.uninterrupted()  # compiled programs
    ascii_only = stage.run(*SHORT, LC_ALL="C", LANG="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    must(ascii_only.sha256 == stage.uninterrupted()["state_sha256"], "another result in another locale", ascii_only)
    dumb = on_terminal(stage, TERM="dumb")
    must("\r" not in dumb.out.replace("\r\n", "\n"), "moves the cursor of a dumb terminal", dumb)
    must(dumb.code == 0 and "Traceback" not in dumb.out, "a dumb terminal", dumb)
    closed = shell(stage, ">&-")
    must(closed.code == 0 and not closed.message, "a closed standard output", closed)
    seen = shell(stage, "| head -n 1; exit ${PIPESTATUS[0]}", "--name", "piped").clean()
    must(seen.code == 141, f"exit code {seen.code}, not 141", seen)
    return seen


def shell(stage: Stage, rest: str, *more: str) -> Seen:
    """A command line with its tail, as bash runs it."""
    words = " ".join([sys.executable, "-m", "tools.faults.stand", "pace:0.1", "experiments.mlp", *SHORT, *more])
    code = "import subprocess, sys; sys.exit(subprocess.run(['bash', '-c', sys.argv[1]]).returncode)"
    return stage.python("-c", code, f"{words} {rest}").end()


def on_terminal(stage: Stage, **environment: str) -> Seen:
    """A run on a pseudo-terminal."""
    code = "import pty, sys; sys.exit(__import__('os').waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    return stage.python("-c", code, sys.executable, "-m", "experiments.mlp", *SHORT, **environment).end()
