"""Checkpoints: every leaf comes back bit for bit, no changed byte goes unseen, no state is overtaken by its writer."""

import json
import threading
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx.train.checkpoint import (
    Checkpoints,
    DamagedCheckpointError,
    file,
    find_checkpoints,
    read,
    read_arrays,
    read_manifest,
    restore,
    verify,
    write,
)

DTYPES = [
    *(
        "bool",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "float32",
        "float64",
    ),
    *("complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3b11fnuz", "int4", "uint4"),
]


class Moments(NamedTuple):
    count: jax.Array
    mu: dict
    nu: dict | None


def example_state(seed: int = 0):
    rng = np.random.default_rng(seed)
    params = {"Dense_0": {"kernel": jnp.asarray(rng.normal(size=(7, 5)), jnp.float32), "bias": jnp.zeros(5)}}
    return {
        "step": jnp.int32(seed),
        "params": params,
        "opt": (Moments(jnp.uint32(3), params, None), ()),
        "key": jax.random.key(seed),
        "keys": jax.random.split(jax.random.key(seed, impl="rbg"), (2, 3)),
        "raw_key": jax.random.PRNGKey(seed),
        "half": jnp.asarray(rng.normal(size=(3, 2)), jnp.bfloat16),
        "empty": jnp.zeros((0, 4)),
        "mask": np.array([True, False, True]),
        "count": 12,
        "rate": 0.1,
        "done": True,
    }


def bits(leaf) -> tuple:
    """What must be the same: kind, shape, dtype and every bit."""
    if jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
        return str(leaf.dtype), leaf.shape, np.asarray(jax.random.key_data(leaf)).tobytes()
    if not hasattr(leaf, "dtype"):
        return type(leaf), repr(leaf)
    return str(leaf.dtype), leaf.shape, np.asarray(leaf).tobytes()


def assert_same(got, wanted):
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    assert jax.tree.map(bits, got) == jax.tree.map(bits, wanted)


def random_bits(rng, dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.name in ("bool", "int4", "uint4"):  # not every byte is a value of these
        return rng.integers(0, 2, shape).astype(dtype)
    count = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer(rng.bytes(count), dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_bit_for_bit(tmp_path, dtype):
    rng = np.random.default_rng(1)  # random bytes: NaNs with payload, denormals and infinities among them
    state = {f"{shape}": random_bits(rng, dtype, shape) for shape in [(), (1,), (3, 5), (2, 0, 3), (64, 33)]}
    write(tmp_path / "a", state, step=1, meta={})
    restored = read(tmp_path / "a", state)
    assert_same(restored.state, state)
    assert all(leaf.flags.writeable and leaf.flags.aligned for leaf in restored.state.values())


def test_structure_keys_and_meta_come_back(tmp_path):
    state = example_state(3)
    meta = {
        "config": {"width": [3, 4], "name": "\u00fc \U0001f600"},
        "record": 17,
        "nan": None,
        "big": 2**70,
        "x": 0.1,
    }
    write(tmp_path / "a", state, step=1234, meta=meta, score=0.75)
    restored = read(tmp_path / "a", example_state(8))
    assert_same(restored.state, state)
    assert restored[0:3:2] == (1234, meta)
    drawn = jax.random.uniform(restored.state["keys"][1, 2], (4,))
    np.testing.assert_array_equal(drawn, jax.random.uniform(state["keys"][1, 2], (4,)))
    manifest = read_manifest(tmp_path / "a")
    assert manifest["versions"]["jax"] == jax.__version__
    assert manifest["score"] == 0.75


def test_template_may_be_shapes_and_state_one_leaf(tmp_path):
    state = {"a": jnp.arange(3.0), "key": jax.random.split(jax.random.key(1), 4)}
    write(tmp_path / "a", state, step=1, meta={})
    assert_same(read(tmp_path / "a", jax.eval_shape(lambda: state)).state, jax.tree.map(lambda x: x, state))
    write(tmp_path / "b", jnp.float32(2.5), step=1, meta={})
    assert read(tmp_path / "b", jnp.float32(0)).state == 2.5
    write(tmp_path / "c", {"nothing": None}, step=1, meta={})
    assert read(tmp_path / "c", {"nothing": None}).state == {"nothing": None}


def test_a_fortran_ordered_and_a_strided_array(tmp_path):
    state = [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10)[::-3]]
    write(tmp_path / "a", state, step=1, meta={})
    assert_same(read(tmp_path / "a", state).state, [np.ascontiguousarray(leaf) for leaf in state])


def test_safetensors_reads_the_file(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    state = {
        "layer": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)},
        "n": np.int8([1, 2, 3]),
        "e": np.zeros((0, 2)),
    }
    write(tmp_path / "a", state, step=1, meta={})
    tensors = safetensors.load_file(tmp_path / "a")
    assert sorted(tensors) == ["e", "layer/kernel", "n"]
    np.testing.assert_array_equal(tensors["layer/kernel"], state["layer"]["kernel"])
    np.testing.assert_array_equal(tensors["n"], state["n"])
    write(tmp_path / "b", example_state(), step=1, meta={"any": "thing"})
    assert set(safetensors.load_file(tmp_path / "b")) == {leaf.name for leaf in read_arrays(tmp_path / "b")[1]}


def test_any_flipped_bit_is_seen(tmp_path):
    path = tmp_path / "a"
    write(path, example_state(), step=5, meta={"a": 1})
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    assert header < len(whole)
    places = {
        *range(64 * 8),
        *range((header - 20) * 8, (header + 20) * 8),
        *rng.integers(0, len(whole) * 8, 600).tolist(),
    }
    for place in places:
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedCheckpointError, match=r"damaged|cut short"):
            verify(path)
    path.write_bytes(whole)
    assert verify(path)["step"] == 5


