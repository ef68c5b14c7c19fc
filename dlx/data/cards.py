"""What a data set is: its arrays and its card."""

from typing import Literal, NamedTuple

import numpy as np

__all__ = ["Card", "Dataset", "Split"]

Split = dict[str, np.ndarray]


class Card(NamedTuple):
    """Facts about a data set, known without loading it.

    Attributes:
      name: the name that `load` takes.
      title: one line.
      description: what an example is, and every choice that was made in preparing it.
      kind: "image", "table" or "series".
      task: "classification" (labels int32, 0..classes-1) or "regression" (labels float32).
      input_shape: shape of one example.
      dtype: of the inputs as `load` gives them.
      classes: names of the classes in the order of their numbers; empty for regression.
      columns: names of the input columns of a table; empty otherwise.
      train_examples: number of training examples.
      test_examples: number of test examples.
      scale: inputs / scale lie in [0, 1] for images; 1 for everything else.
      mean: mean of inputs / scale over the training split, one for each entry of the last axis.
      std: standard deviation (of the population) of the same.
      licence: licence of the data.
      source: where they come from.
      citation: what to cite.
      tier: 1 embedded or generated, 2 TensorFlow Datasets or archives, 3 canonical files.
    """

    name: str
    title: str
    description: str
    kind: Literal["image", "table", "series"]
    task: Literal["classification", "regression"]
    input_shape: tuple[int, ...]
    dtype: str
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    train_examples: int
    test_examples: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    licence: str
    source: str
    citation: str
    tier: Literal[1, 2, 3]


class Dataset(NamedTuple):
    """A data set in memory (or memory-mapped and read-only).

    Attributes:
      name: the name that `load` takes.
      train: {"inputs": (N, ...), "labels": (N,)}; images uint8 NHWC as stored, tables and series float32, labels int32
        (classification) or float32 (regression).
      test: the same for the test split.
      card: facts about the data set.
    """

    name: str
    train: Split
    test: Split
    card: Card
