"""Attention with several heads and its parameters."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Integer

from dlx.checks import check_choice, check_count
from dlx.nn import KeyValueCache, get_initializer, multi_head_attention, project_memory

__all__ = ["MultiHeadAttention"]

Initializer = str | Callable[..., Array]


class MultiHeadAttention(nn.Module):
    """Attention with several heads and its parameters, see `dlx.nn.multi_head_attention`.

    `query_kernel`, `key_kernel`, `value_kernel`, `output_kernel`, (features, features) each, and four biases
    (features,): 4 features (features + 1) parameters, 1,050,624 for 512. With `mutable=["intermediates"]` the weights
    (batch, heads, queries, keys) come as `attention`.

    Attributes:
      features: of inputs, memory and outputs.
      num_heads: divides the features.
      use_bias: have biases.
      masking: how what is forbidden is left out: "exclude", or "additive" as the notes have it.
      kernel_init: name of `dlx.nn.INITIALIZERS`, or a function; biases start at zero.
      dtype: of the computation; None takes what inputs and parameters promote to.
      param_dtype: of new parameters.
    Source: Vaswani et al. 2017, section 3.2.2; notes 001 section 11 (E56).
    """

    features: int = 512
    num_heads: int = 8
    use_bias: bool = True
    masking: Literal["exclude", "additive"] = "exclude"
    kernel_init: Initializer = "glorot_uniform"
    dtype: Any = None
    param_dtype: Any = jnp.float32

    def __post_init__(self):
        """Refuse a configuration that cannot be."""
        check_heads(self.features, self.num_heads)
        check_choice("masking", self.masking, ("exclude", "additive"))
        get_initializer(self.kernel_init)
        super().__post_init__()

    def setup(self):
        """The parameters."""
        init, zeros, square = get_initializer(self.kernel_init), get_initializer("zeros"), (self.features,) * 2
        parts = ("query", "key", "value", "output")
        own = {f"{part}_kernel": self.param(f"{part}_kernel", init, square, self.param_dtype) for part in parts}
        if self.use_bias:
            own |= {f"{p}_bias": self.param(f"{p}_bias", zeros, square[:1], self.param_dtype) for p in parts}
        self.parameters = own if self.dtype is None else {name: v.astype(self.dtype) for name, v in own.items()}

    def __call__(
        self,
        inputs: Float[Array, "batch queries features"],
        memory: Float[Array, "batch keys features"] | KeyValueCache | None = None,
        mask: Bool[Array, "..."] | None = None,
        rotary: Float[Array, "length head_features"] | None = None,
        offset: int | Integer[Array, ""] | None = None,
    ) -> Float[Array, "batch queries features"]:
        """(batch, queries, features), memory if it is not the inputs -> (batch, queries, features)."""
        outputs, weights = multi_head_attention(
            self.parameters, self._cast(inputs), memory if isinstance(memory, KeyValueCache) else self._cast(memory),
            mask, num_heads=self.num_heads, masking=self.masking, rotary=rotary, offset=offset, return_weights=True,
        )  # fmt: skip
        self.sow("intermediates", "attention", weights)
        return outputs

    def project(
        self,
        memory: Float[Array, "batch keys features"],
        rotary: Float[Array, "length head_features"] | None = None,
        offset: int | Integer[Array, ""] | None = None,
    ) -> KeyValueCache:
        """Keys and values of a memory, for calls that share it."""
        return project_memory(
            self.parameters, self._cast(memory), num_heads=self.num_heads, rotary=rotary, offset=offset
        )

    def _cast(self, values: Any) -> Any:
        return values if values is None or self.dtype is None else values.astype(self.dtype)


def check_heads(features: int, num_heads: int) -> None:
    """Refuse heads that do not divide the features."""
    check_count("features", features)
    check_count("num_heads", num_heads)
    if features % num_heads:
        raise ValueError(f"num_heads: got {num_heads}, wanted a divisor of {features}, the features")
