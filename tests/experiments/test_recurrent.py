"""The parts of the experiments on recurrent networks that a short run would not show to be wrong, and short runs."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dlx
from dlx.errors import UsageError
from experiments import _names, gradient_flow, name_classifier, periodic_series

NAMES = ["abba", "bab", "cab"]


def test_ngrams_of_a_name():
    grams = _names.NGrams(NAMES, order=2)
    assert grams.of("ab") == ["\x02", "a", "b", "\x03", "\x02a", "ab", "b\x03"]
    ids, rows = grams.table(["bab", "dd"])
    # of a name of unknown letters only its ends are left
    assert np.bincount(rows).tolist() == [9, 2]
    back = {number: gram for gram, number in grams.ids.items()}
    assert sorted(back[i] for i in ids[rows == 0]) == sorted(grams.of("bab"))


def test_naive_bayes_is_the_counted_probability():
    grams = _names.NGrams(NAMES, order=1)
    labels = np.array([0, 0, 1])
    kernel, bias = _names.naive_bayes(grams.table(NAMES), labels, sizes=(len(grams), 2), smoothing=0.5)
    np.testing.assert_allclose(bias, np.log([2 / 3, 1 / 3]), rtol=1e-6)
    # class 0 has abba and bab with their ends: 11 characters, b 4 times; five kinds of characters, 0.5 added to each
    np.testing.assert_allclose(kernel[grams.ids["b"]], np.log([4.5 / 13.5, 1.5 / 7.5]), rtol=1e-6)
    np.testing.assert_allclose(np.exp(kernel).sum(0), 1, rtol=1e-6)
    found = _names.scores(kernel, bias, grams.table(["bc"]), 1)
    by_hand = bias + sum(kernel[grams.ids[c]] for c in ("\x02", "b", "c", "\x03"))
    np.testing.assert_allclose(found[0], by_hand, rtol=1e-6)


def test_logistic_regression_is_that_of_the_dense_design(rng):
    names = ["".join(rng.choice(list("abc"), size=rng.integers(2, 5))) for _ in range(40)]
    labels = np.array([name.count("a") % 2 for name in names], np.int32)
    grams = _names.NGrams(names, order=2)
    design = np.zeros((len(names), len(grams)), np.float32)
    np.add.at(design, grams.table(names)[::-1], 1)
    want = dlx.linear.softmax_regression(jnp.asarray(design), jnp.asarray(labels), classes=2, l2=0.01)
    kernel, bias = _names.logistic_regression(grams.table(names), labels, sizes=(len(grams), 2), l2=0.01, steps=60)
    np.testing.assert_allclose(kernel, want.params.kernel, atol=1e-3)
    np.testing.assert_allclose(bias, want.params.bias, atol=1e-3)


def test_words_of_chains():
    splits, languages, best = _names.generated(languages=3, sizes=(300, 10, 200))
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [300, 10, 200]
    assert {3, 9} <= {len(word) for word, _ in splits["train"]} <= set(range(3, 10))
    shares = [np.mean([own == language for _, own in splits["train"]]) for language in languages]
    # 4/7, 2/7, 1/7: five standard deviations
    np.testing.assert_allclose(shares, [4 / 7, 2 / 7, 1 / 7], atol=0.15)
    assert shares[0] < best < 1


def test_losses_for_rare_classes():
    prior = np.array([0.7, 0.2, 0.1])
    losses = name_classifier.losses(prior, 1.0, 0.0)
    logits, labels = jnp.array([[0.3, -1.0, 2.0], [1.0, 0.0, -2.0]]), jnp.array([1, 2])
    plain = losses[""](logits, labels)
    # weights 1 / (3 p): 1 in the mean over names
    np.testing.assert_allclose(losses["_weighted"](logits, labels), plain / (3 * prior[[1, 2]]), rtol=1e-5)
    joint = np.exp(logits) * prior
    want = -np.log(joint[[0, 1], labels] / joint.sum(1))
    np.testing.assert_allclose(losses["_adjusted"](logits, labels), want, rtol=1e-5)
    for loss in name_classifier.losses(prior, 0.0, 0.3).values():
        want = 0.7 * plain - 0.3 * np.mean(jax.nn.log_softmax(logits), -1)
        np.testing.assert_allclose(loss(logits, labels), want, rtol=1e-5)


def test_padding_and_hidden_characters():
    model = name_classifier.NameClassifier(vocabulary=9, embedding=4, units=5, outputs=3, unknown=0.5)
    tokens = jnp.array([[4, 5, 6, 0, 0], [7, 8, 3, 2, 2]])
    params = model.init(jax.random.key(0), tokens)
    alone = model.apply(params, tokens[:1, :3])
    np.testing.assert_allclose(model.apply(params, tokens)[:1], alone, rtol=1e-5)
    sure = model.clone(unknown=0.99999)
    hidden = sure.apply(params, tokens, train=True, rngs={"dropout": jax.random.key(1)})
    unknown = jnp.where(tokens == 0, 0, 1)
    np.testing.assert_allclose(hidden, model.apply(params, unknown), rtol=1e-5)


def test_ngrams_that_end_at_a_character():
    tokens = jnp.array([[4, 5, 6, 0], [1, 2, 3, 4]])
    found = name_classifier.ngram_numbers(tokens, 9, 3)
    want = [[4, 4 * 9 + 5, 4 * 81 + 5 * 9 + 6], [1, 1 * 9 + 2, 1 * 81 + 2 * 9 + 3]]
    np.testing.assert_array_equal(found[:, :3], want)
    np.testing.assert_array_equal(name_classifier.ngram_numbers(tokens, 9, 1), tokens)
    model = name_classifier.NameClassifier(vocabulary=9, embedding=4, units=5, outputs=3, ngrams=3, ngram_width=2)
    params = jax.eval_shape(model.init, jax.random.key(0), tokens)["params"]
    assert params["embedding_3"].shape == (729, 2)
    assert params["recurrent"]["layer_0"]["input_kernel"].shape == (4 + 2 + 2, 15)


def test_balanced_accuracy():
    answers, labels = np.array([0, 0, 1, 0]), np.array([0, 0, 0, 3])
    assert name_classifier.judged(answers, labels) == pytest.approx((0.5, (2 / 3 + 0) / 2))


@pytest.mark.row(159, 365)
@pytest.mark.gap("U21")
def test_name_classifier_runs_without_a_file(tmp_path, capsys):
    config = name_classifier.Config(
        dataset="generated", seeds=2, steps=4, units=4, embedding=3, l2=(1e-3,), smoothing=(0.1,), classify=("abb?a",),
        output_dir=tmp_path, checkpoint_every=0,
    )  # fmt: skip
    result = name_classifier.main(config)
    metrics = result["metrics"]
    ends = ("", "_adjusted", "_weighted", "_afterwards", "_ensemble", "_logistic_regression", "_naive_bayes")
    for name in ("test_accuracy", "test_balanced_accuracy"):
        assert all(0 <= metrics[name + end]["mean"] <= 1 for end in ends)
    # a network of four steps has learned nothing yet, the counts have all
    assert metrics["test_balanced_accuracy_naive_bayes"]["mean"] > 2 / 6
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-2].startswith("abb?a  language ")
    assert "--classify abb?a: not in the vocabulary, read as <unk>: '?'." in captured.err
    saved = json.loads((tmp_path / "name_classifier/1/vocabulary.json").read_text())
    assert saved["tokens"][:2] == ["<pad>", "<unk>"]
    assert "Test names; of the law itself 0.8" in (tmp_path / "name_classifier/1/report.html").read_text()


@pytest.mark.parametrize(
    ("experiment", "options", "message"),
    [
        (name_classifier, {"classify": ("",)}, "--classify"),
        (name_classifier, {"dropout": 1.0}, "--dropout"),
        (name_classifier, {"l2": (0.0,)}, "--l2"),
        (periodic_series, {"times": (5, 7)}, "--times wants divisors of the largest, 7; got 5."),
        (periodic_series, {"train_length": 100}, "--train-length"),
        (periodic_series, {"first_free": 1.5}, "--first-free"),
        (gradient_flow, {"radii": (0.0,)}, "--radii"),
        (gradient_flow, {"time": 3}, "--time"),
        (gradient_flow, {"sweep": ("learning_rate=1,2",)}, "--sweep"),
        (periodic_series, {"sweep": ("noise=1,2",)}, "--sweep"),
    ],
)
def test_refuses(experiment, options, message):
    with pytest.raises(UsageError, match=message):
        experiment.Config(**options)


def test_names_as_ids():
    names = name_classifier.load(name_classifier.Config(dataset="generated", longest=4))
    assert names.vocabulary.tokens[:2] == ("<pad>", "<unk>")
    found = name_classifier.encoded(names, ["aB", "abcdef", "a?"])
    a, b, c, d = (names.vocabulary.index(letter) for letter in "abcd")
    np.testing.assert_array_equal(found, [[a, b, 0, 0], [a, b, c, d], [a, 1, 0, 0]])
    counts = [sum(own == language for _, own in names.splits["train"]) for language in names.languages]
    np.testing.assert_allclose(names.prior, np.array(counts) / 3000)
    assert name_classifier.remarks(names, ["aB", "a?!?", "abcd?e"]) == [
        "--classify a?!?: not in the vocabulary, read as <unk>: '?', '!'.",
        "--classify abcd?e: only the first 4 of 6 characters are read (--longest).",
    ]
    with pytest.raises(UsageError, match="--longest"):
        name_classifier.Config(longest=0)


def forecaster(rng, activation="tanh"):
    model = periodic_series.Forecaster(4, activation)
    series = jnp.asarray(rng.normal(size=(2, 6, 1)), jnp.float32)
    inputs = {"series": series, "forced": jnp.ones((2, 6), bool)}
    return model, model.init(jax.random.key(0), inputs), inputs


@pytest.mark.row(136)
def test_forecaster_reads_the_series_and_then_itself(rng):
    model, variables, inputs = forecaster(rng)
    params = variables["params"]
    layer = {name: params[name] for name in ("input_kernel", "hidden_kernel", "bias")}

    def outputs(series):
        hidden = dlx.nn.rnn(layer, series)[0]
        return hidden @ params["output_kernel"] + params["output_bias"].reshape(1, 1, 1)

    np.testing.assert_allclose(model.apply(variables, inputs), outputs(inputs["series"]), rtol=1e-5, atol=1e-6)
    found = model.apply(variables, periodic_series.read({"inputs": inputs["series"]}, prefix=3)["inputs"])
    series = inputs["series"][:, :3]
    for _ in range(3):
        series = jnp.concatenate([series, outputs(series)[:, -1:]], 1)
    np.testing.assert_allclose(found[:, 2:5], series[:, 3:], rtol=1e-5, atol=1e-6)


@pytest.mark.gap("U32")
def test_scheduled_sampling_goes_from_the_truth_to_the_network_itself(rng):
    config = periodic_series.Config(steps=100, units=4, times=(3, 6), first_free=0.25, warm_up=2, horizon=4)
    model, _, _ = forecaster(rng)
    seen = []

    class Task:
        def init(self, key):
            return None

        def step(self, state, batch, *, axis_name=None):
            seen.append(np.asarray(batch["inputs"]["forced"]).mean())
            assert batch["inputs"]["series"].shape == batch["labels"].shape == (40, 3, 1)
            return state, {}

    batch = {name: jnp.zeros((20, 6, 1)) for name in ("inputs", "labels")}
    for sampled, at in ((True, 0), (True, 25), (True, 70), (True, 100), (False, 100)):
        task = periodic_series.forecast_task(config, Task(), model, 3, sampled)
        task.step(dlx.train.SupervisedState(jnp.int32(at), *[None] * 3, jax.random.key(1), None), batch)
    # the first of three places is always forced; at 70 of 100 the ratio is 0.3 / 0.75 = 0.4: 80 coins
    assert seen[:2] + seen[3:] == pytest.approx([1, 1, 1 / 3, 1])
    assert abs(seen[2] - (1 + 2 * 0.4) / 3) < 0.15


def test_windows_of_the_series():
    config = periodic_series.Config(train_length=400, times=(5, 20), warm_up=10, horizon=30, noise=0.0)
    train, test = periodic_series.windows(config)
    time = np.arange(800)
    sines = np.sin(2 * np.pi * time / 50) + 0.5 * np.sin(2 * np.pi * time / 20)
    np.testing.assert_allclose(train["inputs"][7, :, 0], sines[7:27], atol=1e-5)
    np.testing.assert_allclose(train["labels"][7, :, 0], sines[8:28], atol=1e-5)
    np.testing.assert_allclose(test["labels"][2, :, 0], sines[415:455], atol=1e-5)
    assert len(train["inputs"]) == 380
    noisy = periodic_series.windows(periodic_series.Config(train_length=400, times=(20,), warm_up=10, horizon=30))[1]
    np.testing.assert_array_equal(noisy["labels"], test["labels"])
    assert 0.08 < np.std(noisy["inputs"] - test["inputs"]) < 0.12


@pytest.mark.row(136, 158)
@pytest.mark.gap("U32")
def test_periodic_series_runs(tmp_path):
    config = periodic_series.Config(
        steps=3, units=3, times=(5, 10), train_length=100, warm_up=10, horizon=20, batch_size=4, evaluate_every=3,
        output_dir=tmp_path, checkpoint_every=0,
    )  # fmt: skip
    metrics = periodic_series.main(config)["metrics"]
    for name in ("tanh", "relu"):
        for end in ("5", "10", "sampled"):
            assert metrics[f"test_one_step_error_{name}_{end}"]["mean"] > 0
        free = {end: metrics[f"test_free_error_{name}_{end}"]["mean"] for end in ("5", "10", "sampled")}
        assert metrics[f"free_error_ratio_{name}"]["mean"] == pytest.approx(free["5"] / free["10"])
        assert metrics[f"sampling_error_ratio_{name}"]["mean"] == pytest.approx(free["sampled"] / free["10"])


def test_first_symbol_is_the_label():
    data = gradient_flow.first_symbol(gradient_flow.Config(time=9), 50, 0)
    assert data["inputs"].shape == (50, 9)
    np.testing.assert_array_equal(data["inputs"][:, 0], data["labels"])
    assert set(data["labels"]) == {0, 1, 2, 3}
    assert set(data["inputs"][:, 1:].ravel()) == {4, 5, 6, 7}


@pytest.mark.row(153)
def test_slope_of_a_power():
    norms = 3 * np.array([[0.5], [1.25]]) ** np.arange(12)
    np.testing.assert_allclose(gradient_flow.slope(norms), np.log([0.5, 1.25]), rtol=1e-12)


@pytest.mark.parametrize("kind", ["orthogonal", "normal"])
def test_spectral_radius(rng, kind):
    kernel = gradient_flow.kernel_of_radius(rng, 10, 1.3, kind)
    assert np.abs(np.linalg.eigvals(kernel)).max() == pytest.approx(1.3)
    singular = np.linalg.svd(kernel, compute_uv=False)
    assert np.ptp(singular) < 1e-9 if kind == "orthogonal" else singular.max() > 1.4


@pytest.mark.row(153)
def test_norms_are_those_of_the_model(rng):
    """The last state's gradient is (softmax - onehot) W^T / examples; the others' follow from it through the cell."""
    config = gradient_flow.Config(units=5, time=8, forget_biases=(2.0,))
    data = gradient_flow.first_symbol(config, 6, 0)
    batch = {name: jnp.asarray(values) for name, values in data.items()}
    for end, model in gradient_flow.kinds(config).items():
        params = model.init(jax.random.key(1), batch["inputs"])["params"]
        state = dlx.train.SupervisedState(None, jax.tree.map(lambda a: a[None], params), *[None] * 4)
        norms = gradient_flow.by_seed(model, state, batch)[0]
        logits = np.asarray(model.apply({"params": params}, batch["inputs"]))
        error = np.asarray(jax.nn.softmax(logits)) - np.eye(4)[data["labels"]]
        last = np.linalg.norm(error @ np.asarray(params["output"]["kernel"]).T / 6)
        if end != "_lstm_2":
            np.testing.assert_allclose(norms[0], last, rtol=1e-4)
        # of an LSTM the memory's part is there too, at most as long: |o (1 - tanh^2 c)| < 1
        assert last * (1 - 1e-5) <= norms[0] < last * 1.5
        assert norms.shape == (8,)


@pytest.mark.row(153)
@pytest.mark.erratum("E99")
def test_gradient_flow_runs(tmp_path):
    config = gradient_flow.Config(
        steps=3, units=8, time=12, examples=200, radii=(0.7, 1.3), forget_biases=(1.0,), sgd_steps=30, sgd_radius=2.5,
        batch_size=20, evaluate_every=3, output_dir=tmp_path, checkpoint_every=0, max_norm=0.1,
    )  # fmt: skip
    metrics = {name: values["mean"] for name, values in gradient_flow.main(config)["metrics"].items()}
    assert metrics["orthogonal_slope_error"] < 1e-5
    assert metrics["normal_slope_error"] < 0.2
    # a clipped step of SGD is at most learning rate x bound, not the bound itself as the notes have it
    assert metrics["clipped_step_over_bound"] == pytest.approx(1, abs=1e-5)
    assert metrics["free_step_over_bound"] > 1
    assert 0 < metrics["factor_tanh"] < metrics["factor_lstm_1"] * 3
