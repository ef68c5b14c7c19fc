"""One of several processes that train together.

    python -m tests.train.process_worker ADDRESS NUMBER COUNT PARALLEL SEEDS FILE

Each has one CPU device; the first writes sha256 and leaves of the state, and the evaluation, to FILE.
"""

import sys

import jax
import numpy as np


def main(address: str, number: str, count: str, parallel: str, seeds: str, file: str) -> None:
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 1)
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.distributed.initialize(address, num_processes=int(count), process_id=int(number))
    from tests.train.test_processes import trained

    result = trained(parallel, tuple(map(int, seeds.split(","))))
    if jax.process_index() == 0:
        np.savez(file, **result)


if __name__ == "__main__":
    main(*sys.argv[1:])
