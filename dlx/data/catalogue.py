"""Every named data set: its card, and how its arrays come about."""

import functools
import json
from collections.abc import Callable, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, NamedTuple

from dlx.data import archives, generate, tables
from dlx.data.cards import Card, Split
from dlx.data.decode import decode_cifar10, decode_idx
from dlx.data.find import Archive

__all__ = ["Entry", "catalogue"]

_TIMES_TEN = tuple("0123456789")
_FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip
_CELL = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
_HOUSING = (
    "longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "population", "households",
    "median_income", *(f"ocean_proximity={region}" for region in tables.HOUSING_REGIONS),
)  # fmt: skip
_UCI = "UCI Machine Learning Repository, as carried by scikit-learn"
_SPLIT = "One example in five is the test split, fixed by sha256 of 'seed:index' with seed 0"


class Entry(NamedTuple):
    """How a data set comes about: `make` needs no file; `archives` and `decode` do; `prepared` is its name in TFDS."""

    card: Card
    make: Callable[[], dict[str, Split]] | None = None
    archives: tuple[Archive, ...] = ()
    decode: Callable[[dict[str, bytes]], dict[str, Split]] | None = None
    prepared: str | None = None
    digests: Mapping[str, str] = MappingProxyType({})  # of `prepared`, by split
    instead: str = "digits"


@functools.cache
def catalogue() -> dict[str, Entry]:
    """All named data sets, tier by tier. Reads a small file of statistics, no data.

    Returns: name -> entry.
    """
    entries = [*_embedded(), *_generated(), *_images(), *_files()]
    return {entry.card.name: entry for entry in entries}


@functools.cache
def _statistics() -> dict[str, dict[str, list[float]]]:
    """Mean and standard deviation by data set, written by `python -m dlx.data --statistics`."""
    return json.loads(resources.files("dlx.data").joinpath("statistics.json").read_text(encoding="utf-8"))


def _card(name: str, counts: tuple[int, int], **facts: Any) -> Card:
    """A card with what most cards have in common."""
    numbers = _statistics().get(name, {"mean": [], "std": []})
    common: dict[str, Any] = {
        "kind": "table", "task": "classification", "dtype": "float32", "classes": (), "columns": (),
        "scale": 1.0, "tier": 1,
    }  # fmt: skip
    return Card(
        **common
        | {"name": name, "train_examples": counts[0], "test_examples": counts[1]}
        | {key: tuple(values) for key, values in numbers.items()}
        | facts
    )


def _embedded() -> list[Entry]:
    """Carried by scikit-learn."""
    return [
        Entry(
            _card(
                "digits", (1438, 359), title="Handwritten digits, 8x8", kind="image", dtype="uint8", scale=16.0,
                input_shape=(8, 8, 1), classes=_TIMES_TEN,
                description="Counts 0..16 of ink in 4x4 blocks of 32x32 bitmaps, the 1,797 digits of UCI's test set. "
                f"{_SPLIT}, stratified.",
                licence="CC BY 4.0", source=_UCI,
                citation="Alpaydin and Kaynak 1998, Cascading classifiers, Kybernetika",
            ),
            tables.digits_splits,
        ),
        Entry(
            _card(
                "iris", (120, 30), title="Iris flowers", input_shape=(4,),
                classes=("setosa", "versicolor", "virginica"),
                columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
                description=f"Four measurements of flowers of three species. {_SPLIT}, stratified.",
                licence="CC BY 4.0", source=_UCI,
                citation="Fisher 1936, The use of multiple measurements in taxonomic problems",
            ),
            functools.partial(tables.labelled_splits, "iris.csv"),
        ),
        Entry(
            _card(
                "wine", (142, 36), title="Wines of three growers", input_shape=(13,), columns=_WINE,
                classes=("class_0", "class_1", "class_2"),
                description=f"Chemical analysis of wines of one region. {_SPLIT}, stratified.",
                licence="CC BY 4.0", source=_UCI, citation="Aeberhard and Forina 1991, Wine, UCI",
            ),
            functools.partial(tables.labelled_splits, "wine_data.csv"),
        ),
        Entry(
            _card(
                "breast_cancer", (455, 114), title="Breast cancer Wisconsin (diagnostic)", input_shape=(30,),
                columns=tuple(f"{how} {what}" for how in ("mean", "standard error of", "worst") for what in _CELL),
                classes=("malignant", "benign"),
                description=f"Measures of cell nuclei: mean, standard error and worst of ten. {_SPLIT}, stratified.",
                licence="CC BY 4.0", source=_UCI,
                citation="Street, Wolberg and Mangasarian 1993, Nuclear feature extraction for breast tumor diagnosis",
            ),
            functools.partial(tables.labelled_splits, "breast_cancer.csv"),
        ),
        Entry(
            _card(
                "diabetes", (354, 88), title="Progression of diabetes", task="regression", input_shape=(10,),
                columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
                description="Ten measurements in their own units; the label is the progression of the disease after a "
                f"year. {_SPLIT}.",
                licence="not stated; distributed with scikit-learn (BSD 3-Clause)",
                source="https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html, as carried by scikit-learn",
                citation="Efron, Hastie, Johnstone and Tibshirani 2004, Least angle regression",
            ),
            tables.diabetes_splits,
        ),
    ]  # fmt: skip


