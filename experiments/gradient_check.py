"""Gradient check: every rule by hand and every function against central differences (notes 003 "gradient check").

    python -m experiments.gradient_check --seeds 3

CPU: about 5 s. Largest relative error of 62 gradients 6.0e-10 +- 5.3e-10 (3 seeds), asked for 1e-6; wrong gradients
caught 1.000 +- 0.000 (3 seeds).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dlx import backprop, losses, nn
from dlx.run import Options, launch, open_run, require


@dataclass(frozen=True)
class Config(Options):
    """Options of the check."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["normal"] = "normal"
    """Arguments of the functions: normal draws in float64."""
    eps: float = 1e-5
    """Step of the central differences."""
    tolerance: float = 1e-6
    """Largest relative error of a gradient that passes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("eps", "tolerance"):
            require(self, field, above=0)


class Case(NamedTuple):
    """A function of arguments in the given shapes, and its rule by hand, or None: the rule is then jax.grad's."""

    function: Callable
    shapes: Any
    rule: Callable | None = None
    compiled: bool = True


# of NumPy, to enter the computation in float64
LABELS: Any = np.array([2, 0, 1, 2], np.int32)
ONE_HOT: Any = np.eye(3)[LABELS]
SIGNS: Any = 2 * ONE_HOT - 1
WEIGHTS: Any = np.array([1.0, 2.0, 0.5])
MASK: Any = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1], [1, 0, 0]], np.int32)
COLUMNS: dict[str, Any] = {"inputs": np.linspace(-1, 1, 12).reshape(3, 4), "targets": ONE_HOT.T}
ROWS: Any = COLUMNS["inputs"].T
BY_WEIGHTS = [{"weights": (4, 3), "bias": (4,)}, {"weights": (3, 4), "bias": (3,)}]
BY_KERNELS = [{"kernel": (3, 4), "bias": (4,)}, {"kernel": (4, 3), "bias": (3,)}]
TABLE = (4, 3)


def share(x: Any) -> Any:
    """Probabilities, away from 0 and 1."""
    return 0.1 + 0.8 * nn.sigmoid(x)


def network_loss(params: Any, penalty: str) -> Any:
    """What `backpropagation` differentiates: a tanh network with cross entropy and a penalty of rate 0.1."""
    outputs = backprop.forward_propagation(params, ROWS, activation="tanh").layers[-1]
    norms = {"l1": lambda w: jnp.sum(jnp.abs(w)), "l2": lambda w: 0.5 * jnp.sum(w * w)}
    return jnp.mean(losses.softmax_cross_entropy(outputs, LABELS)) + 0.1 * sum(
        norms[penalty](layer["kernel"]) for layer in params
    )


def network_rule(penalty: str) -> Callable:
    """The rule of `network_loss`."""

    def rule(g: Any, params: Any) -> Any:
        gradients = backprop.backpropagation(params, ROWS, LABELS, activation="tanh", penalty=penalty, penalty_rate=0.1)
        return jax.tree.map(lambda a: g * a, gradients)

    return rule


def batch_norm(p: Any) -> Any:
    """Batch normalisation over the first axis; p is [inputs, scale, bias]."""
    x, scale, bias = p
    return scale * (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5) + bias


def delta_rule(gradients: Callable) -> Callable:
    """The delta recursion with weight decay as a rule."""
    return lambda g, p: jax.tree.map(lambda a: g * a, gradients(p, **COLUMNS, weight_decay=0.1))


def delta_cost(p: Any) -> Any:
    """What the delta recursion differentiates."""
    return backprop.cost(p, **COLUMNS, weight_decay=0.1)


