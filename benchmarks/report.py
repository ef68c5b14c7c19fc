"""From rounds to rows, and from rows to the page."""

import datetime
import os
import platform as system
import subprocess
import sys
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.cases import CASES, Case, Comparison
from benchmarks.measure import QUIET, Measured, Mode, median_interval
from benchmarks.startup import STARTS, summary
from dlx.run.environment import commit, versions
from dlx.run.startup import cpu_model

__all__ = ["circumstances", "lines", "page", "platform", "summarise"]

_LIBRARIES = ("torch",)


def platform() -> str:
    """The kind of device that JAX finds, asked in a process of its own, which then lets go of it."""
    code = "import jax; print(jax.devices()[0].platform)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def circumstances() -> dict[str, Any]:
    """When, where, with which versions and commit."""
    found = versions()
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    machine = {
        "processor": cpu_model(),
        "cores": os.cpu_count(),
        "system": system.system(),
        "machine": system.machine(),
    }
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
    return {"measured": when, "commit": commit(), "versions": found, "machine": machine}


def summarise(case: Case, mode: Mode, sides: dict[str, Measured], used: list[int]) -> dict[str, Any]:
    """Rates, spread and rows of a case, and every round beside them."""
    ran = {name: side for name, side in sides.items() if side.skipped is None}
    others = [max(side.rounds[i]["others"] for side in ran.values()) for i in used]
    return {
        "rounds": len(used),
        "others": float(np.median(others)) if others else 0.0,
        "quiet": bool(others) and max(others) < QUIET,
        "skipped": {name: side.skipped for name, side in sides.items() if side.skipped is not None},
        "sides": {name: _rate(side, mode, used) for name, side in ran.items()},
        "rows": [_row(row, case, mode, ran, used) for row in case.rows if {row.side, row.against} <= ran.keys()],
        "all_rounds": {name: side.rounds for name, side in ran.items()},
    }


def _rate(side: Measured, mode: Mode, used: list[int]) -> dict[str, Any]:
    median, low, high = median_interval(side.rates(mode, used))
    return {**side.facts, "items_per_second": median, "low": low, "high": high}


def _row(row: Comparison, case: Case, mode: Mode, sides: dict[str, Measured], used: list[int]) -> dict[str, Any]:
    side, against = sides[row.side], sides[row.against]
    ratios = side.rates(mode, used) / against.rates(mode, used)
    if row.kind == "ratio":
        values = ratios
    elif row.kind == "overhead":
        values = 1 / ratios - 1
    elif row.kind in ("resident", "planned"):
        values = np.array([side.rounds[i][row.kind] for i in used])
    elif row.kind == "inside":
        values = np.array([1e3 * np.mean(side.rounds[i]["inside"]) for i in used])
    else:
        items = np.array([side.rounds[i]["items"] for i in used])
        values = 1e3 * (items / side.rates(mode, used) - items / against.rates(mode, used)) / case.events
    median, low, high = median_interval(values)
    goal = row.goal if mode in row.modes else None
    return {"what": row.what, "kind": row.kind, "value": median, "low": low, "high": high, "goal": goal}


def verdict(row: dict[str, Any], *, loaded: bool = False) -> str:
    """Met or missed; "within the spread" where the interval holds the goal; none where the load may have decided."""
    if row["goal"] is None:
        return ""
    met = row["value"] >= row["goal"] if row["kind"] == "ratio" else row["value"] <= row["goal"]
    # load only lengthens times, but a ratio it moves either way: two threads that wait for each other suffer most
    if loaded and not (met and row["kind"] in ("seconds", "inside")):
        return "open, machine loaded"
    near = row["low"] <= row["goal"] <= row["high"]
    return ("met" if met else "MISSED") + (", within the spread" if near else "")


def _number(kind: str, value: float) -> str:
    forms = {"ratio": f"{value:.2f}", "overhead": f"{100 * value:+.1f} %", "seconds": f"{value:.2f} s"}
    forms |= dict.fromkeys(("resident", "planned"), f"{value:,.0f} MiB")
    return forms.get(kind, f"{value:.2f} ms")


def rows(name: str, mode: str, result: dict[str, Any]) -> list[list[str]]:
    """[what, mode, goal, measured, interval, load, verdict] of a case in one mode."""
    if name == "startup":
        return [_start_row(key, times) for key, times in result["starts"].items()]
    cells = []
    for row in result["rows"]:
        goal = row["goal"]
        sign = "at least" if row["kind"] == "ratio" else "at most"
        span = f"{_number(row['kind'], row['low'])} to {_number(row['kind'], row['high'])}"
        spread = span if result["rounds"] > 1 else "one round only"
        loaded = mode != "1t" and not result["quiet"]
        load = "" if mode == "1t" else (f"LOADED ({result['others']:.1f})" if loaded else "quiet")
        cells.append([row["what"], mode, f"{sign} {_number(row['kind'], goal)}" if goal is not None else "",
                      _number(row["kind"], row["value"]), spread, load, verdict(row, loaded=loaded)])  # fmt: skip
    return cells


