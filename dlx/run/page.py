"""The HTML page of a report: its frame, its style, and small pieces. No script, nothing loaded from elsewhere."""

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["aligned", "definitions", "frame", "section", "table", "words"]

# ruff: noqa: E501  (a rule of the style is a line)
# Okabe and Ito's colours, which people with any colour vision can tell apart; lighter ones on a dark page
_STYLE = """
:root { color-scheme: light dark;
  --page: #fcfcfb; --ink: #1c1f23; --quiet: #667079; --line: #dfe2e5; --wash: #f2f3f4;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b1568f; --c4: #3f9fd6; --c5: #c88a00; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15181b; --ink: #e4e7ea; --quiet: #98a2ab; --line: #30363c; --wash: #1d2125;
  --c0: #56b4e9; --c1: #f0883e; --c2: #2fc296; --c3: #dc8fbf; --c4: #8ac7ee; --c5: #e6b93d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; }
main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; margin: 0 0 0.5rem; }
h2 { font-size: 1.1rem; font-weight: 650; margin: 3rem 0 0.9rem; padding-bottom: 0.35rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 0.95rem; font-weight: 600; margin: 1.6rem 0 0.5rem; }
p { margin: 0 0 0.9rem; max-width: 44rem; }
.quiet, figcaption { color: var(--quiet); font-size: 0.875rem; }
.figures { display: flex; flex-wrap: wrap; gap: 0.9rem 2rem; margin: 1.75rem 0 0; padding: 0; }
.figures div { min-width: 5.5rem; }
.figures dt { color: var(--quiet); font-size: 0.8125rem; }
.figures dd { margin: 0; font-size: 1.5rem; font-weight: 600; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures dd small { color: var(--quiet); font-weight: 400; font-size: 0.9375rem; letter-spacing: 0; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.34rem 1.25rem 0.34rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child { text-align: left; }
th.phrase, td.phrase { text-align: left; white-space: normal; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
tr.best td { font-weight: 650; }
.definitions td { text-align: left; white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
.definitions td:first-child { color: var(--quiet); white-space: nowrap; width: 1%; }
.definitions tr.changed td:last-child { font-weight: 650; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.75rem 2.5rem; align-items: start; }
figure { margin: 0; break-inside: avoid; }
figcaption b { color: var(--ink); font-weight: 600; font-size: 0.95rem; margin-right: 0.9rem; }
figcaption span { display: inline-block; margin-right: 0.75rem; }
figcaption i { display: inline-block; width: 1.5rem; border-top: 2.5px solid; vertical-align: 0.25em; margin-right: 0.35rem; }
figcaption i.dashed { border-top-style: dashed; }
figure img { display: block; max-width: 100%; height: auto; margin-top: 0.5rem; border: 1px solid var(--line); }
svg { display: block; width: 100%; height: auto; margin-top: 0.4rem; }
svg text { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis, svg .tick { stroke: var(--quiet); stroke-width: 1; }
svg path { fill: none; stroke: currentColor; stroke-linejoin: round; stroke-linecap: round; }
svg circle, svg polygon { fill: currentColor; }
svg .mean { stroke-width: 2; } svg circle.mean { stroke: none; }
svg .seed { stroke-width: 0.8; opacity: 0.35; }
svg .band { opacity: 0.14; }
svg .dashed.mean { stroke-dasharray: 5 4; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
.c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
pre { background: var(--wash); padding: 0.8rem 1rem; border-radius: 6px; font: 0.8438rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas,
  "Liberation Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 0.9rem; }
.warning { margin: 1.5rem 0 0; border-left: 3px solid var(--c1); padding-left: 0.9rem; }
@media (max-width: 30rem) { main { padding: 1.75rem 1rem 3rem; } h1 { font-size: 1.5rem; } .figures { gap: 0.8rem 1.75rem; }
  .figures dd { font-size: 1.25rem; } svg text { font-size: 14px; } }
@media print { :root { --page: #fff; --ink: #000; --quiet: #444; --line: #ccc; --wash: #f4f4f4;
    --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b1568f; --c4: #3f9fd6; --c5: #c88a00; }
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } h2 { margin-top: 1.6rem; break-after: avoid; }
  tr { break-inside: avoid; } .scroll { overflow: visible; } .columns { grid-template-columns: 1fr 1fr; gap: 1rem 1.5rem; } }
"""


def frame(title: str, body: str) -> str:
    """The whole page around a body."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """A heading and what stands under it; nothing where nothing does."""
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{content}\n</section>" if content else ""


_PHRASE = 24  # characters; what is longer is no number


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], *, best: int | None = None) -> str:
    """A table that scrolls sideways on a narrow screen; the row `best` stands out. Columns of phrases wrap."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    long = {column for row in cells for column, cell in enumerate(row) if len(cell) > _PHRASE}

    head = "".join(
        f'<th scope="col"{" class=phrase" if column in long else ""}>{html.escape(str(cell))}</th>'
        for column, cell in enumerate(header)
    )
    body = "".join(
        f"<tr{' class=best' if at == best else ''}>"
        + "".join(
            f"<td{' class=phrase' if column in long else ''}>{html.escape(cell)}</td>"
            for column, cell in enumerate(row)
        )
        + "</tr>"
        for at, row in enumerate(cells)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def definitions(pairs: Iterable[tuple[str, Any]], *, changed: Iterable[str] = ()) -> str:
    """Names and values; those `changed` stand out."""
    stand_out = set(changed)
    rows = "".join(
        f"<tr{' class=changed' if name in stand_out else ''}><td>{html.escape(name)}</td>"
        f"<td>{html.escape(str(value))}</td></tr>"
        for name, value in pairs
    )
    return f'<table class="definitions"><tbody>{rows}</tbody></table>'


def aligned(numbers: Sequence[float]) -> list[str]:
    """Numbers that are read against each other, to the same decimals: four digits of the largest; counts as counts."""
    finite = [abs(number) for number in numbers if math.isfinite(number)]
    largest = max(finite, default=0.0)
    if largest > 1 and all(number == int(number) for number in finite):
        return [f"{number:,.0f}" if math.isfinite(number) else "not finite" for number in numbers]
    if 0 < largest < 1e-4:
        return [f"{number:.2e}" if math.isfinite(number) else "not finite" for number in numbers]
    decimals = min(8, max(0, 3 - math.floor(math.log10(largest)))) if largest > 0 else 0
    return [f"{number:,.{decimals}f}" if math.isfinite(number) else "not finite" for number in numbers]


def words(name: str) -> str:
    """A metric's or an option's name as it is read."""
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "not finite"
    return str(value).replace(" +- ", " ± ")
