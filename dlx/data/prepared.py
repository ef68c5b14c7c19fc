"""Folders that TensorFlow Datasets prepared, read without TensorFlow and without touching the network."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from dlx.data.cards import Card, Split
from dlx.data.find import AbsentError
from dlx.errors import DatasetError

__all__ = ["prepared_root", "read_prepared"]

_READ_AT_ONCE = 1024


def prepared_root() -> Path:
    """Folder of prepared data sets: TFDS_DATA_DIR, else ~/tensorflow_datasets, as TFDS has it.

    Returns: its path; it need not exist.
    """
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def read_prepared(name: str, root: Path, card: Card) -> dict[str, Split]:
    """Reads a prepared image data set and puts the examples into their published order.

    TFDS stores examples sorted by md5(split + key); the key is the published position or ends in it. Undoing this makes
    the arrays equal to the decoded archives, whichever of the two a machine has.

    Args:
      name: TFDS's name of the data set.
      root: folder that holds NAME/VERSION/.
      card: tells shapes and counts.
    Returns: {"train": {"inputs", "labels"}, "test": ...}, images uint8 NHWC, labels int32.
    Raises: AbsentError if the folder does not have it; DatasetError if what it has cannot be read.
    """
    folder = _version(root, name)
    for split, examples in (("train", card.train_examples), ("test", card.test_examples)):
        _check_shards(folder, split, examples)
    import absl.logging
    import tensorflow_datasets as tfds

    # TFDS recommends OpenCV at every first read; Pillow is what dlx depends on
    level = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)
    try:
        builder = tfds.builder_from_directory(folder)
        return {split: _read_split(builder.as_data_source(split), split, card, folder) for split in ("train", "test")}
    except DatasetError:
        raise
    except Exception as error:  # array_record, Pillow and TFDS each raise their own
        raise DatasetError(f"{folder}: cannot be read: {type(error).__name__}: {error}") from error
    finally:
        absl.logging.set_verbosity(level)


def _version(root: Path, name: str) -> Path:
    """Newest version folder of `name` below `root`."""
    origin = "TFDS_DATA_DIR" if os.environ.get("TFDS_DATA_DIR") else "TFDS_DATA_DIR is not set; TFDS's default"
    try:
        here = sorted(path.name for path in root.iterdir() if path.is_dir())
        infos = list((root / name).glob("*/dataset_info.json")) if name in here else []
    except FileNotFoundError:
        raise AbsentError(f"{origin}: {root}: no such folder") from None
    except OSError as error:
        raise DatasetError(f"{origin}: {root}: cannot be read: {error.strerror}") from error
    if not infos:
        holds = f"it holds {', '.join(here[:8])}" if here else "it is empty"
        raise AbsentError(f"{origin}: {root}: no {name}/VERSION/dataset_info.json there ({holds})")
    return max(infos, key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()]).parent


def _check_shards(folder: Path, split: str, examples: int) -> None:
    """Checks on disk what TFDS would otherwise try to prepare or complain of in terms of TFRecord."""
    path = folder / "dataset_info.json"
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        shards = {entry["name"]: [int(n) for n in entry["shardLengths"]] for entry in info["splits"]}.get(split, [])
        form, name = info.get("fileFormat", "tfrecord"), info["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error!r}") from error
    if form != "array_record":
        raise DatasetError(
            f"{folder}: prepared as {form}, which only TensorFlow reads; prepare it with file_format='array_record'"
        )
    if sum(shards) != examples:
        raise DatasetError(f"{path}: split {split!r} has {sum(shards)} examples, expected {examples}")
    for number in range(len(shards)):
        shard = folder / f"{name}-{split}.{form}-{number:05d}-of-{len(shards):05d}"
        if not shard.is_file():
            raise DatasetError(f"{shard}: missing, though dataset_info.json lists it")


def _read_split(source, split: str, card: Card, folder: Path) -> Split:
    """All examples of one split in published order."""
    examples = len(source)
    inputs = np.empty((examples, *card.input_shape), np.uint8)
    labels = np.empty(examples, np.int32)
    stored = _stored_order(split, examples)
    for start in range(0, examples, _READ_AT_ONCE):
        positions = range(start, min(start + _READ_AT_ONCE, examples))
        # many at once: two to three times faster than one by one
        for position, example in zip(positions, source.__getitems__(list(positions)), strict=True):
            key = int(example["id"].rsplit(b"_", 1)[-1]) if "id" in example else int(stored[position])
            if not 0 <= key < examples:
                raise DatasetError(f"{folder}: {split} example {position} has id {example['id']!r} outside the split")
            inputs[key], labels[key] = example["image"], example["label"]
    return {"inputs": inputs, "labels": labels}


def _stored_order(split: str, examples: int) -> list[int]:
    """Keys 0..examples-1 in the order in which TFDS stores them."""
    salt = hashlib.md5(split.encode())

    def digest(key: int) -> bytes:
        salted = salt.copy()
        salted.update(str(key).encode())
        return salted.digest()

    return sorted(range(examples), key=digest)
