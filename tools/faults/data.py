"""Faults in the data."""

import gzip
import struct

from tools.faults.case import case
from tools.faults.stage import NO_NETWORK, SHORT, Seen, Stage, must

_OWN = '''"""Softmax regression on arrays of one's own."""

from dataclasses import dataclass

import numpy as np

import dlx
from dlx.run import Options, launch


@dataclass(frozen=True)
class Config(Options):
    dataset: str = "own"
    """Data set."""


def main(config):
    """Trains."""
    inputs, labels = np.ones((EXAMPLES, 1), np.float32), np.arange(EXAMPLES, dtype=np.int32) % 3
    CHANGE
    examples = {"inputs": inputs, "labels": labels}
    card = dlx.data.card("moons")._replace(name="own", classes=("a", "b", "c"))
    data = dlx.data.Dataset("own", examples, examples, card)
    model = dlx.models.MLP((WIDTH,), 3)
    optimizer = dlx.optim.create("adam", 0.001)
    task = dlx.train.supervised(model, dlx.losses.softmax_cross_entropy, optimizer, example=examples)
    return dlx.run.train(config, task, data)


if __name__ == "__main__":
    launch(Config, main)
'''


def own_data(stage: Stage, *options: str, change: str = "", examples: int = 600, width: int = 8) -> Seen:
    """Runs an experiment on arrays of its own."""
    text = _OWN.replace("EXAMPLES", str(examples)).replace("CHANGE", change).replace("WIDTH", str(width))
    (stage.folder / "own.py").write_text(text)
    return stage.run("--steps", "3", *options, module="own")


@case(7, "data set that is not there, no network", quick=True)
def absent(stage: Stage) -> Seen:
    """`--dataset mnist`, empty cache, a network that answers nothing."""
    start = stage.run("--dataset", "digits", "--batch-size", "5000").seconds  # all that comes before the search
    seen = stage.run("--dataset", "mnist", DLX_CACHE_DIR=str(stage.folder / "cache"), **NO_NETWORK)
    seen.ended(1, "mnist", "Tried", "DLX_DATA_DIR", "TFDS_DATA_DIR", "train-images-idx3-ubyte.gz", "--dataset digits")
    must(seen.seconds < start + 2.5, f"took {seen.seconds - start:.1f} s longer than a start", seen)
    return seen


@case(8, "truncated file", quick=True)
def truncated(stage: Stage) -> Seen:
    """`--dataset mnist` with half of train-images-idx3-ubyte.gz in DLX_DATA_DIR; then an idx file cut short."""
    folder = stage.folder / "files"
    folder.mkdir()
    content = struct.pack(">I3I", 0x803, 60000, 28, 28) + bytes(range(256)) * 100
    whole = gzip.compress(content)
    file = folder / "train-images-idx3-ubyte.gz"
    file.write_bytes(whole[: len(whole) // 2])
    empty = {"DLX_CACHE_DIR": str(stage.folder / "cache"), "DLX_DATA_DIR": str(folder)}
    seen = stage.run("--dataset", "mnist", **empty, **NO_NETWORK)
    seen.ended(1, str(file), "truncated", f"byte {len(whole) // 2}")
    own = stage.python("-c", f"import dlx; dlx.data.decode_idx({content!r}, 'own-images-idx3-ubyte')").end()
    must(f"own-images-idx3-ubyte: truncated at byte {len(content)}" in own.err, "no file or byte offset", own)
    return seen


@case(9, "wrong label, NaN in the inputs")
def wrong_data(stage: Stage) -> Seen:
    """Arrays of one's own: label 7 of 3 classes at example 37; NaN in the inputs of example 5."""
    label = own_data(stage, change="labels[37] = 7").ended(1, "example 37", "label 7")
    nan = own_data(stage, change="inputs[5] = np.nan").ended(1, "example 5", "nan")
    return Seen(nan.code, "", f"{label.message}\n{nan.message}", nan.seconds)


@case(10, "data smaller than a batch, or none", quick=True)
def too_few(stage: Stage) -> Seen:
    """`--batch-size 5000` on 1,438 examples; arrays of one's own without an example."""
    small = stage.run(*SHORT, "--batch-size", "5000").ended(1, "--batch-size 5000", "1438", "fewer than one batch")
    empty = own_data(stage, examples=0).ended(1, "no examples")
    return Seen(empty.code, "", f"{small.message}\n{empty.message}", empty.seconds)


@case(31, "batch that no memory holds")
def too_large(stage: Stage) -> Seen:
    """Ten million examples a step through four million units: 160 terabytes, more than a process can address."""
    seen = own_data(stage, "--batch-size", "10000000", examples=10_000_000, width=4_000_000)
    return seen.ended(1, "out of memory", "--batch-size 5000000", "--accumulate 2")
