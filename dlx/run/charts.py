"""Line charts as SVG that takes its colours and type from the page: light, dark and print from one drawing."""

import html
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Line", "chart"]

_WIDTH, _HEIGHT = 440, 264
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 8, 40
_MOST_POINTS = 400
_COLOURS = 6


class Line(NamedTuple):
    """One curve: values (points, seeds) against steps (points,); a `colour` 0-5 of the page's palette."""

    label: str
    steps: np.ndarray
    values: np.ndarray
    colour: int = 0
    dashed: bool = False


class _Scale(NamedTuple):
    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: Any) -> Any:
        low, high = (np.log10((self.low, self.high))) if self.logarithmic else (self.low, self.high)
        at = np.log10(value) if self.logarithmic else value
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def chart(lines: Sequence[Line], *, title: str, x_label: str = "step") -> str:
    """The SVG of some curves: mean over the seeds, a band of one standard deviation, each seed as a thin line.

    Args:
      lines: curves; points that are not finite leave a gap.
      title: for readers who cannot see it.
      x_label: of the axis.
    """
    drawn = [_thinned(line) for line in lines]
    xs = np.concatenate([line.steps for line in drawn])
    ys = np.concatenate([line.values[np.isfinite(line.values)] for line in drawn])
    if not ys.size:
        return f'<p class="quiet">{html.escape(title)}: no finite value.</p>'
    x = _Scale(*_widened(min(xs.min(), 0) if len(set(xs)) > 1 else xs.min(), xs.max()), _LEFT, _WIDTH - _RIGHT)
    logarithmic = bool(ys.min() > 0 and ys.max() / ys.min() > 50)
    low, high = _limits(ys, logarithmic)
    y = _Scale(low, high, _HEIGHT - _BOTTOM, _TOP, logarithmic)
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    parts += _axes(x, y, x_label)
    # bands below, then single seeds, then means, so that no curve hides another's mean
    parts += [_band(line, x, y) for line in drawn if line.values.shape[1] > 1]
    parts += [_path(line, line.values[:, seed], x, y, "seed") for line in drawn if line.values.shape[1] > 1
              for seed in range(min(line.values.shape[1], 16))]  # fmt: skip
    parts += [_path(line, _mean(line.values), x, y, "mean") for line in drawn]
    return "".join([*parts, "</svg>"])


def _thinned(line: Line) -> Line:
    every = math.ceil(len(line.steps) / _MOST_POINTS)
    kept = np.unique([*range(0, len(line.steps), every), len(line.steps) - 1])
    return line._replace(steps=np.asarray(line.steps, float)[kept], values=np.asarray(line.values, float)[kept])


def _mean(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    count = finite.sum(1)
    return np.where(count, np.where(finite, values, 0).sum(1) / np.maximum(count, 1), np.nan)


def _spread(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    deviation = np.where(finite, values - _mean(values)[:, None], 0)
    return np.sqrt((deviation**2).sum(1) / np.maximum(finite.sum(1) - 1, 1))


def _limits(ys: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    low, high = float(ys.min()), float(ys.max())
    if logarithmic:
        return low / 1.15, high * 1.15
    if 0 <= low < 0.2 * high:
        low = 0.0
    top = 1.0 if 0.9 < high <= 1.0 else high + 0.04 * (high - low)
    return _widened(low - (0.04 * (high - low) if low else 0.0), top)


def _widened(low: float, high: float) -> tuple[float, float]:
    """The limits, apart: an axis of length zero cannot be drawn."""
    if high > low:
        return float(low), float(high)
    margin = abs(low) * 0.05 or 1.0
    return float(low) - margin, float(high) + margin


def _ticks(scale: _Scale, count: int) -> list[float]:
    if scale.logarithmic:
        decades = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
        whole = [10.0**d for d in decades if scale.low <= 10.0**d <= scale.high]
        between = [m * 10.0**d for d in decades for m in (1, 2, 5) if scale.low <= m * 10.0**d <= scale.high]
        return whole if len(whole) > 3 else between
    raw = (scale.high - scale.low) / count
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(m * base for m in (1, 2, 5, 10) if m * base >= raw * 0.999)
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def _axes(x: _Scale, y: _Scale, x_label: str) -> list[str]:
    parts = []
    for value in _ticks(y, 5):
        at = float(y(value))
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_number(value)}</text>')
    for value in _ticks(x, 5):
        at = float(x(value))
        anchor = "end" if at > _WIDTH - _RIGHT - 12 else "middle"
        parts.append(
            f'<line class="tick" x1="{at:.1f}" x2="{at:.1f}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM + 4}"/>'
        )
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="{anchor}">{_number(value)}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>'
    )
    parts.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 5}" text-anchor="middle">{html.escape(x_label)}</text>')
    return parts


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 and value == int(value) else f"{value:.4g}"


def _runs(finite: np.ndarray) -> list[np.ndarray]:
    """The stretches of consecutive finite points."""
    at = np.flatnonzero(finite)
    return np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if at.size else []


def _path(line: Line, values: np.ndarray, x: _Scale, y: _Scale, kind: str) -> str:
    colour = f"c{line.colour % _COLOURS}"
    commands, dots = [], []
    px = x(line.steps)
    py = y(np.where(np.isfinite(values), values, 1.0))
    for run in _runs(np.isfinite(values)):
        if len(run) == 1:
            centre = f'cx="{px[run[0]]:.1f}" cy="{py[run[0]]:.1f}"'
            dots.append(f'<circle class="{colour} {kind}" {centre} r="{3 if kind == "mean" else 1.5}"/>')
        commands += [f"{'M' if at == run[0] else 'L'}{px[at]:.1f} {py[at]:.1f}" for at in run]
    dashed = " dashed" if line.dashed else ""
    return f'<path class="{colour} {kind}{dashed}" d="{"".join(commands)}"/>' + "".join(dots)


def _band(line: Line, x: _Scale, y: _Scale) -> str:
    mean, spread = _mean(line.values), _spread(line.values)
    px, polygons = x(line.steps), []
    for run in _runs(np.isfinite(mean)):
        below, above = (y(np.clip(mean[run] + sign * spread[run], y.low, y.high)) for sign in (-1, 1))
        points = [*zip(px[run], above, strict=True), *zip(px[run][::-1], below[::-1], strict=True)]
        polygons.append(" ".join(f"{a:.1f},{b:.1f}" for a, b in points))
    return "".join(f'<polygon class="c{line.colour % _COLOURS} band" points="{points}"/>' for points in polygons)
