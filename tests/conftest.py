"""What every test stands on: strict JAX, checked types, no data folders, a cache folder of its own."""

import getpass
import os
import shutil
import tempfile

import jax
import jaxtyping
import numpy as np
import pytest

from dlx.run.startup import cpu_fingerprint
from tests import tolerances, typechecker

# devices and checks must be set before anything computes, and the hook before dlx is imported
jax.config.update("jax_platforms", os.environ.get("DLX_TEST_PLATFORM", "cpu"))
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")

# most of a test's time is compilation: workers and later runs share it (28 s -> 11 s for the activations)
if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
    name = f"dlx-test-compiled-{getpass.getuser()}-{cpu_fingerprint()}-{jax.__version__}"
    jax.config.update("jax_compilation_cache_dir", os.path.join(tempfile.gettempdir(), name))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

TYPED_PACKAGES = [
    f"dlx.{name}"
    for name in (
        "backprop",
        "detection",
        "energy",
        "explain",
        "foundations",
        "image",
        "information",
        "kernels",
        "linear",
        "losses",
        "metrics",
        "nn",
        "optim",
        "recsys",
        "rl",
        "text",
    )
]
"""Layer 1: shapes and types are checked at every call, except under tests/errors."""

jaxtyping.install_import_hook(TYPED_PACKAGES, f"{typechecker.__name__}.typechecker")

pytest_plugins = ["tests.ledger_plugin"]

DATA_FOLDERS = {name: os.environ.pop(name, None) for name in ("TFDS_DATA_DIR", "DLX_DATA_DIR")}


def pytest_configure(config):
    """Warnings of our own code are errors, in this process and the folder of caches ends with it."""
    for own in ("dlx", "experiments", "tests"):
        config.addinivalue_line("filterwarnings", rf"error:::{own}(\.|$)")
    config.stash[_CACHE] = os.environ["DLX_CACHE_DIR"] = tempfile.mkdtemp(prefix="dlx-test-")


def pytest_unconfigure(config):
    """Remove the folder of caches."""
    shutil.rmtree(config.stash.get(_CACHE, ""), ignore_errors=True)


_CACHE = pytest.StashKey[str]()


@pytest.fixture
def rng(request) -> np.random.Generator:
    """A generator; `configurations` gives it other seeds. Equal shapes in many tests compile their operations once."""
    return np.random.default_rng(getattr(request, "param", 0))


@pytest.fixture
def x64():
    """Float64 for the time of one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def _measured_errors(request, monkeypatch, record_error):
    """What `assert_close` measures in float64 goes into the ledger of the test's rows."""
    if request.node.get_closest_marker("row"):
        monkeypatch.setattr(tolerances, "record", record_error)


@pytest.fixture(autouse=True)
def _data_folders(request, monkeypatch):
    """Prepared data are seen by tests marked `real_data` only."""
    if request.node.get_closest_marker("real_data") is None:
        return
    present = {name: folder for name, folder in DATA_FOLDERS.items() if folder}
    if not present:
        pytest.skip("real data: neither TFDS_DATA_DIR nor DLX_DATA_DIR is set")
    for name, folder in present.items():
        monkeypatch.setenv(name, os.path.abspath(folder))
