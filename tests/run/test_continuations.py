"""What a report shows of a language model's writing."""

import jax
import jax.numpy as jnp

from dlx.data import load_corpus
from dlx.models import RecurrentLanguageModel
from dlx.run.continuations import continuations


def test_continuations_are_the_prefix_and_what_the_model_adds():
    corpus = load_corpus("python_docs", "words", min_frequency=20)
    model = RecurrentLanguageModel(vocabulary=len(corpus.vocabulary), embedding=4, units=4, tied=True, cell="rnn")
    params = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 1), int))["params"]
    found = continuations(corpus, model, params, "if the", length=7, temperatures=(0.0, 1.0))
    assert list(found) == ["the most probable", "temperature 1"]
    for text in found.values():
        words = text.split()
        assert words[:2] == ["if", "the"]
        assert len(words) == 9
        assert "<unk>" not in words
