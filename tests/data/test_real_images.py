"""dlx.data: the real images read from TFDS's folder are those of the published archives."""

import tarfile

import numpy as np
import pytest

import dlx.data
from dlx.data import archives
from dlx.data.decode import decode_cifar10
from dlx.data.prepared import prepared_root
from tests.data import tiny

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_archives_and_prepared_folder_give_equal_arrays(name, monkeypatch, tmp_path, no_network):
    first = dlx.data.load(name)
    for split, prefix in ((first.train, "train"), (first.test, "t10k")):
        images, labels = tiny.idx(split["inputs"][..., 0]), tiny.idx(split["labels"].astype(np.uint8))
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(images)
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(tiny.zipped(labels))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("DLX_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DLX_CACHE_DIR", str(tmp_path / "empty"))
    second = dlx.data.load(name)  # accepted by the published checksums
    for split in ("train", "test"):
        for part in ("inputs", "labels"):
            np.testing.assert_array_equal(getattr(first, split)[part], getattr(second, split)[part])


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_equals_what_tfds_gives(name):
    tfds = pytest.importorskip("tensorflow_datasets")
    data = dlx.data.load(name)
    # by folder: TFDS reads TFDS_DATA_DIR at its import, and for a folder that lacks a data set it waits for the network
    (folder,) = (prepared_root() / name).iterdir()
    source = tfds.builder_from_directory(folder).as_data_source("test")
    stored = {(example["image"].tobytes(), int(example["label"])) for example in source.__getitems__(list(range(200)))}
    ours = {(image.tobytes(), int(label)) for image, label in zip(*data.test.values(), strict=True)}
    assert stored <= ours
    assert len(stored) == 200


def test_cifar10_through_its_binary_version(tmp_path):
    data = dlx.data.load("cifar10")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, split, start in [(f"data_batch_{i + 1}.bin", data.train, 10000 * i) for i in range(5)] + [
            ("test_batch.bin", data.test, 0)
        ]:
            images, labels = (split[part][start : start + 10000] for part in ("inputs", "labels"))
            records = np.concatenate(
                [labels.astype(np.uint8)[:, None], images.transpose(0, 3, 1, 2).reshape(10000, -1)], 1
            )
            (tmp_path / name).write_bytes(records.tobytes())
            archive.add(tmp_path / name, f"cifar-10-batches-bin/{name}")
    splits = decode_cifar10((tmp_path / "a.tar").read_bytes(), "a.tar")
    for split in ("train", "test"):
        images, labels = splits[split]
        assert tiny.sha256(images.tobytes() + labels.tobytes()) == archives.DIGESTS["cifar10"][split]
