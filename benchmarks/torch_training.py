"""A training step in PyTorch to compare with: what BasicSR does in one, eager and channels last."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch_networks import torch_network

from esrgan_tf.recipes.configs import Recipe

VGG19_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)  # to conv5_4
Step = Callable[[], object]


def torch_step(
    recipe: Recipe, stage: str, bfloat16: bool = False, compiled: bool = False, device: str = "cpu", **options
) -> Step:
    """BasicSR's `optimize_parameters` of either stage with an L1 pixel loss, on one batch of random images.

    Networks, loss terms and optimizers are those of the recipe `esrgan`, of random weights. The gan step is as BasicSR
    has it: the discriminator sees the generated images once for the generator, twice for itself. `options` are those of
    `torch.compile`.
    """
    config = recipe.stage(stage)
    hr = _channels_last(torch.rand(config.batch_size, 3, config.hr_patch, config.hr_patch, device=device))
    sides = (side // recipe.generator.scale for side in hr.shape[2:])
    lr = _channels_last(torch.rand(*hr.shape[:2], *sides, device=device))

    def prepared(network: nn.Module) -> nn.Module:
        network = network.to(device, memory_format=torch.channels_last)
        return torch.compile(network, **options) if compiled else network

    generator = prepared(torch_network(recipe.generator).train())
    adam = _adam(generator, config.learning_rate)

    def autocast() -> torch.autocast:
        return torch.autocast(device, dtype=torch.bfloat16, enabled=bfloat16)

    def psnr_step() -> None:
        adam.zero_grad()
        with autocast():
            sr = generator(lr)
        F.l1_loss(sr.float(), hr).backward()
        adam.step()

    if stage == "psnr":
        return psnr_step
    features = prepared(_vgg19()).requires_grad_(False)
    discriminator = prepared(_discriminator(config.hr_patch))
    adam_d = _adam(discriminator, config.learning_rate)

    def gan_step() -> None:
        discriminator.requires_grad_(False)
        adam.zero_grad()
        with autocast():
            sr = generator(lr)
            real, fake = discriminator(hr).detach().float(), discriminator(sr).float()
            perceptual = F.l1_loss(features(sr).float(), features(hr).float())
        loss = config.pixel_weight * F.l1_loss(sr.float(), hr) + config.perceptual_weight * perceptual
        loss = loss + config.adversarial_weight * (_bce(real - fake.mean(), 0) + _bce(fake - real.mean(), 1)) / 2
        loss.backward()
        adam.step()
        discriminator.requires_grad_(True)
        adam_d.zero_grad()
        with autocast():
            fake, real = discriminator(sr).detach().float(), discriminator(hr).float()
        (_bce(real - fake.mean(), 1) / 2).backward()
        with autocast():
            fake = discriminator(sr.detach()).float()
        (_bce(fake - real.detach().mean(), 0) / 2).backward()
        adam_d.step()

    return gan_step


def _channels_last(images: torch.Tensor) -> torch.Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), learning_rate, betas=(0.9, 0.99))


def _bce(logits: torch.Tensor, label: int) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def _vgg19() -> nn.Module:
    layers, channels = [], 3
    for width in VGG19_WIDTHS:
        layers += [nn.Conv2d(channels, width, 3, 1, 1), nn.ReLU(inplace=True)] if width else [nn.MaxPool2d(2)]
        channels = width or channels
    return nn.Sequential(*layers[:-1])  # before the last activation


def _discriminator(patch: int) -> nn.Module:
    """ESRGAN's: convolutions that keep the map and halve it in turn, then two dense layers."""
    layers, channels = [], 3
    for width in (64, 128, 256, 512, 512):
        first = channels == 3
        layers += [nn.Conv2d(channels, width, 3, 1, 1, bias=first)] + ([] if first else [nn.BatchNorm2d(width)])
        layers += [nn.LeakyReLU(0.2), nn.Conv2d(width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.LeakyReLU(0.2)]
        channels = width
    dense = [nn.Flatten(), nn.Linear(512 * (patch // 32) ** 2, 100), nn.LeakyReLU(0.2), nn.Linear(100, 1)]
    return nn.Sequential(*layers, *dense)
