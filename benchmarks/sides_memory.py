"""The sides that tell how much memory a training step takes: resident at its peak, and what XLA plans."""

import resource
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

import dlx
from benchmarks.sides_dlx import MODELS, make_task, random_images
from benchmarks.worker import Port

MIB = 2**20


def ours(port: Port, *, model: str = "resnet18", batch_size: int = 32, steps: int = 2, remat: bool = False) -> None:
    """A compiled Adam step on a batch that lies on the device; the state's buffers are used again."""
    data = random_images(batch_size, shape=dlx.data.card(MODELS[model][1]).input_shape)
    task = make_task(data, "adam", (), model=model, **({"remat": True} if remat else {}))
    state, batch = jax.jit(task.init)(jax.random.key(0)), jax.device_put(data)
    program = jax.jit(task.step, donate_argnums=0).lower(state, batch).compile()
    found: Any = program.memory_analysis()
    # a donated argument is counted as an argument and as an output
    bytes_planned = found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes
    planned = (bytes_planned - found.alias_size_in_bytes) / MIB
    state, _ = jax.block_until_ready(program(state, batch))
    port.ready()
    while port.begin():
        forget_peak()
        for _ in range(steps):
            state, metrics = jax.block_until_ready(program(state, batch))
        assert np.isfinite(float(metrics["loss"][0]))
        port.end(steps * batch_size, resident=peak_resident(), planned=planned)


def torch(port: Port, *, model: str = "resnet18", batch_size: int = 32, steps: int = 2, **options: Any) -> None:
    """PyTorch's eager loop on one batch."""
    from benchmarks import sides_torch

    loop = sides_torch.image_loop(model=model, batch_size=batch_size, examples=batch_size, **options)
    loop.run(1)
    port.ready()
    while port.begin():
        forget_peak()
        loop.run(steps)
        port.end(steps * batch_size, resident=peak_resident())


def forget_peak() -> None:
    """The peak begins anew, where Linux lets it; else it is that of the whole process."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_resident() -> float:
    """MiB of memory that were resident together, libraries and compiled programs included."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest / (MIB if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
