"""dlx.nn.conv2d against XLA's own gradients and against PyTorch.

    python -m benchmarks.convolution [--rounds 5] [--only lenet_step 3x3_32_64]

A layer: the output and both gradients. A network: a training step with SGD; LeNet (6-16 kernels of 5x5, batch 256) and
three layers of 3x3 (32-64-128, CIFAR-10's size, batch 128), pooled by averages, so that only convolution differs. dlx
and XLA's own gradients ("built-in") stand inside `fori_loop`, as in a training chunk; the last column is the built-in
form as a step of its own. One process holds all sides; it is pinned to one processor, and has one thread. Every round
runs all of them, in turn, the order reversed from round to round; a time is the process's own processor time.
"""

import argparse
import ctypes
import itertools
import os
import sys
import time

LAYERS = {
    # images, kernel, stride, padding
    "5x5_1_6": ((256, 28, 28, 1), (5, 5, 1, 6), 1, 2),
    "5x5_6_16": ((256, 14, 14, 6), (5, 5, 6, 16), 1, 0),
    "3x3_3_32": ((128, 32, 32, 3), (3, 3, 3, 32), 1, 1),
    "3x3_32_64": ((64, 16, 16, 32), (3, 3, 32, 64), 1, 1),
    "3x3_256_256": ((32, 8, 8, 256), (3, 3, 256, 256), 1, 1),
    "3x3_64_128_stride_2": ((32, 16, 16, 64), (3, 3, 64, 128), 2, 1),
    "1x1_64_256": ((32, 16, 16, 64), (1, 1, 64, 256), 1, 0),
}
NETWORKS = {
    # images, [(kernel, padding)], units of the dense layers; each convolution is followed by relu and 2x2 averages
    "lenet_step": ((256, 28, 28, 1), [((5, 5, 1, 6), 2), ((5, 5, 6, 16), 0)], (400, 120, 84, 10)),
    "cnn_step": (
        (128, 32, 32, 3),
        [((3, 3, 3, 32), 1), ((3, 3, 32, 64), 1), ((3, 3, 64, 128), 1)],
        (2048, 10),
    ),
}
SIDES = ("dlx", "torch", "torch channels_last", "built-in", "built-in, step")
RATE = 0.01


def jax_convolution(built_in):
    """`convolution(images, kernel, stride, padding)`."""
    from jax import lax

    from dlx import nn

    if not built_in:
        return lambda x, k, stride, padding: nn.conv2d(x, k, stride=stride, padding=padding)
    return lambda x, k, stride, padding: lax.conv_general_dilated(
        x, k, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def jax_side(name, *, built_in=False, loop=True):
    """A function that makes some steps and gives seconds a step."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    convolution = jax_convolution(built_in)
    params, images, labels = arrays(name)
    params, images, labels = jax.tree.map(jnp.asarray, (params, images, labels))

    def layer_step(params, images):
        _, _, stride, padding = LAYERS[name]
        outputs, pull = jax.vjp(lambda x, k: convolution(x, k, stride, padding), images, params[0])
        by_images, by_kernel = pull(outputs)
        return [params[0] + 1e-9 * by_kernel], jnp.sum(by_images)

    def loss(params, images):
        layers = NETWORKS[name][1]
        for (_, padding), kernel in zip(layers, params[: len(layers)], strict=True):
            images = jax.nn.relu(convolution(images, kernel, 1, padding))
            n, h, w, c = images.shape
            images = images.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
        outputs = images.reshape(len(images), -1)
        for kernel in params[len(layers) : -1]:
            outputs = jax.nn.relu(outputs @ kernel)
        scores = jax.nn.log_softmax(outputs @ params[-1])
        return -jnp.mean(jnp.take_along_axis(scores, labels[:, None], 1))

    def network_step(params, images):
        value, gradients = jax.value_and_grad(loss)(params, images)
        return [p - RATE * g for p, g in zip(params, gradients, strict=True)], value

    step = layer_step if name in LAYERS else network_step

    def chunk(count, params, batches):
        def body(number, carry):
            params, total = carry
            params, value = step(params, batches[number % 2])
            return params, total + value

        return lax.fori_loop(0, count, body, (params, jnp.float32(0)))

    if loop:
        compiled, batches = jax.jit(chunk), jnp.stack([images, images])
        return timed(lambda count: jax.block_until_ready(compiled(count, params, batches)))
    compiled = jax.jit(step)

    def steps(count):
        carry = params
        for _ in range(count):
            carry, _ = compiled(carry, images)
        jax.block_until_ready(carry)

    return timed(steps)


def torch_side(name, *, channels_last=False):
    """The same in PyTorch."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    params, images, labels = arrays(name)
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def tensor(array):
        found = torch.tensor(array)
        return found.contiguous(memory_format=layout) if found.ndim == 4 else found

    params = [tensor(p.transpose(3, 2, 0, 1) if p.ndim == 4 else p).requires_grad_() for p in params]
    images, labels = tensor(images.transpose(0, 3, 1, 2)), torch.tensor(labels).long()

    def layer_step():
        _, _, stride, padding = LAYERS[name]
        images.requires_grad_()
        outputs = functional.conv2d(images, params[0], stride=stride, padding=padding)
        torch.autograd.grad(outputs, (images, params[0]), outputs.detach())

    def network_step():
        layers, outputs = NETWORKS[name][1], images
        for (_, padding), kernel in zip(layers, params[: len(layers)], strict=True):
            outputs = functional.avg_pool2d(functional.relu(functional.conv2d(outputs, kernel, padding=padding)), 2)
        outputs = outputs.flatten(1)
        for kernel in params[len(layers) : -1]:
            outputs = functional.relu(outputs @ kernel)
        gradients = torch.autograd.grad(functional.cross_entropy(outputs @ params[-1], labels), params)
        with torch.no_grad():
            for param, gradient in zip(params, gradients, strict=True):
                param -= RATE * gradient

    step = layer_step if name in LAYERS else network_step

    def steps(count):
        for _ in range(count):
            step()

    return timed(steps)


def arrays(name):
    """Parameters, images, labels; NumPy."""
    import numpy as np

    rng = np.random.default_rng(0)

    def draw(*shape):
        return (rng.standard_normal(shape) / np.prod(shape[:-1]) ** 0.5).astype(np.float32)

    if name in LAYERS:
        shape, kernels, units = LAYERS[name][0], [LAYERS[name][1]], ()
    else:
        shape, layers, units = NETWORKS[name]
        kernels = [kernel for kernel, _ in layers]
    params = [draw(*kernel) for kernel in kernels] + [draw(*pair) for pair in itertools.pairwise(units)]
    return params, rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, shape[0])