BY_HAND = {
    **{name: Case(rule.forward, TABLE, lambda g, x, rule=rule: rule.backward(g, x, rule.forward(x)))
       for name, rule in backprop.ACTIVATION_RULES.items()},
    "generalised_relu": Case(lambda x: nn.generalised_relu(x, negative_slope=0.3), TABLE,
                             lambda g, x: backprop.generalised_relu_backward(g, x, negative_slope=0.3)),
    "prelu": Case(lambda p: nn.prelu(*p), [TABLE, (3,)], lambda g, p: list(backprop.prelu_backward(g, *p))),
    "maxout": Case(nn.maxout, (3, 4), backprop.maxout_backward),
    "softmax_jacobian": Case(nn.softmax, TABLE,
                             lambda g, x: jnp.einsum("bi,bij->bj", g, backprop.softmax_jacobian(nn.softmax(x)))),
    "affine": Case(lambda p: nn.affine(*p), [TABLE, (3, 2), (2,)],
                   lambda g, p: list(backprop.affine_backward(g, *p[:2]))),
    "column_affine": Case(lambda p: p[1] @ p[0] + p[2][:, None], [(3, 4), (2, 3), (2,)],
                          lambda g, p: list(backprop.column_affine_backward(g, *p[:2]))),
    "quadratic_form": Case(lambda p: p[0] @ p[1] @ p[0], [(3,), (3, 3)],
                           lambda g, p: list(backprop.quadratic_form_backward(g, *p))),
    "softmax_cross_entropy": Case(
        lambda x: losses.softmax_cross_entropy(x, LABELS).mean(), TABLE,
        lambda g, x: g * backprop.softmax_cross_entropy_backward(x, LABELS)),
    "sigmoid_binary_cross_entropy": Case(
        lambda x: losses.sigmoid_binary_cross_entropy(x, ONE_HOT).mean(), TABLE,
        lambda g, x: g * backprop.sigmoid_binary_cross_entropy_backward(x, ONE_HOT)),
    "squared_error": Case(lambda x: losses.squared_error(x, ONE_HOT).mean(), TABLE,
                          lambda g, x: g * backprop.squared_error_backward(x, ONE_HOT)),
    "batch_norm": Case(batch_norm, [TABLE, (3,), (3,)],
                       lambda g, p: list(backprop.batch_norm_backward(g, *p[:2]))),
    "batch_norm_by_graph": Case(batch_norm, [TABLE, (3,), (3,)],
                                lambda g, p: list(backprop.batch_norm_backward_by_graph(g, *p[:2]))),
    "delta_gradients": Case(delta_cost, BY_WEIGHTS, delta_rule(backprop.delta_gradients)),
    "loop_gradients": Case(delta_cost, BY_WEIGHTS, delta_rule(backprop.loop_gradients), compiled=False),
    **{f"backpropagation, {penalty}": Case(lambda p, penalty=penalty: network_loss(p, penalty), BY_KERNELS,
                                           network_rule(penalty)) for penalty in ("l1", "l2")},
}  # fmt: skip

BY_AUTODIFF = {
    **{f"nn.{name}": Case(function, TABLE) for name, function in nn.ACTIVATIONS.items()},
    **{f"nn.{name}": Case(getattr(nn, name), TABLE)
       for name in ("softmax", "log_softmax", "logsumexp", "l1_norm", "l2_norm", "squared_l2_norm")},
    "nn.generalised_relu": Case(lambda x: nn.generalised_relu(x, negative_slope=0.3), TABLE),
    "nn.prelu": Case(lambda p: nn.prelu(*p), [TABLE, (3,)]),
    "nn.maxout": Case(nn.maxout, (3, 4)),
    "nn.affine": Case(lambda p: nn.affine(*p), [TABLE, (3, 2), (2,)]),
    "nn.layer_norm": Case(lambda p: nn.layer_norm(*p), [TABLE, (3,), (3,)]),
    "nn.dropout": Case(lambda x: nn.dropout(nn.example_keys(jax.random.key(0), 4), x, rate=0.4, train=True), TABLE),
    "nn.drop_connect": Case(lambda w: nn.drop_connect(jax.random.key(0), w, rate=0.4, train=True), TABLE),
    **{f"losses.{name}": Case(lambda x, name=name: getattr(losses, name)(x, ONE_HOT), TABLE)
       for name in ("squared_error", "absolute_error", "smooth_l1", "huber", "sigmoid_binary_cross_entropy",
                    "multi_label_cross_entropy")},
    **{f"losses.{name}": Case(lambda x, name=name: getattr(losses, name)(x, SIGNS), TABLE)
       for name in ("hinge", "squared_hinge", "logistic")},
    **{f"losses.{name}": Case(lambda x, name=name: getattr(losses, name)(share(x), ONE_HOT), TABLE)
       for name in ("binary_cross_entropy", "categorical_cross_entropy")},
    "losses.reduce": Case(lambda x: losses.reduce(losses.squared_error(x, ONE_HOT)), TABLE),
    "losses.softmax_cross_entropy": Case(
        lambda x: losses.softmax_cross_entropy(x, LABELS, class_weights=WEIGHTS,
                                               label_smoothing=0.1), TABLE),
    "losses.negative_log_likelihood": Case(
        lambda x: losses.negative_log_likelihood(nn.log_softmax(x), LABELS), TABLE),
    "losses.masked_sigmoid_cross_entropy": Case(
        lambda x: losses.masked_sigmoid_cross_entropy(x, ONE_HOT, MASK), TABLE),
    **{f"losses.multiclass_hinge, {kind}": Case(
        lambda x, kind=kind: losses.multiclass_hinge(x, LABELS, kind=kind), TABLE)
       for kind in ("crammer_singer", "weston_watkins")},
}  # fmt: skip


