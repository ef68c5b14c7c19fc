"""Prints the cards of all data sets, sets of images and texts as Markdown.

python -m dlx.data > docs/datasets.md      the page of the documentation
python -m dlx.data --statistics            recomputes mean and std of the cards, for data sets that can be loaded
"""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlx.data.cards import Card, Split
from dlx.data.images import ImageCard, image_catalogue
from dlx.data.loading import card, load, names
from dlx.data.texts import TextCard, text_catalogue
from dlx.errors import DatasetError

__all__ = ["markdown", "statistics"]

_INTRODUCTION = """# Data sets

`dlx.data.load(name)` gives `train` and `test`, each `{"inputs", "labels"}`, and the card below. Images are uint8, NHWC,
as they are stored; tables and series float32; labels int32 (classes) or float32. Mean and standard deviation are those
of the training split, of inputs divided by the scale. `dlx.data.prepare(card)` standardises a batch in a compiled step.

Tier 1 is embedded or generated and needs no file. The others are looked for in the cache (`DLX_CACHE_DIR`), in a folder
prepared by TensorFlow Datasets (`TFDS_DATA_DIR`), among files of their published name, plain or .gz, at any depth under
`DLX_DATA_DIR`, and are fetched last. This page is made by `python -m dlx.data`.
"""


_IMAGES = """## Sets of images

`dlx.data.load_images(name)` gives `arrays`, by name, and the `card` below: pictures uint8, (height, width) or (height,
width, 3), as they are stored. Photographs come with the installed scikit-learn and scikit-image; the other files are
looked for under `DLX_DATA_DIR` and in the cache, and are fetched last, each accepted by its checksum.
"""


_TEXTS = """## Texts

`dlx.data.load_text(name)` gives `train`, `validation` and `test`, each a string (text), a list of pairs of strings
(source and target) or a list of labelled strings, and the `card` below. Sizes are characters or pairs. Tier 1 is
embedded or generated; the other files are looked for under `DLX_DATA_DIR` and in the cache, and are fetched last, each
accepted by its checksum.
"""


def markdown(cards: Sequence[Card], images: Sequence[ImageCard], texts: Sequence[TextCard] = ()) -> str:
    """The page with all cards.

    Args:
      cards: of data sets, in the order of the page.
      images: cards of sets of images, in the order of the page.
      texts: cards of texts, in the order of the page.
    Returns: Markdown.
    """
    rows = [
        f"| [{c.name}](#{c.name}) | {c.title} | {c.tier} | {c.train_examples:,} / {c.test_examples:,} | "
        f"{c.input_shape} {c.dtype} | {len(c.classes) or 'regression'} |"
        for c in cards
    ]
    table = ["| name | what | tier | train / test | inputs | classes |", "|---|---|---|---|---|---|", *rows]
    pictures = [f"| {c.name} | {c.title} | {c.description} | {c.licence} | {c.source} |" for c in images]
    sets = [_IMAGES, "| name | what | arrays | licence | source |", "|---|---|---|---|---|", *pictures, ""]
    prose = [
        f"| {c.name} | {c.title} | {c.tier} | {c.kind} | {_sizes(c)} | {c.description} | {c.licence} | {c.source} | "
        f"{c.citation} |"
        for c in texts
    ]
    head = "| name | what | tier | kind | train / validation / test | notes | licence | source | cite |"
    sets += [_TEXTS, head, "|---|---|---|---|---|---|---|---|---|", *prose, ""] if texts else []
    return "\n".join([_INTRODUCTION, *table, "", *(_section(c) for c in cards), *sets])


def _sizes(c: TextCard) -> str:
    return " / ".join(f"{size:,}" for size in c.sizes) if c.sizes else "by Python's version"


def _section(c: Card) -> str:
    """One card."""
    facts = [f"scale {c.scale:g}"] if c.kind == "image" else []
    facts += [f"mean {_numbers(c.mean)}", f"std {_numbers(c.std)}"] if len(c.mean) <= 5 else []
    lines = [f"## {c.name}", "", f"{c.title}. {c.description}", ""]
    lines += [f"- {', '.join(facts)}"] if facts else []
    lines += [f"- classes: {', '.join(c.classes)}"] if c.classes else []
    lines += [f"- columns: {', '.join(c.columns)}"] if c.columns else []
    return "\n".join([*lines, f"- source: {c.source}", f"- licence: {c.licence}", f"- cite: {c.citation}", ""])


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


def statistics(train: Split, scale: float) -> dict[str, list[float]]:
    """Mean and standard deviation of inputs / scale over all but the last axis, to seven digits.

    Args:
      train: the training split.
      scale: of the card.
    Returns: {"mean": [...], "std": [...]}.
    """
    inputs = train["inputs"]
    if inputs.dtype == np.uint8:  # exactly, from counts; a float64 copy of CIFAR-10 would take 1.2 GB
        counts = np.stack([np.bincount(inputs[..., c].reshape(-1), minlength=256) for c in range(inputs.shape[-1])])
        weights, levels = counts / counts.sum(axis=1, keepdims=True), np.arange(256) / scale
        mean = weights @ levels
        std = np.sqrt(np.sum(weights * (levels - mean[:, None]) ** 2, axis=1))
    else:
        rows = inputs.reshape(-1, inputs.shape[-1]).astype(np.float64) / scale
        mean, std = rows.mean(axis=0), rows.std(axis=0)
    return {"mean": [float(f"{v:.7g}") for v in mean], "std": [float(f"{v:.7g}") for v in std]}


def main(arguments: list[str]) -> None:
    """Prints the page, or rewrites statistics.json."""
    if "--statistics" not in arguments:
        images = [entry.card for entry in image_catalogue().values()]
        texts = [entry.card for entry in text_catalogue().values()]
        print(markdown([card(name) for name in names()], images, texts), end="")
        return
    path = Path(__file__).with_name("statistics.json")
    known = json.loads(path.read_text(encoding="utf-8"))
    for name in names():
        try:
            known[name] = statistics(load(name, cache=False).train, card(name).scale)
        except DatasetError as error:
            warnings.warn(f"kept as they are: {error}", stacklevel=1)
    rows = [f"  {json.dumps(name)}: {json.dumps(known[name])}" for name in names() if name in known]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
