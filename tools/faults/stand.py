"""Runs an experiment with a fault built in: `python -m tools.faults.stand FAULT MODULE OPTIONS...`.

FAULT is one of

    kill:STEP:POINT  kill -9 when the step's line has been logged (log), its checkpoint is half written (half), whole
                     but without its name (whole), or under its name (saved)
    full:STEP        the disk has no room for the checkpoint of this step
    nan:STEP:SEED    the parameters of one seed become NaN in this step
    pace:SECONDS     every step takes so long
    cpu:NAME         the processor is another one
"""

import builtins
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kill(step: str, point: str) -> None:
    """Ends this process at a point of a step as `kill -9` from outside would."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if point == "log":
        after_step(lambda done: die() if done == int(step) else None)
        return
    plain, name = os.replace, f"step_{int(step):08d}.safetensors"

    def replace(source: Any, target: Any) -> None:
        if Path(target).name != name:
            return plain(source, target)
        if point == "half":
            os.truncate(source, os.path.getsize(source) // 2)
        if point == "saved":
            plain(source, target)
        return die()

    os.replace = replace


def full(step: str) -> None:
    """Turns what is written for a step's checkpoint to a device that is always full."""

    def fill(done: int) -> None:
        for folder in Path("runs").glob("*/*/checkpoints") if done == int(step) else ():
            (folder / f".step_{done:08d}.safetensors.tmp").symlink_to("/dev/full")

    after_step(fill)


def nan(step: str, seed: str) -> None:
    """Poisons the parameters of one seed."""
    import jax
    import jax.numpy as jnp

    from dlx import train

    plain = train.supervised

    def supervised(*arguments: Any, **options: Any) -> Any:
        task = plain(*arguments, **options)
        own = jax.random.key_data(jax.jit(task.init)(jax.random.key(int(seed))).key)

        def poisoned(state: Any, batch: Any, **more: Any) -> Any:
            hit = (state.step == int(step) - 1) & jnp.all(jax.random.key_data(state.key) == own)
            params = jax.tree.map(lambda leaf: jnp.where(hit, jnp.nan, leaf), state.params)
            return task.step(state._replace(params=params), batch, **more)

        return task._replace(step=poisoned)

    train.supervised = supervised


def pace(seconds: str) -> None:
    """Slows the loop, so that there is time to send a signal."""
    after_step(lambda _: time.sleep(float(seconds)))


def cpu(name: str) -> None:
    """Another processor, as far as dlx can see."""
    from dlx.run import startup

    startup._cpuinfo = lambda: [f"model name : {name}", "flags : fpu sse2"]


def after_step(act: Callable[[int], object]) -> None:
    """Calls `act` with the step when its line is on the screen; the step's checkpoint comes after that."""
    plain = builtins.print

    def shown(*words: Any, **options: Any) -> None:
        plain(*words, **options)
        line = str(words[0]) if words else ""
        if line.startswith("step ") and "/" in line:
            act(int(line.split("/")[0].split()[1]))

    builtins.print = shown


if __name__ == "__main__":
    fault, *values = sys.argv[1].split(":")
    module = sys.argv[2]
    {"kill": kill, "full": full, "nan": nan, "pace": pace, "cpu": cpu}[fault](*values)
    sys.argv[:] = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
