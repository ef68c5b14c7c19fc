"""report.html: what was run, what came out, and how to run it again, on one page that carries everything itself."""

import dataclasses
import html
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlx.run.configuration import command_line, experiment_of
from dlx.run.curves import curves
from dlx.run.options import Options
from dlx.run.page import aligned, definitions, frame, section, table, words
from dlx.run.pictures import as_data_address, as_png
from dlx.run.strict_json import plain

__all__ = ["report_page", "write_report"]

_MOST_SEEDS = 6


def write_report(
    path: Path,
    config: Options,
    result: Mapping[str, Any],
    records: Sequence[dict],
    environment: Mapping[str, Any],
    **more: Any,
) -> None:
    """Writes `report_page(...)` to a file, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(report_page(config, result, records, environment, **more), encoding="utf-8")
    os.replace(temporary, path)


def report_page(
    config: Options, result: Mapping[str, Any], records: Sequence[dict], environment: Mapping[str, Any], *,
    pictures: Mapping[str, Any] | None = None, tables: Mapping[str, Sequence[Sequence]] | None = None,
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> str:  # fmt: skip
    """The page as HTML.

    Args:
      config: of the run.
      result: of `build_result`.
      records: of `read_records`.
      environment: of `environment()`, the last one of a resumed run.
      pictures: caption -> PNG bytes, matplotlib figure or array of images (see `as_png`).
      tables: caption -> rows, the first of them the header.
      texts: caption -> {label: text}.
    """
    experiment = experiment_of(type(config))
    paragraphs = [part.strip("\n") for part in re.split(r"\n\s*\n", experiment.doc) if part.strip()]
    title, source = _split_source(paragraphs[0] if paragraphs else experiment.name)
    body = [
        f"<header>\n<h1>{_inline(title)}</h1>\n<p class=quiet>{_byline(config, result, environment, source)}</p>",
        *_documented(paragraphs[1:]),
        _key_figures(result, records), "</header>",
        _warnings(result),
        section("Results", _result_table(config, result)),
        section("Sweep", _sweep_table(result)),
        section("Curves", curves(config, records)),
        section("Pictures", _pictures(pictures or {})),
        *[section(caption, table(rows[0], rows[1:])) for caption, rows in (tables or {}).items()],
        *[section(caption, *map(_text, several.items())) for caption, several in (texts or {}).items()],
        section("Run it again", f"<pre>{html.escape(command_line(config))}</pre>"),
        section("Configuration", _configuration(config)),
        section("Environment", _environment(result, environment)),
    ]  # fmt: skip
    return frame(f"{experiment.name} · {config.dataset}", "\n".join(part for part in body if part))


def _split_source(line: str) -> tuple[str, str]:
    """A docstring's first line as title and source: "LeNet (LeCun 1998)." is ("LeNet", "LeCun 1998")."""
    found = re.fullmatch(r"(.+?)\s*\(([^()]+)\)\.?", " ".join(line.split()))
    return (found[1], found[2]) if found else (line.strip().rstrip("."), "")


def _byline(config: Options, result: Mapping[str, Any], environment: Mapping[str, Any], source: str) -> str:
    seeds = result.get("seeds", [])
    facts = [source] if source else []
    facts += [experiment_of(type(config)).name, str(config.dataset), f"{len(seeds)} seed{'s' * (len(seeds) != 1)}"]
    facts += [str(environment["started"])[:10]] if environment.get("started") else []
    facts += [f"dlx {environment['versions']['dlx']}"] if environment.get("versions") else []
    return " &middot; ".join(html.escape(fact) for fact in facts)


def _documented(paragraphs: Sequence[str]) -> list[str]:
    """The rest of the docstring, marked as such: its figures are those of another run."""
    if not paragraphs:
        return []
    return ["<p class=quiet>What the experiment documents, not this run:</p>", *map(_paragraph, paragraphs)]


def _paragraph(text: str) -> str:
    if all(line.startswith("    ") for line in text.splitlines()):
        return f"<pre>{html.escape(chr(10).join(line[4:] for line in text.splitlines()))}</pre>"
    return f"<p>{_inline(text)}</p>"


def _text(labelled: tuple[str, str]) -> str:
    label, text = map(html.escape, labelled)
    return f"<p class=quiet>{label}</p><pre>{text}</pre>"


def _inline(text: str) -> str:
    joined = html.escape(" ".join(text.split())).replace("+-", "±")
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", joined)


def _key_figures(result: Mapping[str, Any], records: Sequence[dict]) -> str:
    metrics = result.get("metrics", {})
    chosen = [name for name in metrics if name.startswith("test_")] or list(metrics)
    figures = [(words(name), _mean_and_spread(metrics[name])) for name in chosen[:3]]
    figures += [("steps", f"{result['steps']:,}")] if result.get("steps") else []
    if result.get("examples_per_second"):
        figures.append(("examples a second", f"{result['examples_per_second']:,.0f}"))
    spent = records[-1]["seconds"] if records else 0.0
    parts = [f"{_seconds(spent)} training"] if spent else []
    parts += [f"{_seconds(result['compile_seconds'])} compiling"] if result.get("compile_seconds") else []
    training = f" <small>{', '.join(parts)}</small>" if parts else ""
    figures.append(("whole run", f"{_seconds(result.get('seconds', 0.0))}{training}"))
    return (
        '<dl class="figures">'
        + "".join(f"<div><dt>{html.escape(name)}</dt><dd>{value}</dd></div>" for name, value in figures)
        + "</dl>"
    )


