"""ResNet, DenseNet, the networks for CIFAR-10 and the autoencoder as PyTorch modules, with the maps of names to ours.

Written from the papers' tables with torchvision's names for what torchvision has.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def scatter(network, rng, *, shift=(0, 2)):
    """The same network with scales, shifts and running statistics away from 1 and 0, so that they count.

    Shifts above 0 keep units alive with the running statistics. In training those below 0 are wanted where the next
    norm would take out a shift that no ReLU cuts: its gradient is zero, and nothing can be compared with it.
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            ranges = (
                (layer.weight, 0.5, 2),
                (layer.bias, *shift),
                (layer.running_mean, -1, 1),
                (layer.running_var, 0.5, 2),
            )
            for tensor, low, high in ranges:
                tensor.data = torch.tensor(rng.uniform(low, high, len(tensor)))
    return network


class Residual(nn.Module):
    """Block of two 3x3 convolutions, or a bottleneck."""

    def __init__(self, before, channels, stride, *, bottleneck, bias, shortcut_norm):
        super().__init__()
        after = channels * (4 if bottleneck else 1)
        sizes = [(channels, 1, 1), (channels, 3, stride), (after, 1, 1)] if bottleneck else []
        layers, width = sizes or [(channels, 3, stride), (channels, 3, 1)], before
        for number, (features, size, step) in enumerate(layers, 1):
            self.add_module(f"conv{number}", nn.Conv2d(width, features, size, step, size // 2, bias=bias))
            self.add_module(f"bn{number}", nn.BatchNorm2d(features))
            width = features
        self.count, self.downsample = len(layers), None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=bias))
            if shortcut_norm:
                self.downsample.append(nn.BatchNorm2d(after))

    def forward(self, x):
        """relu(f(x) + shortcut(x))."""
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            y = F.relu(y) if number < self.count else y
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Stem, groups, mean, dense."""

    def __init__(self, inputs, outputs, blocks, channels, *, stem, bottleneck=False, bias=False, shortcut_norm=True):
        super().__init__()
        self.large = stem == "imagenet"
        size, stride = (7, 2) if self.large else (3, 1)
        self.conv1, self.bn1 = (
            nn.Conv2d(inputs, channels, size, stride, size // 2, bias=bias),
            nn.BatchNorm2d(channels),
        )
        before = channels
        for group, count in enumerate(blocks):
            features = channels * 2**group
            options = {"bottleneck": bottleneck, "bias": bias, "shortcut_norm": shortcut_norm}
            layer = nn.Sequential()
            for number in range(count):
                layer.append(Residual(before, features, 2 if group and not number else 1, **options))
                before = features * (4 if bottleneck else 1)
            self.add_module(f"layer{group + 1}", layer)
        self.groups, self.fc = len(blocks), nn.Linear(before, outputs)

    def forward(self, x):
        """Logits."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 3, 2, 1) if self.large else x
        for group in range(1, self.groups + 1):
            x = getattr(self, f"layer{group}")(x)
        return self.fc(x.mean((2, 3)))


def resnet_names(network):
    """{our layer: PyTorch's}."""
    names = {"conv_0": "conv1", "norm_0": "bn1", "output": "fc"}
    for group in range(network.groups):
        for number, block in enumerate(getattr(network, f"layer{group + 1}")):
            ours, theirs = f"group_{group}_block_{number}", f"layer{group + 1}.{number}"
            for k in range(block.count):
                names |= {f"{ours}/conv_{k}": f"{theirs}.conv{k + 1}", f"{ours}/norm_{k}": f"{theirs}.bn{k + 1}"}
            for k in range(len(block.downsample or ())):
                names[f"{ours}/shortcut_{('conv', 'norm')[k]}"] = f"{theirs}.downsample.{k}"
    return names


