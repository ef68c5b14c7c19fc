"""What has to happen before JAX initialises: platform, devices, allocator, compilation cache, other processes."""

import contextlib
import ctypes
import hashlib
import os
import platform
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from dlx.errors import DlxError, UsageError
from dlx.run.options import Options

__all__ = ["cpu_fingerprint", "cpu_model", "is_main_process", "keep_memory", "start"]

# a dead peer is noticed after this many seconds
_HEARTBEAT = 10
# the others may still be busy when one has finished, or have met an error and be on their way out
_FAREWELL = 60
_TOO_LATE = "comes too late. Call dlx.run.start(config) before the first computation."


def start(options: Options) -> None:
    """Prepares JAX for a run. Call it before the first computation; a second call with the same settings does nothing.

    Raises: UsageError if the devices asked for do not exist, or JAX was initialised with other settings before.
    """
    if options.allocator == "keep":
        keep_memory()
    import jax

    _configure(options)
    if options.cache:
        _use_cache(options)
    if options.distributed or options.processes is not None:
        _join(options)
    try:
        available = jax.device_count()
    except RuntimeError as error:
        wanted = f"--platform {options.platform}" if options.platform else "JAX"
        raise UsageError(f"{wanted}: no such device can be used: {str(error).splitlines()[0]}") from None
    if options.devices is not None and options.devices > available:
        raise UsageError(f"--devices {options.devices}: this run has {available} {jax.default_backend()} device(s).")


def is_main_process() -> bool:
    """Whether this process writes and prints for the run: process 0 of several, or the only one."""
    jax = sys.modules.get("jax")
    return jax is None or not jax.distributed.is_initialized() or jax.process_index() == 0


def keep_memory() -> bool:
    """Tells glibc to keep freed memory, whose pages would otherwise be faulted in anew at each step. Costs memory.

    Returns: whether this C library could be told.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        # M_MMAP_MAX, M_TRIM_THRESHOLD, M_ARENA_MAX, M_TOP_PAD of malloc.h
        return all([mallopt(-4, 0), mallopt(-1, 2**31 - 1), mallopt(-8, 1), mallopt(-2, 64 << 20)])
    return False


def cpu_model() -> str:
    """The processor's name, as the operating system tells it."""
    for line in _cpuinfo():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def cpu_fingerprint() -> str:
    """A short hash of what compiled code depends on: architecture, model and instruction set of the processor."""
    features = next((line for line in _cpuinfo() if line.startswith(("flags", "Features"))), "")
    text = "\n".join((sys.platform, platform.machine(), cpu_model(), " ".join(sorted(features.split()))))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _cpuinfo() -> list[str]:
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    return []


def _configure(options: Options) -> None:
    import jax

    wanted: dict[str, object] = {}
    if options.platform is not None:
        wanted["jax_platforms"] = {"gpu": "cuda"}.get(options.platform, options.platform)
    processes = _process_count(options)
    if options.devices is not None and options.devices % processes:
        raise UsageError(f"--devices {options.devices} does not divide over {processes} processes.")
    local = max(1, (options.devices or processes) // processes)
    if options.devices is not None or processes > 1:
        # CPU devices are simulated, as many as asked for; on other platforms this changes nothing
        wanted["jax_num_cpu_devices"] = local
    for name, value in wanted.items():
        if _is_initialised():
            if name == "jax_num_cpu_devices":
                _check_cpu_count(local)
            elif getattr(jax.config, name) != value:
                has = f"{name}={getattr(jax.config, name)}"
                raise UsageError(f"JAX has already started with {has}: --platform {options.platform} {_TOO_LATE}")
        else:
            jax.config.update(name, value)


def _check_cpu_count(local: int) -> None:
    import jax

    if jax.default_backend() == "cpu" and local > jax.local_device_count():
        has = f"{jax.local_device_count()} CPU device(s)"
        raise UsageError(f"JAX has already started with {has}: --devices {local} {_TOO_LATE}")


def _is_initialised() -> bool:
    import jax

    # JAX does not say it in public, but refuses a change of this setting once it has devices
    count: int = getattr(jax.config, "jax_num_cpu_devices")  # noqa: B009  (its type is not declared)
    try:
        jax.config.update("jax_num_cpu_devices", max(count, 0) + 1)
    except RuntimeError:
        return True
    jax.config.update("jax_num_cpu_devices", count)
    return False


def _use_cache(options: Options) -> None:
    import jax

    from dlx.data.cache import cache_folder

    # code compiled for one processor may not run on another that shares the folder
    folder = cache_folder() / f"xla-{jax.__version__}-{cpu_fingerprint()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        print(
            f"{folder} cannot be written: compiling without a cache (DLX_CACHE_DIR names another folder).",
            file=sys.stderr,
        )
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def _process_count(options: Options) -> int:
    if options.processes is not None:
        return options.processes
    if not options.distributed:
        return 1
    return int(os.environ.get("SLURM_NTASKS") or os.environ.get("OMPI_COMM_WORLD_SIZE") or 1)


def _join(options: Options) -> None:
    import jax

    if jax.distributed.is_initialized():
        return
    if _is_initialised():
        raise UsageError("JAX has already started; several processes have to meet before the first computation.")
    _separate_stdout()
    where = options.coordinator or "the detected coordinator"
    count = f"{options.processes} processes" if options.processes else "all processes"
    own = f"process {options.process_id}" if options.process_id is not None else "this process"
    told = (
        f"error: {own} waited {options.init_timeout} s at {where} and {count} did not meet there."
        " Is each of them started, with the same --coordinator and --processes, and is the port open?"
    )
    with _deadline(options.init_timeout, told):
        try:
            jax.distributed.initialize(
                options.coordinator, options.processes, options.process_id,
                initialization_timeout=options.init_timeout + 30, heartbeat_timeout_seconds=_HEARTBEAT,
                shutdown_timeout_seconds=_FAREWELL,
            )  # fmt: skip
        except ValueError as error:
            raise UsageError(
                f"--distributed: no cluster was detected ({error})"
                " Name --coordinator HOST:PORT, --processes and --process-id."
            ) from None
        except RuntimeError as error:
            raise DlxError(f"{own} could not join at {where}: {str(error).splitlines()[0]}") from None


@contextlib.contextmanager
def _deadline(seconds: float, message: str) -> Iterator[None]:
    """Ends the process with `message`: past its own timeout JAX aborts, which Python cannot catch."""

    def give_up() -> None:
        print(message, file=sys.stderr, flush=True)
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _separate_stdout() -> None:
    """Keeps standard output for Python: what C++ prints there while processes connect goes to standard error."""
    try:
        number = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something that is no file
        return
    sys.stdout.flush()
    own = os.dup(number)
    os.dup2(2, number)
    sys.stdout = open(own, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, buffering=1)  # noqa: SIM115
