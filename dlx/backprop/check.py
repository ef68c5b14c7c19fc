"""Gradients by central differences, and a report that compares them with derived ones."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jaxtyping import Float

from dlx.checks import check_count, check_floating, check_function, check_range

__all__ = ["Coordinate", "GradientReport", "gradient_check", "numerical_gradient", "numerical_jacobian"]

_TOLERANCE = 1e-6


def _leaves(name: str, tree: Any) -> list[tuple[str, Array | np.ndarray]]:
    """(path, array) of every leaf; all must be floating."""
    leaves = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        label = jax.tree_util.keystr(path, simple=True, separator="/")
        array = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)
        if not jax.numpy.issubdtype(array.dtype, np.floating):
            place = f"{name}[{label}]" if label else name
            raise TypeError(f"{place}: got dtype {array.dtype}, wanted a floating dtype")
        leaves.append((label, array))
    return leaves


def _central_difference(function: Callable, params: Any, number: int, index: int, eps: float) -> np.ndarray:
    """(f(t + eps e_i) - f(t - eps e_i)) / 2 eps for one entry of one leaf."""
    leaves, structure = jax.tree.flatten(params)
    values, places = [], []
    for step in (eps, -eps):
        array = np.array(leaves[number])
        array.flat[index] += step
        places.append(float(array.flat[index]))
        moved = jax.numpy.asarray(array) if isinstance(leaves[number], jax.Array) else array
        inputs = jax.tree.unflatten(structure, [*leaves[:number], moved, *leaves[number + 1 :]])
        values.append(np.asarray(function(inputs), np.float64))
    # t + eps and t - eps are rounded: the distance that was really gone is as good as 2 eps, or better
    # inf - inf is NaN, which no check passes
    with np.errstate(invalid="ignore"):
        return np.asarray((values[0] - values[1]) / (places[0] - places[1]))


def _check_scalar(value: np.ndarray) -> float:
    if value.shape != ():
        raise ValueError(f"function: got a value of shape {value.shape}, wanted a scalar")
    return float(value)


def numerical_gradient(function: Callable[[Any], Any], params: Any, *, eps: float = 1e-4) -> Any:
    """Gradient by central differences, one coordinate at a time.

        dJ/dt_i = (J(t + eps e_i) - J(t - eps e_i)) / (2 eps)

    The error is about eps^2 J'''/6 from the formula and u |J| / eps from rounding, u the machine precision. To be right
    to 1e-7 it needs float64, and for sharply curved functions a step of 1e-5 instead of the notes' 1e-4. The notes'
    first part lost the minus sign; this is the accepted form.

    Args:
      function: J, from `params` to a scalar, of NumPy or JAX; it is called twice for every entry of `params`, so that
        compiling it first pays.
      params: t, a pytree of floating arrays.
      eps: step.
    Returns: a pytree as `params`, of float64 NumPy arrays.
    Raises: ValueError if the value is no scalar or `eps` is not positive; TypeError if a leaf is not floating or
      `function` is no function.
    Source: notes 001 section 3 (E16), 003 "gradient check".
    """
    check_function("function", function, "from params to a scalar")
    check_range("eps", eps, 0, np.inf, open_low=True, open_high=True)
    gradients = [
        np.array([_check_scalar(_central_difference(function, params, n, i, eps)) for i in range(leaf.size)]).reshape(
            leaf.shape
        )
        for n, (_, leaf) in enumerate(_leaves("params", params))
    ]
    return jax.tree.unflatten(jax.tree.structure(params), gradients)


def numerical_jacobian(
    function: Callable[[Any], Any], inputs: Float[Array | np.ndarray, "*shape"], *, eps: float = 1e-4
) -> Float[np.ndarray, "..."]:
    """Jacobian by central differences, in numerator layout.

        (du/dv)_ij = du_i/dv_j = (u_i(v + eps e_j) - u_i(v - eps e_j)) / (2 eps)

    A scalar u gives the gradient, in the shape of v.

    Args:
      function: u, from an array to an array.
      inputs: v, any shape.
      eps: step.
    Returns: the axes of u, then those of v, float64.
    Raises: ValueError if `eps` is not positive; TypeError if `inputs` are not floating or `function` is no function.
    Source: notes 001 section 3.
    """
    check_function("function", function, "from an array to an array")
    check_floating("inputs", inputs)
    check_range("eps", eps, 0, np.inf, open_low=True, open_high=True)
    columns = [_central_difference(function, inputs, 0, index, eps) for index in range(inputs.size)]
    if not columns:
        return np.zeros((*np.shape(function(inputs)), *inputs.shape))
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *inputs.shape)


class Coordinate(NamedTuple):
    """One entry of a gradient, derived and numerical: the worst of its leaf."""

    leaf: str
    shape: tuple[int, ...]
    entry: tuple[int, ...]
    analytic: float
    numeric: float
    error: float
    """Relative error, inf where a number is not finite."""


class GradientReport(NamedTuple):
    """The verdict on a gradient; `str` of it is a table with the worst entry of each leaf, worst leaf first."""

    passed: bool
    tolerance: float
    checked: int
    """Entries that were compared."""
    leaves: tuple[Coordinate, ...]
    rounding: float = 0.0
    """Relative error that rounding alone makes where function and gradient are about 1."""

    @property
    def worst(self) -> Coordinate:
        """The entry with the largest relative error."""
        return self.leaves[0]

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        lines = [
            f"gradient check {verdict}: {self.checked} entries, largest relative error {self.worst.error:.1e},"
            f" tolerance {self.tolerance:.0e}"
        ]
        rows = [("leaf", "shape", "worst entry", "analytic", "numeric", "relative error")]
        for c in self.leaves:
            mark = "" if c.error <= self.tolerance else "  <-"
            numbers = (f"{c.analytic:.9g}", f"{c.numeric:.9g}", f"{c.error:.1e}{mark}")
            rows.append((c.leaf or "-", _tuple(c.shape), _tuple(c.entry), *numbers))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines += ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        if self.rounding > _TOLERANCE:
            lines.append(
                f"Rounding alone makes errors of about {self.rounding:.0e} here, more where the function is large"
                " beside its gradient: in float64 (jax.enable_x64) the check tells more."
            )
        return "\n".join(lines)


def _tuple(numbers: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, numbers))})"


def gradient_check(
    function: Callable[[Any], Any],
    params: Any,
    gradient: Any,
    *,
    eps: float = 1e-4,
    tolerance: float | None = None,
    floor: float = 1e-5,
    max_entries: int | None = None,
) -> GradientReport:
    """Compare a derived gradient with central differences, entry by entry.

        error_i = |a_i - n_i| / max(|a_i|, |n_i|, rms(n), floor),    n_i = (J(t + eps e_i) - J(t - eps e_i)) / (2 eps)

    An entry that is small beside the root mean square of the others is measured against that, since rounding leaves
    it no digits of its own.

    Args:
      function: J, from `params` to a scalar.
      params: t, a pytree of floating arrays.
      gradient: a, a pytree as `params`.
      eps: step.
      tolerance: largest relative error of a pass; None is 1e-6 in float64. In float32 rounding alone makes errors of
        u / eps, about 1e-3, and more where |J| is large beside the gradient: None is ten times that there, at most 0.1,
        and the report says so.
      floor: gradients below it are compared absolutely.
      max_entries: compare at most so many entries of each leaf, evenly spread; None compares all.
    Returns: the report. NaN and infinity do not pass.
    Raises: ValueError if the trees or shapes differ, the value is no scalar or a number is out of range; TypeError if a
      leaf is not floating or `function` is no function.
    Source: notes 001 section 3 (E16), 003 "gradient check".
    """
    check_function("function", function, "from params to a scalar")
    for name, value in (("eps", eps), ("tolerance", tolerance), ("floor", floor)):
        if value is not None:
            check_range(name, value, 0, np.inf, open_low=True, open_high=True)
    if max_entries is not None:
        check_count("max_entries", max_entries)
    wanted: Any = jax.tree.structure(params)
    if jax.tree.structure(gradient) != wanted:
        raise ValueError(f"gradient: got the tree {jax.tree.structure(gradient)}, wanted {wanted}, that of params")
    analytic, numeric, chosen = [], [], []
    leaves = _leaves("params", params)
    dtypes = {leaf.dtype for _, leaf in leaves}

    def watched(point: Any) -> Any:
        value = function(point)
        dtypes.add(np.asarray(value).dtype)
        return value

    for number, ((label, leaf), (_, derived)) in enumerate(zip(leaves, _leaves("gradient", gradient), strict=True)):
        if derived.shape != leaf.shape:
            raise ValueError(f"gradient[{label}]: got shape {derived.shape}, wanted {leaf.shape}, that of params")
        count = leaf.size if max_entries is None else min(leaf.size, max_entries)
        picked = np.linspace(0, max(0, leaf.size - 1), count).astype(int)
        chosen.append(picked)
        analytic.append(np.asarray(derived, np.float64).ravel()[picked])
        values = [_check_scalar(_central_difference(watched, params, number, i, eps)) for i in picked.tolist()]
        numeric.append(np.array(values, np.float64))
    checked = sum(map(len, chosen))
    if not checked:
        raise ValueError("params: got no entries, wanted at least one")
    scale = max(floor, float(np.sqrt(np.mean(np.square(np.concatenate(numeric))))))
    worst = []
    for (label, leaf), a, n, picked in zip(leaves, analytic, numeric, chosen, strict=True):
        if not len(picked):
            continue
        with np.errstate(invalid="ignore"):
            errors = np.abs(a - n) / np.maximum(np.maximum(np.abs(a), np.abs(n)), scale)
        errors = np.where(np.isfinite(errors), errors, np.inf)
        k = int(np.argmax(errors))
        index = tuple(int(i) for i in np.unravel_index(picked[k], leaf.shape))
        worst.append(Coordinate(label, leaf.shape, index, float(a[k]), float(n[k]), float(errors[k])))
    worst.sort(key=lambda c: -c.error)
    precision = max(float(jax.numpy.finfo(d).eps) for d in dtypes if jax.numpy.issubdtype(d, np.floating))
    rounding = precision / eps
    if tolerance is None:
        # wider than 0.1 no gradient would fail
        tolerance = _TOLERANCE if precision <= np.finfo(np.float64).eps else min(0.1, max(_TOLERANCE, 10 * rounding))
    return GradientReport(worst[0].error <= tolerance, tolerance, checked, tuple(worst), rounding)