def _start_row(key: str, times: dict[str, list[float]]) -> list[str]:
    start, found = STARTS[key], summary(times)
    row = {
        "kind": "seconds",
        "value": found["wall_median"],
        "low": min(times["wall"]),
        "high": max(times["wall"]),
        "goal": start.goal,
    }
    others = float(np.median(times["others"]))
    spread = f"least {row['low']:.2f} s; processor time {found['cpu_median']:.2f} s"
    load = "quiet" if others < QUIET else f"LOADED ({others:.1f})"
    measured, result = f"{row['value']:.2f} s", verdict(row, loaded=others >= QUIET)
    return [start.what, "wall", f"at most {start.goal:.2f} s", measured, spread, load, result]


def lines(name: str, mode: str, result: dict[str, Any]) -> list[str]:
    """For the terminal."""
    title = CASES[name].title if name in CASES else "From the start of a process"
    sides = [
        f"    {side}: {rate['items_per_second']:,.0f} examples/s" for side, rate in result.get("sides", {}).items()
    ]
    sides += [f"    {side}: skipped, {why}" for side, why in result.get("skipped", {}).items()]
    return [f"{title} [{mode}]", *sides, *("    " + "  ".join(filter(None, row)) for row in rows(name, mode, result))]


def page(results: dict[str, Any]) -> str:
    """docs/benchmarks.md."""
    parts = [_HEAD]
    order = [name for name in (*CASES, "startup") if name in results]
    for name in order:
        parts.append(f"\n## {CASES[name].title if name in CASES else 'From the start of a process'}\n")
        parts.append("| what | mode | goal | measured | spread | machine | verdict |\n|---|---|---|---:|---|---|---|")
        parts += [
            "| " + " | ".join(row) + " |" for mode, result in results[name].items() for row in rows(name, mode, result)
        ]
        rates = [_rates(mode, result) for mode, result in results[name].items() if "sides" in result]
        parts += ["", *rates] if rates else []
        parts += [f"{CASES[name].note}\n"] if name in CASES and CASES[name].note else []
    if not any(name.startswith("epoch_") for name in results):
        parts.append("\n## Accelerators\n\nNot measured: no accelerator on the machine that made this page.")
    parts.append(_where(results))
    return "\n".join(parts) + "\n"


def _rates(mode: str, result: dict[str, Any]) -> str:
    shown = [f"{side} {_rate_text(rate['items_per_second'])}" for side, rate in result["sides"].items()]
    shown += [f"{side} skipped ({why})" for side, why in result["skipped"].items()]
    return f"Examples a second, {mode}, median of {result['rounds']} rounds: {', '.join(shown)}.\n"


def _rate_text(rate: float) -> str:
    return f"{rate / 1e3:,.1f}k" if rate >= 1e3 else f"{rate:.3g}"


def _where(results: dict[str, Any]) -> str:
    found = [(name, mode, result) for name, modes in results.items() for mode, result in modes.items()]
    places = {f"{r['machine']['processor']}, {r['machine']['cores']} processors" for _, _, r in found}
    used = {f"{k} {v}" for _, _, r in found for k, v in r["versions"].items()}
    when = [f"| {name} | {mode} | {r['measured']} | {r['commit']} |" for name, mode, r in found]
    return "\n".join(["\n## Measured\n", *sorted(places), "", ", ".join(sorted(used)), "",
                      "| case | mode | when (UTC) | commit (+: with changes) |\n|---|---|---|---|", *when])  # fmt: skip


_HEAD = """# Benchmarks

Generated by `python -m benchmarks --write` from `benchmarks/results.json`; `make bench` measures everything anew, and
`python -m benchmarks --only sgd --mode 1t` one case in one mode.

Each side is a process of its own that first compiles and warms up; then every side runs a round in turn, the order
reversed each round, and waits for its results inside the clock. `1t`: one thread on one processor, a rate is examples a
second of the process's own processor time, which other programs on the machine hardly change. `2t`: two threads and
wall clock; "quiet" means that other programs used less than 12 % of a processor in each round that counts. LOADED gives
how many processors they used; such figures are not to be trusted and leave the verdict open. Measured is the median
over rounds, spread the 95 % interval of that median (bootstrap). Everything is float32 with the same shapes and
optimizer. PyTorch runs eagerly: its data lie on the device, scaled to float32 beforehand, and it sums the loss. dlx
holds uint8, scales inside the step, counts accuracy besides loss, looks for NaN, and writes its log."""
