"""dlx.models: weights to files and back, and from PyTorch."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models
from dlx.errors import CheckpointError

VARIABLES = {
    "params": {
        "conv_0": {
            "kernel": np.arange(12.0, dtype=np.float32).reshape(2, 1, 2, 3).swapaxes(2, 3),
            "bias": np.ones(2, np.float32),
        },
        "half": jnp.asarray([1.5, -2.0], jnp.bfloat16),
        "scalar": jnp.float32(3),
    },
    "batch_stats": {"norm_0": {"mean": np.array([0.25, 4]), "count": np.array([7, 9], np.int32)}},
}


def shapes():
    return jax.eval_shape(lambda: VARIABLES)


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "new" / "weights.safetensors"
    models.save_weights(path, VARIABLES)
    with jax.enable_x64(True):
        got = models.load_weights(path, VARIABLES)
    assert jax.tree.structure(got) == jax.tree.structure(VARIABLES)
    jax.tree.map(np.testing.assert_array_equal, got, VARIABLES)
    assert [leaf.dtype for leaf in jax.tree.leaves(got)] == [leaf.dtype for leaf in jax.tree.leaves(VARIABLES)]
    assert os.listdir(path.parent) == ["weights.safetensors"]


def test_the_dtype_is_that_of_the_model(tmp_path):
    models.save_weights(tmp_path / "w", VARIABLES)
    wanted = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), jnp.float16), VARIABLES)
    got = models.load_weights(tmp_path / "w", wanted)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(got)} == {"float16"}
    np.testing.assert_array_equal(got["params"]["half"], [1.5, -2])


def test_any_reader_of_safetensors_reads_them(tmp_path):
    from safetensors.numpy import load_file

    models.save_weights(tmp_path / "w", VARIABLES)
    found = load_file(tmp_path / "w")
    assert sorted(found) == [
        "batch_stats/norm_0/count",
        "batch_stats/norm_0/mean",
        "params/conv_0/bias",
        "params/conv_0/kernel",
        "params/half",
        "params/scalar",
    ]
    np.testing.assert_array_equal(found["params/conv_0/kernel"], VARIABLES["params"]["conv_0"]["kernel"])


def test_a_skipped_head_stays_fresh(tmp_path):
    def network(outputs, value):
        return {"params": {"body": {"kernel": np.full((2, 3), value)}, "output": {"bias": np.full(outputs, value)}}}

    models.save_weights(tmp_path / "w", network(10, 1.0))
    fresh = network(4, 2.0)
    got = models.load_weights(tmp_path / "w", fresh, skip=("params/output",))["params"]
    np.testing.assert_array_equal(got["body"]["kernel"], np.ones((2, 3)))
    np.testing.assert_array_equal(got["output"]["bias"], np.full(4, 2.0))
    with pytest.raises(CheckpointError, match="1 of another shape: params/output/bias"):
        models.load_weights(tmp_path / "w", fresh)
    with pytest.raises(CheckpointError, match="params/output/bias"):  # a name, not the beginning of one
        models.load_weights(tmp_path / "w", network(4, 2.0) | {"params/out": np.ones(1)}, skip=("params/out",))


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "w"
    models.save_weights(path, VARIABLES)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CheckpointError, match="No space left on device"):
            models.save_weights(path, jax.tree.map(np.zeros_like, VARIABLES))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["w"]


@pytest.mark.row(110)
def test_layers_of_pytorch():
    torch = pytest.importorskip("torch")
    modules = torch.nn.ModuleDict(
        {
            "conv": torch.nn.Conv2d(3, 4, (2, 1), groups=1, bias=False),
            "norm": torch.nn.BatchNorm2d(4),
            "up": torch.nn.ConvTranspose2d(4, 6, 3),
            "slope": torch.nn.PReLU(4),
            "fc": torch.nn.Linear(2 * 3 * 4, 5),
        }
    )
    modules["norm"].running_var += 3
    like = {
        "params": {
            "conv_0": {"kernel": np.zeros((2, 1, 3, 4))},
            "inner": {"norm_0": {"scale": np.zeros(4), "bias": np.zeros(4)}},
            "up_0": {"kernel": np.zeros((3, 3, 6, 4)), "bias": np.zeros(6)},
            "slope_0": {"alpha": np.zeros(4)},
            "dense_0": {"kernel": np.zeros((24, 5)), "bias": np.zeros(5)},
        },
        "batch_stats": {"inner": {"norm_0": {"mean": np.ones(4), "var": np.zeros(4)}}},
    }
    like = jax.tree.map(lambda leaf: leaf.astype(np.float32), like)
    names = {"conv_0": "conv", "inner/norm_0": "norm", "up_0": "up", "slope_0": "slope", "dense_0": "fc"}
    state = modules.state_dict()
    assert "norm.num_batches_tracked" in state
    got = models.from_torch(state, like, names, flattened={"dense_0": (2, 3, 4)})
    assert jax.tree.map(jnp.shape, got) == jax.tree.map(jnp.shape, like)
    params, ours = got["params"], np.asarray
    theirs = state["conv.weight"].numpy()
    assert ours(params["conv_0"]["kernel"])[1, 0, 2, 3] == theirs[3, 2, 1, 0]
    assert ours(params["up_0"]["kernel"])[1, 2, 5, 3] == state["up.weight"].numpy()[3, 5, 1, 2]
    np.testing.assert_array_equal(got["batch_stats"]["inner"]["norm_0"]["var"], np.full(4, 4.0))
    np.testing.assert_array_equal(params["slope_0"]["alpha"], np.full(4, 0.25))
    # feature (row 1, column 2, channel 3): 1 * 3 * 4 + 2 * 4 + 3 of ours, 3 * 2 * 3 + 1 * 3 + 2 of theirs
    assert ours(params["dense_0"]["kernel"])[23, 4] == state["fc.weight"].numpy()[4, 23]
    assert ours(params["dense_0"]["kernel"])[15, 4] == state["fc.weight"].numpy()[4, 3 * 6 + 3 + 0]
    plain = models.from_torch(state, like, names)["params"]["dense_0"]["kernel"]
    np.testing.assert_array_equal(plain, state["fc.weight"].numpy().T)
    half = {name: value.bfloat16() for name, value in state.items()}
    np.testing.assert_array_equal(
        models.from_torch(half, like, names)["params"]["slope_0"]["alpha"], np.full(4, 0.25, np.float32)
    )