class DenseNet(nn.Module):
    """Stem, dense blocks with transitions between them, norm, mean, dense."""

    def __init__(self, inputs, outputs, blocks, channels, growth, *, bottleneck=False, bias=False):
        super().__init__()
        self.blocks, self.layers, self.names = blocks, nn.ModuleDict(), {}
        self._add("conv_0", nn.Conv2d(inputs, channels, 7, 2, 3, bias=bias))
        self._add("norm_0", nn.BatchNorm2d(channels))
        for block, count in enumerate(blocks):
            for k in range(count):
                width = channels
                if bottleneck:
                    self._add(f"block_{block}/bottleneck_norm_{k}", nn.BatchNorm2d(width))
                    self._add(f"block_{block}/bottleneck_conv_{k}", nn.Conv2d(width, 4 * growth, 1, bias=bias))
                    width = 4 * growth
                self._add(f"block_{block}/norm_{k}", nn.BatchNorm2d(width))
                self._add(f"block_{block}/conv_{k}", nn.Conv2d(width, growth, 3, padding=1, bias=bias))
                channels += growth
            if block < len(blocks) - 1:
                self._add(f"transition_{block}/norm_0", nn.BatchNorm2d(channels))
                self._add(f"transition_{block}/conv_0", nn.Conv2d(channels, channels // 2, 1, bias=bias))
                channels //= 2
        self._add("final_norm", nn.BatchNorm2d(channels))
        self._add("output", nn.Linear(channels, outputs))

    def _add(self, ours, layer):
        theirs = ours.replace("/", "_")
        self.layers[theirs], self.names[ours] = layer, f"layers.{theirs}"

    def _layer(self, norm, conv, x):
        return self.layers[conv](F.relu(self.layers[norm](x)))

    def forward(self, x):
        """Logits."""
        x = F.max_pool2d(F.relu(self.layers["norm_0"](self.layers["conv_0"](x))), 3, 2, 1)
        for block, count in enumerate(self.blocks):
            for k in range(count):
                y, name = x, f"block_{block}_bottleneck"
                if f"{name}_conv_{k}" in self.layers:
                    y = self._layer(f"{name}_norm_{k}", f"{name}_conv_{k}", y)
                x = torch.cat([x, self._layer(f"block_{block}_norm_{k}", f"block_{block}_conv_{k}", y)], 1)
            if block < len(self.blocks) - 1:
                x = F.avg_pool2d(self._layer(f"transition_{block}_norm_0", f"transition_{block}_conv_0", x), 2)
        return self.layers["output"](F.relu(self.layers["final_norm"](x)).mean((2, 3)))


class PlainCNN(nn.Module):
    """conv, norm, relu, pool, some times; mean; dense."""

    def __init__(self, inputs, outputs, channels):
        super().__init__()
        widths = (inputs, *channels)
        pairs = list(zip(widths[:-1], channels, strict=True))
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in channels)
        self.output = nn.Linear(channels[-1], outputs)

    def forward(self, x):
        """Logits."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.max_pool2d(F.relu(norm(conv(x))), 2)
        return self.output(x.mean((2, 3)))

    def names(self):
        """{our layer: PyTorch's}."""
        layers = {f"{kind}_{i}": f"{kind}s.{i}" for i in range(len(self.convs)) for kind in ("conv", "norm")}
        return {**layers, "output": "output"}


class Fixed(nn.Module):
    """Convolution with a buffer as its kernel."""

    def __init__(self, kernel, bias):
        super().__init__()
        self.register_buffer("weight", kernel)
        self.bias = nn.Parameter(bias)

    def forward(self, x):
        """The convolution."""
        return F.conv2d(x, self.weight, self.bias)


class CIFARNet(nn.Module):
    """Whitening, groups of two convolutions, maximum of planes, scaled logits."""

    def __init__(self, kernel, bias, outputs, channels, scale):
        super().__init__()
        self.whitening, self.scale = Fixed(kernel, bias), scale
        widths = [len(bias), *(c for c in channels for _ in range(2))]
        pairs = list(itertools.pairwise(widths))
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, momentum=0.4) for _, b in pairs)
        self.output = nn.Linear(channels[-1], outputs, bias=False)

    def forward(self, x):
        """Logits."""
        x = F.gelu(self.whitening(x))
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = conv(x)
            x = F.max_pool2d(x, 2) if number % 2 == 0 else x
            x = F.gelu(norm(x))
        return self.output(x.amax((2, 3))) * self.scale

    def names(self):
        """{our layer: PyTorch's}."""
        return {**PlainCNN.names(self), "whitening": "whitening"}


class Autoencoder(nn.Module):
    """Two convolutions with pooling, a dense code, and back; the code layers count rows, columns, channels."""

    def __init__(self, size, inputs, channels, code, unpool):
        super().__init__()
        first, second = channels
        self.size, self.second, self.unpool = size // 4, second, unpool
        self.convs = nn.ModuleList([nn.Conv2d(inputs, first, 3, padding=1), nn.Conv2d(first, second, 3, padding=1)])
        self.code = nn.Linear(self.size**2 * second, code)
        self.expand = nn.Linear(code, self.size**2 * second)
        self.deconvs = nn.ModuleList(
            [nn.ConvTranspose2d(first, inputs, 3, padding=1), nn.ConvTranspose2d(second, first, 3, padding=1)]
        )
        self.names = {f"{kind}_{i}": f"{kind}s.{i}" for i in range(2) for kind in ("conv", "deconv")}
        self.names |= {"code_dense": "code", "expand": "expand"}

    def forward(self, x):
        """Reconstruction."""
        switches = []
        for conv in self.convs:
            x, places = F.max_pool2d(F.relu(conv(x)), 2, return_indices=True)
            switches.append(places)
        code = self.code(x.permute(0, 2, 3, 1).flatten(1))
        x = F.relu(self.expand(code)).reshape(-1, self.size, self.size, self.second).permute(0, 3, 1, 2)
        for number in (1, 0):
            x = self.deconvs[number](self._larger(x, switches[number]))
            x = F.relu(x) if number else x
        return x

    def _larger(self, x, switches):
        if self.unpool == "switches":
            return F.max_unpool2d(x, switches, 2)
        if self.unpool == "nearest":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        return F.conv_transpose2d(x, x.new_ones(x.shape[1], 1, 1, 1), stride=2, output_padding=1, groups=x.shape[1])
