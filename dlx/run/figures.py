"""Figures, and texts of numbers, that several experiments put into their report."""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["band", "confusion_figure", "mistakes_figure", "signed_colours", "spread"]


def spread(values: np.ndarray, *, digits: int = 4) -> str:
    """Mean and standard deviation as text.

    Args:
      values: (replicas,).
      digits: behind the point.
    Returns: "mean +- sd", of one value itself; how many diverged if any is not finite.
    """
    diverged = int((~np.isfinite(values)).sum())
    if diverged:
        return f"{diverged} of {len(values)} diverged"
    return f"{np.mean(values):.{digits}f}" + (f" +- {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else "")


def band(axes: Any, x: Any, values: np.ndarray, *, label: str, colour: str) -> None:
    """A line of means over the last axis, with a standard deviation around it.

    Args:
      axes: of matplotlib.
      x: (times,).
      values: (times, replicas).
      label: of the line.
      colour: of line and band.
    """
    mean, deviation = values.mean(-1), values.std(-1, ddof=1) if values.shape[-1] > 1 else 0.0
    axes.plot(x, mean, color=colour, linewidth=1.3, label=label)
    axes.fill_between(x, mean - deviation, mean + deviation, color=colour, alpha=0.25, linewidth=0)


def signed_colours(values: np.ndarray) -> np.ndarray:
    """Numbers as colours: white for 0, red above, blue below, one scale for all.

    Args:
      values: any shape, finite.
    Returns: (*shape, 3) uint8.
    """
    scaled = values / max(float(np.abs(values).max()), np.finfo(np.float32).tiny)
    red, blue = np.array([178, 24, 43]), np.array([33, 102, 172])
    end = np.where((scaled > 0)[..., None], red, blue)
    return np.round(255 + np.abs(scaled)[..., None] * (end - 255.0)).astype(np.uint8)


def mistakes_figure(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, *, classes: Sequence[str], count: int = 24
) -> Any:
    """The examples that a classifier gets wrong, those first of which it is most certain.

    Args:
      images: (N, h, w, 1 or 3) uint8.
      labels: (N,) class numbers.
      probabilities: (N, classes) of the classifier.
      classes: their names.
      count: at most so many are shown.
    Returns: a matplotlib figure; each picture is titled with label, answer and certainty.
    """
    from matplotlib.figure import Figure

    answers = probabilities.argmax(1)
    wrong = np.flatnonzero(answers != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, answers[wrong]], kind="stable")][:count]
    columns = 6
    rows = max(1, -(-len(wrong) // columns))
    figure = Figure(figsize=(columns * 0.95, rows * 1.35), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, example in zip(figure.axes, wrong, strict=False):
        image = images[example]
        axes.imshow(
            image[..., 0] if image.shape[-1] == 1 else image, cmap="gray_r", vmin=0, vmax=max(1, int(images.max()))
        )
        true, answer = classes[labels[example]], classes[answers[example]]
        certainty = f"{probabilities[example, answers[example]]:.2f}"
        arrow = "\N{RIGHTWARDS ARROW}"
        # names of a word would run into the next picture
        short = len(true + answer) <= 11
        axes.set_title(f"{true} {arrow} {answer}\n{certainty}" if short else f"{true}\n{arrow} {answer}\n{certainty}",
                       fontsize=8 if short else 7)  # fmt: skip
    return figure


def confusion_figure(labels: np.ndarray, answers: np.ndarray, *, classes: Sequence[str]) -> Any:
    """How often each class is taken for each other, as shares of the true class.

    Args:
      labels, answers: (N,) class numbers.
      classes: their names.
    Returns: a matplotlib figure.
    """
    from matplotlib.figure import Figure

    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, answers), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = max(3.5, 0.42 * len(classes) + 1.2)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    # on a root scale, or the diagonal would be all there is to see
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.4 else "black"
        axes.text(column, row, f"{100 * shares[row, column]:.1f}", ha="center", va="center", fontsize=6, color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=90 if max(map(len, classes)) > 2 else 0, fontsize=7)
    axes.set_yticks(range(len(classes)), classes, fontsize=7)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class; shares in %")
    return figure
