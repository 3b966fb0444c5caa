"""Small PyTorch networks with the published layouts' tensor names, to compare converted models with."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with every tensor drawn anew: maps of about the input's size, biases, slopes and statistics too."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(shape, low, high):
        return low + (high - low) * torch.rand(shape, generator=generator)

    tensors = module.state_dict()
    for name, tensor in tensors.items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif name.removesuffix("weight") + "running_var" in tensors:
            tensor.copy_(uniform(tensor.shape, 0.7, 1.3))
        elif tensor.ndim > 1:
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (1.2 / tensor[0].numel()) ** 0.5)
        elif name.endswith("running_var"):
            tensor.copy_(uniform(tensor.shape, 0.5, 1.5))
        else:
            tensor.copy_(uniform(tensor.shape, -0.3, 0.4))
    return module.eval()


def run(module: nn.Module, *images: np.ndarray) -> np.ndarray:
    """[n, h, w, 3] -> the module's output, channels last where it is a map."""
    with torch.no_grad():
        output = module(*(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()) for image in images))
    return output.permute(0, 2, 3, 1).numpy() if output.ndim == 4 else output.numpy()


def conv(inputs, outputs, kernel=3, stride=1, bias=True):
    padding = 1 if stride == 2 else kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)


def upscaled(x, factor=2):
    return F.interpolate(x, scale_factor=float(factor), mode="nearest")


class DenseBlock(nn.Module):
    def __init__(self, features, growth, wrapped):
        super().__init__()
        for index in range(1, 6):
            layer = conv(features + (index - 1) * growth, growth if index < 5 else features)
            setattr(self, f"conv{index}", nn.Sequential(layer) if wrapped else layer)

    def forward(self, x):
        maps = [x]
        for index in range(1, 5):
            maps.append(F.leaky_relu(getattr(self, f"conv{index}")(torch.cat(maps, 1)), 0.2))
        return x + 0.2 * self.conv5(torch.cat(maps, 1))


class RRDB(nn.Module):
    def __init__(self, features, growth, prefix="rdb", wrapped=False):
        super().__init__()
        self.names = [f"{prefix}{index}" for index in (1, 2, 3)]
        for name in self.names:
            setattr(self, name, DenseBlock(features, growth, wrapped))

    def forward(self, x):
        y = x
        for name in self.names:
            y = getattr(self, name)(y)
        return x + 0.2 * y


class BasicSRNet(nn.Module):
    """BasicSR's and Real-ESRGAN's RRDBNet, x4, or x2 and x1 by pixel-unshuffle."""

    def __init__(self, scale=4, features=6, growth=4, blocks=2):
        super().__init__()
        self.unshuffle = 4 // scale
        self.conv_first = conv(3 * self.unshuffle**2, features)
        self.body = nn.Sequential(*(RRDB(features, growth) for _ in range(blocks)))
        self.conv_body = conv(features, features)
        self.conv_up1, self.conv_up2, self.conv_hr = (conv(features, features) for _ in range(3))
        self.conv_last = conv(features, 3)

    def forward(self, x):
        x = self.conv_first(F.pixel_unshuffle(x, self.unshuffle))
        x = x + self.conv_body(self.body(x))
        for layer in (self.conv_up1, self.conv_up2):
            x = F.leaky_relu(layer(upscaled(x)), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), 0.2))


class ESRGANNewNet(nn.Module):
    """RRDBNet as ESRGAN's repository has it, x4."""

    def __init__(self, features=6, growth=4, blocks=2):
        super().__init__()
        self.conv_first = conv(3, features)
        self.RRDB_trunk = nn.Sequential(*(RRDB(features, growth, "RDB") for _ in range(blocks)))
        self.trunk_conv, self.upconv1, self.upconv2, self.HRconv = (conv(features, features) for _ in range(4))
        self.conv_last = conv(features, 3)

    def forward(self, x):
        x = self.conv_first(x)
        x = x + self.trunk_conv(self.RRDB_trunk(x))
        for layer in (self.upconv1, self.upconv2):
            x = F.leaky_relu(layer(upscaled(x)), 0.2)
        return self.conv_last(F.leaky_relu(self.HRconv(x), 0.2))


class Skip(nn.Module):
    def __init__(self, *modules):
        super().__init__()
        self.sub = nn.Sequential(*modules)

    def forward(self, x):
        return x + self.sub(x)


class ESRGANOldNet(nn.Module):
    """RRDB_Net of ESRGAN's first release: one flat sequence; x1, x2, x4 or x8."""

    def __init__(self, steps=2, features=6, growth=4, blocks=2):
        super().__init__()
        trunk = Skip(*(RRDB(features, growth, "RDB", wrapped=True) for _ in range(blocks)), conv(features, features))
        layers = [conv(3, features), trunk]
        for _ in range(steps):
            layers += [nn.Upsample(scale_factor=2), conv(features, features), nn.LeakyReLU(0.2)]
        layers += [conv(features, features), nn.LeakyReLU(0.2), conv(features, 3)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x)


class CompactNet(nn.Module):
    """SRVGGNetCompact."""

    def __init__(self, scale=4, features=5, convs=3):
        super().__init__()
        self.scale = scale
        self.body = nn.ModuleList([conv(3, features), nn.PReLU(features)])
        for _ in range(convs):
            self.body += [conv(features, features), nn.PReLU(features)]
        self.body.append(conv(features, 3 * scale**2))

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        return F.pixel_shuffle(y, self.scale) + upscaled(x, self.scale)


