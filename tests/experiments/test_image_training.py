"""The parts of the experiments on colour images that a short run would not show to be wrong."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx
from dlx.errors import UsageError
from dlx.run.records import read_records
from experiments import augmentation, cifar_cnn


def test_triangle():
    rate = cifar_cnn.triangle(0.5, 100)
    wanted = {0: 0.1, 5: 0.18, 25: 0.5, 40: 0.4, 100: 0.0}
    found = {step: float(rate(step)) for step in wanted}
    assert found == pytest.approx(wanted, abs=1e-7)


def test_one_step_and_then_the_other():
    def adds(number):
        def step(state, batch, *, axis_name=None):
            return state._replace(step=state.step + 1, sum=state.sum + number * batch), {"loss": (batch, 1.0)}

        return step

    class State(types.SimpleNamespace):
        def _replace(self, **changes):
            return State(**{**vars(self), **changes})

    jax.tree_util.register_pytree_node(
        State, lambda s: ((s.step, s.sum), None), lambda _, c: State(step=c[0], sum=c[1])
    )
    step = jax.jit(cifar_cnn.in_turn(adds(1.0), adds(10.0), 2))
    state, sums = State(step=jnp.int32(0), sum=jnp.float32(0)), []
    for _ in range(4):
        state, metrics = step(state, jnp.float32(1))
        sums.append(float(state.sum))
    assert sums == [1, 2, 12, 22]
    assert float(metrics["loss"][0]) == 1


def test_smaller_images_show_the_same():
    ramp = np.broadcast_to(np.arange(16.0, dtype=np.float32)[None, :, None, None], (2, 16, 8, 3))
    made = cifar_cnn.smaller(lambda batch: batch)({"inputs": jnp.asarray(ramp), "labels": np.zeros(2)})
    assert made["inputs"].shape == (2, 12, 6, 3)
    # away from the border, a linear ramp stays one: pixel i is centred at (i + 1/2) 4/3 - 1/2
    centres = (np.arange(12) + 0.5) * 4 / 3 - 0.5
    np.testing.assert_allclose(made["inputs"][0, 1:-1, 3, 0], centres[1:-1], atol=0.05)
    np.testing.assert_allclose(np.mean(made["inputs"]), 7.5, atol=1e-3)


def test_processor_time_goes_on_after_a_resume(tmp_path):
    path = tmp_path / "metrics.jsonl"

    def moment(step):
        return types.SimpleNamespace(
            step=step, epoch=0.0, seconds=1.0, compile_seconds=0.0, examples=1, metrics={"train_loss": np.array([1.0])}
        )

    records = cifar_cnn.TimedRecords(path)
    records.before = 100.0
    for step in (10, 20):
        records(moment(step))
    records.close()
    again = cifar_cnn.TimedRecords(path)
    again.truncate(10)
    assert 100 <= again.processor_seconds < 110
    again(moment(20))
    again.close()
    first, second = (line["processor_seconds"][0] for line in read_records(path))
    assert 100 <= first <= second


def images_and_keys(count=400):
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), np.uint8)
    return images, dlx.nn.example_keys(jax.random.key(1), count)


def test_a_share_of_the_images_is_changed():
    images, keys = images_and_keys()
    functions = {"flips": lambda keys, images: images[:, :, ::-1], "crop": lambda keys, images: 255 - images}

    @jax.jit
    def changed(flips, crop):
        return augmentation.augmented(functions, {"flips": flips, "crop": crop}, keys, jnp.asarray(images))

    np.testing.assert_array_equal(changed(0.0, 0.0), images)
    np.testing.assert_array_equal(changed(1.0, 1.0), 255 - images[:, :, ::-1])
    half = np.asarray(changed(0.5, 0.0))
    mirrored = (half == images[:, :, ::-1]).all((1, 2, 3))
    np.testing.assert_array_equal(half[~mirrored], images[~mirrored])
    # 400 coins: 5 standard deviations are 50
    assert 150 < mirrored.sum() < 250
    # what one kind does to an image does not depend on the others
    both = np.asarray(changed(0.5, 1.0))
    np.testing.assert_array_equal(both, 255 - half)


def test_kinds_draw_apart():
    images, keys = images_and_keys()
    mark = {name: (lambda keys, images, n=n: images + jnp.uint8(n)) for n, name in ((1, "flips"), (2, "crop"))}
    zeros = jnp.zeros_like(images)
    found = np.asarray(augmentation.augmented(mark, {"flips": 0.5, "crop": 0.5}, keys, zeros))[:, 0, 0, 0]
    # each of the four cases: 100 expected, standard deviation below 9
    assert (np.bincount(found, minlength=4) > 55).all()


def test_replicas_of_one_program_are_trainings_of_their_own():
    images, _ = images_and_keys(64)
    data = {"inputs": images, "labels": np.arange(64, dtype=np.int32) % 3}

    def prepare(batch):
        return {**batch, "inputs": jnp.asarray(batch["inputs"], jnp.float32).reshape(len(batch["inputs"]), -1) / 255}

    task = dlx.train.supervised(
        dlx.models.Linear(3),
        dlx.losses.softmax_cross_entropy,
        dlx.optim.create("sgd", 0.1),
        example=data,
        prepare=prepare,
    )
    functions = {"flips": lambda keys, images: images[:, :, ::-1]}
    step, init, measure = augmentation.with_shares(task, functions, {"flips": 1.0, "crop": 0.0})

    def weights(step, init, data, **options):
        state, _ = dlx.train.fit(step, init, data, steps=4, batch_size=16, **options)
        return state, jax.tree.map(np.asarray, getattr(state, "inner", state).params)

    state, together = weights(step, init, data, sweep={"flips": [0.0, 1.0]})
    np.testing.assert_array_equal(state.step, [4, 4])
    for row, inputs in enumerate((images, images[:, :, ::-1])):
        _, alone = weights(task.step, task.init, {**data, "inputs": np.ascontiguousarray(inputs)})
        for found, wanted in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(found[row], wanted[0], rtol=1e-6, atol=1e-7)
    first = jax.tree.map(lambda a: a[0], state)
    batch = {name: jnp.asarray(values[:8]) for name, values in data.items()}
    assert measure(first, batch, jnp.ones(8)) == task.measure(first.inner, batch, jnp.ones(8))


def test_combinations():
    config = augmentation.Config(crop=0.5, sweep=("flips=0,1", "colour=0,0"))
    shares = augmentation.shares_of(config)
    assert shares == [{"flips": 0, "crop": 0.5, "colour": 0}, {"flips": 1, "crop": 0.5, "colour": 0}]
    assert [augmentation.words(share) for share in shares] == ["crop of 50%", "flips + crop of 50%"]
    assert list(augmentation.augmentations(config, shares)) == ["flips", "crop"]
    usual = augmentation.shares_of(augmentation.Config())
    assert [augmentation.words(s) for s in usual] == ["none", "flips", "flips + crop", "flips + crop + colour"]
    assert augmentation.plain_row(usual[::-1]) == 3
    assert augmentation.shares_of(augmentation.Config(sweep=())) == [{"flips": 1, "crop": 1, "colour": 0}]


def test_grey_images_have_no_colours():
    data = dlx.data.load("digits")
    with pytest.raises(UsageError, match="digits has images of 1 channel"):
        augmentation.check_colours(data, [{"flips": 0, "crop": 0, "colour": 1.0}])
    augmentation.check_colours(data, [{"flips": 1, "crop": 1, "colour": 0.0}])


@pytest.mark.parametrize(
    "options",
    [{"flips": 1.5}, {"padding": 0}, {"width": 0.0}, {"sweep": ("flips=0,2",)}, {"sweep": ("learning_rate=1,2",)}],
)
def test_augmentation_refuses(options):
    with pytest.raises(UsageError):
        augmentation.Config(**options)


@pytest.mark.parametrize("options", [{"channels": (8, 0)}, {"small": 1.5}, {"label_smoothing": 1.0}, {"crop": -1}])
def test_cifar_cnn_refuses(options):
    with pytest.raises(UsageError):
        cifar_cnn.Config(**options)
