"""SPAN in PyTorch, after the paper's figure 2 and equations, with its released files' tensor names."""

import torch
from torch import nn
from torch.nn import functional as F


class Branches(nn.Module):
    """The three branches one by one; `eval_conv` is held, as in released files, and not used."""

    def __init__(self, inputs, outputs, expansion=2):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, expansion * inputs, 1),
            nn.Conv2d(expansion * inputs, expansion * outputs, 3),
            nn.Conv2d(expansion * outputs, outputs, 1),
        )
        self.sk = nn.Conv2d(inputs, outputs, 1)
        self.eval_conv = nn.Conv2d(inputs, outputs, 3, padding=1).requires_grad_(False)

    def forward(self, x):
        return self.conv(F.pad(x, (1, 1, 1, 1))) + self.sk(x)


class Fused(nn.Module):
    """A deployed file's: the one convolution alone."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.eval_conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x):
        return self.eval_conv(x)


class Block(nn.Module):
    def __init__(self, features, conv):
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (conv(features, features) for _ in range(3))

    def forward(self, x):
        first = self.c1_r(x)
        residual = self.c3_r(F.silu(self.c2_r(F.silu(first))))
        return (x + residual) * (torch.sigmoid(residual) - 0.5), first


class SPAN(nn.Module):
    """Six blocks; x1 to x8. `norm=False` is spandrel's network for images as they are."""

    def __init__(self, scale=4, features=48, blocks=6, conv=Branches, norm=True):
        super().__init__()
        self.scale, self.blocks = scale, blocks
        self.conv_1, self.conv_2 = conv(3, features), conv(features, features)
        for number in range(1, blocks + 1):
            setattr(self, f"block_{number}", Block(features, conv))
        self.conv_cat = nn.Conv2d(4 * features, features, 1)
        self.upsampler = nn.Sequential(nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))
        if not norm:
            self.register_buffer("no_norm", torch.zeros(1))

    def forward(self, x):
        if not hasattr(self, "no_norm"):
            x = 255 * (x - torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1))
        y = first = self.conv_1(x)
        outputs = []
        for number in range(1, self.blocks + 1):
            y, inner = getattr(self, f"block_{number}")(y)
            outputs.append(y)
        return self.upsampler(self.conv_cat(torch.cat([first, self.conv_2(y), outputs[0], inner], 1)))
