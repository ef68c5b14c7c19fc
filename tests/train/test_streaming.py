"""Data that stream in train as the same data resident on the device do."""

import numpy as np
import pytest

from dlx import train
from tests.train import tiny

task = tiny.task(tiny.Softmax())


class Windows:
    """The batches of seed 0 in their order, read window by window."""

    batches_per_epoch = 2

    def __init__(self):
        self.at, self.asked = 0, []

    def seek(self, step):
        self.at = step
        self.asked.append(("seek", step))

    def window(self, count):
        table = train.batch_table((0,), step=self.at, count=count, length=count, examples=40, batch_size=tiny.BATCH)[0]
        self.at += count
        self.asked.append(("window", count))
        return {name: a[table] for name, a in tiny.data().items()}


def streamed(**options):
    windows = Windows()
    return tiny.run(task, data=windows, **options), windows


def test_equals_resident_data():
    state, windows = streamed(steps=7)
    assert tiny.digest(state) == tiny.digest(tiny.run(task, steps=7))
    assert windows.asked == [("seek", 0), ("window", 3), ("window", 3), ("window", 1)]
    assert isinstance(windows, train.WindowSource)


def test_resumed():
    half, _ = streamed(steps=4)
    resumed, windows = streamed(steps=7, resume=(4, half))
    assert windows.asked[0] == ("seek", 4)
    assert tiny.digest(resumed) == tiny.digest(tiny.run(task, steps=7))


@pytest.mark.parametrize("parallel", ["jit", "pmap", "shard_map"])
def test_on_eight_devices(parallel):
    state, _ = streamed(steps=3, devices=8, parallel=parallel)
    assert tiny.digest(state) == tiny.digest(tiny.run(task, steps=3, devices=8, parallel=parallel))


def test_all_seeds_see_the_same_batches():
    both, _ = streamed(steps=3, seeds=(0, 1))
    assert tiny.digest(tiny.replica(both, 0)) == tiny.digest(tiny.run(task, steps=3))
    assert tiny.digest(tiny.replica(both, 1)) != tiny.digest(
        tiny.run(task, steps=3, seeds=(1,))
    )  # there seed 1 has an order of its own


def test_an_error_of_the_reader_arrives():
    class Broken(Windows):
        def window(self, count):
            if self.at == 3:
                raise OSError("the disk is gone")
            return super().window(count)

    with pytest.raises(OSError, match="the disk is gone"):
        tiny.run(task, data=Broken(), steps=7)


def test_epochs_are_counted():
    records = train.fit(task.step, task.init, Windows(), steps=5, batch_size=tiny.BATCH, log_every=3)[1]
    assert [record["epoch"] for record in records] == [1.5, 2.5]
    assert np.isfinite(records[-1]["train_loss"]).all()
