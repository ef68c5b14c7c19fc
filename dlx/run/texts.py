"""What experiments on texts share: beginnings that a user gives, and the vocabulary that a run keeps."""

import json
from typing import Any

import numpy as np

from dlx.data import Corpus
from dlx.errors import UsageError
from dlx.run.options import option

__all__ = ["check_vocabulary", "check_windows", "encode_given"]


def encode_given(field: str, text: str, corpus: Corpus) -> np.ndarray:
    """Ids of a text that an option gives.

    Args:
      field: name of the option's field.
      text: words between spaces, or characters.
      corpus: whose vocabulary has to know them.
    Returns: (time,) int32.
    Raises: UsageError if the text is empty, or naming words or characters which the vocabulary lacks.
    """
    tokens = text.split() if corpus.unit == "words" else text
    if not tokens:
        raise UsageError(f"{option(field)} wants at least one {corpus.unit.removesuffix('s')}.")
    try:
        return corpus.vocabulary.encode(tokens, strict=True)
    except ValueError as error:
        raise UsageError(f"{option(field)}: {str(error).removeprefix('tokens: ')}.") from None


def check_vocabulary(run: Any, vocabulary: Any, *, name: str = "vocabulary") -> None:
    """Writes a vocabulary into the run's folder; refuses to go on with a checkpoint of another one.

    Args:
      run: of `open_run`.
      vocabulary: of the text that the run reads.
      name: of the file, without its ending.
    Raises: CheckpointError that names the first id at which the two differ.
    """
    path = run.folder.path / f"{name}.json"
    if run.folder.resumed and path.exists():
        vocabulary.check_fits(json.loads(path.read_text(encoding="utf-8")))
    elif run.writes:
        path.write_text(json.dumps(vocabulary.as_dict(), ensure_ascii=False), encoding="utf-8")


def check_windows(config: Any, tokens: np.ndarray) -> None:
    """Refuses batches of `config.batch_size` rows of `config.time` tokens that the text is too short for.

    Raises: UsageError naming both options.
    """
    # the first row may begin up to one token less than a row's length into the text
    rows = (len(tokens) - config.time) // config.time
    if rows < config.batch_size:
        raise UsageError(
            f"--time {config.time} --batch-size {config.batch_size}: the training text has {len(tokens)} tokens, a"
            f" batch wants {(config.batch_size + 1) * config.time}."
        )