def test_any_truncation_and_any_addition_is_seen(tmp_path):
    path = tmp_path / "a"
    write(path, example_state(), step=5, meta={})
    whole = path.read_bytes()
    for length in {0, 1, 7, 8, 9, len(whole) - 1, *np.random.default_rng(0).integers(0, len(whole), 100).tolist()}:
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedCheckpointError):
            read(path, example_state())
    path.write_bytes(whole + b"\0")
    with pytest.raises(DamagedCheckpointError, match="instead of"):
        verify(path)
    path.write_bytes(bytes(len(whole)))  # what some file systems leave after a power cut
    with pytest.raises(DamagedCheckpointError):
        verify(path)


def test_newest_first_with_fallback_over_damaged_ones(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.restore(example_state()) is None
        for step in (1, 2, 3):
            checkpoints.save(step, example_state(step), meta={"at": step})
        assert checkpoints.restore(example_state()).meta == {"at": 3}
        assert_same(checkpoints.restore(example_state(), step=2).state, example_state(2))
        path = tmp_path / "step_00000003.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.warns(UserWarning, match=r"step_00000003\.safetensors: cut short.*from step 2"):
            restored = checkpoints.restore(example_state())
        assert restored.step == 2
        assert_same(restored.state, example_state(2))


def test_keeps_the_newest_and_the_best(tmp_path):
    scores = {1: 0.5, 2: 0.9, 3: float("nan"), 4: 0.9, 5: None, 6: 0.1, 7: 0.2}
    with Checkpoints(tmp_path, keep=2, keep_best=True) as checkpoints:
        for step, score in scores.items():
            checkpoints.save(step, {"a": jnp.int32(step)}, meta={}, score=score)
        assert checkpoints.steps() == [4, 6, 7]
        assert checkpoints.best()[:2] == (4, 0.9)
    with Checkpoints(tmp_path, keep=1, keep_best=True) as checkpoints:  # scores are read back
        assert checkpoints.best().path == tmp_path / "step_00000004.safetensors"
        checkpoints.save(8, {"a": jnp.int32(8)}, meta={}, score=0.3)
        assert checkpoints.steps() == [4, 8]
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(9, {"a": jnp.int32(8)}, meta={})
        assert checkpoints.steps() == [9]


def test_going_on_from_an_older_step_sets_later_files_aside(tmp_path):
    """With keep=1 the file just saved would else be deleted in favour of a damaged one of a later step."""
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        checkpoints.save(10, {"a": 1}, meta={})
        checkpoints.save(20, {"a": 2}, meta={}, wait=True)
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        with pytest.warns(UserWarning, match="is later than step 15"):
            checkpoints.save(15, {"a": 3}, meta={}, wait=True)
        assert checkpoints.restore({"a": 0})[:2] == (15, {"a": 3})
    assert verify(tmp_path / "step_00000020.safetensors.aside")["step"] == 20


def test_donated_and_changed_states_are_saved_as_they_were(tmp_path, monkeypatch):
    hold = threading.Event()
    written = file.write_leaves

    def late(*args, **kwargs):
        hold.wait(10)
        written(*args, **kwargs)

    monkeypatch.setattr("dlx.train.checkpoint.folder.write_leaves", late)
    overwrite = jax.jit(lambda state: jax.tree.map(lambda x: x * 0 - 1, state), donate_argnums=0)
    state = {"a": jnp.arange(100_000.0), "b": jnp.ones((300, 300))}
    wanted = jax.tree.map(np.array, state)
    host = np.arange(5)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"device": state, "host": host}, meta={})
        state = jax.block_until_ready(overwrite(state))
        host[:] = -1
        hold.set()
        restored = checkpoints.restore({"device": state, "host": host})
        assert_same(restored.state, {"device": wanted, "host": np.arange(5)})
        # The second save writes over the first one's copies; a leaf of another shape gets new memory.
        checkpoints.save(2, {"device": state, "host": np.arange(6)}, meta={})
        assert_same(
            checkpoints.restore({"device": state, "host": np.arange(6)}).state["device"], jax.tree.map(np.array, state)
        )


def test_no_save_is_dropped_while_another_is_under_way(tmp_path, monkeypatch):
    written = file.write_leaves

    def slow(*args, **kwargs):
        time.sleep(0.02)
        written(*args, **kwargs)

    monkeypatch.setattr("dlx.train.checkpoint.folder.write_leaves", slow)
    with Checkpoints(tmp_path, keep=100) as checkpoints:
        for step in range(6):
            checkpoints.save(step, {"a": np.full(1000, step)}, meta={})
        assert checkpoints.steps() == list(range(6))
        for step in range(6):
            assert (checkpoints.restore({"a": np.zeros(1000, int)}, step=step).state["a"] == step).all()


def test_without_a_thread_the_file_stands_at_once(tmp_path):
    with Checkpoints(tmp_path, writer_thread=False) as checkpoints:
        checkpoints.save(1, {"a": 1}, meta={})
        assert list(find_checkpoints(tmp_path)) == [1]
        assert not list(tmp_path.glob(".step_*"))


def test_restore_writes_nothing_and_needs_no_folder(tmp_path):
    assert restore(tmp_path / "missing", {"a": 1}) is None
    assert not (tmp_path / "missing").exists()


def test_steps_beyond_eight_digits_sort_by_number(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (99_999_999, 100_000_000):
            checkpoints.save(step, {"a": step}, meta={})
        assert checkpoints.restore({"a": 0}).step == 100_000_000


def test_the_same_state_gives_the_same_file(tmp_path):
    for name in "ab":
        write(tmp_path / name, example_state(), step=1, meta={"a": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    header = (tmp_path / "a").read_bytes()
    assert (
        json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]["format"] == "dlx checkpoint"
    )
