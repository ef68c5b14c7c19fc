"""Layers of a Transformer's encoder and decoder."""

import math
from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from dlx.checks import check_choice, check_count, check_range
from dlx.models.batch_norm import BatchNorm
from dlx.models.layer_norm import LayerNorm
from dlx.models.multi_head import MultiHeadAttention, check_heads
from dlx.nn import (
    KeyValueCache,
    dropout,
    example_keys,
    feed_forward,
    get_activation,
    get_initializer,
    write_cache,
)

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]

Initializer = str | Callable[..., Array]


def dropped(module: Any, values: Array, train: bool) -> Array:
    """Dropout with a key for each example; `module` has `dropout` and `axis_name`."""
    if not (train and module.dropout):
        return values
    keys = example_keys(module.make_rng("dropout"), len(values), axis_name=module.axis_name)
    return dropout(keys, values, rate=module.dropout, train=True)


class _FeedForward(nn.Module):
    """The position-wise network with its parameters and its dropout."""

    features: int
    hidden: int
    activation: str | Callable[[Array], Array]
    dropout: float
    kernel_init: Initializer
    axis_name: str | None
    dtype: Any
    param_dtype: Any

    @nn.compact
    def __call__(self, inputs: Array, train: bool) -> Array:
        """(batch, time, features) -> (batch, time, features)."""
        init, zeros = get_initializer(self.kernel_init), get_initializer("zeros")
        params = {
            "hidden_kernel": self.param("hidden_kernel", init, (self.features, self.hidden), self.param_dtype),
            "hidden_bias": self.param("hidden_bias", zeros, (self.hidden,), self.param_dtype),
            "output_kernel": self.param("output_kernel", init, (self.hidden, self.features), self.param_dtype),
            "output_bias": self.param("output_bias", zeros, (self.features,), self.param_dtype),
        }
        if self.dtype is not None:
            params, inputs = {name: v.astype(self.dtype) for name, v in params.items()}, inputs.astype(self.dtype)
        return feed_forward(
            params, inputs, activation=self.activation, between=lambda hidden: dropped(self, hidden, train)
        )


class _Layer(nn.Module):
    """What encoder and decoder layers share."""

    features: int = 512
    num_heads: int = 8
    hidden: int = 2048
    dropout: float = 0.1
    norm: str = "layer"
    norm_first: bool = False
    activation: str | Callable[[Array], Array] = "relu"
    masking: Literal["exclude", "additive"] = "exclude"
    eps: float = 1e-5
    kernel_init: Initializer = "glorot_uniform"
    axis_name: str | None = None
    dtype: Any = None
    param_dtype: Any = jnp.float32

    crosses = False

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_heads(self.features, self.num_heads)
        check_count("hidden", self.hidden)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        check_range("eps", self.eps, 0, math.inf, open_low=True, open_high=True)
        check_choice("norm", self.norm, ("layer", "batch"))
        get_activation(self.activation)
        get_initializer(self.kernel_init)
        super().__post_init__()

    def setup(self):
        """Sub-layers in their order, each with its norm."""
        shared = {"kernel_init": self.kernel_init, "dtype": self.dtype, "param_dtype": self.param_dtype}

        def attention():
            return MultiHeadAttention(self.features, self.num_heads, masking=self.masking, **shared)

        self.self_attention = attention()
        if self.crosses:
            self.cross_attention = attention()
        self.feed_forward = _FeedForward(
            self.features, self.hidden, self.activation, self.dropout, axis_name=self.axis_name, **shared
        )
        self.norms = [make_norm(self) for _ in range(3 if self.crosses else 2)]

    def residual(self, number: int, inputs: Array, sublayer: Callable[[Array], Array], train: bool) -> Array:
        """A residual connection, with the norm behind it, or in front of f."""
        if self.norm_first:
            return inputs + dropped(self, sublayer(normalised(self.norms[number], inputs, train)), train)
        return normalised(self.norms[number], inputs + dropped(self, sublayer(inputs), train), train)

    def through(
        self, inputs: Array, mask: Array | None, memory: Any, memory_mask: Array | None, train: bool, rotary: Any
    ) -> Array:
        """All sub-layers."""
        outputs = self.residual(0, inputs, lambda x: self.self_attention(x, None, mask, rotary), train)
        return self._behind(outputs, memory, memory_mask, train)

    def extend(
        self,
        inputs: Float[Array, "batch time features"],
        cache: KeyValueCache,
        position: Any,
        mask: Bool[Array, "..."],
        memory: KeyValueCache | None = None,
        memory_mask: Bool[Array, "..."] | None = None,
        rotary: Float[Array, "length head_features"] | None = None,
    ) -> tuple[Float[Array, "batch time features"], KeyValueCache]:
        """Places from `position` on, with the keys and values of those before in the cache; no training."""
        written = []

        def attend(x: Array) -> Array:
            written.append(write_cache(cache, self.self_attention.project(x, rotary, position), position))
            return self.self_attention(x, written[0], mask, rotary, position)

        outputs = self.residual(0, inputs, attend, False)
        return self._behind(outputs, memory, memory_mask, False), written[0]

    def _behind(self, outputs: Array, memory: Any, memory_mask: Array | None, train: bool) -> Array:
        if self.crosses:
            outputs = self.residual(1, outputs, lambda x: self.cross_attention(x, memory, memory_mask), train)
        return self.residual(len(self.norms) - 1, outputs, lambda x: self.feed_forward(x, train), train)


