"""The sides that run PyTorch: the best ordinary loop of a user, eager."""

import itertools
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.worker import Port

LEARNING_RATE = {"sgd": 0.1, "adam": 1e-3}


def make_data(examples: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """On the device, float32 and standardised beforehand: work that dlx does at every step."""
    random = np.random.default_rng(0)
    inputs = random.integers(0, 256, (examples, 784), np.uint8)
    labels = random.integers(0, 10, examples)
    scaled = (inputs.astype(np.float32) / 255.0 - 0.1307) / 0.3081
    return torch.from_numpy(scaled).to(device), torch.from_numpy(labels).to(device)


def make_model(hidden: tuple[int, ...], optimizer: str, fused: bool, device: str) -> tuple[nn.Module, Any]:
    widths = [784, *hidden]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 10)).to(device)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    return model, kind(model.parameters(), lr=LEARNING_RATE[optimizer], **({"fused": True} if fused else {}))


class Loop:
    """Shuffled batches for ever, a new permutation an epoch; the loss is summed on the device and read once a round."""

    def __init__(self, model: nn.Module, optimizer: Any, data: tuple[torch.Tensor, torch.Tensor], batch_size: int):
        self.model, self.optimizer, self.batch_size = model, optimizer, batch_size
        self.inputs, self.labels = data
        self.order, self.at = torch.empty(0, dtype=torch.int64), 0

    def run(self, steps: int) -> float:
        """The mean loss of the next `steps` steps; reading it waits for the device."""
        total = torch.zeros((), device=self.inputs.device)
        for _ in range(steps):
            if self.at + self.batch_size > len(self.order):
                self.order, self.at = torch.randperm(len(self.inputs), device=self.inputs.device), 0
            index = self.order[self.at : self.at + self.batch_size]
            self.at += self.batch_size
            self.optimizer.zero_grad()
            # index_select is measurably faster than inputs[index]
            inputs, labels = self.inputs.index_select(0, index), self.labels.index_select(0, index)
            loss = F.cross_entropy(self.model(inputs), labels)
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / steps


def train(
    port: Port, *, optimizer: str = "sgd", batch_size: int = 128, hidden: tuple[int, ...] = (256,), models: int = 1,
    steps: int = 936, examples: int = 60_000, fused: bool = False, device: str = "cpu",
) -> None:  # fmt: skip
    """Trains `models` networks one after the other, `steps` steps each a round."""
    if device == "cuda" and not torch.cuda.is_available():
        return port.skip("this PyTorch has no CUDA device")
    data = make_data(examples, device)
    loops = [Loop(*make_model(tuple(hidden), optimizer, fused, device), data, batch_size) for _ in range(models)]
    started = time.perf_counter()
    for loop in loops:
        loop.run(max(1, steps // 4))
    port.ready(warm_up_seconds=time.perf_counter() - started, threads=torch.get_num_threads())
    while port.begin():
        losses = [loop.run(steps) for loop in loops]
        port.end(models * steps * batch_size)
        assert np.all(np.isfinite(losses)), losses


def product(port: Port, *, size: int = 2048, repeats: int = 8) -> None:
    """Products of two square matrices; an item is 1,000 floating point operations."""
    matrix = torch.rand(size, size)
    for _ in range(2):
        matrix @ matrix
    port.ready(threads=torch.get_num_threads())
    while port.begin():
        for _ in range(repeats):
            matrix @ matrix
        port.end(repeats * 2 * size**3 // 1000)
