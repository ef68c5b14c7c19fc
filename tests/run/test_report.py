import dataclasses
import html.parser
import math
import re

import numpy as np
import pytest

from dlx.run.charts import Line, chart
from dlx.run.options import Options
from dlx.run.page import aligned, table
from dlx.run.pictures import as_png, image_grid
from dlx.run.report import report_page, write_report
from dlx.run.result import build_result

ENVIRONMENT = {
    "started": "2026-01-02T03:04:05+00:00", "command": "python -m x --name '<b>'", "system": "Linux",
    "versions": {"dlx": "9.9", "jax": "1"}, "processor": "A & B", "cores": 2, "processes": 1, "commit": "abc",
    "devices": {"platform": "cpu", "kind": "cpu", "count": 1},
}  # fmt: skip
TIMES = {"steps": 300, "seconds": 75.0, "examples_per_second": 12345.6, "compile_seconds": 0.7}


@dataclasses.dataclass(frozen=True)
class Config(Options):
    hidden: tuple[int, ...] = (256,)


def records(replicas):
    made = []
    for step in (100, 200, 300):
        record = {"step": step, "epoch": step / 100, "seconds": 1.0, "train_loss": [2.0 / step] * replicas}
        if step != 200:
            record["test_accuracy"] = [0.5 + step / 1000 + replica / 100 for replica in range(replicas)]
        made.append(record)
    return made


def page(config, metrics, **more):
    replicas = config.seeds * max(1, *(len(v) for v in config.sweep_values().values()), 1)
    return report_page(config, build_result(config, metrics, **TIMES), records(replicas), ENVIRONMENT, **more)


class Checker(html.parser.HTMLParser):
    """Every tag is closed in order, and nothing is loaded from elsewhere."""

    VOID = ("meta", "img", "br", "line", "circle", "path", "polygon")

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert tag not in ("script", "link", "iframe")
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert value.startswith("data:")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def checked(text):
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert "http" not in text
    assert "@import" not in text
    return checker, re.sub(r"\s+", " ", " ".join(checker.text))


def test_texts_keep_their_lines_and_are_escaped():
    written = page(Config(), {}, texts={"Written by the RNN": {"temperature 0.5": "ROMEO:\nI <b>am</b>\n"}})
    assert (
        "<h2>Written by the RNN</h2>\n<p class=quiet>temperature 0.5</p><pre>ROMEO:\nI &lt;b&gt;am&lt;/b&gt;\n</pre>"
        in written
    )


def test_the_page_of_a_run_with_seeds():
    config = Config(seeds=3, hidden=(3, 4), learning_rate=0.5)
    checker, text = checked(page(config, {"test_accuracy": [0.80, 0.81, 0.1], "train_loss": [0.01, 0.02, math.nan]}))
    for expected in ("0.8050", "± 0.0071", "12,346", "1 min 15 s", "1.0 s training, 0.7 s compiling", "seed 0",
                     "not finite",
                     "left out of the means: seed 2", "--seeds 3 --learning-rate 0.5 --hidden 3 4", "A & B", "'<b>'",
                     "1 x cpu (cpu)", "3, 4"):  # fmt: skip
        assert expected in text, expected
    assert checker.tags.count("svg") == 2
    assert checker.tags.count("polygon") == 2


def test_the_page_of_one_seed_has_no_bands():
    checker, text = checked(page(Config(), {"test_accuracy": [0.8]}))
    assert "polygon" not in checker.tags
    assert "±" not in text
    assert "sd" not in text.split("Results")[1].split("Curves")[0]


def test_the_page_of_a_sweep_marks_the_best():
    config = Config(seeds=2, sweep=("learning_rate=0.1,0.2",))
    source = page(config, {"test_accuracy": [0.1, 0.2, 0.8, 0.9]})
    _, text = checked(source)
    assert "The best of the sweep: learning rate 0.2" in text
    assert re.search(r"<tr class=best><td>0\.2</td><td>0\.8500</td>", source)
    assert source.count("<i class=") == 4  # two values in each of two charts


def test_pictures_and_tables_of_the_experiment():
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure()
    figure.subplots().plot([1, 2])
    pictures = {"A & grid": np.zeros((4, 3, 3, 1)), "drawn": figure}
    checker, text = checked(
        page(Config(), {}, pictures=pictures, tables={"Confusion": [["true", "0"], ["0", 0.123456]]})
    )
    assert checker.tags.count("img") == 2
    assert "A & grid" in text
    assert "0.1235" in text


