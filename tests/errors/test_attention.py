"""What attention, masks, positions, decoding, BLEU and Transformers say when they are called wrongly."""

import jax
import jax.numpy as jnp
import pytest

from dlx import nn

X, MASK = jnp.ones((2, 3, 4)), jnp.ones((2, 3, 3), bool)
PARAMS = {f"{part}_kernel": jnp.ones((4, 4)) for part in ("query", "key", "value", "output")}
ADDITIVE = {"query_kernel": jnp.ones((4, 5)), "key_kernel": jnp.ones((4, 5)), "vector": jnp.ones(5)}
FORWARD = {"hidden_kernel": X[0].T, "hidden_bias": X[0, :, 0], "output_kernel": X[0], "output_bias": X[0, 0]}
CONTEXT = {"input_kernel": jnp.ones((4, 6)), "hidden_kernel": jnp.ones((2, 6)), "bias": jnp.ones(6)}
CACHE = nn.KeyValueCache(jnp.ones((2, 2, 5, 2)), jnp.ones((2, 2, 5, 2)))
NEW = nn.KeyValueCache(jnp.ones((2, 2, 3, 2)), jnp.ones((2, 2, 3, 2)))

CASES = [
    (lambda: nn.causal_mask(0), ValueError, "queries: got 0, wanted a positive int"),
    (lambda: nn.causal_mask(2, 1.5), TypeError, "keys: got 1.5 of type float"),
    (lambda: nn.padding_mask(jnp.array([4]), 3), ValueError, r"lengths: got 4 at \[0\], wanted integers in 0\.\.3"),
    (lambda: nn.combine_masks(MASK[0] * 1.0), TypeError, "masks: got dtype float32, wanted bool, True where"),
    (lambda: nn.combine_masks(MASK, MASK[:, :2]), ValueError, r"masks: got shapes .* wanted some that broadcast"),
    (lambda: nn.dot_scores(X, X[..., :2]), ValueError, r"keys: got shape \(2, 3, 2\), wanted 4 features, as queries"),
    (lambda: nn.dot_scores(X, X[:1]), ValueError, r"keys: got shape \(1, 3, 4\) .* with the same leading axes"),
    (lambda: nn.dot_scores(X.astype(int), X), TypeError, "queries: got dtype int32"),
    (lambda: nn.additive_scores({}, X, X), ValueError, r"params: got \[\], wanted key_kernel, query_kernel, vector"),
    (lambda: nn.additive_scores(ADDITIVE, X[..., :2], X), ValueError, r"params\['query_kernel'\]: got shape \(4, 5\)"),
    (lambda: nn.attention_weights(X, MASK), ValueError, r"mask: got shape \(2, 3, 3\), wanted one that broadcasts to"),
    (lambda: nn.attention_weights(X, masking="add"), ValueError, "masking: got 'add', .* nearest: additive"),
    (lambda: nn.attention_weights(X[..., :0]), ValueError, r"scores: got shape \(2, 3, 0\), .* at least one key"),
    (lambda: nn.dot_product_attention(X, X, X[:, :2]), ValueError, r"values: got shape \(2, 2, 4\) .* each key"),
    (lambda: nn.dot_product_attention(X, X, X, MASK * 1), TypeError, "mask: got dtype int32, wanted bool"),
    (lambda: nn.multi_head_attention(PARAMS, X, num_heads=3), ValueError, "num_heads: got 3, wanted a divisor of 4"),
    (lambda: nn.multi_head_attention({}, X), ValueError, "params: got .* and their biases, all or none"),
    (
        lambda: nn.multi_head_attention(PARAMS, X[..., :2], num_heads=2),
        ValueError,
        r"inputs: .* wanted \(batch, time, 4",
    ),
    (lambda: nn.multi_head_attention(PARAMS, X[:, :0], num_heads=2), ValueError, "inputs: .* an empty batch or time"),
    (
        lambda: nn.multi_head_attention(PARAMS | {"value_kernel": jnp.ones((4, 2))}, X, num_heads=2),
        ValueError,
        r"params\['value_kernel'\]: got shape \(4, 2\), wanted \(4, 4\)",
    ),
    (
        lambda: nn.multi_head_attention(PARAMS, X, None, MASK[None], num_heads=2),
        ValueError,
        r"mask: got shape \(1, 2, 3, 3\), wanted \(queries, keys\) or \(batch, queries, keys\)",
    ),
    (lambda: nn.project_memory(PARAMS, X[0], num_heads=2), ValueError, r"memory: got shape \(3, 4\)"),
    (
        lambda: nn.write_cache(CACHE, NEW, 3),
        ValueError,
        r"position: got 3 for 3 places, wanted 0\.\.2: the cache holds 5",
    ),
    (lambda: nn.write_cache(CACHE, CACHE._replace(keys=X), 0), ValueError, r"new\.keys: got shape \(2, 3, 4\)"),
    (lambda: nn.sinusoidal_encoding(0, 4), ValueError, "length: got 0"),
    (lambda: nn.sinusoidal_encoding(4, 4, variant="note"), ValueError, "variant: got 'note', .* nearest: notes"),
    (lambda: nn.add_positions(X, X[0, :2]), ValueError, "inputs: got 3 places from position 0 on, wanted at most 2"),
    (lambda: nn.add_positions(X, X[0], 1), ValueError, "inputs: got 3 places from position 1 on, wanted at most 3"),
    (lambda: jax.jit(nn.add_positions)(X, X[0, :2], 1), ValueError, "inputs: got 3 places, wanted at most 2, the rows"),
    (lambda: nn.add_positions(X, X[0, :, :2]), ValueError, r"table: got shape \(3, 2\) for inputs"),
    (lambda: nn.feed_forward({}, X), ValueError, r"params: got \[\], wanted hidden_bias"),
    (lambda: nn.feed_forward(FORWARD, X, activation="rel"), ValueError, "got 'rel'"),
    (lambda: nn.context_gru_cell(CONTEXT, X[:, 0, :2], X[:, 0], X[:, 0]), ValueError, "params: got .* context_kernel"),
    (
        lambda: nn.context_gru_cell(CONTEXT | {"context_kernel": jnp.ones((3, 6))}, X[:, 0, :2], X[:, 0], X[:, 0]),
        ValueError,
        r"context: got shape \(2, 4\) .* context_kernel of shape \(3, 6\)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
