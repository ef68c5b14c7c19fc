"""Convolutional networks as PyTorch modules written from their papers' tables, and the comparison with ours.

A test module skips what needs PyTorch by `torch_models = pytest.importorskip("tests.reference.torch_models")`.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from dlx import losses, models
from tests.tolerances import assert_network_close


def check_equal(
    network: nn.Module,
    model,
    names: Mapping[str, str],
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    flattened: Mapping[str, tuple[int, int, int]] | None = None,
    train: bool = False,
    combine: Callable = lambda outputs: outputs,
) -> None:
    """Logits, loss, the gradients by weights and inputs, and with `train` the running statistics, in float64.

    The weights are PyTorch's; `inputs` are NHWC. Dropout has to be off: rate 0. `combine` makes logits of several.
    """
    network = network.double().train(train)
    with jax.enable_x64(True):
        images = jnp.asarray(inputs, jnp.float64)
        model = model.clone(param_dtype=jnp.float64)
        shapes = jax.eval_shape(model.init, jax.random.key(0), images)
        variables = models.from_torch(network.state_dict(), shapes, names, flattened=flattened)
        state = {name: collection for name, collection in variables.items() if name != "params"}

        training = {"train": True} if train else {}

        def loss(params, images):
            out, changed = model.apply({"params": params, **state}, images, mutable=list(state), **training)
            logits = combine(out)
            return losses.reduce(losses.softmax_cross_entropy(logits, jnp.asarray(labels))), (logits, changed)

        both = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        (value, (logits, changed)), (gradient, by_inputs) = both(variables["params"], images)

        planes = torch.tensor(np.moveaxis(inputs, -1, 1).copy(), dtype=torch.float64, requires_grad=True)
        out = combine(network(planes))
        cost = nn.functional.cross_entropy(out, torch.tensor(labels))
        cost.backward()
        assert_network_close(logits, out.detach().numpy())
        assert_network_close(value, cost.item())
        assert_network_close(by_inputs, np.moveaxis(planes.grad.numpy(), 1, -1))
        theirs = {name: parameter.grad for name, parameter in network.named_parameters()}
        want = models.from_torch(theirs, {"params": shapes["params"]}, names, flattened=flattened)["params"]
        jax.tree.map(assert_network_close, gradient, want)
        if train and state:
            moved = models.from_torch(network.state_dict(), shapes, names, flattened=flattened)
            jax.tree.map(assert_network_close, changed, {name: moved[name] for name in state})


class Scaled(nn.Module):
    """The activation of LeCun et al. 1998, appendix A."""

    def forward(self, x):
        """1.7159 tanh(2 x / 3)."""
        return 1.7159 * torch.tanh(2.0 * x / 3.0)


def lenet(*, pad: int, pool: type[nn.Module], features: int, channels: int = 1) -> nn.Sequential:
    """The notes' LeNet; `features` is what the flatten gives."""
    return nn.Sequential(
        *(nn.Conv2d(channels, 6, 5, padding=pad), nn.Sigmoid(), pool(2, 2)),
        *(nn.Conv2d(6, 16, 5), nn.Sigmoid(), pool(2, 2), nn.Flatten()),
        *(nn.Linear(features, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
    )


LENET = {"conv_0": "0", "conv_1": "3", "dense_0": "7", "dense_1": "9", "output": "11"}


class LeNet5(nn.Module):
    """LeCun et al. 1998 with 32x32 images: table I as a mask, sums of 2x2 with factor and bias, fixed codes."""

    # table I, row by row: which maps of C3 see the map of S2
    TABLE = (
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    )

    def __init__(self, codes: np.ndarray) -> None:
        super().__init__()
        self.c1, self.c3 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        # a depthwise convolution: one factor for each of the four is the same factor
        self.s2, self.s4 = nn.Parameter(torch.rand(2, 6)), nn.Parameter(torch.rand(2, 16))
        self.c5, self.f6 = nn.Linear(400, 120), nn.Linear(120, 84)
        self.squash = Scaled()
        self.register_buffer("codes", torch.tensor(codes))
        self.register_buffer("mask", torch.tensor([[c == "X" for c in row] for row in self.TABLE]).T.double())

    def subsample(self, x, parameters):
        """Factor times the sum of 2x2, plus a bias."""
        summed = x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]
        return self.squash(summed * parameters[0, None, :, None, None] + parameters[1, None, :, None, None])

    def forward(self, x):
        """Minus the distances from the codes."""
        x = self.subsample(self.squash(self.c1(x)), self.s2)
        x = nn.functional.conv2d(x, self.c3.weight * self.mask[:, :, None, None], self.c3.bias)
        x = self.subsample(self.squash(x), self.s4).flatten(1)
        x = self.squash(self.f6(self.squash(self.c5(x))))
        return -((x[:, None] - self.codes) ** 2).sum(-1)


def alexnet(channels: int, widths: tuple[int, ...], units: int, features: int, *, groups: int = 1) -> nn.Sequential:
    """Krizhevsky et al. 2012 without local response normalisation; no dropout."""
    a, b, c, d, e = widths
    return nn.Sequential(
        *(nn.Conv2d(channels, a, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(a, b, 5, padding=2, groups=groups), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(c, d, 3, padding=1, groups=groups), nn.ReLU()),
        *(nn.Conv2d(d, e, 3, padding=1, groups=groups), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(features, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, 10)),
    )


ALEXNET = {f"conv_{i}": n for i, n in enumerate(("0", "3", "6", "8", "10"))}
ALEXNET |= {"dense_0": "14", "dense_1": "16", "output": "18"}


def vgg(channels: int, blocks, units: int, features: int, *, batch_norm: bool) -> tuple[nn.Sequential, dict[str, str]]:
    """Simonyan and Zisserman 2015, and the map of names; no dropout."""
    layers, names = [], {}
    for number, (convolutions, width) in enumerate(blocks):
        for place in range(convolutions):
            names[f"block_{number}/conv_{place}"] = str(len(layers))
            layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                names[f"block_{number}/norm_{place}"] = str(len(layers))
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU())
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    layers.append(nn.Flatten())
    for name, shape in (("dense_0", (features, units)), ("dense_1", (units, units)), ("output", (units, 10))):
        names[name] = str(len(layers))
        layers += [nn.Linear(*shape), nn.ReLU()]
    return nn.Sequential(*layers[:-1]), names


def nin(channels: int, widths: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Lin et al. 2014, as the notes have it; no dropout."""

    def block(before, after, window, stride, pad):
        wide = (nn.Conv2d(before, after, window, stride, pad), nn.ReLU())
        return *wide, nn.Conv2d(after, after, 1), nn.ReLU(), nn.Conv2d(after, after, 1), nn.ReLU()

    a, b, c = widths
    return nn.Sequential(
        *(*block(channels, a, 11, 4, 0), nn.MaxPool2d(3, 2)),
        *(*block(a, b, 5, 1, 2), nn.MaxPool2d(3, 2)),
        *(*block(b, c, 3, 1, 1), nn.MaxPool2d(3, 2)),
        *(*block(c, outputs, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


NIN = {f"block_{b}/conv_{i}": str(7 * b + 2 * i) for b in range(4) for i in range(3)}


class Inception(nn.Module):
    """Szegedy et al. 2015, figure 2 (b)."""

    def __init__(self, channels: int, n1: int, n2: tuple[int, int], n3: tuple[int, int], n4: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, n1, 1)
        self.b1, self.b2 = nn.Conv2d(channels, n2[0], 1), nn.Conv2d(n2[0], n2[1], 3, padding=1)
        self.c1, self.c2 = nn.Conv2d(channels, n3[0], 1), nn.Conv2d(n3[0], n3[1], 5, padding=2)
        self.d = nn.Conv2d(channels, n4, 1)

    def forward(self, x):
        """Four ways, one after the other."""
        f = torch.relu
        pooled = nn.functional.max_pool2d(x, 3, 1, 1)
        ways = f(self.a(x)), f(self.b2(f(self.b1(x)))), f(self.c2(f(self.c1(x)))), f(self.d(pooled))
        return torch.cat(ways, 1)


INCEPTION = {"conv_1": "a", "conv_21": "b1", "conv_22": "b2", "conv_31": "c1", "conv_32": "c2", "conv_4": "d"}


# #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj of the table; a row without numbers is a pooling
GOOGLENET_TABLE = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "pool3": (),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128), "pool4": (),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


class GoogLeNet(nn.Module):
    """Szegedy et al. 2015, table 1, every width divided by `divisor`; no dropout.

    With `side`, the rows of what its auxiliary heads flatten, these give their logits in training.
    """

    def __init__(self, channels: int, divisor: int, *, side: int = 0) -> None:
        super().__init__()
        first, second = 64 // divisor, 192 // divisor
        self.conv1 = nn.Conv2d(channels, first, 7, 2, 3)
        self.conv2, self.conv3 = nn.Conv2d(first, first, 1), nn.Conv2d(first, second, 3, 1, 1)
        blocks, before = {}, second
        for name, numbers in GOOGLENET_TABLE.items():
            if not numbers:
                blocks[name] = nn.MaxPool2d(3, 2, 1)
                continue
            n1, n21, n22, n31, n32, n4 = (number // divisor for number in numbers)
            blocks[name], before = Inception(before, n1, (n21, n22), (n31, n32), n4), n1 + n22 + n32 + n4
        self.blocks, self.output = nn.ModuleDict(blocks), nn.Linear(before, 10)
        units, maps = 1024 // divisor, 128 // divisor
        self.heads = nn.ModuleDict()
        for name, width in (("4a", 512), ("4d", 528)) if side else ():
            self.heads[name] = nn.Sequential(
                *(nn.AvgPool2d(5, 3), nn.Conv2d(width // divisor, maps, 1), nn.ReLU(), nn.Flatten()),
                *(nn.Linear(side * maps, units), nn.ReLU(), nn.Linear(units, 10)),
            )

    def forward(self, x):
        """Logits, in training with those of the heads."""
        f, pool, others = torch.relu, nn.functional.max_pool2d, []
        x = pool(f(self.conv1(x)), 3, 2, 1)
        x = pool(f(self.conv3(f(self.conv2(x)))), 3, 2, 1)
        for name, block in self.blocks.items():
            x = block(x)
            if self.training and name in self.heads:
                others.append(self.heads[name](x))
        logits = self.output(x.mean((2, 3)))
        return (logits, tuple(others)) if others else logits


GOOGLENET = {"conv_0": "conv1", "conv_1": "conv2", "conv_2": "conv3", "output": "output"}
GOOGLENET |= {
    f"inception_{name}/{ours}": f"blocks.{name}.{theirs}"
    for name, numbers in GOOGLENET_TABLE.items()
    if numbers
    for ours, theirs in INCEPTION.items()
}
HEADS = {
    f"auxiliary_{name}/{ours}": f"heads.{name}.{theirs}"
    for name in ("4a", "4d")
    for ours, theirs in (("conv_0", "1"), ("dense_0", "4"), ("output", "6"))
}
