import contextlib
import platform
import subprocess
import sys

import pytest

from dlx.run import startup
from tests.run.toy import environment, result_of, run_toy, write_toy

COUNT = "import jax\nreturn {'devices': jax.device_count(), 'platform': jax.default_backend()}"


SUM = """
import jax, jax.numpy as jnp, os, signal
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
mesh = Mesh(jax.devices(), ("data",))
ones = jax.make_array_from_callback((jax.device_count(),), NamedSharding(mesh, P("data")), lambda index: jnp.ones(1))
total = jax.jit(jnp.sum, out_shardings=NamedSharding(mesh, P()))
for turn in range(TURNS):
    found = float(total(ones).addressable_data(0))
    if turn == 20 and config.process_id == 1:
        os.kill(os.getpid(), signal.SIGKILL)
return {"sum": found, "processes": jax.process_count()}
""".strip()


def in_python(folder, code, **more):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=folder, env=environment(folder, **more), capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip


def test_devices_and_the_cache_folder(tmp_path):
    body = (
        "import jax\njax.jit(lambda x: x + 1)(1.0)\n"
        "return {'devices': jax.device_count(), 'platform': jax.default_backend(), 'jax': jax.__version__}"
    )
    done = run_toy(tmp_path, "--devices", "3", "--platform", "cpu", body=body)
    assert done.stderr == ""
    result = result_of(done.stdout)
    assert (result["devices"], result["platform"]) == (3, "cpu")
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.name == f"xla-{result['jax']}-{startup.cpu_fingerprint()}"
    assert any(folder.iterdir())  # also what compiles in no time is kept


def test_without_a_cache(tmp_path):
    done = run_toy(tmp_path, "--no-cache", body=COUNT)
    assert result_of(done.stdout)["devices"] == 1
    assert not (tmp_path / "cache").exists()


def test_a_cache_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "cache").write_text("a file")
    done = run_toy(tmp_path, body=COUNT)
    assert done.returncode == 0
    assert "cannot be written: compiling without a cache (DLX_CACHE_DIR names another folder)" in done.stderr
    assert "Traceback" not in done.stderr


def test_jax_that_has_started_before(tmp_path):
    code = """
import jax
from dlx.errors import UsageError
from dlx.run import Options, start
jax.devices()
start(Options())
start(Options())
for wrong in (Options(devices=2), Options(platform="tpu"), Options(processes=2, process_id=0, coordinator="a:1")):
    try:
        start(wrong)
    except UsageError as error:
        print(error)
"""
    done = in_python(tmp_path, code)
    assert done.stderr == ""
    late = "comes too late. Call dlx.run.start(config) before the first computation."
    assert done.stdout.splitlines() == [
        f"JAX has already started with 1 CPU device(s): --devices 2 {late}",
        f"JAX has already started with jax_platforms=None: --platform tpu {late}",
        "JAX has already started; several processes have to meet before the first computation.",
    ]


def test_another_processor_has_another_fingerprint(monkeypatch):
    lines = ["model name\t: A 1", "flags\t\t: sse avx"]

    def fingerprint(*now):
        monkeypatch.setattr(startup, "_cpuinfo", lambda: list(now))
        return startup.cpu_fingerprint()

    first = fingerprint(*lines)
    assert fingerprint(lines[0], "flags\t\t: avx sse") == first
    assert fingerprint(lines[0], "flags\t\t: sse avx avx512f") != first
    assert fingerprint("model name\t: B 2", lines[1]) != first
    assert startup.cpu_model() == "B 2"
    fingerprint()
    assert startup.cpu_model()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_glibc_keeps_memory(tmp_path):
    # freed blocks of 64 MB go back to the system, unless told otherwise
    code = """
import ctypes
from dlx.run.startup import keep_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def kept():
    before = resident()
    block = libc.malloc(64 << 20)
    ctypes.memset(block, 1, 64 << 20)
    libc.free(block)
    return resident() - before > 32 << 20
print(kept(), keep_memory(), kept())
"""
    assert in_python(tmp_path, code).stdout.split() == ["False", "True", "True"]


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert startup.keep_memory() is False


def test_two_processes_meet_and_only_the_first_prints_the_result(tmp_path, free_port):
    write_toy(tmp_path, SUM.replace("TURNS", "2"))
    words = [sys.executable, "-W", "error", "-m", "toy", "--processes", "2", "--coordinator", f"127.0.0.1:{free_port}"]
    words += ["--devices", "4", "--init-timeout", "60"]
    with contextlib.ExitStack() as closing:
        both = [
            closing.enter_context(
                subprocess.Popen(
                    [*words, "--process-id", str(me)], cwd=tmp_path, env=environment(tmp_path), text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
            )
            for me in (0, 1)
        ]  # fmt: skip
        (first, _), (second, errors) = [process.communicate(timeout=100) for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert first.startswith("RESULT ")  # nothing of what C++ prints while it connects
    assert result_of(first) == {"sum": 4.0, "processes": 2}
    assert second == ""


def test_a_peer_that_dies_is_named_in_one_line(tmp_path, free_port):
    write_toy(tmp_path, SUM.replace("TURNS", "100000"))
    words = [sys.executable, "-m", "toy", "--processes", "2", "--coordinator", f"127.0.0.1:{free_port}"]
    words += ["--init-timeout", "60", "--no-cache"]
    pipes = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [
        subprocess.Popen([*words, "--process-id", str(me)], cwd=tmp_path, env=environment(tmp_path), **pipes)
        for me in (0, 1)
    ]
    (_, errors), _ = [process.communicate(timeout=100) for process in both]
    assert both[1].returncode == -9
    assert both[0].returncode == 1, errors
    assert "error: another process of this run has gone. Start all of them again" in errors
    assert "Traceback" not in errors
