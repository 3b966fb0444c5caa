"""Generator families: one frozen dataclass each, its defaults the published ones at scale 4."""

from dataclasses import dataclass, field

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.recipes.families import GeneratorConfig

UPSAMPLED = (2, 3, 4, 8)  # scales that factors of 2 and 3 reach


@GeneratorConfig.register
@dataclass(frozen=True)
class RRDBConfig(GeneratorConfig):
    """ESRGAN's generator (section 3.1 and the released code), with the switches of its ablation."""

    family: str = field(default="rrdb", init=False)
    scale: int = 4  # 1, 2, 3, 4 or 8
    block: str = "rrdb"  # or residual: two convolutions and a skip, the ablation's first column
    blocks: int = 23
    features: int = 64
    growth: int = 32  # of a dense block
    residual_scale: float = 0.2
    batch_norm: bool = False  # after every convolution of the body
    padding: str = "zero"  # zero, reflect or replicate
    upsampling: str = "nearest"  # nearest + conv (released code) or pixel_shuffle
    pixel_unshuffle: bool = False  # x1 and x2 by an x4 network on the unshuffled image (Real-ESRGAN)
    init_scale: float = 0.1  # He-normal x 0.1: "smaller initialization", ESRGAN section 3.1
    init_convs: str = "all"  # of these: all (released code of 2018) or body (BasicSR)

    def __post_init__(self) -> None:
        """Raise for a switch that means nothing."""
        check_one_of("scale", self.scale, (1, *UPSAMPLED))
        check_one_of("block", self.block, ("rrdb", "residual"))
        check_one_of("padding", self.padding, ("zero", "reflect", "replicate"))
        check_one_of("upsampling", self.upsampling, ("nearest", "pixel_shuffle"))
        check_one_of("init_convs", self.init_convs, ("all", "body"))
        _check_init_scale(self.init_scale)
        if self.pixel_unshuffle and self.scale not in (1, 2):
            raise InputError(f"`pixel_unshuffle` must be false unless the scale is 1 or 2. Received: {self.scale}.")

    @property
    def lr_multiple(self) -> int:
        """px, of which the sides of an LR image must be multiples."""
        return 4 // self.scale if self.pixel_unshuffle else 1

    @property
    def mixes_images(self) -> bool:
        """Whether there is BatchNorm."""
        return self.batch_norm


@GeneratorConfig.register
@dataclass(frozen=True)
class SRResNetConfig(GeneratorConfig):
    """SRGAN's generator (section 2.1.1, figure 4)."""

    family: str = field(default="srresnet", init=False)
    scale: int = 4  # 2, 3, 4 or 8
    blocks: int = 16
    features: int = 64
    outer_kernel: int = 9  # px, of the first and the last convolution

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, UPSAMPLED)

    @property
    def mixes_images(self) -> bool:
        """BatchNorm does."""
        return True


@GeneratorConfig.register
@dataclass(frozen=True)
class MSRResNetConfig(GeneratorConfig):
    """SRResNet without BatchNorm, as BasicSR has it."""

    family: str = field(default="msrresnet", init=False)
    scale: int = 4  # 2, 3, 4 or 8
    blocks: int = 16
    features: int = 64
    init_scale: float = 0.1

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, UPSAMPLED)
        _check_init_scale(self.init_scale)


@GeneratorConfig.register
@dataclass(frozen=True)
class ENetConfig(GeneratorConfig):
    """EnhanceNet's generator (arXiv:1612.07919, table 1)."""

    family: str = field(default="enet", init=False)
    scale: int = 4  # 2, 3, 4 or 8
    blocks: int = 10
    features: int = 64

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, UPSAMPLED)


@GeneratorConfig.register
@dataclass(frozen=True)
class EDSRConfig(GeneratorConfig):
    """EDSR (arXiv:1707.02921, section 3.2 and table 1): the baseline."""

    family: str = field(default="edsr", init=False)
    scale: int = 4  # 2, 3, 4 or 8
    blocks: int = 16
    features: int = 64
    residual_scale: float = 1.0
    upsampling: str = "steps"  # of a factor 2 or 3 each, as published; or direct: one pixel shuffle, as ABPN and SPAN
    mean_rgb_01: tuple[float, float, float] = (0.4488, 0.4371, 0.4040)  # of DIV2K

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, UPSAMPLED)
        check_one_of("upsampling", self.upsampling, ("steps", "direct"))


