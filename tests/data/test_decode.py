"""dlx.data: idx, gzip and CIFAR-10's binary version."""

import io
import tarfile

import numpy as np
import pytest

from dlx.data import decode_cifar10, decode_idx, read_idx
from dlx.data.decode import unzip
from dlx.errors import DatasetError
from tests.data import tiny


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (0, 3)])
def test_idx_round_trip(rng, dtype, shape):
    array = (100 * rng.standard_normal(shape)).astype(dtype)
    got = decode_idx(tiny.idx(array), "f")
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, array)


def test_idx_equals_bytes_written_by_hand():
    content = bytes.fromhex("00000802 00000002 00000003 010203 0405ff".replace(" ", ""))
    np.testing.assert_array_equal(decode_idx(content, "f"), [[1, 2, 3], [4, 5, 255]])


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_read_idx_plain_and_compressed(rng, tmp_path, suffix):
    array = rng.integers(0, 256, (7, 3), np.uint8)
    path = tmp_path / f"images-idx2-ubyte{suffix}"
    path.write_bytes(tiny.zipped(tiny.idx(array)) if suffix else tiny.idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


def test_unzip_takes_members_one_after_another():
    assert unzip(tiny.zipped(b"ab") + tiny.zipped(b"cd"), "f.gz") == b"abcd"


def cifar_archive(rng, per_batch=3):
    """cifar-10-binary.tar.gz with small batches: the archive, and the pixels and labels it holds."""
    stream, batches = io.BytesIO(), {}
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin", "batches.meta.txt"]:
            content = b"airplane\n"
            if name.endswith(".bin"):
                images, labels = rng.integers(0, 256, (per_batch, 32, 32, 3), np.uint8), rng.integers(0, 10, per_batch)
                batches[name] = images, labels
                # a record: the label, then the red, the green, the blue plane, row by row
                content = b"".join(
                    bytes([label]) + b"".join(image[..., c].tobytes() for c in range(3))
                    for image, label in zip(images, labels, strict=True)
                )
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue(), batches


def test_cifar10(rng):
    content, batches = cifar_archive(rng)
    splits = decode_cifar10(content, "f")
    training = [batches[f"data_batch_{i}.bin"] for i in range(1, 6)]
    for split, parts in (("train", training), ("test", [batches["test_batch.bin"]])):
        images, labels = splits[split]
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, np.concatenate([part[0] for part in parts]))
        np.testing.assert_array_equal(labels, np.concatenate([part[1] for part in parts]))


def test_cifar10_that_is_damaged(rng):
    content, _ = cifar_archive(rng)
    with pytest.raises(DatasetError, match=r"cifar\.tar\.gz: damaged archive"):
        decode_cifar10(content[:-200], "cifar.tar.gz")
    with pytest.raises(DatasetError, match="damaged archive"):
        decode_cifar10(b"no archive", "cifar.tar.gz")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.size = 3073 + 10
        archive.addfile(member, io.BytesIO(bytes(3083)))
    with pytest.raises(DatasetError, match=r"data_batch_1\.bin: truncated at byte 3083: record 1 .* has only 10"):
        decode_cifar10(stream.getvalue(), "f")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w"):
        pass
    with pytest.raises(DatasetError, match=r"lacks data_batch_1\.bin"):
        decode_cifar10(stream.getvalue(), "f")
