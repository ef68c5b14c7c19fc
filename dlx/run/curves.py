"""The curves of a report: what was logged of a run against its steps."""

import html
from collections.abc import Sequence

import numpy as np

from dlx.run.charts import Line, chart
from dlx.run.options import Options
from dlx.run.page import words
from dlx.run.records import metric_names
from dlx.run.result import score_name, sweep_points

__all__ = ["curves"]

_MOST_CURVES = 6


def curves(config: Options, records: Sequence[dict]) -> str:
    """One chart for train and test of a metric; in a sweep one for each metric, with a curve a value."""
    names, points = metric_names(list(records)), sweep_points(config)
    figures = []
    if len(points) > 1:
        judged = score_name([name for name in names if name.startswith("test_")] or names)
        swept = " and ".join(map(words, points[0]))
        for name in sorted(names, key=lambda name: (name != judged, not name.startswith("test_"))):
            labels = [", ".join(f"{value:g}" for value in point.values()) for point in points[:_MOST_CURVES]]
            drawn = [_line(config, records, name, label, at, value=at) for at, label in enumerate(labels)]
            figures.append(_figure(words(name), [line for line in drawn if line], keyed=swept))
    else:
        kinds = dict.fromkeys(name.partition("_")[2] or name for name in names)
        for kind in kinds:
            members = [name for name in names if (name.partition("_")[2] or name) == kind]
            ordered = sorted(members, key=lambda name: name.startswith("train_"))
            drawn = [_line(config, records, name, name.partition("_")[0], at) for at, name in enumerate(ordered)]
            figures.append(_figure(words(kind), [line for line in drawn if line]))
    if not any(figures):
        return ""
    several = config.seeds > 1
    left_out = f" The first {_MOST_CURVES} values of the sweep are drawn." if len(points) > _MOST_CURVES else ""
    legend = "Mean over the seeds, one standard deviation around it, and each seed." if several else ""
    return (
        f"<p class=quiet>{legend}{left_out}</p>" if several or left_out else ""
    ) + f'<div class="columns">{"".join(figures)}</div>'


def _line(
    config: Options, records: Sequence[dict], name: str, label: str, colour: int, *, value: int = 0
) -> Line | None:
    held = [record for record in records if name in record]
    if not held:
        return None
    rows = [np.asarray(record[name], float)[value * config.seeds : (value + 1) * config.seeds] for record in held]
    dashed = name.startswith("train_") and not config.sweep
    return Line(label, np.array([record["step"] for record in held], float), np.array(rows), colour, dashed)


def _figure(title: str, lines: Sequence[Line], *, keyed: str = "") -> str:
    if not lines:
        return ""
    keys = "".join(
        f'<span><i class="c{line.colour % 6}{" dashed" if line.dashed else ""}"></i>{html.escape(line.label)}</span>'
        for line in lines
    )
    keyed = f"<span>{html.escape(keyed)}</span>" if keyed else ""
    return (
        f"<figure><figcaption><b>{html.escape(title)}</b>{keyed}{keys}</figcaption>{chart(lines, title=title)}</figure>"
    )
