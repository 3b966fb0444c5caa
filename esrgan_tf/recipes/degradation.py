"""Every number of Real-ESRGAN's second-order degradation, which makes LR images that look like real ones.

Source: Wang et al., "Real-ESRGAN" (arXiv:2107.10833), section 3, with the values of section 4.1 and of its released
options `train_realesrgan_x4plus`. A number of the released code alone is marked so. Each configuration checks itself
as it is made and raises `InputError`.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from esrgan_tf.errors import InputError

BLUR_SHAPES = (
    "isotropic",
    "anisotropic",
    "generalized isotropic",
    "generalized anisotropic",
    "plateau isotropic",
    "plateau anisotropic",
)
RESIZE_MODES = ("area", "bilinear", "bicubic")
KERNEL_SIZES = (7, 9, 11, 13, 15, 17, 19, 21)  # px, equal chances


def _check(name: str, value: Any, allowed: str, right: bool) -> None:
    """Refuse a value with one line that names its field."""
    if not right:
        raise InputError(f"`{name}` must be {allowed}. Received: {value}.")


def _check_probability(name: str, value: float) -> None:
    _check(name, value, "a probability from 0 to 1", 0 <= value <= 1)


def _check_range(name: str, value: tuple[float, ...], low: float, high: float = math.inf) -> None:
    right = len(value) == 2 and low <= value[0] <= value[1] <= high
    _check(name, value, f"(smallest, largest), both from {low:g} to {high:g}", right)


def _check_around_one(name: str, value: tuple[float, ...]) -> None:
    right = len(value) == 2 and 0 < value[0] <= 1 <= value[1]
    _check(name, value, "(smallest, largest), 1 or less and 1 or more", right)


def _check_weights(name: str, value: tuple[float, ...], of: tuple[str, ...]) -> None:
    right = len(value) == len(of) and min(value) >= 0 and sum(value) > 0
    _check(name, value, f"{len(of)} relative chances of {', '.join(of)}, not all 0", right)


def _check_modes(name: str, value: tuple[str, ...]) -> None:
    _check(name, value, f"some of {', '.join(RESIZE_MODES)}", len(value) > 0 and set(value) <= set(RESIZE_MODES))


def _check_sizes(name: str, value: tuple[int, ...]) -> None:
    right = len(value) > 0 and all(size % 2 == 1 and size > 0 for size in value)
    _check(name, value, "odd numbers of pixels", right)


@dataclass(frozen=True)
class BlurConfig:
    """Filtering with a kernel of random shape: sections 3.1 (Gaussians) and 3.3 (sinc, which makes ringing)."""

    probability: float = 1.0
    kernel_sizes: tuple[int, ...] = KERNEL_SIZES
    sinc_probability: float = 0.1  # of a sinc instead of one of the shapes below
    shape_weights: tuple[float, ...] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)  # of BLUR_SHAPES, relative to each other
    sigma_range: tuple[float, float] = (0.2, 3.0)  # px, of each axis
    angle_range: tuple[float, float] = (-math.pi, math.pi)  # rad
    # Released code: half of the exponents are drawn from below 1, half from above. 1 is the Gaussian itself.
    generalized_beta_range: tuple[float, float] = (0.5, 4.0)
    plateau_beta_range: tuple[float, float] = (1.0, 2.0)
    sinc_cutoff_range: tuple[float, float] = (math.pi / 3, math.pi)  # rad / px; released code
    large_sinc_cutoff_range: tuple[float, float] = (math.pi / 5, math.pi)  # rad / px; released code
    large_sinc_size: int = 13  # px: kernels from this size on take the range above; released code

    def __post_init__(self) -> None:
        _check_probability("probability", self.probability)
        _check_sizes("kernel_sizes", self.kernel_sizes)
        _check_probability("sinc_probability", self.sinc_probability)
        _check_weights("shape_weights", self.shape_weights, BLUR_SHAPES)
        _check_range("sigma_range", self.sigma_range, 0.01)
        _check_range("angle_range", self.angle_range, -2 * math.pi, 2 * math.pi)
        for name in ("generalized_beta_range", "plateau_beta_range"):
            _check_around_one(name, getattr(self, name))
        _check_range("sinc_cutoff_range", self.sinc_cutoff_range, 0.01, math.pi)
        _check_range("large_sinc_cutoff_range", self.large_sinc_cutoff_range, 0.01, math.pi)


@dataclass(frozen=True)
class ResizeConfig:
    """Resizing up or down by a random factor. Section 3.1."""

    direction_weights: tuple[float, float, float] = (0.2, 0.7, 0.1)  # up, down, keep
    scale_range: tuple[float, float] = (0.15, 1.5)  # down: from the smallest to 1, up: from 1 to the largest
    modes: tuple[str, ...] = RESIZE_MODES  # equal chances

    def __post_init__(self) -> None:
        _check_weights("direction_weights", self.direction_weights, ("up", "down", "keep"))
        _check_around_one("scale_range", self.scale_range)
        _check_modes("modes", self.modes)


@dataclass(frozen=True)
class NoiseConfig:
    """Gaussian or Poisson noise, in colour or grey. Section 3.1."""

    probability: float = 1.0
    gaussian_probability: float = 0.5  # else Poisson
    gaussian_range: tuple[float, float] = (1.0, 30.0)  # standard deviation in 1/255
    poisson_range: tuple[float, float] = (0.05, 3.0)  # factor on the noise; 1 is the noise of counted photons
    grey_probability: float = 0.4  # the same noise in all three channels

    def __post_init__(self) -> None:
        for name in ("probability", "gaussian_probability", "grey_probability"):
            _check_probability(name, getattr(self, name))
        _check_range("gaussian_range", self.gaussian_range, 0)
        _check_range("poisson_range", self.poisson_range, 0)


@dataclass(frozen=True)
class JpegConfig:
    """Compression with a random quality. Section 3.1."""

    probability: float = 1.0
    quality_range: tuple[int, int] = (30, 95)  # of 100, both ends included

    def __post_init__(self) -> None:
        _check_probability("probability", self.probability)
        _check_range("quality_range", self.quality_range, 1, 100)


@dataclass(frozen=True)
class RoundConfig:
    """Blur, resize, noise, JPEG, in this order: section 3.1. The defaults are those of the first round."""

    blur: BlurConfig = field(default_factory=BlurConfig)
    resize: ResizeConfig = field(default_factory=ResizeConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    jpeg: JpegConfig = field(default_factory=JpegConfig)


@dataclass(frozen=True)
class SecondBlurConfig(BlurConfig):
    """`BlurConfig` with the second round's values."""

    probability: float = 0.8
    sigma_range: tuple[float, float] = (0.2, 1.5)  # px, of each axis


