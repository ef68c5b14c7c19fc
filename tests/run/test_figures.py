"""Figures for reports."""

import numpy as np

from dlx.run.figures import band, confusion_figure, mistakes_figure, signed_colours, spread
from dlx.run.pictures import as_png


def test_signs_have_their_colours():
    colours = signed_colours(np.array([[-2.0, 0.0, 2.0, 1.0]]))
    blue, white, red, pink = colours[0].astype(int)
    assert blue[2] > blue[0]
    assert white.tolist() == [255, 255, 255]
    assert red[0] > red[2]
    assert (pink > red).all()
    assert signed_colours(np.zeros((2, 2))).min() == 255


def test_mistakes_are_the_most_certain_ones_and_never_a_right_answer():
    images = np.zeros((4, 3, 3, 1), np.uint8)
    labels = np.array([0, 1, 1, 0])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.4, 0.6]])
    figure = mistakes_figure(images, labels, probabilities, classes=("a", "b"), count=2)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["b \N{RIGHTWARDS ARROW} a\n0.80", "b \N{RIGHTWARDS ARROW} a\n0.60"]
    assert as_png(figure).startswith(b"\x89PNG")


def test_a_perfect_classifier_has_an_empty_sheet():
    figure = mistakes_figure(np.zeros((2, 3, 3, 3), np.uint8), np.array([0, 1]), np.eye(2), classes=("a", "b"))
    assert not [axes for axes in figure.axes if axes.images]


def test_confusion_counts_true_classes_by_row():
    figure = confusion_figure(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), classes=("a", "b"))
    texts = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in figure.axes[0].texts}
    assert texts == {(0, 0): "66.7", (0, 1): "33.3", (1, 1): "100.0"}


def test_a_spread_is_that_of_a_sample():
    assert spread(np.array([1.0, 2.0, 3.0]), digits=2) == "2.00 +- 1.00"
    assert spread(np.array([0.12345])) == "0.1235"
    assert spread(np.array([1.0, np.nan])) == "1 of 2 diverged"


def test_a_band_is_a_standard_deviation_wide():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    band(axes, [0, 1], np.array([[1.0, 3.0], [2.0, 2.0]]), label="loss", colour="tab:blue")
    assert axes.lines[0].get_ydata().tolist() == [2.0, 2.0]
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], 2 + np.array([-1, 1]) * np.sqrt(2))
    band(axes, [0, 1], np.ones((2, 1)), label="one seed", colour="tab:red")
