"""dlx.data: embedded and generated sets, cards, and the catalogue as a whole."""

import subprocess
import sys

import numpy as np
import pytest

import dlx.data
from dlx.data.__main__ import markdown, statistics
from dlx.data.batching import stratified
from dlx.data.images import image_catalogue
from dlx.data.tables import HOUSING_REGIONS, california_splits
from dlx.data.texts import text_catalogue
from dlx.errors import DatasetError

EMBEDDED = [name for name in dlx.data.names() if dlx.data.card(name).tier == 1]
PUBLISHED = [name for name in dlx.data.names() if dlx.data.card(name).tier > 1]


def test_names():
    assert dlx.data.names()[0] == "digits"
    assert set(PUBLISHED) == {"mnist", "fashion_mnist", "cifar10", "california_housing", "airfoil"}
    assert {
        "iris",
        "wine",
        "breast_cancer",
        "diabetes",
        "linear",
        "moons",
        "circles",
        "spirals",
        "blobs",
        "periodic",
    } < {*EMBEDDED}


def assert_fits_its_card(data):
    card = data.card
    for split, examples in ((data.train, card.train_examples), (data.test, card.test_examples)):
        assert split["inputs"].shape == (examples, *card.input_shape)
        assert split["inputs"].dtype == card.dtype
        assert split["labels"].shape == (examples,)
        assert split["labels"].dtype == (np.int32 if card.classes else np.float32)
        dlx.data.check(split, classes=len(card.classes) or None)
        if card.classes:
            assert set(np.unique(split["labels"])) == set(range(len(card.classes)))
    assert bool(card.classes) == (card.task == "classification")
    assert len(card.mean) == len(card.std) == card.input_shape[-1]
    if card.kind == "table":
        assert len(card.columns) == card.input_shape[0]
    computed = statistics(data.train, card.scale)
    np.testing.assert_allclose(computed["mean"], card.mean, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(computed["std"], card.std, rtol=1e-5)


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_set_fits_its_card_and_repeats(name, no_network):
    data = dlx.data.load(name)
    assert_fits_its_card(data)
    again = dlx.data.load(name)
    for split in ("train", "test"):
        for part in ("inputs", "labels"):
            np.testing.assert_array_equal(getattr(data, split)[part], getattr(again, split)[part])


@pytest.mark.parametrize("name", dlx.data.names())
def test_card_is_complete(name):
    card = dlx.data.card(name)
    assert card.name == name
    for field in ("title", "description", "licence", "source", "citation"):
        assert len(getattr(card, field)) > 2, field
    assert (card.scale != 1) == (card.kind == "image")


@pytest.mark.parametrize(
    ("name", "library"),
    [("digits", "load_digits"), ("iris", "load_iris"), ("wine", "load_wine"), ("breast_cancer", "load_breast_cancer")],
)
def test_equals_scikit_learn(name, library):
    bunch = getattr(pytest.importorskip("sklearn.datasets"), library)()
    data = dlx.data.load(name)
    labels = bunch.target
    train, test = stratified(labels, data.card.test_examples, seed=0)
    assert not set(train) & set(test)
    assert len(train) + len(test) == len(labels)
    inputs = (bunch.images[..., None] if name == "digits" else bunch.data).astype(np.float32)
    for split, index in ((data.train, train), (data.test, test)):
        np.testing.assert_array_equal(split["inputs"], inputs[index])
        np.testing.assert_array_equal(split["labels"], labels[index])
    if name != "digits":
        assert data.card.classes == tuple(bunch.target_names)
        assert len(bunch.feature_names) == len(data.card.columns)
    counts = np.bincount(data.test["labels"]) / np.bincount(labels)
    np.testing.assert_allclose(counts, 0.2, atol=1 / np.bincount(labels).min())


def test_diabetes_equals_scikit_learn():
    bunch = pytest.importorskip("sklearn.datasets").load_diabetes(scaled=False)
    data = dlx.data.load("diabetes")
    assert data.card.columns == tuple(bunch.feature_names)
    rows = {
        (*map(float, row), float(label)) for row, label in zip(bunch.data.astype(np.float32), bunch.target, strict=True)
    }
    split = [(*map(float, r), float(t)) for d in (data.train, data.test) for r, t in zip(*d.values(), strict=True)]
    assert len(split) == len(rows)
    assert set(split) == rows


def test_test_data_are_new():
    for name in ("linear", "moons", "circles", "spirals", "blobs"):
        data = dlx.data.load(name)
        train, test = ({tuple(row) for row in split["inputs"].tolist()} for split in (data.train, data.test))
        assert not train & test


def test_california_rows_by_hand():
    header = (
        "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,"
        "median_house_value,ocean_proximity"
    )
    lines = [header, "-122,37,41,880,,322,126,8.5,452600,NEAR BAY"]  # no bedrooms: left out
    lines += [f"-122,37,41,880,{i},322,126,8.5,{1000 + i},{HOUSING_REGIONS[i % 5]}" for i in range(1, 11)]
    splits = california_splits({"housing.csv": "\n".join(lines).encode()})
    inputs = np.concatenate([splits[s]["inputs"] for s in ("train", "test")])
    labels = np.concatenate([splits[s]["labels"] for s in ("train", "test")])
    assert (len(splits["train"]["labels"]), len(splits["test"]["labels"])) == (8, 2)
    order = np.argsort(labels)
    np.testing.assert_array_equal(labels[order], np.arange(1001, 1011))
    np.testing.assert_array_equal(inputs[order][:, 4], np.arange(1, 11))
    np.testing.assert_array_equal(inputs[order][:, 8:], np.eye(5)[np.arange(1, 11) % 5])
    np.testing.assert_array_equal(inputs[0, [0, 1, 2, 3, 5, 6, 7]], np.float32([-122, 37, 41, 880, 322, 126, 8.5]))
    with pytest.raises(DatasetError, match="line 2: unknown ocean_proximity 'MARS'"):
        california_splits({"housing.csv": f"{header}\n1,1,1,1,1,1,1,1,1,MARS".encode()})


def test_import_is_light():
    code = (
        "import sys, dlx.data; dlx.data.names(); dlx.data.card('mnist'); dlx.data.load('digits'); "
        "heavy = {'jax', 'flax', 'sklearn', 'tensorflow_datasets', 'pooch', 'requests', 'PIL'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_page_of_the_documentation_is_current(request):
    page = request.config.rootpath / "docs" / "datasets.md"
    cards, images = [dlx.data.card(name) for name in dlx.data.names()], [e.card for e in image_catalogue().values()]
    texts = [entry.card for entry in text_catalogue().values()]
    assert [card.name for card in images] == list(dlx.data.image_names())
    assert page.read_text(encoding="utf-8") == markdown(cards, images, texts)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["california_housing", "airfoil"])
def test_real_table_fits_its_card(name):
    assert_fits_its_card(dlx.data.load(name))


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_real_images_fit_their_card(name):
    data = dlx.data.load(name)
    assert_fits_its_card(data)
    again = dlx.data.load(name)
    np.testing.assert_array_equal(again.train["inputs"], data.train["inputs"])
