"""What attention, masks, positions, decoding, BLEU and Transformers say when they are called wrongly."""

import jax
import jax.numpy as jnp
import pytest

from dlx import models, nn, text

X, MASK = jnp.ones((2, 3, 4)), jnp.ones((2, 3, 3), bool)
PARAMS = {f"{part}_kernel": jnp.ones((4, 4)) for part in ("query", "key", "value", "output")}
ADDITIVE = {"query_kernel": jnp.ones((4, 5)), "key_kernel": jnp.ones((4, 5)), "vector": jnp.ones(5)}
FORWARD = {"hidden_kernel": X[0].T, "hidden_bias": X[0, :, 0], "output_kernel": X[0], "output_bias": X[0, 0]}
CONTEXT = {"input_kernel": jnp.ones((4, 6)), "hidden_kernel": jnp.ones((2, 6)), "bias": jnp.ones(6)}
CACHE = nn.KeyValueCache(jnp.ones((2, 2, 5, 2)), jnp.ones((2, 2, 5, 2)))
NEW = nn.KeyValueCache(jnp.ones((2, 2, 3, 2)), jnp.ones((2, 2, 3, 2)))

START, IDS = jnp.zeros(2, int), ["a", "b"]


def step(state, tokens):
    return jnp.zeros((len(tokens), 3)), state


CASES = [
    (lambda: text.beam_search(step, None, START, beam=4), ValueError, "beam: got 4, wanted at most 3, the vocabulary"),
    (lambda: text.beam_search(step, None, START, beam=0), ValueError, "beam: got 0"),
    (lambda: text.beam_search(step, None, START, beam=2, alpha=-1.0), ValueError, "alpha: got -1.0"),
    (
        lambda: text.beam_search(step, None, START, beam=2, eos=3),
        ValueError,
        r"eos: got 3, wanted a number in \[0, 2\]",
    ),
    (
        lambda: text.beam_search(step, jnp.ones((3, 2)), START, beam=2),
        ValueError,
        r"state: got an array of shape \(3, 2\), wanted the batch, 2, as the first axis",
    ),
    (lambda: text.exhaustive_search(step, None, START, max_length=13), ValueError, "max_length: got 13 .* 1048576 seq"),
    (lambda: text.exhaustive_search(step, None, START, alpha=-1.0), ValueError, "alpha: got -1.0"),
    (lambda: text.length_penalised(X, X.astype(int), alpha=-1.0), ValueError, "alpha: got -1.0"),
    (lambda: text.greedy_search(step, None, START[:0]), ValueError, r"start: got shape \(0,\)"),
    (lambda: text.greedy_search(step, None, START * 1.0), TypeError, "start: got dtype float32"),
    (lambda: text.greedy_search(step, None, START, max_length=0), ValueError, "max_length: got 0"),
    (lambda: text.greedy_search(None, None, START), TypeError, "step: got None .* wanted a function step"),
    (
        lambda: text.greedy_search(lambda s, t: (X, s), None, START),
        ValueError,
        r"logits: got shape \(2, 3, 4\) from step, wanted \(2, vocabulary\)",
    ),
    (lambda: text.sample_tokens(0, step, None, START), TypeError, "key: got 0"),
    (lambda: text.truncate_logits(X, top_k=5), ValueError, "top_k: got 5, wanted at most 4, the vocabulary"),
    (lambda: text.truncate_logits(X, top_p=0.0), ValueError, "top_p: got 0.0"),
    (lambda: text.truncate_logits(X, temperature=0.0), ValueError, "temperature: got 0.0"),
    (lambda: text.truncate_logits(START), TypeError, "logits: got dtype int32"),
    (lambda: text.bleu(IDS, []), ValueError, "reference: got no token"),
    (lambda: text.bleu("a b", IDS), TypeError, "predicted: got 'a b' of type str, wanted a list of tokens"),
    (lambda: text.bleu(IDS, IDS, order=0), ValueError, "order: got 0"),
    (lambda: text.corpus_bleu([IDS], []), ValueError, "references: got 0 for 1 sentences"),
    (lambda: text.corpus_bleu([IDS], [[]]), ValueError, r"references: got \[\] at \[0\], wanted a list of one or more"),
    (lambda: text.corpus_bleu([IDS], [IDS]), TypeError, r"references\[0\]\[0\]: got 'a' of type str"),
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
    (lambda: nn.rotate_positions(X, X[0, :2]), ValueError, "inputs: got 3 places from position 0 on, wanted at most 2"),
    (lambda: nn.rotate_positions(X, X[0], -1), ValueError, "inputs: got 3 places from position -1 on"),
    (lambda: jax.jit(nn.rotate_positions)(X, X[0, :2], 1), ValueError, "inputs: got 3 places, wanted at most 2"),
    (lambda: nn.rotate_positions(X[..., :3], X[0, :, :3]), ValueError, r"table: .* an even number of them"),
    (lambda: nn.rotate_positions(X, X[0].astype(int)), TypeError, "table: got dtype int32"),
    (
        lambda: nn.multi_head_attention(PARAMS, X, X, num_heads=2, rotary=X[0, :, :2]),
        ValueError,
        "rotary: got a memory beside it",
    ),
    (lambda: nn.gelu(X, approximate="tan"), ValueError, "approximate: got 'tan', .* nearest: tanh"),
    (lambda: nn.feed_forward({}, X), ValueError, r"params: got \[\], wanted hidden_bias"),
    (lambda: nn.feed_forward(FORWARD, X, activation="rel"), ValueError, "got 'rel'"),
    (lambda: nn.context_gru_cell(CONTEXT, X[:, 0, :2], X[:, 0], X[:, 0]), ValueError, "params: got .* context_kernel"),
    (
        lambda: nn.context_gru_cell(CONTEXT | {"context_kernel": jnp.ones((3, 6))}, X[:, 0, :2], X[:, 0], X[:, 0]),
        ValueError,
        r"context: got shape \(2, 4\) .* context_kernel of shape \(3, 6\)",
    ),
]


