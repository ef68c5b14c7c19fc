"""A data set of 12 images of 4x4 pixels in MNIST's format, and a server that serves it well or badly."""

import contextlib
import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np

from dlx.data.cards import Card
from dlx.data.catalogue import Entry, decode_mnist
from dlx.data.find import Archive

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def arrays(seed=0):
    """Images and labels by split."""
    rng = np.random.default_rng(seed)
    return {
        split: (rng.integers(0, 256, (n, 4, 4), np.uint8), rng.integers(0, 3, n).astype(np.uint8))
        for split, n in (("train", 8), ("test", 4))
    }


def idx(array):
    """The idx format, written from its description."""
    codes = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}
    header = bytes([0, 0, codes[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def contents(seed=0):
    """Canonical name -> content."""
    flat = [array for split in ("train", "test") for array in arrays(seed)[split]]
    return dict(zip(IDX_NAMES, map(idx, flat), strict=True))


def zipped(content):
    return gzip.compress(content, mtime=0)


def served(seed=0):
    """Path on the server -> bytes."""
    return {f"/{name}.gz": zipped(content) for name, content in contents(seed).items()}


def entry(*bases, prepared=None, digests=None, seed=0):
    """A catalogue's entry whose files are to be found at `bases`."""
    card = Card(
        name="tiny", title="t", description="d", kind="image", task="classification", input_shape=(4, 4, 1),
        dtype="uint8", classes=("a", "b", "c"), columns=(), train_examples=8, test_examples=4, scale=255.0,
        mean=(0.5,), std=(0.25,), licence="none", source="none", citation="none", tier=2,
    )  # fmt: skip
    archives = tuple(
        Archive(name, sha256(content), sha256(zipped(content)), tuple(f"{base}/{name}.gz" for base in bases))
        for name, content in contents(seed).items()
    )
    return Entry(card, archives=archives, decode=decode_mnist, prepared=prepared, digests=digests or {})


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def assert_is_tiny(data, seed=0):
    for split, (images, labels) in arrays(seed).items():
        got = getattr(data, split)
        np.testing.assert_array_equal(got["inputs"], images[..., None])
        np.testing.assert_array_equal(got["labels"], labels)
        assert (got["inputs"].dtype, got["labels"].dtype) == (np.uint8, np.int32)


@contextlib.contextmanager
def serve(files, *, short_by=0):
    """An HTTP server on 127.0.0.1: yields its address and the list of paths asked for.

    `short_by`: so many bytes fewer are sent than the header promises.
    """
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in files:
                self.send_error(404)
                return
            content = files[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - short_by])

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port():
    """An address at which nothing listens."""
    with serve({}) as (base, _):
        return base