def _mean_and_spread(statistics: Mapping[str, Any]) -> str:
    several = len(statistics.get("per_seed", [])) > 1
    mean, std = aligned([_float(statistics["mean"]), _float(statistics["std"])])
    return f"{mean} <small>± {std}</small>" if several else mean


def _warnings(result: Mapping[str, Any]) -> str:
    rows = result.get("sweep") or [{"values": {}, "failed_seeds": result.get("failed_seeds", [])}]
    told = [f"{_point(row['values'])}{': ' if row['values'] else ''}seed {', '.join(map(str, row['failed_seeds']))}"
            for row in rows if row.get("failed_seeds")]  # fmt: skip
    return (
        f'<p class="warning">Not finite, and left out of the means: {html.escape("; ".join(told))}.</p>' if told else ""
    )


def _result_table(config: Options, result: Mapping[str, Any]) -> str:
    metrics, seeds = result.get("metrics", {}), result.get("seeds", [])
    if not metrics:
        return ""
    header = ["metric", "value"]
    if len(seeds) > _MOST_SEEDS:
        header = ["metric", "mean", "sd", "lowest seed", "highest seed"]
    elif len(seeds) > 1:
        header = ["metric", "mean", "sd", *(f"seed {seed}" for seed in seeds)]
    rows = [[words(name), *_statistics(stats, len(seeds))] for name, stats in metrics.items()]
    best = (
        f"<p class=quiet>The best of the sweep: {html.escape(_point(result['best']))}.</p>"
        if result.get("best")
        else ""
    )
    return best + table(header, [[row[0], *aligned([_float(cell) for cell in row[1:]])] for row in rows])


def _statistics(stats: Mapping[str, Any], seeds: int) -> list[Any]:
    """What stands in a row: a value; or mean, deviation and every seed; or, of many seeds, the ends."""
    if seeds == 1:
        return [stats["mean"]]
    finite = [value for value in map(_float, stats["per_seed"]) if math.isfinite(value)] or [math.nan]
    rest = [min(finite), max(finite)] if seeds > _MOST_SEEDS else stats["per_seed"]
    return [stats["mean"], stats["std"], *rest]


def _sweep_table(result: Mapping[str, Any]) -> str:
    rows = result.get("sweep")
    if not rows:
        return ""
    names, metrics = list(rows[0]["values"]), list(rows[0]["metrics"])
    several = len(result.get("seeds", [])) > 1
    header = [
        *map(words, names),
        *(cell for name in metrics for cell in ([words(name), "sd"] if several else [words(name)])),
    ]
    columns = [[f"{row['values'][name]:g}" for row in rows] for name in names]
    for name in metrics:
        means, spreads = ([_float(row["metrics"][name][part]) for row in rows] for part in ("mean", "std"))
        both = aligned([*means, *spreads])
        columns += [both[: len(rows)], both[len(rows) :]] if several else [both[: len(rows)]]
    lines = list(zip(*columns, strict=True))
    return table(
        header, lines, best=next((at for at, row in enumerate(rows) if row["values"] == result.get("best")), None)
    )


def _pictures(pictures: Mapping[str, Any]) -> str:
    if not pictures:
        return ""
    figures = []
    for caption, picture in pictures.items():
        text, address = html.escape(caption), as_data_address(as_png(picture))
        figures.append(f'<figure><figcaption><b>{text}</b></figcaption><img alt="{text}" src="{address}"></figure>')
    return f'<div class="columns">{"".join(figures)}</div>'


def _configuration(config: Options) -> str:
    """Every option; the experiment's own first, those that are not its default standing out."""
    common = {field.name for field in dataclasses.fields(Options)}
    fields = sorted(
        (field for field in dataclasses.fields(config) if field.name not in config.invocation | config.unused()),
        key=lambda field: field.name in common,
    )
    changed = [field.name for field in fields if getattr(config, field.name) != field.default]
    pairs = [(field.name, _shown(plain(getattr(config, field.name)))) for field in fields]
    half = (len(pairs) + 1) // 2
    columns = definitions(pairs[:half], changed=changed) + definitions(pairs[half:], changed=changed)
    return f'<p class="quiet">Bold: not the default.</p><div class="columns">{columns}</div>'


def _environment(result: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    devices = environment.get("devices") or {}
    pairs = {
        name: environment.get(name)
        for name in ("started", "command", "system", "processor", "cores", "processes", "commit")
    }
    if devices:
        pairs["devices"] = f"{devices.get('count')} x {devices.get('kind')} ({devices.get('platform')})"
    pairs["versions"] = ", ".join(f"{name} {number}" for name, number in (environment.get("versions") or {}).items())
    pairs["run folder"] = result.get("run_folder")
    return definitions((name, value) for name, value in pairs.items() if value not in (None, ""))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    return (
        {None: "none", True: "yes", False: "no"}.get(value, str(value))
        if value is None or isinstance(value, bool)
        else str(value)
    )


def _point(values: Mapping[str, float]) -> str:
    return ", ".join(f"{words(name)} {value:g}" for name, value in values.items())


def _float(cell: Any) -> Any:
    return math.nan if cell is None else cell


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return (
        f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
        if seconds >= 3600
        else f"{int(seconds // 60)} min {int(seconds % 60)} s"
    )
