"""dlx.models.write_texts: texts behind a given beginning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dlx import models

KEY = jax.random.key(0)


@pytest.mark.row(148, function="dlx.models.write_texts")
@pytest.mark.gap("U4")
def test_write_texts():
    model = models.RecurrentLanguageModel(vocabulary=6, embedding=4, units=4, cell="lstm", num_layers=2)
    prefix = jnp.array([1, 2, 3])
    params = jax.tree.map(lambda a: 3 * a, jax.jit(model.init)(KEY, prefix[None])["params"])
    found = models.write_texts(KEY, model, params, prefix, length=5, temperatures=(0.0, 1.0, 1.0), forbidden=(0,))
    assert found.shape == (3, 5)
    assert not (found == 0).any()
    # the greedy text, each token from the whole text before it
    text = jnp.concatenate([prefix, found[0]])
    logits = jax.jit(model.apply)({"params": params}, text[None])[0]
    np.testing.assert_array_equal(found[0], jnp.argmax(logits[2:-1, 1:], -1) + 1)
    again = models.write_texts(KEY, model, params, prefix, length=5, temperatures=(0.0, 1.0, 1.0), forbidden=(0,))
    np.testing.assert_array_equal(found, again)
    with pytest.raises(ValueError, match="length"):
        models.write_texts(KEY, model, params, prefix, length=0)