def _generated() -> list[Entry]:
    """Made from a seed: training data from seed 0, test data from seed 1."""
    made = {"licence": "Apache-2.0 (generated by dlx)", "source": "dlx.data", "tier": 1}
    plane: dict[str, Any] = {"input_shape": (2,), "columns": ("x", "y"), **made}

    def entry(function: Callable[..., Split], name: str, title: str, classes: int, law: str, citation: str) -> Entry:
        names = tuple(f"class_{number}" for number in range(classes))
        card = _card(name, (800, 200), title=title, description=law, classes=names, citation=citation, **plane)
        return Entry(card, lambda: {s: function(examples=n, seed=i) for i, (s, n) in enumerate(_SIZES)})

    return [
        Entry(
            _card(
                "linear", (800, 200), title="Linear regression", task="regression", input_shape=(2,),
                columns=("x1", "x2"),
                description="y = 2 x1 - 3.4 x2 + 4.2 + N(0, 0.01^2), inputs standard normal (`linear_data`).",
                citation="Zhang et al., Dive into Deep Learning, section 3.3", **made,
            ),
            lambda: {
                s: generate.linear_data((2.0, -3.4), 4.2, noise=0.01, examples=n, seed=i)
                for i, (s, n) in enumerate(_SIZES)
            },
        ),
        entry(generate.moons, "moons", "Two half moons", 2, "Two interleaved half circles, noise 0.1 (`moons`).",
              "scikit-learn, make_moons"),
        entry(generate.circles, "circles", "Two circles", 2,
              "A circle of radius 0.5 in one of 1, noise 0.05 (`circles`).", "scikit-learn, make_circles"),
        entry(generate.spirals, "spirals", "Three spirals", 3, "Three arms of one turn, noise 0.02 (`spirals`).",
              "Karpathy, CS231n notes, A minimal neural network case study"),
        entry(generate.blobs, "blobs", "Three normal clouds", 3,
              "N(center, 0.7^2) about (-2, -1), (2, -1) and (0, 2) (`blobs`).", "scikit-learn, make_blobs"),
        Entry(
            _card(
                "periodic", (768, 168), title="Periodic series", kind="series", task="regression", input_shape=(32, 1),
                description="32 values of sin(2 pi t / 50) + 0.5 sin(2 pi t / 20) + N(0, 0.1^2), the label is the next "
                "(`periodic_series`, `windows`); windows of steps 0..799 for training, 800..999 for test.",
                citation="Zhang et al., Dive into Deep Learning, section 9.1", **made,
            ),
            _periodic,
        ),
    ]  # fmt: skip


_SIZES = (("train", 800), ("test", 200))


def _periodic() -> dict[str, Split]:
    """Forecasts; no window reaches over the cut."""
    series = generate.periodic_series(length=1000, seed=0)
    return {"train": generate.windows(series[:800], 32), "test": generate.windows(series[800:], 32)}


def decode_mnist(contents: dict[str, bytes]) -> dict[str, Split]:
    """Four idx files -> images (N, 28, 28, 1) uint8 and labels (N,) int32.

    Args:
      contents: content by canonical name.
    Returns: {"train": {"inputs", "labels"}, "test": ...}.
    """
    arrays = [decode_idx(contents[name], name) for name in archives.IDX]
    return {
        split: {"inputs": arrays[at][..., None], "labels": arrays[at + 1].astype("int32")}
        for split, at in (("train", 0), ("test", 2))
    }