KEY, IDS_OUT = jax.random.key(0), jnp.array([[1, 9]])
SMALL = {"vocabulary": 5, "features": 4, "num_heads": 2, "hidden": 3, "num_layers": 1, "max_length": 2}


def init(model, *arrays):
    # traced: the checks of shapes and places come before anything is compiled
    return jax.eval_shape(lambda: model.init(KEY, *arrays))


CASES += [
    (lambda: models.MultiHeadAttention(8, 3), ValueError, "num_heads: got 3, wanted a divisor of 8, the features"),
    (lambda: models.MultiHeadAttention(8, 2, masking="add"), ValueError, "masking: got 'add'"),
    (lambda: models.LayerNorm(0.0), ValueError, "eps: got 0.0"),
    (lambda: models.TransformerEncoderLayer(norm="bach"), ValueError, "norm: got 'bach', .* nearest: batch"),
    (lambda: models.TransformerEncoderLayer(dropout=1.0), ValueError, "dropout: got 1.0"),
    (lambda: models.TransformerDecoderLayer(hidden=0), ValueError, "hidden: got 0"),
    (lambda: models.TransformerLM(**SMALL, positions="sinus"), ValueError, "positions: got 'sinus'"),
    (
        lambda: models.TransformerLM(**SMALL | {"features": 6}, positions="rotary"),
        ValueError,
        "positions: got 'rotary' with 3 features a head, wanted an even number",
    ),
    (lambda: models.Transformer(num_layers=0), ValueError, "num_layers: got 0"),
    (lambda: models.Transformer(target_vocabulary=0), ValueError, "target_vocabulary: got 0"),
    (
        lambda: init(models.TransformerLM(**SMALL), jnp.zeros((1, 3), int)),
        ValueError,
        "inputs: got 3 places .* wanted at most 2, the rows of the table of positions",
    ),
    (lambda: init(models.TransformerLM(**SMALL), IDS_OUT), ValueError, r"tokens: got 9 at \[0, 1\], .* in 0\.\.4"),
    (lambda: init(models.TransformerLM(**SMALL), IDS_OUT[:, :0]), ValueError, r"tokens: got shape \(1, 0\)"),
    (lambda: models.GRUSeq2Seq(attention="adition"), ValueError, "attention: got 'adition', .* nearest: additive"),
    (lambda: models.GRUSeq2Seq(units=0), ValueError, "units: got 0"),
    (lambda: init(models.GRUSeq2Seq(5), IDS_OUT, IDS_OUT), ValueError, r"source: got 9 at \[0, 1\]"),
    (lambda: init(models.GRUSeq2Seq(10, 5), IDS_OUT, IDS_OUT), ValueError, r"target: got 9 at \[0, 1\]"),
    (lambda: init(models.GRUSeq2Seq(10), IDS_OUT, IDS_OUT[:, :0]), ValueError, r"target: got shape \(1, 0\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
