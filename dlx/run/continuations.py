"""What a language model writes, as a report shows it."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dlx.data import Corpus
from dlx.models import write_texts

__all__ = ["continuations"]


def continuations(
    corpus: Corpus, model: Any, params: Any, prefix: str, *, length: int, seed: int = 0,
    temperatures: Sequence[float] = (0.0, 0.5, 1.0),
) -> dict[str, str]:  # fmt: skip
    """Texts behind a given beginning, one for each temperature; <unk> is never written.

    Args:
      corpus: whose vocabulary the model has.
      model: see `dlx.models.write_texts`.
      params: its parameters.
      prefix: the beginning, words between spaces or characters.
      length: words or characters to write.
      seed: of the draws.
      temperatures: 0 writes the most probable token.
    Returns: {"temperature 0.5": beginning and what follows, ...}, for `Run.text`.
    """
    found = write_texts(
        jax.random.key(seed), model, params, jnp.asarray(corpus.encode(prefix)), length=length,
        temperatures=temperatures, forbidden=(0,),
    )  # fmt: skip
    between = " " if corpus.unit == "words" else ""
    return {
        f"temperature {value:g}" if value else "the most probable": f"{prefix}{between}{corpus.lines(row)}"
        for value, row in zip(temperatures, found, strict=True)
    }
