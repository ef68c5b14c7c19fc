"""Images of a report in named rows and columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["rows_figure"]


def rows_figure(
    rows: Mapping[str, Any], *, columns: Sequence[str] = (), captions: Mapping[str, Sequence[str]] | None = None,
    boxes: Any = None, points: Mapping[str, Any] | None = None, dark: bool = False, side: float = 0.58,
) -> Any:  # fmt: skip
    """A row of images for each name.

    Args:
      rows: name -> (n, h, w, 1 or 3) images in [0, 1], the same n in each; values outside are cut off.
      columns: n texts above the first row.
      captions: name -> n texts below the images of that row.
      boxes: (n, 4) as (x_min, y_min, x_max, y_max) in pixels, edges, drawn into the images of each column.
      points: name -> (n, 2) as (x, y) in pixels, the first pixel's centre at 0, marked in the images of that row.
      dark: 0 of grey images is black; else white, as ink on paper.
      side: of an image in inches.
    Returns: a matplotlib figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Rectangle

    count = len(next(iter(rows.values())))
    under, points = captions or {}, points or {}
    heights = [side * (1.35 if name in under else 1.06) for name in rows]
    close = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(side * 1.06 * count + 1.3, sum(heights) + (0.25 if columns else 0)), layout=close)
    grid = figure.subplots(len(rows), count, squeeze=False, gridspec_kw={"height_ratios": heights})
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for at, (axes, image) in enumerate(zip(line, np.clip(np.asarray(images, np.float32), 0, 1), strict=True)):
            grey = image.shape[-1] == 1
            axes.imshow(image[..., 0] if grey else image, cmap="gray" if dark else "gray_r", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            if name in points:
                axes.plot(*points[name][at], "+", color="cyan", markersize=5, markeredgewidth=0.9)
            if name in under:
                axes.set_xlabel(under[name][at], fontsize=7, labelpad=1)
            if boxes is not None:
                x, y, x_end, y_end = np.asarray(boxes[at]) - 0.5
                axes.add_patch(Rectangle((x, y), x_end - x, y_end - y, fill=False, edgecolor="lime", linewidth=0.8))
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    for axes, text in zip(grid[0], columns, strict=False):
        axes.set_title(text, fontsize=8, pad=2)
    return figure
