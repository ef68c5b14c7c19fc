"""Checkpoints by orbax: state split over devices, restored to other devices."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from dlx.errors import CheckpointError

pytest.importorskip("orbax.checkpoint")

from dlx.train.orbax import OrbaxCheckpoints

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:orbax"),
    # after a failed read a thread of tensorstore still calls the event loop that orbax has closed
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def split(count: int, array):
    mesh = jax.make_mesh((count,), ("data",), (jax.sharding.AxisType.Auto,), devices=jax.devices()[:count])
    return jax.device_put(array, NamedSharding(mesh, PartitionSpec("data")))


def example_state(count: int, scale: float = 1.0):
    return {
        "params": (split(count, scale * jnp.arange(16.0).reshape(16, 1)), {"half": jnp.full(3, scale, jnp.bfloat16)}),
        "keys": split(count, jax.random.split(jax.random.key(int(scale)), 8)),
        "empty": jnp.zeros((0, 4)),
        "host": np.arange(3) * int(scale),
        "count": int(scale),
        "nothing": None,
    }


def values(state):
    def value(leaf):
        if hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        return str(np.asarray(leaf).dtype), np.asarray(leaf).tolist()

    return jax.tree.map(value, state)


@pytest.mark.parametrize("count", [8, 4, 1])
def test_split_state_comes_back_on_the_templates_devices(tmp_path, count):
    if len(jax.devices()) < 8:
        pytest.skip("needs 8 devices")
    with OrbaxCheckpoints(tmp_path) as checkpoints:
        checkpoints.save(7, example_state(8, 3.0), meta={"record": 5, "name": "a"})
        template = example_state(count)
        restored = checkpoints.restore(template)
    assert restored[0:3:2] == (7, {"record": 5, "name": "a"})
    assert jax.tree.structure(restored.state) == jax.tree.structure(template)
    assert values(restored.state) == values(example_state(8, 3.0))
    for got, like in zip(jax.tree.leaves(restored.state), jax.tree.leaves(template), strict=True):
        if isinstance(like, jax.Array) and like.size:
            assert got.sharding.is_equivalent_to(like.sharding, like.ndim)


def test_a_donated_state_is_saved_as_it_was(tmp_path):
    overwrite = jax.jit(lambda x: x * 0 - 1, donate_argnums=0)
    state = jnp.arange(1_000_000.0)
    with OrbaxCheckpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"a": state}, meta={})
        state = jax.block_until_ready(overwrite(state))
        restored = checkpoints.restore({"a": state})
    np.testing.assert_array_equal(restored.state["a"], np.arange(1_000_000.0))


def test_keeps_the_newest_and_the_best(tmp_path):
    with OrbaxCheckpoints(tmp_path, keep=2, keep_best=True) as checkpoints:
        assert checkpoints.restore({"a": 0}) is None
        for step, score in enumerate([0.5, 0.9, float("nan"), None, 0.2]):
            checkpoints.save(step, {"a": step}, meta={}, score=score)
        assert checkpoints.steps() == [1, 3, 4]
        assert checkpoints.best()[:2] == (1, 0.9)
        assert checkpoints.restore({"a": 0}, step=1)[:2] == (1, {"a": 1})
        checkpoints.save(4, {"a": 44}, meta={}, wait=True)  # orbax itself would keep the old one
        assert checkpoints.restore({"a": 0}).state == {"a": 44}


def test_faults_are_told_in_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="it is a file"):
        OrbaxCheckpoints(tmp_path / "file")
    state = {"a": jnp.ones((3, 4)), "b": jnp.ones(2)}
    with OrbaxCheckpoints(tmp_path / "run") as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, state, meta={})
        for template, words in [
            ({**state, "a": jnp.ones((3, 5))}, r"a: the checkpoint has float32 \(3, 4\), the state float32 \(3, 5\)"),
            ({**state, "a": jnp.ones((3, 4), jnp.bfloat16)}, r"float32 \(3, 4\), the state bfloat16 \(3, 4\)"),
            ({"a": state["a"]}, r"b: .* no such leaf"),
        ]:
            with pytest.raises(CheckpointError, match=words):
                checkpoints.restore(template)
        with pytest.raises(CheckpointError, match=r"no checkpoint of step 3; it has \[1, 2\]"):
            checkpoints.restore(state, step=3)
        with pytest.raises(TypeError, match="meta"):
            checkpoints.save(3, state, meta={"a": object()})
        cut(tmp_path / "run" / "2")
        with pytest.warns(UserWarning, match="passed over: orbax could not read step 2"):
            assert checkpoints.restore(state).step == 1
        cut(tmp_path / "run" / "1")
        with pytest.raises(CheckpointError, match=r"no checkpoint in .* can be read") as caught:
            checkpoints.restore(state)
        assert len(str(caught.value).splitlines()) == 3
    time.sleep(0.1)  # for that thread


def test_a_failed_last_save_is_raised_and_hides_no_other_error(tmp_path, monkeypatch):
    close = OrbaxCheckpoints.close

    def fail(checkpoints):
        close(checkpoints)
        raise CheckpointError("the last save failed")

    monkeypatch.setattr(OrbaxCheckpoints, "close", fail)
    with pytest.raises(CheckpointError, match="the last save failed"), OrbaxCheckpoints(tmp_path):
        pass
    with (
        pytest.warns(UserWarning, match="the last save failed"),
        pytest.raises(KeyError, match="first"),
        OrbaxCheckpoints(tmp_path),
    ):
        raise KeyError("first")


def cut(folder):
    """Cuts the payload of an orbax checkpoint short."""
    for path in (folder / "state").rglob("*"):
        if path.is_file() and path.parent.name == "d":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
