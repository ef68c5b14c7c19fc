"""What Transformers share: tokens and positions to vectors, layers, and decoding with a cache."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_choice, check_class_numbers, check_count, check_range
from dlx.models.transformer_layers import (
    TransformerEncoderLayer,
    check_heads,
    dropped,
    make_norm,
    normalised,
)
from dlx.nn import (
    KeyValueCache,
    add_positions,
    affine,
    causal_mask,
    combine_masks,
    embedding,
    get_initializer,
    padding_mask,
    sinusoidal_encoding,
)

__all__ = ["Generator", "Stack", "TransformerState"]


class TransformerState(NamedTuple):
    """What decoding carries from token to token: every array has the batch first, the position is shared."""

    position: Integer[Array, ""]
    """Tokens read."""
    cache: tuple[KeyValueCache, ...]
    """Of each layer's self-attention, (batch, heads, max_length, features / heads)."""
    memory: tuple[KeyValueCache, ...] | None = None
    """Of each layer's attention to the encoder."""
    memory_mask: Bool[Array, "batch 1 source"] | None = None
    """Which places of the source are no padding."""

    @property
    def capacity(self) -> int:
        """Positions that the cache has, of those read and those still to come; the encoder's do not count."""
        return self.cache[0][0].shape[-2]


class Stack(nn.Module):
    """Tokens and positions to vectors, and layers."""

    vocabulary: int = 1000
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

    layer: ClassVar[Any] = TransformerEncoderLayer

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        for name in ("vocabulary", "hidden", "num_layers", "max_length"):
            check_count(name, getattr(self, name))
        check_heads(self.features, self.num_heads)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        check_choice("positions", self.positions, ("sinusoidal", "sinusoidal_notes", "learned", "rotary"))
        if self.positions == "rotary" and self.features // self.num_heads % 2:
            raise ValueError(
                f"positions: got 'rotary' with {self.features // self.num_heads} features a head, wanted an even number"
            )
        super().__post_init__()

    def setup(self):
        """The table of tokens, positions, layers, and with pre-norm a last norm."""
        init = nn.initializers.normal(1 / math.sqrt(self.features))
        self.embedding = self.param("embedding", init, (self.vocabulary, self.features), self.param_dtype)
        shape = (self.max_length, self.features)
        if self.positions == "learned":
            self.position_table = self.param("positions", nn.initializers.normal(0.02), shape, self.param_dtype)
        elif self.positions == "rotary":
            self.position_table = sinusoidal_encoding(
                self.max_length, self.features // self.num_heads, dtype=self.param_dtype
            )
        else:
            variant: Literal["paper", "notes"] = "notes" if self.positions == "sinusoidal_notes" else "paper"
            self.position_table = sinusoidal_encoding(*shape, variant=variant, dtype=self.param_dtype)
        self.layers = [
            self.layer(
                self.features, self.num_heads, self.hidden, self.dropout, self.norm, self.norm_first, self.activation,
                self.masking, self.eps, self.kernel_init, self.axis_name, self.dtype, self.param_dtype,
            )
            for _ in range(self.num_layers)
        ]  # fmt: skip
        if self.norm_first:
            self.last_norm = make_norm(self)

    def vectors(self, tokens: Array, position: Any = None, train: bool = False) -> Array:
        """E[token] sqrt(features) + P, with dropout; rotary positions come in later."""
        check_class_numbers("tokens", tokens, self.vocabulary)
        if tokens.ndim != 2 or 0 in tokens.shape:
            raise ValueError(f"tokens: got shape {tokens.shape}, wanted (batch, time), neither of them 0")
        table = self.embedding if self.dtype is None else self.embedding.astype(self.dtype)
        scaled = embedding(table, tokens) * math.sqrt(self.features)
        if self.positions != "rotary":
            scaled = add_positions(scaled, self.position_table, position)
        return dropped(self, scaled, train)

    def rotary(self) -> Array | None:
        """The table by which self-attention turns queries and keys."""
        return self.position_table if self.positions == "rotary" else None

    def finish(self, hidden: Array, train: bool = False) -> Array:
        """The last norm, if there is one."""
        return normalised(self.last_norm, hidden, train) if self.norm_first else hidden

    def empty_cache(self, batch: int) -> tuple[KeyValueCache, ...]:
        """Zeros for every layer."""
        shape = (batch, self.num_heads, self.max_length, self.features // self.num_heads)
        zeros = jnp.zeros(shape, self.param_dtype if self.dtype is None else self.dtype)
        return (KeyValueCache(zeros, zeros),) * self.num_layers


class Generator(Stack):
    """A stack that scores the next token."""

    tied: bool = True

    def setup(self):
        """The output, whose kernel is the transposed table if it is tied."""
        super().setup()
        if not self.tied:
            init, shape = get_initializer(self.kernel_init), (self.features, self.vocabulary)
            self.output_kernel = self.param("output_kernel", init, shape, self.param_dtype)
        self.output_bias = self.param("output_bias", nn.initializers.zeros, (self.vocabulary,), self.param_dtype)

    def logits(self, hidden: Array) -> Array:
        """Scores of the tokens."""
        kernel = self.embedding.T if self.tied else self.output_kernel
        if self.dtype is None:
            return affine(hidden, kernel, self.output_bias)
        return affine(hidden.astype(self.dtype), kernel.astype(self.dtype), self.output_bias.astype(self.dtype))

    def run(self, tokens: Array, lengths: Array | None, memory: tuple[Any, ...], train: bool) -> Array:
        """All places at once, each seeing those before it."""
        time = tokens.shape[-1]
        hidden = self.vectors(tokens, None, train)
        mask = combine_masks(causal_mask(time), None if lengths is None else padding_mask(lengths, time))
        for layer in self.layers:
            hidden = layer(hidden, *memory[:1], mask, *memory[1:], train=train, rotary=self.rotary())
        return self.logits(self.finish(hidden, train))

    def extend(
        self, state: TransformerState, tokens: Integer[Array, "batch time"]
    ) -> tuple[Float[Array, "batch time vocabulary"], TransformerState]:
        """Further tokens of every sequence, at once: logits of what follows each, and the state behind them."""
        hidden = self.vectors(tokens, state.position)
        mask = causal_mask(tokens.shape[1], self.max_length, offset=state.position)
        caches = []
        for number, layer in enumerate(self.layers):
            memory = None if state.memory is None else state.memory[number]
            hidden, cache = layer.extend(
                hidden, state.cache[number], state.position, mask, memory, state.memory_mask, self.rotary()
            )
            caches.append(cache)
        position = state.position + tokens.shape[1]
        return self.logits(self.finish(hidden)), state._replace(position=position, cache=tuple(caches))

    def step(
        self, state: TransformerState, tokens: Integer[Array, "batch"]
    ) -> tuple[Float[Array, "batch vocabulary"], TransformerState]:
        """One token of every sequence, as `dlx.text.beam_search` calls it."""
        logits, state = self.extend(state, tokens[:, None])
        return logits[:, 0], state
