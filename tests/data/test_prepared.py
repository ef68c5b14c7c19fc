"""dlx.data: folders that TFDS prepared. TFDS itself writes a small one here, without TensorFlow."""

import json
import shutil
import socket

import numpy as np
import pytest

from dlx.data.loading import load_from
from dlx.errors import DatasetError
from tests.data import tiny

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A folder with tinyset/1.0.0 in array_record."""

    class Tinyset(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = tmp_path_factory.mktemp("package")

        def _info(self):
            image = tfds.features.Tensor(shape=(4, 4, 1), dtype=np.uint8)
            features = {"image": image, "label": tfds.features.ClassLabel(num_classes=3)}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(*arrays) for split, arrays in tiny.arrays().items()}

        def _generate_examples(self, images, labels):
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                yield number, {"image": image[..., None], "label": int(label)}

    root = tmp_path_factory.mktemp("tfds")
    Tinyset(data_dir=root, file_format="array_record").download_and_prepare()
    return root


@pytest.fixture
def copied(prepared, tmp_path, monkeypatch):
    """A copy to damage, named by TFDS_DATA_DIR."""
    root = tmp_path / "tfds"
    shutil.copytree(prepared, root)
    monkeypatch.setenv("TFDS_DATA_DIR", str(root))
    return root


def load(**options):
    return load_from({"tiny": tiny.entry("http://nowhere.invalid", prepared="tinyset", **options)}, "tiny")


def error(**options):
    with pytest.raises(DatasetError) as caught:
        load(**options)
    return str(caught.value)


def digests(seed=0):
    return {s: tiny.sha256(images.tobytes() + labels.tobytes()) for s, (images, labels) in tiny.arrays(seed).items()}


def test_read_in_published_order_without_network(copied, monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("the network was touched")

    for name in ("create_connection", "getaddrinfo", "socket"):
        monkeypatch.setattr(socket, name, fail)
    tiny.assert_is_tiny(load(digests=digests()))


def test_default_folder(copied, monkeypatch, tmp_path, no_network):
    monkeypatch.delenv("TFDS_DATA_DIR")
    shutil.copytree(copied, tmp_path / "home" / "tensorflow_datasets")
    tiny.assert_is_tiny(load())


def test_newest_version(copied, no_network):
    (copied / "tinyset" / "1.0.0").rename(copied / "tinyset" / "10.0.0")
    shutil.copytree(copied / "tinyset" / "10.0.0", copied / "tinyset" / "9.0.0")
    for file in (copied / "tinyset" / "9.0.0").glob("*array_record*"):
        file.unlink()
    tiny.assert_is_tiny(load())


def test_other_pixels_are_refused(copied, no_network):
    message = error(digests=digests(seed=1))
    assert f"{copied / 'tinyset'}: damaged: the examples of split 'train' have sha256 {digests()['train']}" in message
    assert f"expected {digests(seed=1)['train']}" in message


def test_damaged_record(copied, no_network):
    (shard,) = copied.glob("tinyset/1.0.0/*train.array_record*")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content[: len(content) // 2 + 1])
    assert f"{copied / 'tinyset' / '1.0.0'}: cannot be read" in error()


def test_missing_shard(copied, no_network):
    (shard,) = copied.glob("tinyset/1.0.0/*train.array_record*")
    shard.unlink()
    assert f"{shard}: missing, though dataset_info.json lists it" in error()


def edit(root, change):
    path = root / "tinyset" / "1.0.0" / "dataset_info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def test_prepared_as_tfrecord(copied, no_network):
    edit(copied, lambda info: info.update(fileFormat="tfrecord"))
    assert "prepared as tfrecord, which only TensorFlow reads; prepare it with file_format='array_record'" in error()


def test_part_of_a_data_set(copied, no_network):
    edit(copied, lambda info: info["splits"][0].update(shardLengths=["7"]))
    edit(copied, lambda info: info["splits"][1].update(shardLengths=["7"]))
    assert "split 'train' has 7 examples, expected 8" in error()


def test_unreadable_info(copied, no_network):
    (copied / "tinyset" / "1.0.0" / "dataset_info.json").write_text("{")
    assert "dataset_info.json: cannot be read" in error()


def test_folder_without_it(copied, no_network):
    for folder in copied.iterdir():  # TFDS also makes `downloads`
        shutil.rmtree(folder)
    assert f"TFDS_DATA_DIR: {copied}: no tinyset/VERSION/dataset_info.json there (it is empty)" in error()
    (copied / "cifar10").mkdir()
    assert "(it holds cifar10)" in error()
    shutil.rmtree(copied)
    assert f"TFDS_DATA_DIR: {copied}: no such folder" in error()
