"""Discriminator families: one frozen dataclass each, its defaults the published ones."""

from dataclasses import dataclass, field

from esrgan_tf.errors import check_one_of
from esrgan_tf.recipes.families import DiscriminatorConfig


@DiscriminatorConfig.register
@dataclass(frozen=True)
class VGGDiscriminatorConfig(DiscriminatorConfig):
    """ESRGAN's released `Discriminator_VGG_128`."""

    family: str = field(default="vgg", init=False)
    features: int = 64  # doubled at every halving of the map, up to 8 times itself
    dense_units: int = 100
    init: str = "he_normal"  # with biases 0, as the code of 2018; or torch: PyTorch's default, as BasicSR

    def __post_init__(self) -> None:
        """Raise for an initialisation that there is not."""
        check_one_of("init", self.init, ("he_normal", "torch"))


@DiscriminatorConfig.register
@dataclass(frozen=True)
class SRGANDiscriminatorConfig(DiscriminatorConfig):
    """SRGAN's own (section 2.1.2, figure 4)."""

    family: str = field(default="srgan", init=False)
    features: int = 64  # doubled at every halving of the map, up to 8 times itself
    dense_units: int = 1024


@DiscriminatorConfig.register
@dataclass(frozen=True)
class ENetDiscriminatorConfig(DiscriminatorConfig):
    """EnhanceNet's own, without BatchNorm (arXiv:1612.07919, supplementary, table 1)."""

    family: str = field(default="enet", init=False)
    features: int = 32  # doubled at every halving of the map, four times
    dense_units: int = 1024


@DiscriminatorConfig.register
@dataclass(frozen=True)
class PatchDiscriminatorConfig(DiscriminatorConfig):
    """SRGAN's convolutions with a map of logits in place of the dense layers, as common SRGAN code has it."""

    family: str = field(default="patch", init=False)
    features: int = 64  # doubled at every halving of the map, up to 8 times itself


@DiscriminatorConfig.register
@dataclass(frozen=True)
class UNetDiscriminatorConfig(DiscriminatorConfig):
    """Real-ESRGAN's U-Net with spectral normalization (arXiv:2107.10833, section 3.4)."""

    family: str = field(default="unet", init=False)
    features: int = 64  # doubled at every halving of the map, three times
