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
    affine,
    attention_weights,
    dot_scores,
    embedding,
    feedback_unroll,
    get_initializer,
    padding_mask,
    unroll,
)
from dlx.nn._recurrent_forms import gru_form

__all__ = ["GRUSeq2Seq", "Seq2SeqState"]


class Seq2SeqState(NamedTuple):
    """What decoding carries from token to token; every array has the batch first."""

    hidden: Float[Array, "batch units"]
    """s, of the decoder."""
    memory: Float[Array, "batch source units"]
    """h_1, ..., h_T of the encoder."""
    keys: Float[Array, "batch source units"]
    """What the scores see of them: h_t W_h in additive attention, else h_t."""
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
        # with 0.01, Flax's own, the gates hardly see the words, and the loss falls half as fast
        table = nn.initializers.normal(1.0)
        self.source_table = self._own("source_embedding", table, (self.vocabulary, width))
        self.target_table = self._own("target_embedding", table, (target, width))
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
        forced: Bool[Array, "batch time"] | None = None,
    ) -> Float[Array, "batch time vocabulary"]:
        """Source, and target from <bos> on -> (batch, time, vocabulary) logits of what follows each target token.

        `forced` are the places where the target is read, the first one among them, as `scheduled_sampling` draws them;
        at the others the decoder reads what it scores highest itself. None is teacher forcing.
        """
        start = self.start(source, source_lengths, train=train)
        if forced is not None:
            return self._free(start, target, forced, train)
        vectors = dropped(self, self._vectors("target", self.target_table, target), train)
        # the tokens are known: their part of all steps is one product, and so is that of a context that stays
        inputs = self._projected(vectors)
        constant = self.attention == "none"
        if constant:
            inputs = inputs + self._from_context(start.context)[:, None]

        def cell(carried, now):
            hidden, _ = carried
            if constant:
                return self._next(hidden, now), start.weights
            context, weights = self._context(start._replace(hidden=hidden))
            return self._next(hidden, now + self._from_context(context)), weights

        # closed over, not carried: the memory would be written down at every step
        (hidden, weights), _ = unroll(cell, (start.hidden, start.weights), inputs)
        self.sow("intermediates", "attention", weights)
        return affine(dropped(self, hidden, train), self.output_kernel, self.output_bias)

    def _free(self, start: Seq2SeqState, target: Array, forced: Array, train: bool) -> Array:
        """The decoder where it reads its own words; one dropout mask for all steps, as they are one after the other."""
        masks = [dropped(self, jnp.ones((len(target), size), start.hidden.dtype), train)
                 for size in (self.embedding, self.units)]  # fmt: skip

        def step(hidden, tokens):
            context, _ = self._context(start._replace(hidden=hidden))
            vectors = self._vectors("target", self.target_table, tokens[:, None])[:, 0]
            hidden = self._next(hidden, self._projected(vectors * masks[0]) + self._from_context(context))
            return affine(hidden * masks[1], self.output_kernel, self.output_bias), hidden

        return feedback_unroll(step, start.hidden, target, forced)[0]

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
        # once for all steps, and one product for their gradients
        keys = memory @ self.scores["key_kernel"] if self.attention == "additive" else memory
        return Seq2SeqState(last, memory, keys, last, mask, jnp.zeros(source.shape, last.dtype))

    def step(
        self, state: Seq2SeqState, tokens: Integer[Array, "batch"]
    ) -> tuple[Float[Array, "batch vocabulary"], Seq2SeqState]:
        """One target token of every sequence, as `dlx.text.beam_search` calls it."""
        context, weights = self._context(state)
        inputs = self._projected(self._vectors("target", self.target_table, tokens[:, None])[:, 0])
        hidden = self._next(state.hidden, inputs + self._from_context(context))
        logits = affine(hidden, self.output_kernel, self.output_bias)
        return logits, state._replace(hidden=hidden, weights=weights)

    def _context(self, state: Seq2SeqState) -> tuple[Array, Array]:
        """C of a step, and the weights that made it."""
        if self.attention == "none":
            return state.context, state.weights
        if self.attention == "dot":
            scores = dot_scores(state.hidden[:, None], state.keys)
        else:
            # dlx.nn.additive_scores, with the keys' half of it done
            queries = state.hidden @ self.scores["query_kernel"]
            scores = (jnp.tanh(queries[:, None] + state.keys) @ self.scores["vector"])[:, None]
        weights = attention_weights(scores, state.mask).astype(state.memory.dtype)
        return jnp.einsum("bqs,bsu->bqu", weights, state.memory)[:, 0], weights[:, 0]

    def _projected(self, vectors: Array) -> Array:
        """The token's part of the gates, y W_y + b, of one step or of all."""
        return affine(vectors, self.cell["input_kernel"], self.cell["bias"])

    def _from_context(self, context: Array) -> Array:
        """The context's part, c W_c."""
        return context @ self.cell["context_kernel"]

    def _next(self, hidden: Array, projected: Array) -> Array:
        """`dlx.nn.context_gru_cell`, with the products of its token and its context done."""
        weights = {"hidden_kernel": self.cell["hidden_kernel"]}
        return gru_form(False).step(weights, (hidden,), projected)[0][0]

    def _vectors(self, name: str, table: Array, tokens: Array) -> Array:
        check_class_numbers(name, tokens, len(table))
        if tokens.ndim != 2 or 0 in tokens.shape:
            raise ValueError(f"{name}: got shape {tokens.shape}, wanted (batch, time), neither of them 0")
        return embedding(table, tokens)
