"""Convolutional networks: speed against PyTorch, memory, seeds at once."""

from benchmarks.kinds import Case, Comparison
from benchmarks.measure import Side

__all__ = ["CONVNETS"]

FIT = "benchmarks.sides_dlx:fit"

_LENET_NOTE = (
    "Where the time goes, one thread: of 26 ms a step the second convolution takes 8 and the first 4 (values and"
    " gradients, alone in a loop); pooling, which must be exact where entries are equal, the dense layers, Adam and the"
    " elementwise operations share the rest."
)
_CNN_NOTE = (
    "Where the time goes, one thread, layers alone in a loop: batch norm with ReLU on 32x32x32x64 takes 3.1 ms (4.4 by"
    " jax.grad), two thirds of it for the gradients; with 64 channels a 3x3 convolution runs at 200 GFLOP/s forward and"
    " its kernel's gradient at 140."
)
_RESNET_NOTE = (
    "Where the time goes, one thread, layers alone in a loop: the 3x3 convolutions run at 160 to 220 GFLOP/s forward,"
    " at 150 to 185 back to the images with stride 2, and their kernels' gradients at 125 to 195; PyTorch's oneDNN"
    " reached 220 to 330 forward. Batch norm reads its input at least five times and its gradient twice."
)


def _convnet(model: str, what: str, batch_size: int, steps: int, least: float, note: str) -> Case:
    ours = {
        "model": model, "optimizer": "adam", "batch_size": batch_size, "steps": steps, "log_every": steps,
        "examples": 2048, "allocator": "keep",
    }  # fmt: skip
    theirs = {"model": model, "batch_size": batch_size, "steps": steps}
    torch = "benchmarks.sides_torch:train_images"
    return Case(
        f"{what}, batch {batch_size}, Adam: `fit` against PyTorch eager in both memory formats",
        (
            Side("fit", FIT, ours),
            Side("fit, 2 devices", FIT, {**ours, "devices": 2, "parallel": "pmap"}),
            Side("PyTorch NCHW", torch, theirs),
            Side("PyTorch channels_last", torch, {**theirs, "channels_last": True}),
        ),
        (
            Comparison("fit against PyTorch NCHW", "fit", "PyTorch NCHW"),
            Comparison("fit against PyTorch channels_last", "fit", "PyTorch channels_last", goal=least),
            Comparison("fit on 2 devices (pmap) against PyTorch NCHW", "fit, 2 devices", "PyTorch NCHW"),
            Comparison(
                "fit on 2 devices (pmap) against PyTorch channels_last", "fit, 2 devices", "PyTorch channels_last",
                goal=least, modes=("2t",),
            ),
        ),
        note=note,
    )  # fmt: skip


def _lenet_seeds() -> Case:
    options = {
        "model": "lenet", "optimizer": "adam", "batch_size": 64, "steps": 10, "log_every": 10, "examples": 2048,
        "allocator": "keep",
    }  # fmt: skip
    peer = "PyTorch channels_last, one after the other"
    theirs = {"model": "lenet", "batch_size": 64, "steps": 80, "channels_last": True}
    many = {f"{seeds} seeds": {**options, "seeds": seeds, "each": "map"} for seeds in (8, 32)}
    sides = {
        "1 seed": options, **many, "8 seeds, vmap": {**many["8 seeds"], "each": "vmap"},
        "8 seeds, 2 devices": {**many["8 seeds"], "devices": 2, "parallel": "pmap"},
    }  # fmt: skip
    return Case(
        "LeNets at once, 28x28x1, batch 64, Adam: seeds after each other in one program (lax.map), or by vmap",
        (*(Side(name, FIT, one) for name, one in sides.items()),
         Side(peer, "benchmarks.sides_torch:train_images", theirs)),
        tuple(Comparison(f"{name}, all together", name, peer) for name in sides),
    )  # fmt: skip


def _lenet_accelerator(seeds: int) -> Case:
    ours = {
        "model": "lenet", "optimizer": "adam", "batch_size": 256, "seeds": seeds, "steps": 234, "log_every": 117,
        "each": "vmap",
    }  # fmt: skip
    theirs = {"model": "lenet", "batch_size": 256, "steps": 234, "examples": 60_000, "device": "cuda"}
    torch = "benchmarks.sides_torch:train_images"
    sides = (
        Side("PyTorch NCHW", torch, theirs),
        Side("PyTorch channels_last", torch, {**theirs, "channels_last": True}),
    )
    return Case(
        f"LeNets at once by vmap, 28x28x1, batch 256, Adam: {seeds}",
        (Side("vmap", FIT, ours), *sides),
        tuple(Comparison(f"all seeds together against one model, {side.name}", "vmap", side.name) for side in sides),
        modes=("accelerator",),
    )


def _memory() -> Case:
    module = "benchmarks.sides_memory"
    sides = (
        Side("dlx", f"{module}:ours"),
        Side("dlx, remat", f"{module}:ours", {"remat": True}),
        Side("PyTorch NCHW", f"{module}:torch"),
        Side("PyTorch channels_last", f"{module}:torch", {"channels_last": True}),
    )
    resident = [Comparison(f"resident at the peak, {side.name}", side.name, side.name, "resident") for side in sides]
    planned = [Comparison(f"planned by XLA, {side.name}", side.name, side.name, "planned") for side in sides[:2]]
    return Case(
        "Memory of a training step: ResNet-18, CIFAR stem, batch 32, Adam",
        sides,
        (*resident, *planned, Comparison("speed with remat against without", "dlx, remat", "dlx")),
        modes=("1t",),
        note="Planned: parameters and Adam's moments (128 MiB together), the batch, and all that lives inside the step."
        " Resident: the whole process, libraries and compiled code included. `remat` computes the activations of a"
        " block again for its gradient.",
    )


CONVNETS: dict[str, Case] = {
    "lenet": _convnet("lenet", "LeNet, 28x28x1", 256, 40, 0.67, _LENET_NOTE),
    "cifar_cnn": _convnet("cifar_cnn", "CNN 32-64-128 with batch norm, 32x32x3", 128, 8, 0.78, _CNN_NOTE),
    "resnet18": _convnet("resnet18", "ResNet-18, CIFAR stem, 32x32x3", 32, 1, 0.64, _RESNET_NOTE),
    "resnet18_memory": _memory(),
    "lenet_seeds": _lenet_seeds(),
    **{f"lenet_{seeds}_seeds": _lenet_accelerator(seeds) for seeds in (1, 8, 32)},
}