class TransformerEncoderLayer(_Layer):
    """Self-attention and a position-wise network, each with a residual connection and a norm.

        post-norm  x = norm(x + dropout(f(x)))          pre-norm (`norm_first`)  x = x + dropout(f(norm(x)))

    `self_attention` (see `MultiHeadAttention`), `feed_forward` {"hidden_kernel": (features, hidden), "hidden_bias",
    "output_kernel", "output_bias"}, `norms_0`, `norms_1`: 3,152,384 parameters with 512 features and 2048 hidden units.
    The notes normalise by batch; `norm="batch"` does so over batch and time, padding included, and in training lets a
    place see others through the moments. PyTorch's layer also drops attention weights, the paper and this one do not.
    With a causal mask it is the layer of a decoder-only model.

    Attributes:
      features: of a token.
      num_heads: divides the features.
      hidden: units of the position-wise network.
      dropout: probability that an output of a sub-layer or a hidden unit is off in training.
      norm: "layer" or "batch".
      norm_first: norms in front of the sub-layers.
      activation: of the position-wise network, name of `dlx.nn.ACTIVATIONS` or a function.
      masking: see `MultiHeadAttention`.
      eps: of the norms.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function.
      axis_name: mapped axis over which a batch is cut, for dropout masks and `norm="batch"`.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020 (pre-norm); notes 001 section 11 (E53).
    """

    def __call__(
        self,
        inputs: Float[Array, "batch time features"],
        mask: Bool[Array, "..."] | None = None,
        *,
        train: bool = False,
        rotary: Float[Array, "length head_features"] | None = None,
    ) -> Float[Array, "batch time features"]:
        """(batch, time, features) -> the same; mask (time, time) or (batch, 1 or time, time).

        With a table `rotary` self-attention turns queries and keys by their positions, see `rotate_positions`.
        """
        return self.through(inputs, mask, None, None, train, rotary)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, and a position-wise network.

    As `TransformerEncoderLayer`, with `cross_attention` between the two, whose queries come from the decoder and keys
    and values from the one output of the encoder, and `norms_2`: 4,204,032 parameters with 512 features and 2048 hidden
    units. The self-attention has the causal mask, the other one the padding mask of the source; the notes name them the
    other way round. Attributes as `TransformerEncoderLayer`'s.

    Source: Vaswani et al. 2017, section 3.1; notes 001 section 11 (E53, E56).
    """

    crosses = True

    def __call__(
        self,
        inputs: Float[Array, "batch time features"],
        memory: Float[Array, "batch source features"],
        mask: Bool[Array, "..."] | None = None,
        memory_mask: Bool[Array, "..."] | None = None,
        *,
        train: bool = False,
        rotary: Float[Array, "length head_features"] | None = None,
    ) -> Float[Array, "batch time features"]:
        """(batch, time, features) and the encoder's (batch, source, features) -> (batch, time, features)."""
        return self.through(inputs, mask, memory, memory_mask, train, rotary)

    def project(self, memory: Float[Array, "batch source features"]) -> KeyValueCache:
        """Keys and values of the encoder's output, once for all steps of decoding."""
        return self.cross_attention.project(memory)


def make_norm(module: Any) -> nn.Module:
    """A norm as `module.norm` names it."""
    if module.norm == "batch":
        return BatchNorm(eps=module.eps, axis_name=module.axis_name, dtype=module.dtype, param_dtype=module.param_dtype)
    return LayerNorm(module.eps, module.dtype, module.param_dtype)


def normalised(norm: nn.Module, inputs: Array, train: bool) -> Array:
    """The norm of its inputs; that of the batch differs in training."""
    return norm(inputs, train=train) if isinstance(norm, BatchNorm) else norm(inputs)
