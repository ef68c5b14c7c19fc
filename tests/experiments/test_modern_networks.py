"""Residual networks, the networks of the notes in a row, and weights on the command line."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx
from dlx.errors import UsageError
from dlx.run.weights import WeightsOptions, from_file, replica_variables, save_replicas
from experiments import lenet, modern_convnets, resnet

DATA = {"inputs": np.zeros((4, 3), np.float32), "labels": np.zeros(4, np.int32)}


def linear_task(**options):
    model = dlx.models.Linear(2)
    optimizer = dlx.optim.create("sgd", 0.1)
    return model, dlx.train.supervised(model, dlx.losses.softmax_cross_entropy, optimizer, example=DATA, **options)


def test_a_task_starts_from_a_file(tmp_path):
    model, task = linear_task(ema=0.9)
    trained = jax.vmap(task.init)(jnp.stack([jax.random.key(seed) for seed in (3, 4)]))
    # what is tested is the average, and that is what goes out
    trained = jax.tree.map(np.asarray, trained._replace(ema=jax.tree.map(lambda a: a + 1, trained.params), key=None))
    paths = save_replicas(tmp_path, ["seed_3", "seed_4"], trained)
    assert [path.name for path in paths] == ["weights-seed_3.safetensors", "weights-seed_4.safetensors"]
    state = from_file(WeightsOptions(weights=paths[1]), task, model).init(jax.random.key(0))
    wanted = replica_variables(trained, 1)["params"]
    for found in (state.params, state.ema):
        jax.tree.map(np.testing.assert_array_equal, found, wanted)
    np.testing.assert_array_equal(wanted["kernel"], trained.params["kernel"][1] + 1)
    assert from_file(WeightsOptions(), task, model) is task
    (path,) = save_replicas(tmp_path, ["seed_3"], trained, name="linear")
    assert path.name == "weights-linear.safetensors"


def run_lenet(folder, **options):
    return lenet.main(lenet.Config(dataset="digits", batch_size=32, output_dir=folder, checkpoint_every=0, **options))


def test_a_run_hands_its_weights_to_the_next(tmp_path):
    first = run_lenet(tmp_path, steps=2, name="first")
    folder = tmp_path / "lenet" / "first"
    again = run_lenet(tmp_path, weights=folder, evaluate_only=True, seed=5, name="again")
    for name in ("test_accuracy", "test_loss"):
        assert again["metrics"][name]["mean"] == first["metrics"][name]["mean"]
    assert again["steps"] == 0
    assert "train_loss" not in again["metrics"]
    assert (tmp_path / "lenet" / "again" / "report.html").exists()
    # nothing was trained: what comes in goes out
    files = [path / "weights.safetensors" for path in (folder, tmp_path / "lenet" / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads((tmp_path / "lenet" / "again" / "config.json").read_text())["options"]["weights"] == str(folder)


def test_resnet_runs(tmp_path):
    config = resnet.Config(dataset="digits", width=1 / 64, steps=2, batch_size=32, mirrored=True, output_dir=tmp_path,
                           checkpoint_every=0, name="a")  # fmt: skip
    result = resnet.main(config)
    assert 0 <= result["metrics"]["test_accuracy"]["mean"] <= 1
    assert result["metrics"]["processor_seconds"]["mean"] > 0
    assert "Test accuracy against time" in (tmp_path / "resnet" / "a" / "report.html").read_text()
    variables = dlx.models.ResNet(stem="cifar", width=1 / 64).init(jax.random.key(0), jnp.zeros((1, 8, 8, 1)))
    dlx.models.load_weights(tmp_path / "resnet" / "a" / "weights.safetensors", variables)


def test_schedules():
    cycle = resnet.schedule(resnet.Config(learning_rate=0.4, rise=0.25), 100)
    # from a 25th up in a quarter of the steps, down to almost nothing
    assert [float(cycle(step)) for step in (0, 25, 100)] == pytest.approx([0.016, 0.4, 1.6e-6], abs=1e-7)
    cosine = resnet.schedule(resnet.Config(learning_rate=0.4, schedule="cosine"), 100)
    assert [float(cosine(step)) for step in (0, 50, 100)] == pytest.approx([0.4, 0.2, 0.0], abs=1e-7)
    for steps in (1, 2, 3):
        assert np.isfinite(float(resnet.schedule(resnet.Config(), steps)(0)))


@pytest.mark.parametrize(
    "options",
    [{"width": 0.0}, {"momentum": 1.0}, {"label_smoothing": -0.1}, {"crop": -1}, {"rise": 1.0}, {"small": 1.5}],
)
def test_resnet_refuses(options):
    with pytest.raises(UsageError):
        resnet.Config(**options)


@pytest.mark.parametrize(
    "options", [{"size": 28}, {"rate": 0.0}, {"dropout": 1.0}, {"networks": ("nin", "nin")}, {"examples": 0}]
)
def test_modern_convnets_refuses(options):
    with pytest.raises(UsageError):
        modern_convnets.Config(**options)


def test_parameters_of_the_full_networks():
    data = dlx.data.load("digits")
    found = {
        name: modern_convnets.parameters(*modern_convnets.counted(modern_convnets.Config(), name, data)[1])
        for name in modern_convnets.RECIPES
    }
    # of 1 channel and 10 classes, as the docstrings of the models derive them; ResNet-18 as torchvision's 11,689,512
    # without 2 channels of 64 kernels of 7x7 and without 990 classes of 512 weights and a bias
    assert found == {
        "lenet": 61_706, "alexnet": 46_764_746, "vgg11": 128_806_154, "nin": 1_992_166, "googlenet": 5_977_530,
        "resnet18": 11_689_512 - 2 * 64 * 49 - 990 * 513, "densenet": 758_226,
    }  # fmt: skip


def test_resized():
    images = np.broadcast_to(np.arange(4.0, dtype=np.float32)[None, :, None, None], (2, 4, 4, 1))
    made = modern_convnets.resized(lambda batch: batch, 8)({"inputs": jnp.asarray(images), "labels": np.zeros(2)})
    # pixel i is centred at (i + 1/2) / 2 - 1/2; beyond the centres of the border the image goes on
    np.testing.assert_allclose(made["inputs"][1, :, 3, 0], np.clip((np.arange(8) + 0.5) / 2 - 0.5, 0, 3), atol=1e-6)


def kept(accuracy, loss):
    times = {"examples_per_second": 10.0, "seconds": 1.0, "compile_seconds": 2.0}
    return {
        "parameters": 5,
        "full_parameters": 50,
        "test_accuracy": [accuracy],
        "train_loss": [loss],
        "steps": 1,
        **times,
    }


def test_a_failure_loses_no_finished_network(tmp_path, monkeypatch):
    trained = []

    def study(config, run, data, train, name):
        trained.append(name)
        if name == "nin" and len(trained) < 4:
            raise MemoryError("so much\nand more")
        return kept(0.8, 0.5) if name == "lenet" else kept(0.7, 0.4)

    monkeypatch.setattr(modern_convnets, "study", study)
    options = {"dataset": "digits", "networks": ("lenet", "nin", "vgg11"), "output_dir": tmp_path, "name": "a"}
    result = modern_convnets.main(modern_convnets.Config(**options))
    assert trained == ["lenet", "nin", "vgg11"]
    assert result["failed_networks"] == ["nin"]
    assert set(result["metrics"]) >= {"test_accuracy_lenet", "test_accuracy_vgg11", "examples_per_second_vgg11"}
    assert "test_accuracy_nin" not in result["metrics"]
    # the smallest training loss has the headline
    assert result["metrics"]["test_accuracy"]["mean"] == 0.7
    assert "failed: MemoryError: so much" in (tmp_path / "modern_convnets" / "a" / "report.html").read_text()
    result = modern_convnets.main(modern_convnets.Config(**options, resume=True))
    assert trained[3:] == ["nin"]
    assert result["failed_networks"] == []
    assert result["metrics"]["test_accuracy_lenet"]["mean"] == 0.8


def test_if_all_fail_the_run_does(tmp_path, monkeypatch):
    def study(*_):
        raise dlx.errors.NonFiniteError("NaN everywhere")

    monkeypatch.setattr(modern_convnets, "study", study)
    with pytest.raises(dlx.errors.NonFiniteError):
        modern_convnets.main(modern_convnets.Config(dataset="digits", networks=("nin",), output_dir=tmp_path))


def test_modern_convnets_runs(tmp_path):
    config = modern_convnets.Config(dataset="digits", networks=("lenet",), steps=2, output_dir=tmp_path, name="a")
    result = modern_convnets.main(config)
    assert result["metrics"]["test_accuracy"] == result["metrics"]["test_accuracy_lenet"]
    folder = tmp_path / "modern_convnets" / "a"
    assert {path.name for path in folder.iterdir()} >= {"lenet.json", "lenet.jsonl", "weights-lenet.safetensors"}
    assert json.loads((folder / "lenet.json").read_text())["parameters"] == 61_706
