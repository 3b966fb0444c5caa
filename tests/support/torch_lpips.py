"""LPIPS in PyTorch: AlexNet, the lin layers, and the distance, to compare Keras' with."""

import torch
from torch import nn

from support.torch_reference import conv


class AlexNet(nn.Module):
    """torchvision's AlexNet with a small classifier."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(conv(192, 384), nn.ReLU(), conv(384, 256), nn.ReLU(), conv(256, 256), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(8, 4))

    def maps(self, x):
        """After every ReLU; [n, 3, h, w] of mean 0, variance 1."""
        maps = []
        for layer in self.features[:-1]:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                maps.append(x)
        return maps


class Lins(nn.Module):
    """LPIPS' own weights: a 1x1 convolution without bias for every map, behind dropout."""

    def __init__(self, widths):
        super().__init__()
        for index, width in enumerate(widths):
            lin = nn.Module()
            lin.model = nn.Sequential(nn.Dropout(), nn.Conv2d(width, 1, 1, bias=False))
            setattr(self, f"lin{index}", lin)


def lpips(backbone, lins, first, second):
    """LPIPS v0.1 of two images [n, h, w, 3] in 0..1 -> [n], as the lpips package computes it on -1..1."""
    shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]))
    with torch.no_grad():
        images = [2 * torch.from_numpy(image.transpose(0, 3, 1, 2).copy()) - 1 for image in (first, second)]
        maps = [backbone.maps((image - shift) / scale) for image in images]
        distance = 0
        for index, pair in enumerate(zip(*maps, strict=True)):
            a, b = (x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in pair)
            distance = distance + getattr(lins, f"lin{index}").model((a - b) ** 2).mean((1, 2, 3))
    return distance.numpy()
