"""Convolution as a matrix product: im2col against the built-in one and dlx's own, values and time (notes 004 "im2col").

    python -m experiments.im2col --seeds 3

CPU: about 40 s. Six layers, forward and gradients: largest difference 1.07e-6 +- 0.24e-6 (3 seeds), asked for 1e-5.
Processor time as a multiple of the built-in convolution's, geometric means (under load; it changes by the machine):
time ratio im2col forward 1.89 +- 0.08, time ratio im2col gradients 1.12 +- 0.02 (3 seeds); of a 3x3 layer about 3.5
and 1.9, as its windows hold each pixel nine times. Of 1x1, where nothing is copied, im2col is the faster one.
dlx.nn.conv2d: time ratio conv2d forward 0.71 +- 0.02, time ratio conv2d gradients 0.732 +- 0.004 (3 seeds).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dlx import nn
from dlx.run import Options, launch, open_run, require


class Layer(NamedTuple):
    """A convolution: (height, width, channels) of the images, (height, width, channels, outputs) of the kernel."""

    images: tuple[int, int, int]
    kernel: tuple[int, int, int, int]
    stride: int = 1
    padding: int = 0
    dilation: int = 1


LAYERS = {
    "LeNet, first": Layer((28, 28, 1), (5, 5, 1, 6), padding=2),
    "LeNet, second": Layer((14, 14, 6), (5, 5, 6, 16)),
    "3x3": Layer((16, 16, 32), (3, 3, 32, 64), padding=1),
    "3x3, stride 2": Layer((16, 16, 32), (3, 3, 32, 64), stride=2, padding=1),
    "3x3, dilation 2": Layer((16, 16, 32), (3, 3, 32, 64), padding=2, dilation=2),
    "1x1": Layer((16, 16, 64), (1, 1, 64, 128)),
}


@dataclass(frozen=True)
class Config(Options):
    """Options of the comparison."""

    uses: ClassVar[frozenset[str]] = frozenset()

    dataset: Literal["normal"] = "normal"
    """Images and kernels: normal draws in float32."""
    batch: int = 32
    """Images in a batch."""
    rounds: int = 7
    """Rounds of timing; in each, every form has its turn."""
    tolerance: float = 1e-5
    """Largest difference, as a share of the largest entry, that counts as equal."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("batch", "rounds"):
            require(self, field, at_least=1)
        require(self, "tolerance", above=0)


