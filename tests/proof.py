"""The proofs that every function of layer 1 gets. `prove` runs them all.

@pytest.mark.row(12)
@configurations()
def test_elu(rng):
    prove(nn.elu, [normal(rng)], reference=elementwise(lambda x: x if x >= 0 else math.exp(x) - 1))
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from tests.tolerances import assert_close

DTYPES = ("float64", "float32", "bfloat16")


def configurations(fast: int = 2, slow: int = 20):
    """Run a test with `fast` seeds of the fixture `rng` in the fast tests, and `slow` more in the slow ones."""
    seeds = [pytest.param(seed, id=str(seed)) for seed in range(fast)]
    seeds += [pytest.param(seed, id=str(seed), marks=pytest.mark.slow) for seed in range(fast, fast + slow)]
    return pytest.mark.parametrize("rng", seeds, indirect=True)


def shape(rng: np.random.Generator, ndim: int = 2, low: int = 1, high: int = 6) -> tuple[int, ...]:
    """A random shape."""
    return tuple(int(size) for size in rng.integers(low, high, ndim, endpoint=True))


def prove(
    function: Callable,
    arrays: Sequence[np.ndarray],
    *,
    reference: Callable | None = None,
    kind: str = "elementwise",
    dtypes: Sequence[str] = DTYPES,
    gradients: Sequence[int] | None = None,
    modes: Sequence[str] = ("fwd", "rev"),
    vmap: bool = True,
    another: Callable = lambda array: 0.75 * array,
) -> None:
    """Reference in every dtype, dtype kept, gradients, eager = jit = vmap, compiled once.

    `arrays` are NumPy arrays, floating ones float64; integers stay integers. `gradients` are the numbers of the
    arguments to differentiate, every floating one if None, and none if empty. `another` makes other numbers of a
    floating array for a second call.
    """
    # one compiled function for all: what a dtype has compiled is not compiled again
    compiled = CountedJit(function)
    if reference is not None:
        for dtype in dtypes:
            check_reference(compiled, reference, arrays, dtype=dtype, kind=kind)
    numbers = [i for i, array in enumerate(arrays) if is_floating(array)] if gradients is None else list(gradients)
    if numbers:
        check_gradients(compiled, arrays, numbers, modes=modes)
    check_transformations(function, arrays, kind=kind, vmap=vmap, another=another, compiled=compiled)


class CountedJit:
    """A compiled function that counts how often it was traced."""

    def __init__(self, function: Callable) -> None:
        self.traces = 0

        def counted(*args):
            self.traces += 1
            return function(*args)

        self.compiled = jax.jit(counted)

    def __call__(self, *args):
        """The compiled function."""
        return self.compiled(*args)


def as_compiled(function: Callable) -> CountedJit:
    """The function compiled, once."""
    return function if isinstance(function, CountedJit) else CountedJit(function)


def is_floating(array: Any) -> bool:
    """Whether an argument is an array of floats."""
    return np.issubdtype(np.asarray(array).dtype, np.floating)


def cast(arrays: Sequence[np.ndarray], dtype: str) -> list[jax.Array]:
    """Floating arrays in a dtype, the others as they are."""
    return [jnp.asarray(np.asarray(array, dtype) if is_floating(array) else array) for array in arrays]


def check_reference(function, reference, arrays, *, dtype: str = "float64", kind: str = "elementwise") -> None:
    """The function equals a float64 reference of the same, rounded, arguments, and keeps the dtype."""
    with jax.enable_x64(dtype == "float64"):
        inputs = cast(arrays, dtype)
        # compiled, which costs less than its operations one by one; check_transformations has those
        got = as_compiled(function)(*inputs)
    rounded = [np.asarray(x, np.float64) if is_floating(a) else a for x, a in zip(inputs, arrays, strict=True)]
    want = reference(*rounded)
    jax.tree.map(lambda g: _check_dtype(g, dtype), got)
    jax.tree.map(lambda g, w: _check_value(g, w, kind), got, want)


def _check_dtype(got, dtype: str) -> None:
    assert got.dtype == dtype, f"dtype {got.dtype} came out of {dtype}"


def _check_value(got, want, kind: str) -> None:
    assert got.shape == np.shape(want), f"shape {got.shape}, the reference has {np.shape(want)}"
    assert_close(got, want, kind=kind)


def check_gradients(function, arrays, numbers, *, modes=("fwd", "rev"), order: int = 1) -> None:
    """Derivatives equal finite differences in float64."""
    with jax.enable_x64(True):
        inputs, compiled = cast(arrays, "float64"), as_compiled(function)

        def of_numbers(*chosen):
            full = list(inputs)
            for number, value in zip(numbers, chosen, strict=True):
                full[number] = value
            return compiled(*full)

        # central differences with a step of 1e-5 are right to about 1e-10; the function's third derivative enters
        check_grads(of_numbers, [inputs[n] for n in numbers], order, modes=modes, atol=1e-7, rtol=1e-7, eps=1e-5)


def check_transformations(
    function,
    arrays,
    *,
    kind: str = "elementwise",
    vmap: bool = True,
    another: Callable = lambda array: 0.75 * array,
    compiled: CountedJit | None = None,
) -> None:
    """Eager = jit = vmap in float32, and a second call with other numbers compiles nothing."""
    compiled = compiled or CountedJit(function)
    first = cast(arrays, "float32")
    second = cast([another(array) if is_floating(array) else array for array in arrays], "float32")
    want = [function(*first), function(*second)]
    got = [compiled(*first)]
    traces = compiled.traces
    got.append(compiled(*second))
    assert compiled.traces == traces, "a second call with the same shapes was compiled again"
    jax.tree.map(lambda g, w: assert_close(g, w, kind=kind), got, want)
    if vmap:
        stacked = jax.jit(jax.vmap(function))(*(np.stack(pair) for pair in zip(first, second, strict=True)))
        jax.tree.map(lambda g, *w: assert_close(g, np.stack(w), kind=kind), stacked, *want)


def scalar_gradient(function, *arrays):
    """Gradient of the sum of a function with respect to its first argument."""
    return jax.grad(lambda *args: jnp.sum(function(*args)))(*arrays)