@GeneratorConfig.register
@dataclass(frozen=True)
class RCANConfig(GeneratorConfig):
    """RCAN (arXiv:1807.02758, section 4.1)."""

    family: str = field(default="rcan", init=False)
    scale: int = 4  # 2, 3, 4 or 8
    groups: int = 10
    blocks: int = 20  # in a group
    features: int = 64
    reduction: int = 16  # of channels, inside the attention
    mean_rgb_01: tuple[float, float, float] = (0.4488, 0.4371, 0.4040)  # of DIV2K

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, UPSAMPLED)


@GeneratorConfig.register
@dataclass(frozen=True)
class SRCNNConfig(GeneratorConfig):
    """SRCNN 9-5-5 (arXiv:1501.00092, sections 3.1 and 4.3.2), on RGB."""

    family: str = field(default="srcnn", init=False)
    scale: int = 4  # 1, 2, 3, 4 or 8
    kernels: tuple[int, int, int] = (9, 5, 5)  # px
    features: tuple[int, int] = (64, 32)

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, (1, *UPSAMPLED))


@GeneratorConfig.register
@dataclass(frozen=True)
class SRVGGConfig(GeneratorConfig):
    """SRVGGNetCompact of Real-ESRGAN's repository: general-x4v3; animevideov3 has 16 convolutions."""

    family: str = field(default="srvgg", init=False)
    scale: int = 4  # 1, 2, 3, 4 or 8
    convs: int = 32
    features: int = 64
    branches: int | None = None  # expansion of three-branch convolutions while it is trained; None: plain ones
    init: str = "he_normal"  # or torch: PyTorch's default, as its source

    def __post_init__(self) -> None:
        """Raise for a scale or an initialisation that there is not."""
        check_one_of("scale", self.scale, (1, *UPSAMPLED))
        check_one_of("init", self.init, ("he_normal", "torch"))
        _check_branches(self.branches)


@GeneratorConfig.register
@dataclass(frozen=True)
class SPANConfig(GeneratorConfig):
    """SPAN (arXiv:2311.12770, section 3) and its released code as it is deployed; SPAN-52 has 52 features."""

    family: str = field(default="span", init=False)
    scale: int = 4  # 1, 2, 3, 4 or 8
    blocks: int = 6
    features: int = 48
    branches: int | None = None  # expansion of three-branch convolutions (published: 2); None: plain, as deployed
    mean_rgb_01: tuple[float, float, float] = (0.4488, 0.4371, 0.4040)  # of DIV2K
    input_range: float = 255.0  # that 0..1 is stretched to inside

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built."""
        check_one_of("scale", self.scale, (1, *UPSAMPLED))
        if self.blocks < 1:
            raise InputError(f"`blocks` must be 1 or more. Received: {self.blocks}.")
        _check_branches(self.branches)


@GeneratorConfig.register
@dataclass(frozen=True)
class PhoneConfig(GeneratorConfig):
    """A network of integers for phones, after ABPN (arXiv:2105.09750) and QuickSRNet (arXiv:2303.04336, section 3)."""

    family: str = field(default="phone", init=False)
    scale: int = 4  # 2, 3 or 4
    convs: int = 6  # between the first and the last
    features: int = 32  # QuickSRNet's; ABPN has 28
    skips: bool = False  # every two convolutions are a residual block
    branches: int | None = None  # expansion of three-branch convolutions while it is trained; None: plain ones

    def __post_init__(self) -> None:
        """Raise for a scale that cannot be built, or half a block."""
        check_one_of("scale", self.scale, (2, 3, 4))
        if self.skips and self.convs % 2:
            raise InputError(f"`convs` must be even where there are `skips`. Received: {self.convs}.")
        _check_branches(self.branches)


def _check_init_scale(value: float) -> None:
    """Raise unless kernels start with some spread."""
    if value <= 0:
        raise InputError(f"`init_scale` must be above 0. Received: {value}.")


def _check_branches(expansion: int | None) -> None:
    """Raise for branches without channels."""
    if expansion is not None and expansion < 1:
        raise InputError(f"`branches` must be 1 or more, or none. Received: {expansion}.")
