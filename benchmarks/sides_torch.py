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


class Block(nn.Module):
    """The residual block of ResNet-18."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*convolution(before, after, 3, stride), nn.ReLU(), *convolution(after, after, 3))
        self.shortcut = nn.Sequential(*(convolution(before, after, 1, stride) if stride > 1 else []))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(images) + self.shortcut(images))


def convolution(before: int, after: int, size: int, stride: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size (but for its stride), and batch norm."""
    return [nn.Conv2d(before, after, size, stride, size // 2, bias=False), nn.BatchNorm2d(after)]


def convnet(name: str) -> nn.Module:
    """The networks of `sides_dlx.MODELS`."""
    if name == "lenet":
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    if name == "cifar_cnn":
        widths = (3, 32, 64, 128)
        pooled = [[*convolution(a, b, 3), nn.ReLU(), nn.MaxPool2d(2)] for a, b in itertools.pairwise(widths)]
        return nn.Sequential(*itertools.chain(*pooled), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))
    blocks = [Block(64, 64, 1), Block(64, 64, 1)]
    for width in (128, 256, 512):
        blocks += [Block(width // 2, width, 2), Block(width, width, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)]
    return nn.Sequential(*convolution(3, 64, 3), nn.ReLU(), *blocks, *head)


def image_loop(
    *, model: str, batch_size: int, examples: int = 2048, channels_last: bool = False, device: str = "cpu"
) -> Loop:
    """A convolutional network, Adam, and images that are float32 already."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    shape = (1, 28, 28) if model == "lenet" else (3, 32, 32)
    images = torch.randn(examples, *shape).to(device, memory_format=layout)
    network = convnet(model).to(device, memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE["adam"])
    return Loop(network, optimizer, (images, torch.randint(0, 10, (examples,), device=device)), batch_size)


def train_images(
    port: Port, *, model: str, batch_size: int, steps: int, examples: int = 2048, channels_last: bool = False,
    device: str = "cpu",
) -> None:  # fmt: skip
    """Trains a convolutional network."""
    if device == "cuda" and not torch.cuda.is_available():
        return port.skip("this PyTorch has no CUDA device")
    loop = image_loop(model=model, batch_size=batch_size, examples=examples, channels_last=channels_last, device=device)
    loop.run(steps)
    port.ready(threads=torch.get_num_threads())
    while port.begin():
        loss = loop.run(steps)
        port.end(steps * batch_size)
        assert np.isfinite(loss), loss


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
