"""Sequence to sequence with gated recurrent units, with and without attention."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_choice, check_class_numbers, check_count, check_range
from dlx.models.recurrent import GRU, by_gates
from dlx.models.transformer_layers import dropped
from dlx.nn import (
    additive_scores,
    affine,
    attention_weights,
    context_gru_cell,
    dot_scores,
    embedding,
    get_initializer,
    padding_mask,
    unroll,
)

__all__ = ["GRUSeq2Seq", "Seq2SeqState"]


class Seq2SeqState(NamedTuple):
    """What decoding carries from token to token; every array has the batch first."""

    hidden: Float[Array, "batch units"]
    """s, of the decoder."""
    memory: Float[Array, "batch source units"]
    """h_1, ..., h_T of the encoder."""
    context: Float[Array, "batch units"]
    """c, the encoder's last state: what a decoder without attention sees."""
    mask: Bool[Array, "batch 1 source"] | None
    """Which places of the source are no padding."""
    weights: Float[Array, "batch source"]
    """Attention of the last step."""


class GRUSeq2Seq(nn.Module):
    """Encoder and decoder of gated recurrent units.

        encoder   h_t = GRU(E_x[x_t], h_{t-1})
        context   c = q(h_1, ..., h_T) = h_T, or with attention c_t' = sum_t softmax_t(a(s_{t'-1}, h_t)) h_t
        decoder   s_t' = GRU with context(E_y[y_{t'-1}], c_t', s_{t'-1}), s_0 = h_T
        output    P(y_t' | y_<t', x) = softmax(s_t' W + b)

    `source_embedding`, `target_embedding` (vocabulary, embedding), `encoder` (see `GRU`), `decoder_input_kernel`
    (embedding, 3 units), `decoder_hidden_kernel`, `decoder_context_kernel` (units, 3 units), `decoder_bias` (3 units,),
    with additive attention `score_query_kernel`, `score_key_kernel` (units, units) and `score_vector` (units, 1),
    `output_kernel` (units, vocabulary), `output_bias`: 1,432,296 parameters with the sizes below. With
    `mutable=["intermediates"]` the weights (batch, time, source) come as `attention`.

    Attributes:
      vocabulary: tokens of the source.
      target_vocabulary: of the target, None for as many.
      embedding: width of a token's vector.
      units: of encoder and decoder.
      attention: "additive" (Bahdanau's), "dot", or "none": one context for all steps.
      dropout: probability that a unit of the vectors and of the states in front of the output is off in training.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function.
      axis_name: mapped axis over which a batch is cut, so that a dropout mask does not depend on the cut.
      dtype: of the computation; None takes that of the parameters.
      param_dtype: of new parameters.
    Source: Cho et al. 2014; Sutskever et al. 2014; Bahdanau et al. 2015; notes 001 section 11 (E60, E61).
    """

    vocabulary: int = 1000
    target_vocabulary: int | None = None
    embedding: int = 128
    units: int = 256
    attention: str = "additive"
    dropout: float = 0.0
    kernel_init: str | Callable[..., Array] = "glorot_uniform"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        for name in ("vocabulary", "embedding", "units"):
            check_count(name, getattr(self, name))
        if self.target_vocabulary is not None:
            check_count("target_vocabulary", self.target_vocabulary)
        check_choice("attention", self.attention, ("additive", "dot", "none"))
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        get_initializer(self.kernel_init)
        super().__post_init__()

    def setup(self):
        """The parameters."""
        units, width, target = self.units, self.embedding, self.target_vocabulary or self.vocabulary
        self.source_table = self._own("source_embedding", nn.initializers.normal(), (self.vocabulary, width))
        self.target_table = self._own("target_embedding", nn.initializers.normal(), (target, width))
        self.encoder = GRU(units, kernel_init=self.kernel_init, dtype=self.dtype, param_dtype=self.param_dtype)
        gates, init, zeros = by_gates(self.kernel_init, 3), get_initializer(self.kernel_init), get_initializer("zeros")
        shapes = {"input_kernel": width, "hidden_kernel": units, "context_kernel": units}
        self.cell = {name: self._own(f"decoder_{name}", gates, (rows, 3 * units)) for name, rows in shapes.items()} | {
            "bias": self._own("decoder_bias", zeros, (3 * units,))
        }
        if self.attention == "additive":
            # the fans of a vector are those of the kernel (units, 1)
            vector = self._own("score_vector", init, (units, 1))[:, 0]
            kernels = {f"{n}_kernel": self._own(f"score_{n}_kernel", init, (units, units)) for n in ("query", "key")}
            self.scores = kernels | {"vector": vector}
        self.output_kernel = self._own("output_kernel", init, (units, target))
        self.output_bias = self._own("output_bias", zeros, (target,))

    def _own(self, name: str, init: Callable[..., Array], shape: tuple[int, ...]) -> Array:
        value = self.param(name, init, shape, self.param_dtype)
        return value if self.dtype is None else value.astype(self.dtype)

    def __call__(
        self,
        source: Integer[Array, "batch source"],
        target: Integer[Array, "batch time"],
        source_lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch time vocabulary"]:
        """Source, and target from <bos> on -> (batch, time, vocabulary) logits of what follows each target token."""
        start = self.start(source, source_lengths, train=train)
        inputs = dropped(self, self._vectors("target", self.target_table, target), train)

        def cell(carried, now):
            hidden, _ = carried
            context, weights = self._context(start._replace(hidden=hidden))
            return context_gru_cell(self.cell, hidden, now, context), weights

        # closed over, not carried: the memory would be written down at every step
        (hidden, weights), _ = unroll(cell, (start.hidden, start.weights), inputs)
        self.sow("intermediates", "attention", weights)
        return affine(dropped(self, hidden, train), self.output_kernel, self.output_bias)

    def start(
        self,
        source: Integer[Array, "batch source"],
        source_lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Seq2SeqState:
        """Reads the source; the state before the first target token."""
        vectors = dropped(self, self._vectors("source", self.source_table, source), train)
        memory, (last,) = self.encoder(vectors, None, source_lengths)
        mask = None if source_lengths is None else padding_mask(source_lengths, source.shape[1])
        return Seq2SeqState(last, memory, last, mask, jnp.zeros(source.shape, last.dtype))

    def step(
        self, state: Seq2SeqState, tokens: Integer[Array, "batch"]
    ) -> tuple[Float[Array, "batch vocabulary"], Seq2SeqState]:
        """One target token of every sequence, as `dlx.text.beam_search` calls it."""
        context, weights = self._context(state)
        inputs = self._vectors("target", self.target_table, tokens[:, None])[:, 0]
        hidden = context_gru_cell(self.cell, state.hidden, inputs, context)
        logits = affine(hidden, self.output_kernel, self.output_bias)
        return logits, state._replace(hidden=hidden, weights=weights)

    def _context(self, state: Seq2SeqState) -> tuple[Array, Array]:
        """C of a step, and the weights that made it."""
        if self.attention == "none":
            return state.context, state.weights
        queries = state.hidden[:, None]
        scores = (
            dot_scores(queries, state.memory)
            if self.attention == "dot"
            else additive_scores(self.scores, queries, state.memory)
        )
        weights = attention_weights(scores, state.mask).astype(state.memory.dtype)
        return jnp.einsum("bqs,bsu->bqu", weights, state.memory)[:, 0], weights[:, 0]

    def _vectors(self, name: str, table: Array, tokens: Array) -> Array:
        check_class_numbers(name, tokens, len(table))
        if tokens.ndim != 2 or 0 in tokens.shape:
            raise ValueError(f"{name}: got shape {tokens.shape}, wanted (batch, time), neither of them 0")
        return embedding(table, tokens)
