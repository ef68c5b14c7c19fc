"""Figures for reports."""

import numpy as np

from dlx.run.figures import confusion_figure, mistakes_figure, signed_colours
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
