"""Every number of every published recipe, with its source: frozen dataclasses, no TensorFlow.

A recipe is complete: generator, discriminator, perceptual network, data and both stages. Flags replace
single fields of it (`dataclasses.replace`); what was really run is written to `recipe.json`.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from esrgan_tf.errors import InputError


@dataclass(frozen=True)
class GeneratorConfig:
    """RRDB network. ESRGAN section 3.1 and the released code."""

    scale: int = 4
    blocks: int = 23
    features: int = 64
    growth: int = 32
    residual_scale: float = 0.2
    init_scale: float = 0.1  # He-normal x 0.1: "smaller initialization", ESRGAN section 3.1
    upsampling: str = "nearest"  # nearest + conv (released code) or pixel_shuffle


@dataclass(frozen=True)
class DiscriminatorConfig:
    """VGG-style discriminator of SRGAN (section 2.1.2) with ESRGAN's released widths."""

    features: int = 64  # doubled at every halving of the map, up to 8 times itself
    dense_units: int = 100


@dataclass(frozen=True)
class PerceptualConfig:
    """VGG19 features. ESRGAN section 3.3: conv5_4 before activation.

    `weights` is "imagenet" (through Keras), "random" (He-normal from a fixed seed) or a file of Keras weights.
    The paper's loss weights were tuned on torchvision's VGG19, which sees unit-variance inputs. Keras' ImageNet
    weights are Caffe's: inputs of -128..151, features an order of magnitude larger. `caffe_feature_scale` brings
    them down by the factor that SRGAN (section 3.2) gives for the same Caffe network.
    """

    layer: str = "block5_conv4"
    before_activation: bool = True
    weights: str = "imagenet"
    download: bool = True  # False: ImageNet weights only where Keras has them in its cache already
    random_if_missing: bool = False
    caffe_feature_scale: float = 1 / 12.75


@dataclass(frozen=True)
class DataConfig:
    """How whole pictures become aligned LR/HR crops. LR is MATLAB's bicubic where the source has none."""

    crops_per_picture: int = 8
    shuffle_buffer: int = 512  # crops
    flip: bool = True
    rotate: bool = True  # by multiples of 90 degrees
    dead_leaves_pictures: int = 64
    dead_leaves_size: int = 512  # px
    validation_pictures: int = 8  # held out of a source that brings no validation part of its own
    validation_crop: int = 480  # HR px, from the centre: bounds the time that validation takes


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's loss terms; a term of weight 0 is not computed. ESRGAN equation 3."""

    pixel: float = 1.0  # L1
    perceptual: float = 0.0  # L1 between features
    adversarial: float = 0.0  # relativistic average, halved form


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam with a step-wise halved learning rate."""

    learning_rate: float = 2e-4
    milestones: tuple[int, ...] = ()  # steps after which the rate is multiplied by `decay`
    decay: float = 0.5
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8  # PyTorch's default, which the released code leaves


@dataclass(frozen=True)
class StageConfig:
    """One training stage: what is minimised, how, for how long, and how often it is looked at."""

    loss: LossConfig
    optimizer: OptimizerConfig
    steps: int
    batch_size: int = 16  # over all replicas
    hr_patch: int = 128  # px, as the released code; the paper trained its PSNR stage on 192
    ema_decay: float | None = None  # of the generator; None: the trained weights themselves are used
    validate_every: int = 5000  # steps
    log_every: int = 100  # steps
    best_by: str = "psnr"  # on validation: psnr, perceptual (the loss term) or last (the newest)


@dataclass(frozen=True)
class Recipe:
    """Everything a run needs but its data."""

    name: str
    source: str  # paper and section, or what the recipe is for
    psnr: StageConfig
    gan: StageConfig
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    perceptual: PerceptualConfig = field(default_factory=PerceptualConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def stage(self, name: str) -> StageConfig:
        """The stage of that name.

        Raises:
            InputError: no such stage.
        """
        if name not in STAGES:
            raise InputError(f"`--stage` must be one of {', '.join(STAGES)}. Received: {name}.")
        return getattr(self, name)


STAGES = ("psnr", "gan")

ESRGAN_PSNR = StageConfig(  # ESRGAN section 4.1; halvings from the released code's train_PSNR options
    loss=LossConfig(pixel=1.0),
    optimizer=OptimizerConfig(learning_rate=2e-4, milestones=(200_000, 400_000, 600_000, 800_000)),
    steps=1_000_000,
)
ESRGAN_GAN = StageConfig(  # ESRGAN section 4.1: lambda = 5e-3, eta = 1e-2
    loss=LossConfig(pixel=1e-2, perceptual=1.0, adversarial=5e-3),
    optimizer=OptimizerConfig(learning_rate=1e-4, milestones=(50_000, 100_000, 200_000, 300_000)),
    steps=500_000,
    best_by="perceptual",  # PSNR falls as the pictures sharpen
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="esrgan",
            source="ESRGAN (arXiv:1809.00219) section 4.1, 23 RRDB, schedule of 2018",
            psnr=ESRGAN_PSNR,
            gan=ESRGAN_GAN,
        ),
        Recipe(
            name="esrgan_16",
            source="ESRGAN (arXiv:1809.00219) section 4.1, 16 RRDB, schedule of 2018",
            psnr=ESRGAN_PSNR,
            gan=ESRGAN_GAN,
            generator=GeneratorConfig(blocks=16),
        ),
        Recipe(
            name="quickstart",
            source="a small RRDB that shows both stages within minutes on two CPU cores; not from a paper",
            generator=GeneratorConfig(blocks=3, features=32, growth=16, init_scale=1.0),  # x 0.1 starts slowly
            discriminator=DiscriminatorConfig(features=16),
            perceptual=PerceptualConfig(layer="block3_conv4", download=False, random_if_missing=True),
            data=DataConfig(crops_per_picture=16, dead_leaves_pictures=24, dead_leaves_size=256, validation_crop=320),
            psnr=StageConfig(
                loss=LossConfig(pixel=1.0),
                optimizer=OptimizerConfig(learning_rate=2e-3, milestones=(1300, 1750, 2050), beta_2=0.99),
                steps=2200,
                batch_size=8,
                hr_patch=64,
                ema_decay=0.99,
                validate_every=550,
                log_every=50,
            ),
            gan=StageConfig(
                loss=LossConfig(pixel=1e-1, perceptual=1.0, adversarial=2e-2),
                optimizer=OptimizerConfig(learning_rate=2e-4, milestones=(400,), beta_2=0.99),
                steps=500,
                batch_size=8,
                hr_patch=64,
                ema_decay=0.99,
                validate_every=250,
                log_every=25,
                best_by="last",  # random features rank nothing
            ),
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        InputError: no such recipe.
    """
    if name not in RECIPES:
        raise InputError(f"`--recipe` must be one of {', '.join(RECIPES)}. Received: {name}.")
    return RECIPES[name]


def replace_fields(config: Any, changes: dict[str, Any]) -> Any:
    """A recipe, or a part of one, with some fields changed.

    Args:
        config: a dataclass of this module.
        changes: values by dotted name, such as {"gan.optimizer.learning_rate": 5e-5}.

    Raises:
        InputError: a name that is no field.
    """
    for name, value in changes.items():
        first, _, rest = name.partition(".")
        if first not in {known.name for known in fields(config)}:
            raise InputError(f"`{name}` must name a field of {type(config).__name__}.")
        config = replace(config, **{first: replace_fields(getattr(config, first), {rest: value}) if rest else value})
    return config
