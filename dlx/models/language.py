"""Language models and a classifier of texts, with recurrent layers or a window of words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.core import FrozenDict
from jaxtyping import Array, Float, Integer

from dlx.checks import check_choice, check_class_numbers, check_count, check_range
from dlx.models.mlp import Linear
from dlx.models.recurrent import CELLS, last_output, recurrent_layers
from dlx.nn import LSTMState, affine, dropout, embedding, example_keys, get_activation, get_initializer, normal, one_hot

__all__ = ["CharacterClassifier", "FeedForwardLanguageModel", "RecurrentLanguageModel"]

NO_OPTIONS: Mapping[str, Any] = FrozenDict()


def _dropped(module: nn.Module, values: Array, rate: float, train: bool) -> Array:
    if not (train and rate):
        return values
    keys = example_keys(module.make_rng("dropout"), len(values), axis_name=module.axis_name)
    return dropout(keys, values, rate=rate, train=True)


def _check_tokens(tokens: Array, vocabulary: int, wanted: str) -> None:
    check_class_numbers("tokens", tokens, vocabulary)
    if tokens.ndim != 2 or 0 in tokens.shape:
        raise ValueError(f"tokens: got shape {tokens.shape}, wanted {wanted}, of a vocabulary of {vocabulary}")


class _Tokens(nn.Module):
    """What a recurrent model reads: vectors of tokens, and what it makes of them."""

    vocabulary: int = 64
    embedding: int | None = None
    cell: str = "gru"
    units: int = 256
    num_layers: int = 1
    dropout: float = 0.0
    cell_options: Mapping[str, Any] = NO_OPTIONS
    embedding_init: str | Callable[..., Array] = normal
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("vocabulary", self.vocabulary)
        if self.embedding is not None:
            check_count("embedding", self.embedding)
        check_choice("cell", self.cell, CELLS)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        get_initializer(self.embedding_init)
        super().__post_init__()

    def _vectors(self, tokens: Array) -> tuple[Array, Array | None]:
        """(batch, time) -> (batch, time, features), and the table if there is one."""
        own = self.param_dtype if self.dtype is None else self.dtype
        if self.embedding is None:
            return one_hot(tokens, self.vocabulary, dtype=own), None
        shape = (self.vocabulary, self.embedding)
        table = self.param("embedding", get_initializer(self.embedding_init), shape, self.param_dtype).astype(own)
        return embedding(table, tokens), table

    def _layers(self, **fields: Any) -> Any:
        return recurrent_layers(
            self.cell, units=self.units, num_layers=self.num_layers, dropout=self.dropout, axis_name=self.axis_name,
            dtype=self.dtype, param_dtype=self.param_dtype, name="recurrent", **{**self.cell_options, **fields},
        )  # fmt: skip


class RecurrentLanguageModel(_Tokens):
    """Scores of the next token after each one.

        e_t = onehot(w_t) or E[w_t],    h_t = recurrent layers(e_t),    P(w_{t+1}) = softmax(h_t W_hq + b_q)

    `embedding` (vocabulary, embedding), `recurrent` (see `RNN`, `GRU`, `LSTM`), `output` {"kernel": (units,
    vocabulary), "bias": (vocabulary,)}. With one-hot inputs, as the notes have it, an RNN of 256 units and 28
    characters has 80,156 parameters. With `tied`, W_hq is E's transpose: `output` has its bias only. Dropout stands on
    the embeddings, between the layers and before the output, as Zaremba et al. have it, never on the recurrence.
    `start` and `step` read token by token, see `dlx.text.read_prefix`:

        state = model.apply({}, batch, method="start")
        logits, state = model.apply(variables, state, tokens, method="step")

    Attributes:
      vocabulary: tokens.
      embedding: width of the vectors of tokens; None for one-hot vectors.
      cell: "rnn", "gru" or "lstm".
      units: of a layer.
      num_layers: depth.
      dropout: probability that a unit is off in training; the stream `dropout` then needs a key.
      cell_options: further fields of `RNN`, `GRU` or `LSTM`, as {"reset_after": True}.
      embedding_init: of the table, name of `dlx.nn.INITIALIZERS` or a function.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes that of the parameters.
      param_dtype: of new parameters.
      tied: the output's kernel is the table's transpose; `embedding` must then equal `units`.
      kernel_init: of the output's kernel.
    Source: Mikolov et al. 2010; Zaremba et al. 2014; Press and Wolf 2017 (tied); notes 001 section 8.
    """

    tied: bool = False
    kernel_init: str | Callable[..., Array] = "glorot_uniform"

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        if self.tied and self.embedding != self.units:
            raise ValueError(
                f"tied: got embedding {self.embedding} and units {self.units}, wanted both equal: one kernel is both"
            )
        if self.cell_options.get("bidirectional"):
            raise ValueError("cell_options: got bidirectional, wanted one direction: the other one sees the answer")
        get_initializer(self.kernel_init)
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        tokens: Integer[Array, "batch time"],
        initial: Sequence[Any] | None = None,
        lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
        return_state: bool = False,
    ) -> Float[Array, "batch time vocabulary"] | tuple[Float[Array, "batch time vocabulary"], tuple[Any, ...]]:
        """(batch, time) -> (batch, time, vocabulary) logits; with `return_state` the last states of the layers too.

        The states go into the next call as `initial`: that is how a text is read batch after batch, or continued.
        """
        _check_tokens(tokens, self.vocabulary, "(batch, time)")
        vectors, table = self._vectors(tokens)
        vectors = vectors if table is None else _dropped(self, vectors, self.dropout, train)
        hidden, state = self._layers()(vectors, initial, lengths, train=train)
        hidden = _dropped(self, hidden, self.dropout, train)
        if self.tied:
            assert table is not None
            bias = self.param("bias", get_initializer("zeros"), (self.vocabulary,), self.param_dtype)
            logits = affine(hidden, table.T, bias.astype(hidden.dtype))
        else:
            # Linear takes examples: a token is one
            output = Linear(self.vocabulary, kernel_init=self.kernel_init, dtype=self.dtype,
                            param_dtype=self.param_dtype, name="output")  # fmt: skip
            logits = output(hidden.reshape(-1, hidden.shape[-1])).reshape(*tokens.shape, self.vocabulary)
        return (logits, state) if return_state else logits

    def start(self, batch: int) -> tuple[Any, ...]:
        """The state before a text, zeros in every layer: `initial` of a first call."""

        def zeros() -> Array:
            return jnp.zeros((batch, self.units), self.param_dtype if self.dtype is None else self.dtype)

        return tuple(LSTMState(zeros(), zeros()) if self.cell == "lstm" else zeros() for _ in range(self.num_layers))

    def step(
        self, state: Sequence[Any], tokens: Integer[Array, "batch"]
    ) -> tuple[Float[Array, "batch vocabulary"], tuple[Any, ...]]:
        """One token of every sequence, as `dlx.text.sample_tokens` calls it."""
        logits, state = self(tokens[:, None], state, return_state=True)
        return logits[:, 0], state


class CharacterClassifier(_Tokens):
    """The class of a text, from the recurrent state behind its last character.

        y = [last F_T, last B_1] W + b                            of the last layer, one direction or both
        y = [last F_T, last B_1, max_t H_t, mean_t H_t] W + b     with `pooled`, H_t = [F_t, B_t]

    `recurrent`, and `output` {"kernel": (units, outputs), "bias": (outputs,)} (2 units in both directions, three
    times as many with `pooled`). Padding behind the end of a text changes nothing if `lengths` say where it is.

    Attributes:
      vocabulary: characters.
      embedding: width of the vectors of characters; None for one-hot vectors.
      cell: "rnn", "gru" or "lstm".
      units: of a layer in one direction.
      num_layers: depth.
      dropout: probability that a unit is off in training, between layers and before the output.
      cell_options: further fields of `RNN`, `GRU` or `LSTM`, as {"bidirectional": True}.
      embedding_init: of the table.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes that of the parameters.
      param_dtype: of new parameters.
      outputs: classes.
      pooled: read the largest and the mean value of each unit over the text beside the last state.
    Source: notes 004 "character RNN".
    """

    outputs: int = 18
    pooled: bool = False

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_count("outputs", self.outputs)
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        tokens: Integer[Array, "batch time"],
        lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch outputs"]:
        """(batch, time), and (batch,) lengths if there is padding -> (batch, outputs) logits."""
        _check_tokens(tokens, self.vocabulary, "(batch, time)")
        hidden, states = self._layers()(self._vectors(tokens)[0], None, lengths, train=train)
        read = last_output(states[-1])
        if self.pooled:
            read = jnp.concatenate([read, *_pooled(hidden, lengths)], axis=-1)
        read = _dropped(self, read, self.dropout, train)
        return Linear(self.outputs, dtype=self.dtype, param_dtype=self.param_dtype, name="output")(read)


def _pooled(hidden: Array, lengths: Array | None) -> tuple[Array, Array]:
    """(batch, time, units) -> the largest and the mean of each unit, (batch, units), up to the lengths."""
    if lengths is None:
        return jnp.max(hidden, axis=1), jnp.mean(hidden, axis=1)
    inside = (jnp.arange(hidden.shape[1])[None] < lengths[:, None])[..., None]
    # behind the end the layers give 0
    mean = jnp.sum(hidden, axis=1) / lengths[:, None].astype(hidden.dtype)
    return jnp.max(jnp.where(inside, hidden, -jnp.inf), axis=1), mean


class FeedForwardLanguageModel(nn.Module):
    """Scores of the next word from a window of those before it.

        e = [E[w_1], ..., E[w_n]],    h = phi(e H + d),    o = h U + b        (+ e W with direct connections)

    The context is n words, so that it is an (n + 1)-gram model. `embedding` (vocabulary, features), `hidden` {"kernel":
    (n features, units), "bias"}, `output` {"kernel": (units, vocabulary), "bias"}, `direct` {"kernel": (n features,
    vocabulary)}: V (m + h + 1) + h (n m + 1) parameters without direct connections, with V words, m features, h units:
    1,640,100 for V 10,000, m 60, h 100 and n 5.

    Attributes:
      vocabulary: words.
      context: n, words before.
      embedding: features of a word.
      units: of the hidden layer.
      activation: phi, name of `dlx.nn.ACTIVATIONS` or a function.
      direct: connections from the features to the output.
      dropout: probability that a hidden unit is off in training; the stream `dropout` then needs a key.
      embedding_init: of the table.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes that of the parameters.
      param_dtype: of new parameters.
    Source: Bengio et al. 2003, section 2; notes 001 section 11 (E29).
    """

    vocabulary: int = 10_000
    context: int = 4
    embedding: int = 60
    units: int = 100
    activation: str | Callable[[Array], Array] = "tanh"
    direct: bool = False
    dropout: float = 0.0
    embedding_init: str | Callable[..., Array] = normal
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        for name in ("vocabulary", "context", "embedding", "units"):
            check_count(name, getattr(self, name))
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        get_activation(self.activation)
        get_initializer(self.embedding_init)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, tokens: Integer[Array, "batch context"], *, train: bool = False
    ) -> Float[Array, "batch vocabulary"]:
        """(batch, context) words, the nearest last -> (batch, vocabulary) logits of the next."""
        _check_tokens(tokens, self.vocabulary, f"(batch, {self.context})")
        if tokens.shape[1] != self.context:
            raise ValueError(f"tokens: got shape {tokens.shape}, wanted (batch, {self.context}), the words before")
        shape = (self.vocabulary, self.embedding)
        table = self.param("embedding", get_initializer(self.embedding_init), shape, self.param_dtype)
        features = embedding(table if self.dtype is None else table.astype(self.dtype), tokens).reshape(len(tokens), -1)

        def linear(outputs: int, name: str, use_bias: bool = True) -> Linear:
            return Linear(outputs, use_bias=use_bias, dtype=self.dtype, param_dtype=self.param_dtype, name=name)

        hidden = get_activation(self.activation)(linear(self.units, "hidden")(features))
        logits = linear(self.vocabulary, "output")(_dropped(self, hidden, self.dropout, train))
        return logits + linear(self.vocabulary, "direct", use_bias=False)(features) if self.direct else logits