def test_the_file_is_written_whole(tmp_path):
    config = Config()
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, config, build_result(config, {"test_loss": [1.0]}, **TIMES), records(1), ENVIRONMENT)
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert path.read_text().endswith("</html>\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_without_records_or_metrics():
    config = Config()
    _, text = checked(report_page(config, build_result(config, {}, **TIMES), [], {}))
    assert "Curves" not in text
    assert "Results" not in text


def points(svg, kind="mean"):
    found = re.search(rf'class="c0 {kind}[^"]*" d="([^"]*)"', svg)
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.]+)", found[1])]


def test_a_curve_goes_through_the_means():
    values = np.array([[0.0, 2.0], [4.0, 4.0], [10.0, 10.0]])
    drawn = points(chart([Line("a", np.array([0, 50, 100]), values)], title="t"))
    xs, ys = np.array(drawn).T
    assert np.isclose((xs[1] - xs[0]) / (xs[2] - xs[0]), 0.5, atol=2e-3)
    assert np.isclose((ys[0] - ys[1]) / (ys[0] - ys[2]), 3 / 9, atol=2e-3)
    assert (np.diff(ys) < 0).all()  # up is up


def test_a_wide_range_is_logarithmic():
    values = np.array([[100.0], [1.0], [0.01]])
    ys = np.array(points(chart([Line("a", np.arange(3), values)], title="t")))[:, 1]
    assert np.isclose(ys[1] - ys[0], ys[2] - ys[1], atol=0.2)


def test_gaps_single_points_and_nothing():
    values = np.array([[1.0], [math.nan], [2.0], [3.0]])
    svg = chart([Line("a", np.arange(4), values)], title="t")
    assert svg.count("<circle") == 1
    assert len(points(svg)) == 3
    assert "nan" not in svg
    assert "no finite value" in chart([Line("a", np.arange(2), np.full((2, 1), math.nan))], title="t")
    assert "nan" not in chart([Line("a", np.array([5]), np.array([[0.0]]))], title="t")


def test_long_logs_are_thinned_but_keep_their_end():
    steps = np.arange(10_001)
    drawn = points(chart([Line("a", steps, steps[:, None] * 1.0)], title="t"))
    assert len(drawn) <= 402
    assert drawn[-1][0] == max(x for x, _ in drawn) == 430.0


def test_numbers_that_are_read_against_each_other():
    assert aligned([0.98, 0.001]) == ["0.9800", "0.0010"]
    assert aligned([1234.6, math.nan]) == ["1,235", "not finite"]
    assert aligned([0.0, 0.0]) == ["0", "0"]
    assert aligned([0.04, 0.005]) == ["0.04000", "0.00500"]
    assert aligned([]) == []


def test_a_grid_of_images():
    images = np.stack([np.full((2, 3, 1), value, np.uint8) for value in (10, 20, 30)])
    sheet = image_grid(images, columns=2)
    assert sheet.shape == (5, 7, 1)
    assert sheet[0, 0, 0] == 10
    assert sheet[0, 4, 0] == 20
    assert sheet[3, 0, 0] == 30
    assert sheet[2, 0, 0] == sheet[0, 3, 0] == sheet[4, 6, 0] == 255
    assert image_grid(np.array([[0.0, 2.0], [-1.0, math.nan]]))[..., 0].tolist() == [[0, 255], [0, 0]]
    assert image_grid(np.zeros((2, 3, 4, 5, 3))).shape == (9, 17, 3)
    with pytest.raises(ValueError, match=r"images wants .* got shape \(2, 2, 2\)"):
        image_grid(np.zeros((2, 2, 2)))


def test_pictures_become_png():
    import io

    from PIL import Image

    png = as_png(np.full((4, 4, 3), 0.5))
    assert np.asarray(Image.open(io.BytesIO(png)))[0, 0].tolist() == [128, 128, 128]
    assert as_png(png) is png
    with pytest.raises(TypeError, match="picture wants PNG bytes"):
        as_png("name.png")


def test_columns_of_phrases_wrap():
    page = table(["source", "share"], [["a sentence of several words", 0.5], ["short", 0.25]])
    assert page.count("class=phrase") == 3
    assert "<td class=phrase>short</td><td>0.25</td>" in page
    assert "phrase" not in table(["source", "share"], [["short", 0.25]])
