import json
import math

import numpy as np
import pytest

from dlx.errors import RunFolderError
from dlx.run.records import Records, metric_names, read_records
from tests.run.moments import moment


def log(path, steps, **more):
    records = Records(path)
    for step in steps:
        records(moment(step, train_loss=[1.0 / step, math.nan], **more))
    records.close()
    return records


def test_one_strict_line_a_moment(tmp_path):
    log(tmp_path / "m.jsonl", [10, 20])
    lines = (tmp_path / "m.jsonl").read_text().splitlines()
    assert [json.loads(line, parse_constant=pytest.fail) for line in lines] == [
        {"step": 10, "epoch": 0.1, "seconds": 0.5, "examples_per_second": 1280.0, "compile_seconds": 2.0,
         "train_loss": [0.1, None]},
        {"step": 20, "epoch": 0.2, "seconds": 1.0, "examples_per_second": 1280.0, "train_loss": [0.05, None]},
    ]  # fmt: skip


def test_a_line_is_on_disk_when_the_moment_has_passed(tmp_path):
    records = Records(tmp_path / "m.jsonl")
    records(moment(10, train_loss=[1.0, 2.0]))
    assert len(read_records(tmp_path / "m.jsonl")) == 1  # though the file is open
    records.close()


def test_reading_back_gives_nan(tmp_path):
    log(tmp_path / "m.jsonl", [10], test_accuracy=[0.5, 0.6])
    (record,) = read_records(tmp_path / "m.jsonl")
    assert record["train_loss"][0] == 0.1
    assert math.isnan(record["train_loss"][1])
    assert record["test_accuracy"] == [0.5, 0.6]
    assert metric_names([record]) == ["train_loss", "test_accuracy"]


def test_totals(tmp_path):
    records = log(tmp_path / "m.jsonl", [10, 20, 30])
    assert (records.seconds, records.compile_seconds, records.examples) == (1.5, 2.0, 1920)
    assert records.examples_per_second == 1280.0
    assert records.position() == 30


def test_a_resumed_log_has_each_step_once(tmp_path):
    path = tmp_path / "m.jsonl"
    first = log(path, [10, 20])
    position = first.position()
    log(path, [30, 40])  # after the checkpoint, then killed
    with path.open("a") as file:
        file.write('{"step": 50, "train_lo')  # in the midst of a line
    resumed = Records(path)
    resumed.truncate(position)
    assert resumed.position() == 20
    assert resumed.seconds == 1.0
    for step in (30, 40, 50):
        resumed(moment(step, train_loss=[9.0, 9.0]))
    resumed.close()
    read = read_records(path)
    assert [record["step"] for record in read] == [10, 20, 30, 40, 50]
    assert [record["seconds"] for record in read] == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert read[0]["train_loss"][0] == 0.1
    assert read[2]["train_loss"] == [9.0, 9.0]
    assert resumed.examples_per_second == 1280.0  # of the resumed part


def test_back_to_the_beginning(tmp_path):
    path = tmp_path / "m.jsonl"
    log(path, [10])
    Records(path).truncate(0)
    assert read_records(path) == []
    Records(tmp_path / "absent.jsonl").truncate(5)


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1}\n{"st\n{"step": 3}\n')
    with pytest.raises(RunFolderError, match=r"m\.jsonl, line 2: not a record"):
        read_records(path)


def test_a_process_that_does_not_write_counts_all_the_same():
    records = Records(None)
    records(moment(10, train_loss=np.ones(2)))
    records.truncate(10)
    assert records.position() == 10
    assert records.seconds == 0.5