def main(config: Config) -> dict:
    """Checks every gradient, and the same with its sign turned round, and reports; returns the result."""
    cases = {**BY_HAND, **BY_AUTODIFF}
    errors, gaps = np.zeros((2, len(cases), config.seeds))
    caught = np.zeros((len(cases), config.seeds))
    entries = np.zeros(len(cases), int)
    with open_run(config) as run, jax.enable_x64(True):
        for number, (name, case) in enumerate(cases.items()):
            verdicts = check(config, case)
            for k, (right, wrong, gap) in enumerate(verdicts):
                errors[number, k], gaps[number, k] = right.worst.error, gap
                caught[number, k], entries[number] = not wrong.passed, right.checked
            if errors[number].max() > config.tolerance:
                run.note(f"{name}: {verdicts[int(errors[number].argmax())][0]}")
            if name == "delta_gradients":
                run.table(f"What a wrong gradient looks like: {name} with its sign turned round", failure(verdicts))
        split = len(BY_HAND)
        rows = [["rule", "entries", "error to differences", "gap to jax.grad"]]
        rows += [[n, str(c), f"{e.max():.1e}", f"{g.max():.1e}"]
                 for n, c, e, g in zip(BY_HAND, entries, errors, gaps, strict=False)]  # fmt: skip
        run.table("Rules by hand", rows)
        rows = [["function", "entries", "error to differences"]]
        rows += [[n, str(c), f"{e.max():.1e}"] for n, c, e in zip(BY_AUTODIFF, entries[split:], errors[split:],
                                                                  strict=True)]  # fmt: skip
        run.table("Functions by automatic differentiation", rows)
        run.picture(f"Largest relative error of each gradient over {config.seeds} seed{'s' * (config.seeds > 1)}",
                    errors_figure(config, list(cases), errors.max(1), split))  # fmt: skip
        return run.finish({
            "largest_relative_error": errors.max(0), "gap_to_autodiff": gaps.max(0),
            "wrong_gradients_caught": caught.mean(0), "gradients_checked": len(cases),
        })  # fmt: skip


def check(config: Config, case: Case) -> list[tuple]:
    """For each seed: the report, that of the gradient with its sign turned round, and the gap to jax.grad."""

    def is_shape(node: Any) -> bool:
        return isinstance(node, tuple)

    structure = jax.tree.structure(case.shapes, is_leaf=is_shape)
    shapes = jax.tree.leaves(case.shapes, is_leaf=is_shape)
    # J = sum of the outputs with random weights, whose gradient by the outputs these weights are
    value = jax.jit(lambda params, weights: jnp.sum(weights * case.function(params)))
    by_autodiff = jax.jit(jax.grad(value))
    rule = case.rule and (jax.jit(case.rule) if case.compiled else case.rule)
    verdicts = []
    for seed in config.seed_values:
        rng = np.random.default_rng(seed)
        params = jax.tree.unflatten(structure, [jnp.asarray(rng.normal(size=shape)) for shape in shapes])
        weights = jnp.asarray(rng.normal(size=jax.eval_shape(case.function, params).shape))
        automatic = by_autodiff(params, weights)
        gradient = rule(weights, params) if rule else automatic
        function = partial(value, weights=weights)
        wrong = jax.tree.map(jnp.negative, gradient)
        reports = [
            backprop.gradient_check(function, params, given, eps=config.eps, tolerance=config.tolerance)
            for given in (gradient, wrong)
        ]
        pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(automatic), strict=True)
        verdicts.append((*reports, float(np.max([np.abs(a - b).max() for a, b in pairs]))))
    return verdicts


def failure(verdicts: list[tuple]) -> list[list[str]]:
    """The first seed's failing report as a table."""
    rows = [["parameter", "worst entry", "given", "by differences", "relative error"]]
    return rows + [[c.leaf, str(c.entry), f"{c.analytic:.6f}", f"{c.numeric:.6f}", f"{c.error:.2f}"]
                   for c in verdicts[0][1].leaves]  # fmt: skip


def errors_figure(config: Config, names: list[str], errors: np.ndarray, split: int) -> Any:
    """A point for each gradient on a logarithmic axis, and the tolerance."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 0.135 * len(names) + 0.8), layout="constrained")
    axes = figure.subplots()
    shown = np.maximum(errors, 1e-16)
    for part, colour, label in ((slice(0, split), "tab:blue", "by hand"),
                                (slice(split, None), "tab:orange", "by jax.grad")):  # fmt: skip
        axes.plot(shown[part], np.arange(len(names))[part], "o", color=colour, markersize=4, label=label)
    axes.axvline(config.tolerance, color="black", linewidth=1, linestyle="--", label="tolerance")
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", linewidth=0.3)
    axes.set_xlabel("largest relative error")
    figure.legend(loc="outside upper center", fontsize=7, ncols=3)
    return figure


if __name__ == "__main__":
    launch(Config, main)
