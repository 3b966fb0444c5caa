"""The networks to compare with, in PyTorch, with random weights."""

import torch
from torch import nn
from torch.nn import functional as F

from esrgan_tf.recipes.generators import GeneratorConfig, RRDBConfig


def torch_network(config: GeneratorConfig) -> nn.Module:
    """The network of an RRDB's or an SRVGG's configuration at x4: [n, 3, h, w] -> [n, 3, 4 h, 4 w]."""
    network = _RRDB(config) if isinstance(config, RRDBConfig) else _SRVGG(config.convs, config.features)
    return network.eval()


class _DenseBlock(nn.Module):
    def __init__(self, features: int, growth: int):
        super().__init__()
        widths = [growth] * 4 + [features]
        self.convs = nn.ModuleList(_conv(features + growth * index, width) for index, width in enumerate(widths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x]
        for conv in self.convs[:-1]:
            maps.append(F.leaky_relu(conv(torch.cat(maps, 1)), 0.2))
        return x + 0.2 * self.convs[-1](torch.cat(maps, 1))


class _Residual(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.2 * super().forward(x)


class _RRDB(nn.Module):
    def __init__(self, config: RRDBConfig):
        super().__init__()
        features = config.features
        self.first, self.body_end = _conv(3, features), _conv(features, features)
        self.body = nn.Sequential(
            *(_Residual(*(_DenseBlock(features, config.growth) for _ in range(3))) for _ in range(config.blocks))
        )
        self.ups = nn.ModuleList(_conv(features, features) for _ in range(2))
        self.hr, self.last = _conv(features, features), _conv(features, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first(x)
        x = first + self.body_end(self.body(first))
        for up in self.ups:
            x = F.leaky_relu(up(F.interpolate(x, scale_factor=2.0, mode="nearest")), 0.2)
        return self.last(F.leaky_relu(self.hr(x), 0.2))


class _SRVGG(nn.Module):
    def __init__(self, convs: int, features: int):
        super().__init__()
        layers = [_conv(3, features), nn.PReLU(features)]
        for _ in range(convs):
            layers += [_conv(features, features), nn.PReLU(features)]
        self.body = nn.Sequential(*layers, _conv(features, 48), nn.PixelShuffle(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + F.interpolate(x, scale_factor=4.0, mode="nearest")


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, 1, 1)
