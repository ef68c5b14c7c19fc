"""Tables: those that scikit-learn carries (read without importing it), and the tabular files of tier 3."""

import csv
import importlib.util
import io
from pathlib import Path

import numpy as np

from dlx.data.batching import fixed_order, stratified
from dlx.data.cards import Split
from dlx.data.decode import read_content
from dlx.errors import DatasetError

__all__ = [
    "HOUSING_REGIONS",
    "airfoil_splits",
    "california_splits",
    "diabetes_splits",
    "digits_splits",
    "labelled_splits",
]

HOUSING_REGIONS = ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
_TEST_SHARE = 0.2


def carried(file: str) -> str:
    """Text of a data file in the installed scikit-learn; its import would take longer than training on the data.

    Args:
      file: name in sklearn/datasets/data.
    Returns: the text.
    Raises: DatasetError if scikit-learn or the file is not there.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DatasetError("scikit-learn, which carries the embedded data, is not installed: pip install scikit-learn")
    return read_content(Path(spec.submodule_search_locations[0], "datasets", "data", file)).decode()


def digits_splits() -> dict[str, Split]:
    """The 1,797 digits of 8x8 pixels, stratified.

    Returns: images (1438, 8, 8, 1) and (359, 8, 8, 1) uint8 in 0..16, labels int32.
    """
    rows = np.loadtxt(io.StringIO(carried("digits.csv.gz")), delimiter=",", dtype=np.int32)
    return _stratified(rows[:, :-1].reshape(-1, 8, 8, 1).astype(np.uint8), rows[:, -1])


def labelled_splits(file: str) -> dict[str, Split]:
    """A table whose first line holds counts and class names, and whose last column is the class.

    Args:
      file: name in sklearn/datasets/data.
    Returns: inputs (N, columns) float32, labels int32, stratified.
    """
    rows = np.loadtxt(io.StringIO(carried(file)), delimiter=",", skiprows=1)
    return _stratified(rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int32))


def diabetes_splits() -> dict[str, Split]:
    """Ten measurements in their own units and the progression of diabetes after a year.

    Returns: inputs (353, 10) and (89, 10) float32, labels float32.
    """
    inputs = np.loadtxt(io.StringIO(carried("diabetes_data_raw.csv.gz")))
    return _at_random(inputs, np.loadtxt(io.StringIO(carried("diabetes_target.csv.gz"))))


def airfoil_splits(contents: dict[str, bytes]) -> dict[str, Split]:
    """NASA's table: five columns and the sound pressure level.

    Args:
      contents: {"airfoil_self_noise.dat": bytes}.
    Returns: inputs (1202, 5) and (301, 5) float32, labels float32 in dB.
    """
    rows = np.loadtxt(io.BytesIO(contents["airfoil_self_noise.dat"]))
    return _at_random(rows[:, :-1], rows[:, -1])


def california_splits(contents: dict[str, bytes]) -> dict[str, Split]:
    """Block groups of the census of 1990, without the 207 that have no `total_bedrooms`.

    Nothing is imputed, since what to impute would be a choice of the experiment. The region becomes five indicator
    columns in the order of `HOUSING_REGIONS`, after the eight numbers.

    Args:
      contents: {"housing.csv": bytes}.
    Returns: inputs (16346, 13) and (4087, 13) float32, labels float32: median house value in dollars.
    Raises: DatasetError naming the line of an unknown region.
    """
    inputs, labels = [], []
    reader = csv.DictReader(io.StringIO(contents["housing.csv"].decode(), newline=""))
    for line, row in enumerate(reader, start=2):
        region, value = row.pop("ocean_proximity"), row.pop("median_house_value")
        if region not in HOUSING_REGIONS:
            raise DatasetError(f"housing.csv: line {line}: unknown ocean_proximity {region!r}")
        if all(row.values()):
            indicators = [float(region == name) for name in HOUSING_REGIONS]
            inputs.append([float(number) for number in row.values()] + indicators)
            labels.append(float(value))
    return _at_random(np.array(inputs), np.array(labels))


def _stratified(inputs: np.ndarray, labels: np.ndarray) -> dict[str, Split]:
    """One test example in five, each class with its share; seed 0."""
    indices = stratified(labels, round(_TEST_SHARE * len(labels)), seed=0)
    return {
        split: {"inputs": inputs[index], "labels": labels[index].astype(np.int32)}
        for split, index in zip(("train", "test"), indices, strict=True)
    }


def _at_random(inputs: np.ndarray, labels: np.ndarray) -> dict[str, Split]:
    """One test example in five, by `fixed_order` with seed 0."""
    order, held = fixed_order(len(labels), seed=0), round(_TEST_SHARE * len(labels))
    return {
        split: {"inputs": inputs[index].astype(np.float32), "labels": labels[index].astype(np.float32)}
        for split, index in (("train", np.sort(order[held:])), ("test", np.sort(order[:held])))
    }