def _decode_cifar(contents: dict[str, bytes]) -> dict[str, Split]:
    """The archive -> images (N, 32, 32, 3) uint8 and labels (N,) int32."""
    (name,) = contents
    splits = decode_cifar10(contents[name], name)
    return {split: {"inputs": images, "labels": labels.astype("int32")} for split, (images, labels) in splits.items()}


def _images() -> list[Entry]:
    """Tier 2."""
    grey: dict[str, Any] = {
        "kind": "image", "dtype": "uint8", "scale": 255.0, "tier": 2, "input_shape": (28, 28, 1),
    }  # fmt: skip
    return [
        Entry(
            _card(
                "mnist", (60000, 10000), title="MNIST handwritten digits", classes=_TIMES_TEN,
                description="Grey digits of 28x28 pixels in their published order and split.",
                licence="CC BY-SA 3.0", source="http://yann.lecun.com/exdb/mnist/",
                citation="LeCun et al. 1998, Gradient-based learning applied to document recognition",
                **grey,
            ),
            archives=archives.MNIST,
            decode=decode_mnist,
            prepared="mnist",
            digests=archives.DIGESTS["mnist"],
        ),
        Entry(
            _card(
                "fashion_mnist", (60000, 10000), title="Fashion-MNIST", classes=_FASHION,
                description="Grey photographs of clothes, 28x28 pixels, in their published order and split.",
                licence="MIT", source="https://github.com/zalandoresearch/fashion-mnist",
                citation="Xiao, Rasul and Vollgraf 2017, Fashion-MNIST: a novel image dataset, arXiv:1708.07747",
                **grey,
            ),
            archives=archives.FASHION_MNIST,
            decode=decode_mnist,
            prepared="fashion_mnist",
            digests=archives.DIGESTS["fashion_mnist"],
        ),
        Entry(
            _card(
                "cifar10", (50000, 10000), title="CIFAR-10", classes=_CIFAR,
                description="Colour photographs of 32x32 pixels in their published order and split.",
                licence="not stated", source="https://www.cs.toronto.edu/~kriz/cifar.html",
                citation="Krizhevsky 2009, Learning multiple layers of features from tiny images",
                **grey | {"input_shape": (32, 32, 3)},
            ),
            archives=archives.CIFAR10,
            decode=_decode_cifar,
            prepared="cifar10",
            digests=archives.DIGESTS["cifar10"],
        ),
    ]  # fmt: skip


def _files() -> list[Entry]:
    """Tier 3."""
    return [
        Entry(
            _card(
                "california_housing", (16346, 4087), title="California housing 1990", task="regression", tier=3,
                input_shape=(13,), columns=_HOUSING,
                description="Block groups of the census; the label is the median house value in dollars, cut off at "
                "500,001. The 207 rows without total_bedrooms are left out; ocean_proximity is five indicator columns. "
                f"{_SPLIT}.",
                licence="not stated for the data; repository Apache-2.0",
                source="https://github.com/ageron/handson-ml (datasets/housing/housing.csv), after StatLib",
                citation="Pace and Barry 1997, Sparse spatial autoregressions",
            ),
            archives=archives.HOUSING,
            decode=tables.california_splits,
            instead="diabetes",
        ),
        Entry(
            _card(
                "airfoil", (1202, 301), title="NASA airfoil self-noise", task="regression", tier=3, input_shape=(5,),
                columns=("frequency (Hz)", "angle of attack (degrees)", "chord length (m)", "velocity (m/s)",
                         "displacement thickness (m)"),
                description=f"Wind-tunnel tests of airfoils; the label is the sound pressure level in dB. {_SPLIT}.",
                licence="CC BY 4.0 (UCI)", source="UCI 291, d2l's copy airfoil_self_noise.dat",
                citation="Brooks, Pope and Marcolini 1989, Airfoil self-noise and prediction, NASA RP-1218",
            ),
            archives=archives.AIRFOIL,
            decode=tables.airfoil_splits,
            instead="diabetes",
        ),
    ]  # fmt: skip
