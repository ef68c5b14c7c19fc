"""Reverse-mode differentiation over a recorded graph.

A `Node` is a value and where it came from. Arithmetic on nodes records the graph, each operation with its own pull:
the function that turns the gradient of the operation's value into that of one parent. `graph_gradients` walks the
graph once from the end and adds up what arrives at each node. Nodes never change: nothing is to be set to zero between
two calls.

    x, w = Node(x), Node(w)
    loss = ((x @ w).tanh() ** 2).mean()
    by_w, = graph_gradients(loss, [w])

Values are NumPy or JAX arrays. Different shapes are broadcast by an operation of their own, whose pull is a sum.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Node"]

Pull = Callable[[Any], Any]
Axes = int | tuple[int, ...] | None


@dataclass(frozen=True, eq=False, slots=True, init=False, repr=False)
class Node:
    """A value in a graph of operations: `Node(array)` is a leaf, arithmetic and methods make the others."""

    value: Any
    operation: str
    parents: tuple[tuple["Node", Pull], ...]

    # NumPy arrays on the left leave the operation to the node
    __array_ufunc__ = None

    def __init__(self, value: Any, operation: str = "leaf", *parents: tuple["Node", Pull]):
        array: Any = value if isinstance(value, jax.Array) else np.asarray(value)
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(f"value: got dtype {array.dtype}, wanted a floating dtype")
        object.__setattr__(self, "value", array)
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "parents", parents)

    def __repr__(self) -> str:
        # not the parents: a node that is used twice would be written twice, and theirs four times
        return f"Node({self.operation}, shape {self.shape})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    # pointwise, of two

    def __add__(self, other: Any) -> "Node":
        a, b = _together(self, other)
        return Node(a.value + b.value, "add", (a, lambda g: g), (b, lambda g: g))

    def __sub__(self, other: Any) -> "Node":
        a, b = _together(self, other)
        return Node(a.value - b.value, "subtract", (a, lambda g: g), (b, lambda g: -g))

    def __mul__(self, other: Any) -> "Node":
        a, b = _together(self, other)
        return Node(a.value * b.value, "multiply", (a, lambda g: g * b.value), (b, lambda g: g * a.value))

    def __truediv__(self, other: Any) -> "Node":
        a, b = _together(self, other)
        quotient = a.value / b.value
        return Node(quotient, "divide", (a, lambda g: g / b.value), (b, lambda g: -g * quotient / b.value))

    def __pow__(self, other: Any) -> "Node":
        a, b = _together(self, other)
        power, xp = a.value**b.value, namespace(a.value, b.value)

        def pull_base(g: Any) -> Any:
            # b a^(b - 1) is 0, not 0 * inf, for a = b = 0
            exponent = xp.where(b.value == 0, 1, b.value - 1)
            return g * b.value * a.value**exponent

        def pull_exponent(g: Any) -> Any:
            # a^b log a tends to 0 with a
            return g * power * xp.log(xp.where(a.value == 0, 1, a.value))

        return Node(power, "power", (a, pull_base), (b, pull_exponent))

    def maximum(self, other: Any) -> "Node":
        """The larger of two; a tie shares the gradient equally."""
        a, b = _together(self, other)
        xp = namespace(a.value, b.value)
        share = xp.where(a.value == b.value, 0.5, a.value > b.value).astype(a.value.dtype)
        return Node(xp.maximum(a.value, b.value), "maximum", (a, lambda g: g * share), (b, lambda g: g * (1 - share)))

    def __radd__(self, other: Any) -> "Node":
        return _constant(other, self) + self

    def __rsub__(self, other: Any) -> "Node":
        return _constant(other, self) - self

    def __rmul__(self, other: Any) -> "Node":
        return _constant(other, self) * self

    def __rtruediv__(self, other: Any) -> "Node":
        return _constant(other, self) / self

    def __rpow__(self, other: Any) -> "Node":
        return _constant(other, self) ** self

    def __rmatmul__(self, other: Any) -> "Node":
        return _constant(other, self) @ self

    # pointwise, of one

    def __neg__(self) -> "Node":
        return Node(-self.value, "negate", (self, lambda g: -g))

    def exp(self) -> "Node":
        """Exponential: g y."""
        y = namespace(self.value).exp(self.value)
        return Node(y, "exp", (self, lambda g: g * y))

    def log(self) -> "Node":
        """Natural logarithm: g / x."""
        return Node(namespace(self.value).log(self.value), "log", (self, lambda g: g / self.value))

    def sqrt(self) -> "Node":
        """Square root: g / (2 y)."""
        y = namespace(self.value).sqrt(self.value)
        return Node(y, "sqrt", (self, lambda g: g / (2 * y)))

    def sin(self) -> "Node":
        """Sine: g cos x."""
        xp = namespace(self.value)
        return Node(xp.sin(self.value), "sin", (self, lambda g: g * xp.cos(self.value)))

    def cos(self) -> "Node":
        """Cosine: -g sin x."""
        xp = namespace(self.value)
        return Node(xp.cos(self.value), "cos", (self, lambda g: -g * xp.sin(self.value)))

    def tanh(self) -> "Node":
        """Hyperbolic tangent: g (1 - y^2)."""
        y = namespace(self.value).tanh(self.value)
        return Node(y, "tanh", (self, lambda g: g * (1 - y) * (1 + y)))

    def sigmoid(self) -> "Node":
        """Logistic function: g y (1 - y)."""
        xp = namespace(self.value)
        y = xp.exp(-xp.logaddexp(-self.value, xp.zeros_like(self.value)))
        return Node(y, "sigmoid", (self, lambda g: g * y * (1 - y)))

    def relu(self) -> "Node":
        """Rectified linear unit: g where x > 0."""
        positive = self.value > 0
        return Node(namespace(self.value).where(self.value <= 0, 0, self.value), "relu", (self, lambda g: g * positive))

    def abs(self) -> "Node":
        """Absolute value: g sign x, 0 at 0."""
        xp = namespace(self.value)
        return Node(xp.abs(self.value), "abs", (self, lambda g: g * xp.sign(self.value)))

    # shapes and sums

    def sum(self, axis: Axes = None, *, keepdims: bool = False) -> "Node":
        """Sum over axes: every entry gets the gradient of its sum."""
        kept = self._kept(axis)
        total = Node(
            self.value.sum(axis=axis, keepdims=True),
            "sum",
            (self, lambda g: namespace(g).broadcast_to(g, self.shape)),
        )
        return total if keepdims else total.reshape(kept)

    def mean(self, axis: Axes = None, *, keepdims: bool = False) -> "Node":
        """Mean over axes, a sum and a division."""
        return self.sum(axis, keepdims=keepdims) / (math.prod(self.shape) // max(1, math.prod(self._kept(axis))))

    def max(self, axis: Axes = None, *, keepdims: bool = False) -> "Node":
        """Largest over axes; entries that tie share the gradient equally."""
        y = self.value.max(axis=axis, keepdims=True)
        winners = (self.value == y).astype(self.value.dtype)
        largest = Node(y, "max", (self, lambda g: winners * (g / winners.sum(axis=axis, keepdims=True))))
        return largest if keepdims else largest.reshape(self._kept(axis))

    def _kept(self, axis: Axes) -> tuple[int, ...]:
        """Shape without the axes."""
        axes = range(len(self.shape)) if axis is None else [axis] if isinstance(axis, int) else axis
        gone = {a % len(self.shape) for a in axes}
        return tuple(size for a, size in enumerate(self.shape) if a not in gone)

    def reshape(self, shape: tuple[int, ...]) -> "Node":
        """The same entries in another shape."""
        return Node(self.value.reshape(shape), "reshape", (self, lambda g: g.reshape(self.shape)))

    def transpose(self, axes: Sequence[int] | None = None) -> "Node":
        """Axes in another order, reversed if None."""
        order = tuple(range(len(self.shape)))[::-1] if axes is None else tuple(axes)
        back = tuple(int(a) for a in np.argsort(order))
        return Node(self.value.transpose(order), "transpose", (self, lambda g: g.transpose(back)))

    def broadcast_to(self, shape: tuple[int, ...]) -> "Node":
        """Entries repeated: the gradient is the sum over the copies."""
        if self.shape == shape:
            return self
        new = len(shape) - len(self.shape)
        copied = (*range(new), *(a + new for a, size in enumerate(self.shape) if size != shape[a + new]))

        def pull(g: Any) -> Any:
            return g.sum(axis=copied).reshape(self.shape)

        return Node(namespace(self.value).broadcast_to(self.value, shape), "broadcast", (self, pull))

    def __matmul__(self, other: Any) -> "Node":
        """Matrix product over the last two axes; a vector is a row on the left, a column on the right."""
        a, b = self, _constant(other, self)
        _check_product(a.shape, b.shape)
        if len(b.shape) == 1:
            product = a @ b.reshape((*b.shape, 1))
            return product.reshape(product.shape[:-1])
        if len(a.shape) == 1:
            product = a.reshape((1, *a.shape)) @ b
            return product.reshape((*product.shape[:-2], *product.shape[-1:]))
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = a.broadcast_to((*batch, *a.shape[-2:])), b.broadcast_to((*batch, *b.shape[-2:]))
        pull_a, pull_b = lambda g: g @ b.value.swapaxes(-1, -2), lambda g: a.value.swapaxes(-1, -2) @ g
        return Node(a.value @ b.value, "matmul", (a, pull_a), (b, pull_b))


def namespace(*arrays: Any) -> ModuleType:
    """The module that computes with the arrays: jax.numpy, or NumPy if none is JAX's."""
    return jnp if any(isinstance(array, jax.Array) for array in arrays) else np


def _constant(value: Any, like: Node) -> Node:
    """A node of anything; Python's numbers and integers take the dtype of their neighbour."""
    if isinstance(value, Node):
        return value
    if isinstance(value, int | float) or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        value = np.asarray(value, like.value.dtype)
    return Node(value, "constant")


def _together(first: Node, other: Any) -> tuple[Node, Node]:
    """Two nodes broadcast to one shape."""
    second = _constant(other, first)
    shape = _common_shape(first.shape, second.shape)
    if shape is None:
        raise ValueError(f"other: got shape {second.shape}, wanted one that broadcasts with {first.shape}")
    return first.broadcast_to(shape), second.broadcast_to(shape)


def _common_shape(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that two are broadcast to, None if there is none."""
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        return None


def _check_product(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Refuse shapes that have no matrix product."""
    if not left or not right or left[-1] != right[-2:][0] or _common_shape(left[:-2], right[:-2]) is None:
        raise ValueError(
            f"other: got shape {right} for a node of shape {left}, wanted (..., k, n) or (k,) for (..., k)"
        )
