"""Fine-tuning, autoencoder and explanation: parts that a short run would not show to be wrong, and short runs."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx
from dlx.errors import UsageError
from experiments import autoencoder, explanation, fine_tuning


def seed_means(result):
    return {name: values["mean"] for name, values in result["metrics"].items()}


@pytest.mark.row(367)
def test_principal_components_are_the_best_linear_code(rng):
    images = (
        rng.standard_normal((40, 3)) @ rng.standard_normal((3, 12)) + rng.standard_normal((40, 12)) / 4 + 2
    ).reshape(40, 2, 3, 2)
    centred = (images - images.mean(0)).reshape(40, -1)
    singular = np.linalg.svd(centred, compute_uv=False)
    for count in (2, 12):
        error = np.square(autoencoder.principal_components(images, count)(images) - images).sum()
        np.testing.assert_allclose(error, np.square(singular[count:]).sum(), rtol=1e-10, atol=1e-20)
    sklearn = pytest.importorskip("sklearn.decomposition")
    library = sklearn.PCA(2).fit(images.reshape(40, -1))
    fresh = rng.standard_normal((5, 2, 3, 2))
    want = library.inverse_transform(library.transform(fresh.reshape(5, -1))).reshape(fresh.shape)
    np.testing.assert_allclose(autoencoder.principal_components(images, 2)(fresh), want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_errors_are_those_of_pixels(rng, name):
    card = dlx.data.card(name)
    stored = rng.integers(0, int(card.scale) + 1, (2, 3, *card.input_shape), np.uint8)
    first, second = (autoencoder.targets(card)({"inputs": jnp.asarray(images)}) for images in stored)
    np.testing.assert_array_equal(first["inputs"], first["labels"])
    want = np.square((stored[0] - stored[1].astype(float)) / card.scale).mean((1, 2, 3))
    got = autoencoder.pixel_error(card)(first["inputs"], second["labels"])
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.row(371)
@pytest.mark.gap("U21")
def test_switches_pass_beside_the_code(rng):
    model = dlx.models.ConvAutoencoder(shape=(4, 4, 1), channels=(3,), code=2, unpool="switches")
    images = rng.standard_normal((3, 4, 4, 1)).astype(np.float32)
    variables = model.init(jax.random.key(0), images)
    decoded = autoencoder.taken_apart(model)
    # of equal images neither the mean of the codes nor the switches of the image before tell anything new
    same = images[:1].repeat(3, 0)
    for made in decoded(variables, same):
        np.testing.assert_allclose(made, model.apply(variables, same), rtol=1e-5, atol=1e-6)
    codes, switches = model.apply(variables, images, method="encode")
    alone, mixed = decoded(variables, images)
    mean = model.apply(variables, codes.mean(0, keepdims=True).repeat(3, 0), switches, method="decode")
    np.testing.assert_allclose(alone, mean, rtol=1e-5, atol=1e-6)
    last = model.apply(variables, codes[:1], [places[2:] for places in switches], method="decode")
    np.testing.assert_allclose(mixed[:1], last, rtol=1e-5, atol=1e-6)
    assert np.abs(mixed - model.apply(variables, images)).max() > 1e-3

    def loss(made, images):
        return jnp.mean(jnp.square(made - images), axis=(1, 2, 3))

    found = autoencoder.beside_the_code(model, [variables, variables], images, loss)
    for name, made in (("loss_of_switches_alone", alone), ("loss_with_other_switches", mixed)):
        np.testing.assert_allclose(found[name], np.square(made - images).mean().repeat(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unpooling": ("nails", "nails")}, "--unpooling names a form twice"),
        ({"code": 0}, "--code wants at least 1"),
        ({"dataset": "digits", "channels": (2, 2, 2, 2)}, "multiples of 16; images of digits are 8x8"),
        ({"dataset": "digits", "code": 65}, "images of digits have 64 numbers"),
    ],
)
def test_autoencoder_refuses(options, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        autoencoder.main(autoencoder.Config(**options, output_dir=tmp_path))


def test_a_short_autoencoder(tmp_path):
    config = autoencoder.Config(
        dataset="digits",
        code=4,
        channels=(3,),
        unpooling=("switches", "nearest"),
        steps=2,
        seeds=2,
        output_dir=tmp_path,
    )
    found = seed_means(autoencoder.main(config))
    # of 1797 images the components of the training half are known: what a linear code of 4 leaves of the test half
    data = dlx.data.load("digits")
    train, test = (split["inputs"].reshape(-1, 64) / 16.0 for split in (data.train, data.test))
    directions = np.linalg.svd(train - train.mean(0), full_matrices=False)[2][:4]
    left = (test - train.mean(0)) - (test - train.mean(0)) @ directions.T @ directions
    assert found["loss_of_pca"] == pytest.approx(np.square(left).mean(), rel=1e-4)
    assert found["share_of_pca"] == pytest.approx(found["test_loss"] / found["loss_of_pca"], rel=1e-6)
    assert {"test_loss_nearest", "loss_of_switches_alone", "loss_with_other_switches"} <= set(found)


def labelled(count=60, classes=4):
    labels = np.arange(count, dtype=np.int32) % classes
    return {"inputs": np.arange(count), "labels": labels}


@pytest.mark.row(179)
def test_classes_are_divided_and_few_images_drawn():
    split = labelled()
    source, target = fine_tuning.of_classes(split, 0, 2), fine_tuning.of_classes(split, 2, 4)
    assert sorted([*source["inputs"], *target["inputs"]]) == list(range(60))
    np.testing.assert_array_equal(target["labels"], target["inputs"] % 4 - 2)
    drawn = [fine_tuning.few(target, 5, seed) for seed in (0, 0, 1)]
    for own in drawn:
        assert np.bincount(own["labels"]).tolist() == [5, 5]
        assert len(set(own["inputs"])) == 10
        np.testing.assert_array_equal(own["labels"], own["inputs"] % 4 - 2)
    np.testing.assert_array_equal(drawn[0]["inputs"], drawn[1]["inputs"])
    assert set(drawn[0]["inputs"]) != set(drawn[2]["inputs"])


def test_how_far_layers_moved():
    before = {
        "conv": {"kernel": np.array([[3.0, 0], [1, 0]]), "bias": np.array([[4.0], [0]])},
        "output": np.ones((2, 1)),
    }
    after = {
        "conv": {"kernel": np.array([[3.0, 3], [1, 0]]), "bias": np.array([[8.0], [0]])},
        "output": np.zeros((2, 1)),
    }
    np.testing.assert_allclose(fine_tuning.moved(before, after), [1.0, 0.0])


def test_variants():
    config = fine_tuning.Config(ratios=(10, 1), scratch_rates=(0.1, 0.2), target_rate=0.3)
    found = [tuple(own[1:]) for own in fine_tuning.variants_of(config)]
    scratch = [(False, 0.1, 1.0), (False, 0.2, 1.0)]
    assert found == [*scratch, (True, 0.3, 1), (True, 0.3, 10), (True, 0.3, np.inf)]


def test_the_table_of_fine_tuning_fits_a_page():
    variants = fine_tuning.variants_of(fine_tuning.Config())
    found = {name: np.full((len(variants), 3), 0.5) for name in ("tested", "fitted", "moved")}
    rows = fine_tuning.table(variants, found, scratch=1)
    # a longer cell wraps its column
    assert max(len(cell) for row in rows for cell in row) <= 24
    assert sum(max(map(len, column)) for column in zip(*rows, strict=True)) <= 90
    assert [row[0] for row in rows[1:4]] == ["from scratch", "from scratch *", "ratio 1"]


@pytest.mark.row(179)
def test_a_short_fine_tuning(tmp_path, monkeypatch):
    kept, given = {}, {}
    real_target, real_starts = fine_tuning.on_target, fine_tuning.starts

    def on_target(config, data, sources, *others):
        given["sources"] = sources
        kept.update(real_target(config, data, sources, *others))
        return kept

    def starts(*arguments):
        given["starts"] = jax.tree.map(lambda leaf: np.asarray(leaf), (state := real_starts(*arguments)).inner.params)
        return state

    monkeypatch.setattr(fine_tuning, "on_target", on_target)
    monkeypatch.setattr(fine_tuning, "starts", starts)
    config = fine_tuning.Config(
        dataset="digits", width=0.1, steps=2, seeds=2, images=4, target_epochs=2, target_batch_size=10,
        ratios=(10, 1000), scratch_rates=(0.01,), output_dir=tmp_path,
    )  # fmt: skip
    found = seed_means(fine_tuning.main(config))
    # from scratch, ratio 10, ratio 1000, frozen; two seeds of each
    kernels, outputs = (given["starts"][layer]["kernel"].reshape(4, 2, -1) for layer in ("conv_0", "output"))
    for seed, source in enumerate(given["sources"]):
        np.testing.assert_array_equal(
            kernels[1:, seed], source["params"]["conv_0"]["kernel"].reshape(1, -1).repeat(3, 0)
        )
        assert (kernels[0, seed] != kernels[1, seed]).any()
        np.testing.assert_array_equal(outputs[:, seed], outputs[:1, seed].repeat(4, 0))
    moved = kept["moved"].mean(1)
    assert moved[0] > moved[1] > 10 * moved[2] > 0
    np.testing.assert_array_equal(kept["moved"][3], 0)
    assert found["test_accuracy"] == pytest.approx(kept["tested"][1].mean())
    assert found["accuracy_gain"] == pytest.approx((kept["tested"][1] - kept["tested"][0]).mean())
    assert found["accuracy_frozen"] == pytest.approx(kept["tested"][3].mean())
    assert {"source_accuracy", "accuracy_ratio_1000"} <= set(found)
    assert "mean, standard deviation and each seed" in next(tmp_path.rglob("report.html")).read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ratios": (0.5,)}, "--ratios wants at least 1"),
        ({"ratios": (10, 10)}, "--ratios names one twice"),
        ({"source_classes": 9}, "--source-classes 9: digits has 10 classes"),
        ({"images": 500}, "--images 500: digits has 1.. training images of one of the classes"),
        ({"images": 2, "target_batch_size": 11}, "--target-batch-size 11: there are fewer images"),
        ({"sweep": ("learning_rate=1,2",)}, "--sweep: this experiment has no use for it"),
    ],
)
def test_fine_tuning_refuses(options, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        fine_tuning.main(fine_tuning.Config(dataset="digits", **options, output_dir=tmp_path))


@pytest.mark.row(368)
def test_canvases_of_digits_never_trained_on():
    config = explanation.Config(examples=30, tested=20)
    train, test, classes, prepare = explanation.images(config)
    assert (train["inputs"].shape, test["inputs"].shape) == ((30, 48, 48, 1), (20, 48, 48, 1))
    assert set(train) == {"inputs", "labels"}
    assert len(classes) == 10
    np.testing.assert_allclose(prepare(test)["inputs"], test["inputs"] / 255, rtol=1e-6)
    own = dlx.data.load("digits").test["inputs"][..., 0].repeat(2, 1).repeat(2, 2)
    for canvas, (x, y, x_end, y_end) in zip(test["inputs"][..., 0], test["boxes"].astype(int), strict=True):
        digit = canvas[y:y_end, x:x_end] * (16 / 255)
        boxed = [image[np.ix_(image.any(1), image.any(0))] for image in own]
        assert any(image.shape == digit.shape and np.abs(image - digit).max() < 0.1 for image in boxed)


def test_guesses_and_their_hits():
    inputs = np.zeros((3, 6, 6, 1), np.float32)
    inputs[:, 0, 5] = 1
    maps = explanation.guesses(inputs, 0)
    boxes = np.array([[3, 3, 4, 4], [5, 0, 6, 1], [3, 3, 4, 4]])
    hits = explanation.pointing(maps, boxes)
    assert hits["pointing_centre"] == pytest.approx(2 / 3)
    assert hits["pointing_random_ink"] == pytest.approx(1 / 3)
    everything = explanation.pointing(maps, np.array([[0, 0, 6, 6]] * 3))
    assert set(everything.values()) == {1.0}


def test_parts_of_one_size_are_all_maps():
    seen = []

    def maps(variables, inputs, labels):
        seen.append(len(inputs))
        return inputs[..., 0] * variables + labels[:, None, None]

    inputs, labels = np.arange(7.0).reshape(7, 1, 1, 1), np.arange(7)
    found = explanation.in_parts(maps, 2.0, inputs, labels, size=3)
    np.testing.assert_array_equal(found[:, 0, 0], 3 * np.arange(7.0))
    assert seen == [3, 3, 3]


@pytest.mark.row(368)
def test_what_does_not_ask_the_weights_stays_as_it_was(rng):
    config = types.SimpleNamespace(compared=4)
    layers = [
        layer for stage in explanation.STAGES.values() for layer in ([stage] if isinstance(stage, str) else stage)
    ]
    params = {layer: {"kernel": rng.standard_normal((3, 3))} for layer in layers}
    inputs = rng.standard_normal((4, 3, 3, 1))

    def edges(variables, inputs, labels):
        return jnp.asarray(inputs[..., 0])

    def of_weights(variables, inputs, labels):
        return jnp.asarray(inputs[..., 0]) @ variables["params"]["conv_1"]["kernel"]

    def flat(variables, inputs, labels):
        return jnp.zeros(inputs.shape[:3])

    methods = {"saliency": edges, "grad_cam": of_weights, "occlusion": flat}
    found, stages = explanation.compared(config, methods, {"params": params}, inputs, np.zeros(4, int), 0)
    np.testing.assert_allclose(found["correlation_saliency"], np.ones(4), rtol=1e-6)
    # the second stage is the first that changes the weights of this map
    np.testing.assert_allclose(found["correlation_grad_cam"][:2], np.ones(2), rtol=1e-6)
    assert (found["correlation_grad_cam"][2:] < 0.999).all()
    np.testing.assert_array_equal(found["correlation_occlusion"], np.zeros(4))
    assert stages["grad_cam"].shape == (5, 3, 3)
    np.testing.assert_allclose(stages["saliency"], inputs[:1, ..., 0].repeat(5, 0))


def test_a_short_explanation(tmp_path):
    config = explanation.Config(
        examples=64, tested=4, compared=4, steps=1, width=0.1, maps=("saliency", "class_activation_map"),
        output_dir=tmp_path,
    )  # fmt: skip
    found = seed_means(explanation.main(config))
    for name in ("saliency", "class_activation_map"):
        assert 0 <= found[f"pointing_{name}"] <= 1
        assert -1 <= found[f"correlation_{name}"] <= 1
    report = next(tmp_path.rglob("report.html")).read_text()
    assert "share of the maps whose maximum is in the box; centre, random, random ink are chance" in report
    assert "1 is a map that they leave unchanged" in report
    assert "standard deviation over" not in report  # of one seed


@pytest.mark.parametrize("options", [{"compared": 0}, {"window": 1}, {"width": 0.0}, {"samples": 0}])
def test_explanation_refuses(options):
    with pytest.raises(UsageError):
        explanation.Config(**options)
