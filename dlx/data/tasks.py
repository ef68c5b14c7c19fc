"""Generated pairs of strings whose law is known: copy, reverse, sort, addition."""

from typing import Literal, get_args

import numpy as np

__all__ = ["Task", "sequence_task"]

Task = Literal["copy", "reverse", "sort", "addition"]


def sequence_task(
    task: Task,
    *,
    examples: int = 10_000,
    min_length: int = 1,
    max_length: int = 10,
    symbols: str = "abcdefghijklmnopqrstuvwxyz",
    seed: int = 0,
) -> list[tuple[str, str]]:
    """Pairs (source, target) with sources that are all different.

        copy: abca -> abca      reverse: abca -> acba      sort: abca -> aabc      addition: 12+345 -> 357

    Lengths are equally likely, and so are the symbols; repeated draws are thrown away, so that short sources are rarer.

    Args:
      task: "copy", "reverse", "sort" (by the order of `symbols`) or "addition".
      examples: N.
      min_length: fewest symbols of a source; fewest digits of a summand.
      max_length: most of them.
      symbols: what copy, reverse and sort draw from, all different; addition uses the ten digits.
      seed: of the draws; a longer list of the same seed starts with the shorter one.
    Returns: N pairs of strings; a summand starts with 0 only if it is 0.
    Raises: ValueError on an unknown task, a length or number that is out of range, repeated symbols, or more examples
      than half of all possible sources.
    """
    if task not in get_args(Task):
        raise ValueError(f"task must be one of {', '.join(get_args(Task))}, not {task!r}")
    if not 1 <= min_length <= max_length:
        raise ValueError(f"lengths must satisfy 1 <= min_length <= max_length, not {min_length} and {max_length}")
    if len(symbols) < 2 or len(set(symbols)) < len(symbols):
        raise ValueError(f"symbols must be at least two different characters, not {symbols!r}")
    possible = _possible(task, min_length, max_length, len(symbols))
    if not 1 <= examples <= possible // 2:
        raise ValueError(f"examples must lie in 1..{possible // 2}, half of the {possible} sources, not {examples}")
    generator = np.random.default_rng(seed)
    sources: dict[str, None] = {}
    while len(sources) < examples:
        if task == "addition":
            sources[f"{_summand(generator, min_length, max_length)}+{_summand(generator, min_length, max_length)}"] = (
                None
            )
        else:
            length = int(generator.integers(min_length, max_length + 1))
            sources["".join(symbols[i] for i in generator.integers(len(symbols), size=length))] = None
    return [(source, _target(task, source, symbols)) for source in sources]


def _possible(task: str, low: int, high: int, symbols: int) -> int:
    if task == "addition":
        # numbers of `low` to `high` digits; 0 has one digit
        return (10**high - (0 if low == 1 else 10 ** (low - 1))) ** 2
    return sum(symbols**length for length in range(low, high + 1))


def _summand(generator: np.random.Generator, low: int, high: int) -> int:
    digits = int(generator.integers(low, high + 1))
    # Python's integers have no largest one
    numerals = "".join(map(str, generator.integers(10, size=digits)))
    first = str(int(generator.integers(0 if digits == 1 else 1, 10)))
    return int(first + numerals[1:])


def _target(task: str, source: str, symbols: str) -> str:
    if task == "copy":
        return source
    if task == "reverse":
        return source[::-1]
    if task == "sort":
        return "".join(sorted(source, key=symbols.index))
    first, second = source.split("+")
    return str(int(first) + int(second))