def built_in(images: Any, kernel: Any, *, stride: int, padding: int, dilation: int) -> jax.Array:
    """XLA's convolution, not dlx's."""
    return jax.lax.conv_general_dilated(
        images, kernel, (stride, stride), [(padding, padding)] * 2, rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip


FORMS: dict[str, Callable] = {"built_in": built_in, "im2col": nn.conv2d_im2col, "conv2d": nn.conv2d}
TITLES = {"built_in": "built-in", "im2col": "im2col", "conv2d": "dlx.nn.conv2d"}
PASSES = ("forward", "gradients")


def main(config: Config) -> dict:
    """Compares values and times of every layer and form, and reports; returns the result."""
    with open_run(config) as run:
        # (layers, seeds, forms, passes); a program is compiled once and serves every seed
        found = [[compared(config, layer, programs, seed) for seed in config.seed_values]
                 for layer, programs in ((layer, forms_of(layer)) for layer in LAYERS.values())]  # fmt: skip
        gaps = np.array([[one[0] for one in seeds] for seeds in found])
        times = np.array([[one[1] for one in seeds] for seeds in found])
        ratios = times / times[:, :, :1]
        worst = gaps.max(axis=(0, 2, 3))
        if worst.max() > config.tolerance:
            run.note(f"Differences of up to {worst.max():.1e}; --tolerance is {config.tolerance:g}.")
        run.table("Largest difference from the built-in convolution, as a share of its largest entry", gap_rows(gaps))
        run.table(f"Processor time for {config.batch} images, and memory of the windows", time_rows(times))
        run.picture("Processor time, as a multiple of the built-in convolution's", ratios_figure(ratios))
        # one ratio of all layers: the geometric mean
        overall = np.exp(np.log(ratios).mean(0))
        return run.finish(
            {"largest_difference": worst, "equal": (gaps[:, :, 1:] <= config.tolerance).mean(axis=(0, 2, 3))}
            | {f"time_ratio_{form}_{kind}": overall[:, row, column]
               for row, form in enumerate(FORMS) if row for column, kind in enumerate(PASSES)}
        )  # fmt: skip


def forms_of(layer: Layer) -> dict[str, tuple[Callable, Callable]]:
    """{form: (outputs of images and kernel, gradients of their product with given weights)}, compiled."""

    def pair(function: Callable) -> tuple[Callable, Callable]:
        own = partial(function, stride=layer.stride, padding=layer.padding, dilation=layer.dilation)

        def gradients(images: Any, kernel: Any, weights: Any) -> tuple:
            return jax.vjp(own, images, kernel)[1](weights)

        return jax.jit(own), jax.jit(gradients)

    return {name: pair(function) for name, function in FORMS.items()}


def compared(config: Config, layer: Layer, programs: Mapping[str, tuple], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(forms, passes) largest difference from the built-in form, and seconds of processor time."""
    keys = jax.random.split(jax.random.key(seed), 3)
    images = jax.random.normal(keys[0], (config.batch, *layer.images))
    kernel = jax.random.normal(keys[1], layer.kernel)
    outputs = jax.eval_shape(programs["built_in"][0], images, kernel)
    arguments = (images, kernel), (images, kernel, jax.random.normal(keys[2], outputs.shape))
    gaps, seconds = np.zeros((2, len(FORMS), len(PASSES)))
    for column, given in enumerate(arguments):
        values = [jax.tree.leaves(pair[column](*given)) for pair in programs.values()]
        for row, own in enumerate(values):
            gaps[row, column] = max(float(jnp.abs(a - b).max() / jnp.abs(b).max())
                                    for a, b in zip(own, values[0], strict=True))  # fmt: skip
        seconds[:, column] = timed([partial(pair[column], *given) for pair in programs.values()], config.rounds)
    return gaps, seconds


def timed(calls: list[Callable], rounds: int) -> np.ndarray:
    """(calls,) median seconds of processor time, of all threads, which other programs lengthen little."""

    def seconds(call: Callable, count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            jax.block_until_ready(call())
        return (time.process_time() - began) / count

    # a round of about 20 ms
    counts = [max(1, min(100, round(0.02 / max(seconds(call, 1), 1e-6)))) for call in calls]
    found = [[seconds(call, count) for call, count in zip(calls, counts, strict=True)] for _ in range(rounds)]
    return np.median(found, axis=0)


def gap_rows(gaps: np.ndarray) -> list[list[str]]:
    """A row for each layer: the largest of all seeds."""
    rows = [["layer", *(f"{TITLES[form]}, {kind}" for form in list(FORMS)[1:] for kind in PASSES)]]
    for name, own in zip(LAYERS, gaps.max(axis=1), strict=True):
        rows.append([name, *(f"{value:.1e}" for value in own[1:].ravel())])
    return rows


def time_rows(times: np.ndarray) -> list[list[str]]:
    """Two rows for each layer: milliseconds, mean over the seeds, and how many times larger the windows are."""
    rows = [["layer", "pass", *(f"{title}, ms" for title in TITLES.values()), "windows / images"]]
    for (name, layer), own in zip(LAYERS.items(), times.mean(axis=1), strict=True):
        windows = jax.eval_shape(
            partial(nn.im2col, kernel_size=layer.kernel[:2], stride=layer.stride, padding=layer.padding,
                    dilation=layer.dilation),
            jax.ShapeDtypeStruct((1, *layer.images), jnp.float32),
        )  # fmt: skip
        larger = f"{windows.size / np.prod(layer.images):.2f}"
        for column, kind in enumerate(PASSES):
            rows.append([name, kind, *(f"{1e3 * value:.2f}" for value in own[:, column]), larger])
    return rows


def ratios_figure(ratios: np.ndarray) -> Any:
    """A panel for each pass: a bar for each layer and form, a dot for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4.6), layout="constrained")
    panels = figure.subplots(len(PASSES), sharex=True, squeeze=False)[:, 0]
    places = np.arange(len(LAYERS))
    for column, (axes, kind) in enumerate(zip(panels, PASSES, strict=True)):
        for row, (form, colour) in enumerate(zip(list(FORMS)[1:], ("tab:orange", "tab:blue"), strict=True), start=1):
            at = places + 0.38 * (row - 1.5)
            values = ratios[:, :, row, column]
            axes.barh(at, np.median(values, axis=1), height=0.34, color=colour, alpha=0.7, label=TITLES[form])
            axes.plot(values, np.repeat(at[:, None], values.shape[1], 1), ".", color="black", markersize=3)
        axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
        axes.set_yticks(places, list(LAYERS), fontsize=8)
        axes.invert_yaxis()
        axes.set_title(kind, fontsize=9)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    panels[-1].set_xlabel("processor time / built-in")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    return figure


if __name__ == "__main__":
    launch(Config, main)
