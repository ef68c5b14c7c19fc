"""Transformers: encoder, decoder, both, and decoder only, with a cache for decoding."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Integer

from dlx.checks import check_count
from dlx.models._transformer_stack import Generator, Stack, TransformerState
from dlx.models.transformer_layers import (
    TransformerDecoderLayer,
)
from dlx.nn import (
    padding_mask,
)

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder", "TransformerLM", "TransformerState"]


class TransformerEncoder(Stack):
    """Tokens, positions, and N layers that see the whole sequence.

        x = dropout(sqrt(D) E[w] + P),    x = layer_n(x),    n = 1, ..., N

    `embedding` (vocabulary, features), `layers_0`, ... (see `TransformerEncoderLayer`), `last_norm` with `norm_first`:
    18,914,304 parameters with 6 layers beside the 512 of each token.

    Attributes:
      vocabulary: tokens.
      features: D, of a token.
      num_heads: divides the features.
      hidden: units of the position-wise networks.
      num_layers: N.
      max_length: places of the table of positions; a longer sequence is an error.
      positions: "sinusoidal", "learned" (a parameter `positions`), "sinusoidal_notes", see `sinusoidal_encoding`, or
        "rotary": nothing is added, and self-attention turns queries and keys, see `dlx.nn.rotate_positions`.
      dropout: probability that a unit is off in training; the stream `dropout` then needs a key.
      norm: "layer", or "batch" as the notes have it.
      norm_first: norms in front of the sub-layers, and one behind the last.
      activation: of the position-wise networks.
      masking: see `MultiHeadAttention`.
      eps: of the norms.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function.
      axis_name: mapped axis over which a batch is cut, for dropout masks and `norm="batch"`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Vaswani et al. 2017, section 3; notes 001 section 11 (E53, E55).
    """

    def __call__(
        self,
        tokens: Integer[Array, "batch time"],
        lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch time features"]:
        """(batch, time), and lengths if there is padding -> (batch, time, features); padding changes nothing."""
        hidden = self.vectors(tokens, None, train)
        mask = None if lengths is None else padding_mask(lengths, tokens.shape[1])
        for layer in self.layers:
            hidden = layer(hidden, mask, train=train, rotary=self.rotary())
        return self.finish(hidden, train)


class TransformerLM(Generator):
    """A decoder without encoder: scores of the next token after each one.

        x = dropout(sqrt(D) E[w] + P),    x = layer_n(x) with a causal mask,    z = x E^T + b

    Parameters as `TransformerEncoder`'s, and `output_bias` (vocabulary,); without `tied` `output_kernel` (features,
    vocabulary). `start` and `step` decode token by token, `extend` reads a given beginning at once:

        state = model.apply(variables, batch, method="start")
        logits, state = model.apply(variables, state, tokens, method="step")

    Attributes: those of `TransformerEncoder`, and

    Attributes:
      tied: the output's kernel is the table of tokens.
    Source: Radford et al. 2018; Press and Wolf 2017 (tied); notes 001 section 11.
    """

    def __call__(
        self,
        tokens: Integer[Array, "batch time"],
        lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch time vocabulary"]:
        """(batch, time) -> (batch, time, vocabulary) logits; no place sees what follows it."""
        return self.run(tokens, lengths, (), train)

    def start(self, batch: int) -> TransformerState:
        """The state before the first token."""
        return TransformerState(jnp.zeros((), jnp.int32), self.empty_cache(batch))


class TransformerDecoder(Generator):
    """Scores of the next token after each one, given the encoder's output.

    Layers are `TransformerDecoderLayer`s; everything else as `TransformerLM`: 25,224,192 parameters in 6 layers beside
    the 513 of each token.

    Source: Vaswani et al. 2017, section 3; notes 001 section 11 (E56; the decoder's structure is empty there).
    """

    layer: ClassVar[Any] = TransformerDecoderLayer

    def __call__(
        self,
        tokens: Integer[Array, "batch time"],
        memory: Float[Array, "batch source features"],
        lengths: Integer[Array, "batch"] | None = None,
        memory_lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch time vocabulary"]:
        """(batch, time) and the encoder's (batch, source, features) -> (batch, time, vocabulary) logits."""
        mask = None if memory_lengths is None else padding_mask(memory_lengths, memory.shape[1])
        return self.run(tokens, lengths, (memory, mask), train)

    def start(
        self, memory: Float[Array, "batch source features"], memory_lengths: Integer[Array, "batch"] | None = None
    ) -> TransformerState:
        """The state before the first token: the encoder's output is projected once."""
        mask = None if memory_lengths is None else padding_mask(memory_lengths, memory.shape[1])
        kept = tuple(layer.project(memory) for layer in self.layers)
        return TransformerState(jnp.zeros((), jnp.int32), self.empty_cache(len(memory)), kept, mask)


class Transformer(nn.Module):
    """Encoder and decoder: sequences to sequences.

    `encoder` (see `TransformerEncoder`) and `decoder` (see `TransformerDecoder`), with a table of tokens each: with the
    paper's sizes 44,138,496 parameters beside them. Decoding, the whole of it inside one `jax.jit`:

        state = model.apply(variables, source, source_lengths, method="start")
        found = dlx.text.beam_search(lambda s, t: model.apply(variables, s, t, method="step"), state, bos)

    Attributes: those of `TransformerLM` for both, `vocabulary` that of the source, and

    Attributes:
      target_vocabulary: tokens of the decoder, None for as many as the source has.
    Source: Vaswani et al. 2017; notes 001 section 11.
    """

    vocabulary: int = 1000
    target_vocabulary: int | None = None
    features: int = 512
    num_heads: int = 8
    hidden: int = 2048
    num_layers: int = 6
    max_length: int = 512
    positions: str = "sinusoidal"
    dropout: float = 0.1
    norm: str = "layer"
    norm_first: bool = False
    activation: str | Callable[[Array], Array] = "relu"
    masking: Literal["exclude", "additive"] = "exclude"
    eps: float = 1e-5
    kernel_init: str | Callable[..., Array] = "glorot_uniform"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32
    tied: bool = True

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        if self.target_vocabulary is not None:
            check_count("target_vocabulary", self.target_vocabulary)
        # the encoder's checks are those of all fields that both have
        TransformerEncoder(**self._shared(), vocabulary=self.vocabulary, parent=None)
        super().__post_init__()

    def _shared(self) -> dict[str, Any]:
        names = {field.name for field in dataclasses.fields(Stack)} - {"vocabulary", "parent", "name"}
        return {name: getattr(self, name) for name in names}

    def setup(self):
        """Encoder and decoder."""
        self.encoder = TransformerEncoder(vocabulary=self.vocabulary, **self._shared())
        target = self.target_vocabulary or self.vocabulary
        self.decoder = TransformerDecoder(vocabulary=target, tied=self.tied, **self._shared())

    def __call__(
        self,
        source: Integer[Array, "batch source"],
        target: Integer[Array, "batch time"],
        source_lengths: Integer[Array, "batch"] | None = None,
        target_lengths: Integer[Array, "batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch time vocabulary"]:
        """Source, and target from <bos> on -> (batch, time, vocabulary) logits of what follows each target token."""
        memory = self.encoder(source, source_lengths, train=train)
        return self.decoder(target, memory, target_lengths, source_lengths, train=train)

    def start(
        self, source: Integer[Array, "batch source"], source_lengths: Integer[Array, "batch"] | None = None
    ) -> TransformerState:
        """Reads the source; the state before the first target token."""
        return self.decoder.start(self.encoder(source, source_lengths), source_lengths)

    def step(
        self, state: TransformerState, tokens: Integer[Array, "batch"]
    ) -> tuple[Float[Array, "batch vocabulary"], TransformerState]:
        """One target token of every sequence."""
        return self.decoder.step(state, tokens)
