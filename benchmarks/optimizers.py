"""dlx.optim against optax in a jitted step of an MLP.

    python -m benchmarks.optimizers [--rounds 11] [--steps 60]

MLP 784-256-10, batch 128, float32. One process holds both sides; it is pinned to one processor and XLA has one thread.
Each round runs both, in turn, the order reversed from round to round; a time is the process's own processor time, which
other programs hardly change. The interval is that of the median of the rounds' ratios (bootstrap).
"""

import argparse
import os
import time

SETTINGS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "adamw", "clipped adam")


def pairs():
    """{name: (ours, optax's)}, of equal paths."""
    import optax

    from dlx import optim

    return {
        "sgd": (optim.sgd(0.1), optax.sgd(0.1)),
        "momentum": (optim.momentum(0.1), optax.sgd(0.1, momentum=0.9)),
        "nesterov": (optim.nesterov(0.1), optax.sgd(0.1, momentum=0.9, nesterov=True)),
        "adagrad": (optim.adagrad(0.01), optax.adagrad(0.01, initial_accumulator_value=0.0, eps=1e-6)),
        "rmsprop": (optim.rmsprop(1e-3), optax.rmsprop(1e-3, eps=1e-6)),
        "adadelta": (optim.adadelta(), optax.adadelta(1.0)),
        "adam": (optim.adam(1e-3), optax.adam(1e-3)),
        "amsgrad": (optim.adam(1e-3, amsgrad=True), optax.amsgrad(1e-3)),
        "adamw": (optim.adamw(1e-3, mask="all"), optax.adamw(1e-3, weight_decay=0.01)),
        "clipped adam": (
            optax.chain(optim.clip_by_global_norm(1.0), optim.adam(1e-3)),
            optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3)),
        ),
    }


def side(optimizer, steps):
    """A function that makes `steps` compiled steps, compiled and warm."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from dlx import losses, nn

    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.standard_normal((128, 784)), jnp.float32)
    labels = jnp.asarray(rng.integers(0, 10, 128))

    def loss(params):
        hidden = nn.relu(nn.affine(inputs, **params["first"]))
        return losses.reduce(losses.softmax_cross_entropy(nn.affine(hidden, **params["second"]), labels))

    def step(params, state):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return jax.tree.map(jnp.add, params, updates), state

    compiled = jax.jit(step, donate_argnums=(0, 1))

    def layer(rows, columns):
        kernel = jnp.asarray(rng.standard_normal((rows, columns)) / rows**0.5, jnp.float32)
        return {"kernel": kernel, "bias": jnp.zeros(columns, jnp.float32)}

    params = {"first": layer(784, 256), "second": layer(256, 10)}
    carry = (params, optimizer.init(params))

    def run():
        nonlocal carry
        start = time.process_time()
        for _ in range(steps):
            carry = compiled(*carry)
        jax.block_until_ready(carry)
        return time.process_time() - start

    run()
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", nargs="*", default=SETTINGS, choices=SETTINGS)
    options = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])

    import numpy as np

    from benchmarks.measure import median_interval

    print("| method | dlx, ms a step | optax, ms a step | optax / dlx (95 % interval) |\n|---|---|---|---|")
    for name, optimizers in pairs().items():
        if name not in options.only:
            continue
        sides = [side(optimizer, options.steps) for optimizer in optimizers]
        times = np.empty((options.rounds, 2))
        for number in range(options.rounds):
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                times[number, which] = sides[which]()
        ratio, low, high = median_interval(times[:, 1] / times[:, 0])
        ours, theirs = np.median(times, axis=0) / options.steps * 1e3
        print(f"| {name} | {ours:.3f} | {theirs:.3f} | {ratio:.3f} ({low:.3f} to {high:.3f}) |", flush=True)


if __name__ == "__main__":
    main()