class ResidualBlock(nn.Module):
    def __init__(self, features, residual_scale=1.0):
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1, self.conv2 = conv(features, features), conv(features, features)

    def forward(self, x):
        return x + self.residual_scale * self.conv2(F.relu(self.conv1(x)))


class MSRResNet(nn.Module):
    """MSRResNet of BasicSR; x2, x3 or x4."""

    def __init__(self, scale=4, features=6, blocks=2):
        super().__init__()
        self.scale, self.factors = scale, {2: (2,), 3: (3,), 4: (2, 2)}[scale]
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        for step, factor in enumerate(self.factors, start=1):
            setattr(self, f"upconv{step}", conv(features, features * factor**2))
        self.conv_hr, self.conv_last = conv(features, features), conv(features, 3)

    def forward(self, x):
        y = self.body(F.leaky_relu(self.conv_first(x), 0.1))
        for step, factor in enumerate(self.factors, start=1):
            y = F.leaky_relu(F.pixel_shuffle(getattr(self, f"upconv{step}")(y), factor), 0.1)
        y = self.conv_last(F.leaky_relu(self.conv_hr(y), 0.1))
        return y + F.interpolate(x, scale_factor=float(self.scale), mode="bilinear", align_corners=False)


class EDSR(nn.Module):
    """EDSR of BasicSR, which works on 0..255 inside; x2, x3, x4 or x8."""

    def __init__(self, scale=4, features=6, blocks=2, residual_scale=1.0):
        super().__init__()
        self.mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(*(ResidualBlock(features, residual_scale) for _ in range(blocks)))
        self.conv_after_body = conv(features, features)
        factors = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}[scale]
        pairs = [(conv(features, features * factor**2), nn.PixelShuffle(factor)) for factor in factors]
        self.upsample = nn.Sequential(*(layer for pair in pairs for layer in pair))
        self.conv_last = conv(features, 3)

    def forward(self, x):
        x = self.conv_first(255 * (x - self.mean))
        x = x + self.conv_after_body(self.body(x))
        return self.conv_last(self.upsample(x)) / 255 + self.mean


class Discriminator(nn.Module):
    """BasicSR's VGGStyleDiscriminator for any patch of 32 px times a whole number."""

    def __init__(self, patch=64, features=2, units=5):
        super().__init__()
        inputs = 3
        for halving in range(5):
            width = features * min(2**halving, 8)
            self.add(f"{halving}_0", inputs, width, 3, 1, norm=halving > 0)
            self.add(f"{halving}_1", width, width, 4, 2, norm=True)
            inputs = width
        self.linear1, self.linear2 = nn.Linear(inputs * (patch // 32) ** 2, units), nn.Linear(units, 1)

    def add(self, number, inputs, outputs, kernel, stride, norm):
        setattr(self, f"conv{number}", conv(inputs, outputs, kernel, stride, bias=not norm))
        if norm:
            setattr(self, f"bn{number}", nn.BatchNorm2d(outputs))

    def forward(self, x):
        for number in (f"{halving}_{half}" for halving in range(5) for half in (0, 1)):
            x = getattr(self, f"conv{number}")(x)
            x = F.leaky_relu(getattr(self, f"bn{number}", nn.Identity())(x), 0.2)
        return self.linear2(F.leaky_relu(self.linear1(x.flatten(1)), 0.2))


class OldDiscriminator(nn.Module):
    """ESRGAN's Discriminator_VGG_128 of the first release, with biases before BatchNorm."""

    def __init__(self, patch=64, features=2, units=5):
        super().__init__()
        inputs, layers = 3, []
        for halving in range(5):
            width = features * min(2**halving, 8)
            for channels, kernel, stride in ((inputs, 3, 1), (width, 4, 2)):
                norm = [nn.BatchNorm2d(width)] if layers else []
                layers += [conv(channels, width, kernel, stride), *norm, nn.LeakyReLU(0.2)]
            inputs = width
        self.features = nn.Sequential(*layers)
        wide = inputs * (patch // 32) ** 2
        self.classifier = nn.Sequential(nn.Linear(wide, units), nn.LeakyReLU(0.2), nn.Linear(units, 1))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def unit_variance(x):
    mean, std = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    return (x - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)


class TorchvisionVGG(nn.Module):
    """torchvision's VGG16 or VGG19 with a small classifier; gives the last convolution before its ReLU."""

    def __init__(self, convs):
        super().__init__()
        inputs, layers = 3, []
        for count, width in zip(convs, (64, 128, 256, 512, 512), strict=True):
            for _ in range(count):
                layers += [conv(inputs, width), nn.ReLU()]
                inputs = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2))

    def forward(self, x):
        return self.features[:-2](unit_variance(x))

    def maps(self, x):
        """After the ReLU of each block's last convolution; [n, 3, h, w] of mean 0, variance 1."""
        maps = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
            x = layer(x)
        return maps


class MINC(nn.Module):
    """The MINC network of ESRGAN's code: RGB in 0..1 as it is, pooling that keeps the odd last row and column."""

    def __init__(self, name="conv{}{}"):
        super().__init__()
        self.name, inputs = name, 3
        for block, (count, width) in enumerate(zip((2, 2, 3, 3, 3), (64, 128, 256, 512, 512), strict=True), start=1):
            for number in range(1, count + 1):
                setattr(self, name.format(block, number), conv(inputs, width))
                inputs = width

    def forward(self, x):
        for block, count in enumerate((2, 2, 3, 3, 3), start=1):
            for number in range(1, count + 1):
                x = getattr(self, self.name.format(block, number))(x)
                x = x if (block, number) == (5, 3) else F.relu(x)
            x = x if block == 5 else F.max_pool2d(x, 2, 2, ceil_mode=True)
        return x
