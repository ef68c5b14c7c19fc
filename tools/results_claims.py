"""The numbers that a docstring states, compared with those that were recorded."""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tools.results_record import Documented

__all__ = ["Claim", "claims", "compare", "problems"]

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?"
_STATED = re.compile(rf"({_NUMBER})\s*(?:\+-|\+/-|±)\s*({_NUMBER})\s*(\([^()]*\))?")


class Claim(NamedTuple):
    """`Test accuracy 0.981 +- 0.001 (mnist, 4 seeds)`: words since the claim before it, numbers, brackets."""

    words: str
    mean: str
    std: str
    within: str

    def __str__(self) -> str:
        return f"{self.mean} +- {self.std} {self.within}".strip()


def claims(text: str) -> list[Claim]:
    """Every `mean +- sd (...)` of a text. A claim without a metric takes the words of the one before it as well."""
    found, end = [], 0
    for match in _STATED.finditer(text):
        found.append(Claim(text[end : match.start()], match[1], match[2], match[3] or ""))
        end = match.end()
    return found


def compare(experiment: str, text: str, results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with the numbers of a docstring.

    Args:
      experiment: its name, for the messages.
      text: the prose of the docstring.
      results: data set -> what was recorded of it.
    """
    found, wrong, metric, stated = claims(text), [], None, set()
    names = {name for kept in results.values() for name in kept["result"]["metrics"]}
    for claim in found:
        metric = _last_named(claim.words, names) or metric
        dataset = _longest_named(claim.within, results) or _longest_named(claim.words, results)
        if dataset is None and len(results) == 1:
            dataset = next(iter(results))
        if metric is None:
            wrong.append(f"{experiment}: {claim}: names no recorded metric ({', '.join(map(_words, sorted(names)))})")
        elif dataset is None:
            wrong.append(f"{experiment}: {claim}: of which data set? ({', '.join(results)})")
        else:
            stated.add(dataset)
            wrong += [f"{experiment}: {line}" for line in _differences(claim, metric, results[dataset]["result"])]
    for dataset in results:
        if dataset not in stated:
            wrong.append(f"{experiment}: the docstring states no `mean +- sd` for {dataset}")
    return wrong


def _differences(claim: Claim, metric: str, result: Mapping[str, Any]) -> list[str]:
    statistics = result["metrics"].get(metric)
    if statistics is None:
        return [f"{claim}: no {_words(metric)} was recorded for {result['dataset']}"]
    of = f"{_words(metric)} on {result['dataset']}"
    pairs = [("mean", claim.mean, statistics["mean"]), ("sd", claim.std, statistics["std"])]
    wrong = [f"{of}: {part} stated {stated}, recorded {_shown(recorded)}"
             for part, stated, recorded in pairs if not _rounds_to(recorded, stated)]  # fmt: skip
    seeds = re.search(r"(\d+) seeds?\b", claim.within)
    if seeds and int(seeds[1]) != len(result["seeds"]):
        wrong.append(f"{of}: stated for {seeds[0]}, recorded for {len(result['seeds'])}")
    return wrong


def _rounds_to(recorded: float | None, stated: str) -> bool:
    """Whether the number, rounded to as many digits as are stated, is what is stated (either way at a half)."""
    if recorded is None or not math.isfinite(recorded):
        return False
    number = Decimal(stated.replace(",", ""))
    unit = Decimal(1).scaleb(int(number.as_tuple().exponent))
    return abs(Decimal(recorded) - number) <= unit * Decimal("0.5000001")


def _last_named(words: str, names: set[str]) -> str | None:
    """The metric whose name in words stands last; "test loss" is meant before a "loss" in the same place."""
    text = words.lower()
    at = {name: text.rfind(_words(name)) + len(_words(name)) for name in names if _words(name) in text}
    return max(at, key=lambda name: (at[name], len(name)), default=None)


def _longest_named(words: str, datasets: Mapping[str, Any]) -> str | None:
    """The data set that is named, also as Fashion-MNIST for fashion_mnist, which is not mnist."""
    text = _letters(words)
    return max((name for name in datasets if _letters(name) in text), key=len, default=None)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: float | None) -> str:
    return "nothing finite" if value is None else f"{value:.6g}"


def problems(experiments: Sequence[Documented], recorded: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Where docstrings and results/ differ: commands without a result, results without a command, other numbers.

    Args:
      experiments: of `documented`.
      recorded: of `load`.
    """
    wrong = []
    by_command = {kept["command"]: name for name, kept in recorded.items()}
    for experiment in experiments:
        if not experiment.commands:
            wrong.append(
                f"{experiment.name}: the docstring has no line `    python -m experiments.{experiment.name} ...`"
            )
        wrong += [f"{experiment.name}: no result of `{command}`; python -m tools.results --run {experiment.name}"
                  for command in experiment.commands if command not in by_command]  # fmt: skip
        own = [recorded[by_command[command]] for command in experiment.commands if command in by_command]
        if own:
            wrong += compare(experiment.name, experiment.expected, {kept["result"]["dataset"]: kept for kept in own})
    known = {command for experiment in experiments for command in experiment.commands}
    wrong += [f"results/{name}.json: no docstring has its command `{command}`"
              for command, name in by_command.items() if command not in known]  # fmt: skip
    return wrong