def timed(steps, seconds=0.2):
    """A function that gives seconds of processor time a step; warm, with as many steps as take about `seconds`."""
    steps(1)
    start = time.process_time()
    steps(1)
    count = max(1, min(200, int(seconds / max(time.process_time() - start, 1e-6))))

    def run():
        start = time.process_time()
        steps(count)
        return (time.process_time() - start) / count

    return run


def sides_of(name):
    """{side: function that runs one round}; a library that is missing is left out."""
    makers = {
        "dlx": lambda: jax_side(name),
        "torch": lambda: torch_side(name),
        "torch channels_last": lambda: torch_side(name, channels_last=True),
        "built-in": lambda: jax_side(name, built_in=True),
        "built-in, step": lambda: jax_side(name, built_in=True, loop=False),
    }
    found = {}
    for side in SIDES:
        try:
            found[side] = makers[side]()
        except ImportError as error:
            print(f"{side}: skipped, {error}", file=sys.stderr)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[*LAYERS, *NETWORKS], choices=[*LAYERS, *NETWORKS])
    parser.add_argument("--keep-memory", action="store_true", help="glibc keeps freed memory (Linux)")
    options = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    if options.keep_memory:
        library = ctypes.CDLL("libc.so.6")
        # no mmap, no trim, one arena, growth by 64 MiB
        for setting, value in ((-4, 0), (-1, 2**31 - 1), (-8, 1), (-2, 64 << 20)):
            library.mallopt(setting, value)

    import numpy as np

    print("| ms | " + " | ".join(SIDES) + " | best PyTorch / dlx |")
    print("|---" * (len(SIDES) + 2) + "|")
    for name in options.only:
        sides = sides_of(name)
        times = {side: [] for side in sides}
        for number in range(options.rounds):
            for side in list(sides) if number % 2 == 0 else list(sides)[::-1]:
                times[side].append(sides[side]() * 1e3)
        medians = {side: float(np.median(found)) for side, found in times.items()}
        peers = [medians[side] for side in medians if side.startswith("torch")]
        ratio = f"{min(peers) / medians['dlx']:.2f}" if peers else "-"
        cells = [f"{medians[side]:.2f}" if side in medians else "-" for side in SIDES]
        print(f"| {name} | {' | '.join(cells)} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