@dataclass(frozen=True)
class SecondResizeConfig(ResizeConfig):
    """`ResizeConfig` with the second round's values; factor 1 is the LR size."""

    direction_weights: tuple[float, float, float] = (0.3, 0.4, 0.3)  # up, down, keep
    scale_range: tuple[float, float] = (0.3, 1.2)


@dataclass(frozen=True)
class SecondNoiseConfig(NoiseConfig):
    """`NoiseConfig` with the second round's values."""

    gaussian_range: tuple[float, float] = (1.0, 25.0)  # standard deviation in 1/255
    poisson_range: tuple[float, float] = (0.05, 2.5)


@dataclass(frozen=True)
class SecondRoundConfig(RoundConfig):
    """`RoundConfig` of the second round; its JPEG goes before or after the resize to the LR size and last filter."""

    blur: SecondBlurConfig = field(default_factory=SecondBlurConfig)
    resize: SecondResizeConfig = field(default_factory=SecondResizeConfig)
    noise: SecondNoiseConfig = field(default_factory=SecondNoiseConfig)


@dataclass(frozen=True)
class FinalSincConfig:
    """The last filter, which makes ringing and overshoot. Section 3.3."""

    probability: float = 0.8
    kernel_sizes: tuple[int, ...] = KERNEL_SIZES
    cutoff_range: tuple[float, float] = (math.pi / 3, math.pi)  # rad / px; released code

    def __post_init__(self) -> None:
        _check_probability("probability", self.probability)
        _check_sizes("kernel_sizes", self.kernel_sizes)
        _check_range("cutoff_range", self.cutoff_range, 0.01, math.pi)


@dataclass(frozen=True)
class DegradationConfig:
    """Two rounds, then the resize to the LR size: sections 3.2 and 3.3."""

    first: RoundConfig = field(default_factory=RoundConfig)
    second: SecondRoundConfig = field(default_factory=SecondRoundConfig)
    resize_before_jpeg_probability: float = 0.5  # released code
    final_resize_modes: tuple[str, ...] = RESIZE_MODES  # equal chances
    final_sinc: FinalSincConfig = field(default_factory=FinalSincConfig)
    noise_patches: str | None = None  # folder of photographs, the noise of whose flat patches is added last

    def __post_init__(self) -> None:
        _check_probability("resize_before_jpeg_probability", self.resize_before_jpeg_probability)
        _check_modes("final_resize_modes", self.final_resize_modes)
