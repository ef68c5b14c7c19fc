"""What recurrent cells, layers, losses and models say when they are called wrongly."""

import functools

import jax
import jax.numpy as jnp
import pytest

from dlx import backprop, losses, metrics, models, nn

KEY = jax.random.key(0)
X, H = jnp.ones((2, 4, 3)), jnp.ones((2, 5))
ENDS = jnp.array([4, 2])


def params(gates, **more):
    shapes = {"input_kernel": (3, 5 * gates), "hidden_kernel": (5, 5 * gates), "bias": (5 * gates,), **more}
    return {name: jnp.ones(shape) for name, shape in shapes.items()}


RNN, GRU, LSTM, AFTER = params(1), params(3), params(4), params(3, hidden_bias=(5,))
STATE = nn.LSTMState(H, H)
RNN_, GRU_, LSTM_ = ((functools.partial(f, p), p) for f, p in ((nn.rnn, RNN), (nn.gru, GRU), (nn.lstm, LSTM)))
LOGITS, LABELS, MASK = jnp.ones((2, 4, 7)), jnp.zeros((2, 4), int), jnp.ones((2, 4), bool)

CASES = [
    (lambda f=f: f(X[0]), ValueError, r"inputs: got shape \(4, 3\), wanted \(batch, time, features\)")
    for f, _ in (RNN_, GRU_, LSTM_)
]
CASES += [
    (lambda f=f: f(X[:, :0]), ValueError, r"inputs: got shape \(2, 0, 3\), an empty batch or time")
    for f, _ in (RNN_, GRU_, LSTM_)
]
CASES += [
    (lambda f=f: f(X, None, ENDS + 1), ValueError, r"lengths: got 5 at \[0\], wanted integers in 1\.\.4, the time axis")
    for f, _ in (RNN_, GRU_, LSTM_)
]
CASES += [
    (lambda: nn.rnn_cell(RNN, H, X[:, 0, :2]), ValueError, r"inputs: got shape \(2, 2\), wanted \(\.\.\., 3\)"),
    (lambda: nn.rnn_cell(RNN, H[:1], X[:, 0]), ValueError, r"hidden: got shape \(1, 5\), wanted \(2, 5\)"),
    (lambda: nn.rnn_cell(RNN, H, X[:, 0].astype(int)), TypeError, "inputs: got dtype int32, wanted a floating dtype"),
    (
        lambda: nn.rnn_cell(RNN, H.astype(jnp.bfloat16), X[:, 0]),
        TypeError,
        "hidden: got dtype bfloat16, wanted float32",
    ),
    (lambda: nn.rnn_cell(RNN, H, X[:, 0], activation="tnh"), ValueError, "tnh.*tanh"),
    (lambda: nn.rnn_cell(GRU, H, X[:, 0]), ValueError, r"hidden_kernel.*got shape \(5, 15\), wanted \(units, units\)"),
    (lambda: nn.gru_cell(RNN, H, X[:, 0]), ValueError, r"hidden_kernel.*got shape \(5, 5\), wanted \(units, 3 units\)"),
    (lambda: nn.gru_cell(GRU, H, X[:, 0], reset_after=True), ValueError, "params: got .*wanted .*hidden_bias"),
    (lambda: nn.gru_cell(AFTER, H, X[:, 0]), ValueError, "params: got .*hidden_bias.* wanted bias, hidden_kernel"),
    (lambda: nn.gru_cell({**GRU, "bias": H}, H, X[:, 0]), ValueError, r"bias.*got shape \(2, 5\), wanted \(15,\)"),
    (lambda: nn.gru_cell([1], H, X[:, 0]), ValueError, "params: got list, wanted"),
    (lambda: nn.lstm_cell(LSTM, H, X[:, 0]), TypeError, r"state: got an array of shape \(2, 5\), wanted LSTMState\("),
    (lambda: nn.lstm_cell(LSTM, (H, H), X[:, 0]), TypeError, "state: got tuple, wanted LSTMState"),
    (lambda: nn.lstm_cell(LSTM, nn.LSTMState(H, H[0]), X[:, 0]), ValueError, r"state.cell: got shape \(5,\)"),
    (lambda: nn.lstm_cell(LSTM, STATE, X[:, 0], forget_bias=float("nan")), ValueError, "forget_bias: got nan"),
    (
        lambda: nn.lstm_cell({**LSTM, "peephole": H}, STATE, X[:, 0]),
        ValueError,
        r"peephole.*got shape \(2, 5\), wanted \(3, 5\)",
    ),
    (lambda: nn.rnn(RNN, X.astype(int)), TypeError, "inputs: got dtype int32"),
    (lambda: nn.rnn(RNN, X[..., :2]), ValueError, r"inputs: got shape \(2, 4, 2\), wanted \(batch, time, 3\)"),
    (lambda: nn.gru(GRU, X, H[:1]), ValueError, r"initial: got shape \(1, 5\), wanted \(2, 5\)"),
    (lambda: nn.lstm(LSTM, X, (H, H)), TypeError, "initial: got tuple, wanted LSTMState"),
    (lambda: nn.gru(GRU, X, None, ENDS[:1]), ValueError, r"lengths: got shape \(1,\), wanted \(2,\)"),
    (lambda: nn.gru(GRU, X, None, ENDS * 0), ValueError, r"lengths: got 0 at \[0\], wanted integers in 1\.\.4"),
    (lambda: nn.gru(GRU, X, None, ENDS * 1.0), TypeError, "lengths: got dtype float32, wanted integers"),
    (lambda: nn.gru(GRU, X, None, [4, 2]), TypeError, r"lengths: got \[4, 2\] of type list, wanted an array"),
    (lambda: nn.gru(GRU, X, truncate=0), ValueError, "truncate: got 0, wanted a positive int"),
    (lambda: nn.gru(GRU, X, backward="auto"), ValueError, "backward: got 'auto', wanted one of hand, automatic"),
    (lambda: nn.sequence_mask(ENDS, 3), ValueError, r"lengths: got 4 at \[0\], wanted integers in 0\.\.3"),
    (lambda: nn.sequence_mask(ENDS, 0), ValueError, "time: got 0"),
    (lambda: nn.unroll(jnp.add, H, X[:, :0]), ValueError, "an empty batch or time"),
    (lambda: nn.unroll(jnp.add, H, [X, X[:1]]), ValueError, r"inputs: got shapes .* wanted \(batch, time, \.\.\.\)"),
    (lambda: nn.unroll(jnp.add, H, X, truncate=1.5), TypeError, "truncate: got 1.5"),
    (lambda: nn.stacked([], X), ValueError, "layers: got none"),
    (lambda: nn.stacked([RNN_[0]], X, [H, H]), ValueError, "initial: got 2 states, wanted 1, one for each layer"),
    (
        lambda: nn.stacked([RNN_[0], RNN_[0]], X),
        ValueError,
        r"inputs: got shape \(2, 4, 5\), wanted \(batch, time, 3\)",
    ),
    (
        lambda: nn.embedding(X[0], jnp.array([0, 4])),
        ValueError,
        r"tokens: got 4 at \[1\], wanted class numbers in 0\.\.3",
    ),
    (lambda: nn.embedding(X[0], jnp.array([-1])), ValueError, "tokens: got -1"),
    (lambda: nn.embedding(X[0], H), TypeError, "tokens: got dtype float32, wanted integers"),
    (lambda: nn.embedding(X, ENDS), ValueError, r"table: got shape \(2, 4, 3\), wanted \(vocabulary, features\)"),
    (lambda: nn.embedding(X[0], ENDS - 1, padding_idx=4), ValueError, r"padding_idx: got 4, wanted an int in 0\.\.3"),
    (lambda: nn.scheduled_sampling(KEY, (2, 3), ratio=1.5), ValueError, "ratio: got 1.5"),
    (lambda: nn.scheduled_sampling(0, (2, 3)), TypeError, "key: got 0"),
    (lambda: nn.scheduled_sampling(KEY, (2,)), ValueError, r"shape: got \(2,\), wanted \(batch, time\)"),
    (lambda: nn.prefix_forcing((2, 3), 4), ValueError, r"prefix: got 4, wanted a number in \[1, 3\]"),
    (lambda: nn.feedback_unroll(None, H, X, MASK[:1]), ValueError, r"forced: got bool of shape \(1, 4\), wanted bool"),
    (lambda: nn.feedback_unroll(None, H, X[:, :0], MASK), ValueError, r"inputs: got shape \(2, 0, 3\)"),
    (
        lambda: nn.feedback_unroll(lambda s, x: (x[:, :1], s), H, X, MASK),
        ValueError,
        r"predict: it gave shape \(2, 1\), wanted \(2, 3\), that of the inputs",
    ),
    (lambda: nn.gradient_norms_by_time(None, H, X[:, :0], None), ValueError, r"inputs: got shape \(2, 0, 3\)"),
    (lambda: losses.sequence_cross_entropy(LOGITS, LABELS, ~MASK), ValueError, "mask: it keeps no token of this batch"),
    (lambda: losses.sequence_cross_entropy(LOGITS[:, :0], LABELS[:, :0]), ValueError, "without any token"),
    (lambda: losses.sequence_cross_entropy(LOGITS[0], LABELS[0]), ValueError, r"wanted \(batch, time, vocabulary\)"),
    (lambda: losses.sequence_cross_entropy(LOGITS, LABELS, LABELS), TypeError, "mask: got dtype int32, wanted bool"),
    (lambda: losses.sequence_cross_entropy(LOGITS, LABELS, MASK[:1]), ValueError, r"mask: got shape \(1, 4\)"),
    (lambda: losses.sequence_cross_entropy(LOGITS, LABELS[:, :2]), ValueError, r"labels: got .* shape \(2, 2\)"),
    (lambda: losses.sequence_cross_entropy(LOGITS, LABELS + 7), ValueError, "labels: got 7"),
    (lambda: losses.sequence_cross_entropy(LOGITS, LABELS, how="max"), ValueError, "how: got 'max'"),
    (lambda: metrics.perplexity(H, H[:1]), ValueError, r"tokens: got shape \(1, 5\), wanted \(2, 5\)"),
    (lambda: metrics.perplexity(H, 0 * H), ValueError, "tokens: all are 0, wanted at least one token"),
    (lambda: metrics.perplexity(H, -H), ValueError, "tokens: got -1"),
    (lambda: metrics.perplexity(H[:0]), ValueError, "at least one number"),
    (lambda: metrics.perplexity(1.5), TypeError, "cross_entropies: got 1.5 of type float, wanted an array"),
    (lambda: backprop.linear_rnn_bptt(X, RNN, X), ValueError, "params: wanted a mapping with output_kernel"),
    (
        lambda: backprop.linear_rnn_bptt(X, {**RNN, "output_kernel": X[0]}, X),
        ValueError,
        r"output_kernel.*got shape \(4, 3\), wanted \(5, outputs\)",
    ),
    (
        lambda: backprop.linear_rnn_bptt(X, {**RNN, "output_kernel": H.T}, X),
        ValueError,
        r"output_gradient: got shape \(2, 4, 3\), wanted \(2, 4, 2\)",
    ),
    (lambda: backprop.linear_rnn_bptt(X, RNN, X, form="both"), ValueError, "form: got 'both'"),
    (
        lambda: backprop.tanh_rnn_bptt(X, RNN, X),
        ValueError,
        r"hidden_gradient: got shape \(2, 4, 3\), wanted \(2, 4, 5\)",
    ),
    (lambda: backprop.gru_bptt(X, GRU, X), ValueError, "hidden_gradient: got shape"),
    (lambda: backprop.lstm_bptt(X, LSTM, X), ValueError, "hidden_gradient: got shape"),
    (lambda: models.RNN(units=0), ValueError, "units: got 0"),
    (lambda: models.RNN(activation="tnh"), ValueError, "tnh.*tanh"),
    (lambda: models.GRU(num_layers=0), ValueError, "num_layers: got 0"),
    (lambda: models.GRU(dropout=1.0), ValueError, "dropout: got 1.0"),
    (lambda: models.GRU(hidden_init="orthogonl"), ValueError, "orthogonl"),
    (lambda: models.LSTM(forget_bias=float("inf")), ValueError, "forget_bias: got inf"),
    (lambda: models.LSTM(units=2).init(KEY, X[0]), ValueError, r"inputs: got shape \(4, 3\), wanted \(batch, time"),
    (lambda: models.RecurrentLanguageModel(cell="gur"), ValueError, "cell: got 'gur', wanted one of rnn, gru, lstm"),
    (
        lambda: models.RecurrentLanguageModel(embedding=8, units=16, tied=True),
        ValueError,
        "tied: got embedding 8 and units 16, wanted both equal",
    ),
    (
        lambda: models.RecurrentLanguageModel(cell_options={"bidirectional": True}),
        ValueError,
        "cell_options: got bidirectional, wanted one direction",
    ),
    (lambda: models.RecurrentLanguageModel().init(KEY, X), TypeError, "tokens: got dtype float32, wanted integers"),
    (
        lambda: models.RecurrentLanguageModel().init(KEY, ENDS),
        ValueError,
        r"tokens: got shape \(2,\), wanted \(batch, time",
    ),
    (lambda: models.RecurrentLanguageModel(vocabulary=3).init(KEY, ENDS[None]), ValueError, "tokens: got 4"),
    (lambda: models.CharacterClassifier(outputs=0), ValueError, "outputs: got 0"),
    (lambda: models.CharacterClassifier().init(KEY, LABELS[:, :0]), ValueError, r"tokens: got shape \(2, 0\)"),
    (lambda: models.FeedForwardLanguageModel(context=0), ValueError, "context: got 0"),
    (
        lambda: models.FeedForwardLanguageModel(context=3).init(KEY, LABELS),
        ValueError,
        r"tokens: got shape \(2, 4\), wanted \(batch, 3\), the words before",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_message(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert type(caught.value) is error  # not the shape checker's
