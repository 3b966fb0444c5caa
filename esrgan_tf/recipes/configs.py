"""What a recipe consists of: frozen dataclasses, no TensorFlow, every default with its source."""

import re
from dataclasses import dataclass, field

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.recipes.degradation import DegradationConfig
from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig
from esrgan_tf.recipes.families import DiscriminatorConfig, GeneratorConfig
from esrgan_tf.recipes.generators import RRDBConfig

STAGES = ("psnr", "gan")
BEST_BY = ("psnr", "perceptual", "last")
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # what Keras and TensorFlow take as a model's name


@dataclass(frozen=True)
class PerceptualConfig:
    """Features of a VGG network. ESRGAN section 3.3: VGG19's conv5_4 before activation.

    Of vgg19 and vgg16, `weights` is "imagenet" (through Keras), "minc" (a file must be given in its place), "random"
    (He-normal from a fixed seed) or a file: Keras weights, or one of `esrgan convert`, which knows its preprocessing.
    The paper's loss weights were tuned on torchvision's VGG19, which sees unit-variance inputs. Keras' ImageNet weights
    are Caffe's: inputs of -128..151, features an order of magnitude larger. `caffe_feature_scale` brings them down by
    the factor that SRGAN (section 3.2) gives for the same network; squared it is SRGAN's 0.006 on the squared loss.

    vgg19_distilled (arXiv:2003.08436) estimates conv1_1, conv2_1, conv3_1, conv4_1 and conv5_1 of VGG19 at a fraction
    of the MACs. Its `weights` are "shipped" with the package, or "random"; `preprocessing` and `caffe_feature_scale`
    do not concern it.

    EnhanceNet (arXiv:1612.07919, section 4.2) compares Gram matrices of patches as well (`texture_layers`), and has
    activations of mean 1 (`normalize`): each layer's are divided by their mean over the sample's photographs.
    """

    network: str = "vgg19"  # vgg16 or vgg19_distilled
    layers: tuple[tuple[str, float], ...] = (("conv5_4", 1.0),)  # each with its weight in the loss
    texture_layers: tuple[tuple[str, float], ...] = ()  # whose textures are compared, each with its weight
    before_activation: bool = True
    normalize: bool = False  # only after activation
    weights: str = "imagenet"
    preprocessing: str = "caffe"  # what Keras weights expect: caffe or torchvision; converted files state it themselves
    caffe_feature_scale: float = 1 / 12.75
    download: bool = True  # False: ImageNet weights only where Keras has them in its cache already
    random_if_missing: bool = False

    def __post_init__(self) -> None:
        """Raise for layers that have no meaning; whether the network has them, the network checks."""
        names = [name for name, _ in self.layers]
        if not names or len(set(names)) < len(names):
            raise InputError(f"`layers` must name at least one layer, and each once. Received: {names}.")
        textures = [name for name, _ in self.texture_layers]
        if len(set(textures)) < len(textures):
            raise InputError(f"`texture_layers` must name each layer once. Received: {textures}.")
        if self.normalize and self.before_activation:
            raise InputError("`normalize` must be false where `before_activation` is true. Received: true, true.")

    @property
    def layer_names(self) -> list[str]:
        """Of all layers that the loss takes, each once."""
        return list(dict.fromkeys(name for name, _ in (*self.layers, *self.texture_layers)))


@dataclass(frozen=True)
class DataConfig:
    """How whole images become aligned LR/HR crops."""

    degradation: DegradationConfig | None = None  # None: MATLAB's bicubic, or the source's own LR images
    crops_per_picture: int = 8
    shuffle_buffer: int = 512  # crops
    flip: bool = True
    rotate: bool = True  # by multiples of 90 degrees
    permute_colours: bool = False  # R, G and B exchanged at random: a few hundred photographs are learnt by heart later
    multiscale: tuple[float, ...] = ()  # shares of its size at which every image is trained on too, as Real-ESRGAN does
    dead_leaves_pictures: int = 64
    dead_leaves_size: int = 512  # px
    validation_pictures: int = 8  # held out of a source that brings no validation part of its own
    validation_crop: int = 480  # HR px, from the centre: bounds the time that validation takes
    max_skipped_share: float = 0.05  # of the images trained on: where more cannot be read any more, training stops

    def __post_init__(self) -> None:
        """Raise where nothing would be left to train on, and for a share that is none."""
        if self.dead_leaves_pictures < 2:
            raise InputError(f"`dead_leaves_pictures` must be 2 or more. Received: {self.dead_leaves_pictures}.")
        if not 0 <= self.max_skipped_share <= 1:
            raise InputError(f"`max_skipped_share` must be from 0 to 1. Received: {self.max_skipped_share}.")
        if not all(0 < share < 1 and round(share, 3) == share for share in self.multiscale):
            raise InputError(
                "`multiscale` must be shares between 0 and 1, of at most three decimals. "
                f"Received: {list(self.multiscale)}."
            )


@dataclass(frozen=True)
class StageConfig:
    """One training stage: what is minimised, how, for how long, and how often it is validated.

    The generator minimises pixel_weight * pixel + perceptual_weight * perceptual + adversarial_weight * adversarial
    (ESRGAN equation 3) + ms_ssim_weight * (1 - MS-SSIM) + ldl_weight * ldl + extra_losses; a term of weight 0 is not
    computed.
    """

    steps: int
    batch_size: int = 16  # over all replicas
    hr_patch: int = 128  # px, as the released code; the paper trained its PSNR stage on 192

    pixel_loss: str = "l1"  # l1, mse or charbonnier
    pixel_weight: float = 1.0
    perceptual_loss: str = "l1"  # l1 or mse, between features
    perceptual_weight: float = 0.0
    adversarial_loss: str = "relativistic"  # relativistic (average), standard or least_squares
    adversarial_weight: float = 0.0
    ms_ssim_weight: float = 0.0  # on as many scales as hr_patch has, 5 from 176 px; 0.84 in arXiv:1511.08861
    extra_losses: tuple[tuple[str, float], ...] = ()  # losses of `register_loss`, each with its weight
    ldl_weight: float = 0.0  # artifacts that the moving average does not have (needs ema_decay); 1 in arXiv:2203.09195

    learning_rate: float = 2e-4  # of Adam, for generator and discriminator alike
    milestones: tuple[int, ...] = ()  # steps after which the rate is multiplied by `decay`
    decay: float = 0.5
    cosine_period: int | None = None  # steps; in place of milestones, the rate falls along a cosine and restarts
    lowest_learning_rate: float = 1e-7  # at the end of a cosine period
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8  # PyTorch's default, which the released code leaves

    clip_norm: float | None = None  # of each network's gradients: longer ones are scaled to this global norm
    ema_decay: float | None = None  # of the generator; None: the trained weights themselves are used
    validate_every: int = 5000  # steps
    log_every: int = 100  # steps
    max_nonfinite_steps: int = 10  # skipped in a row, before training goes back to its last checkpoint
    max_rollbacks: int = 2  # such returns to one checkpoint, before training stops
    best_by: str = "psnr"  # on validation: psnr, perceptual (the loss term) or last (the newest)

    def __post_init__(self) -> None:
        """Raise for numbers that no training can have."""
        weights = ("pixel_weight", "perceptual_weight", "adversarial_weight", "ms_ssim_weight", "ldl_weight")
        for name in (*weights, "learning_rate", "decay"):
            self._check(name, getattr(self, name) >= 0, "0 or more")
        names = [name for name, _ in self.extra_losses]
        self._check("extra_losses", len(set(names)) == len(names), "losses that are named once")
        self._check("extra_losses", all(weight >= 0 for _, weight in self.extra_losses), "weights of 0 or more")
        for name in ("beta_1", "beta_2", "ema_decay"):
            self._check(name, 0 <= (getattr(self, name) or 0) < 1, "at least 0 and below 1")
        self._check("epsilon", self.epsilon > 0, "above 0")
        self._check("milestones", list(self.milestones) == sorted(set(self.milestones)), "ascending steps")
        if self.cosine_period:
            self._check("milestones", not self.milestones, "empty where there is a cosine_period")
            self._check(
                "lowest_learning_rate", 0 <= self.lowest_learning_rate <= self.learning_rate, "from 0 to learning_rate"
            )
        self._check("clip_norm", self.clip_norm is None or self.clip_norm > 0, "above 0, or none")
        if self.ema_decay is None:
            self._check("ldl_weight", not self.ldl_weight, "0 where there is no ema_decay")
        check_one_of("best_by", self.best_by, BEST_BY)
        if self.best_by == "perceptual":
            self._check("best_by", self.perceptual_weight, "psnr or last where perceptual_weight is 0")

    def _check(self, name: str, right: object, allowed: str) -> None:
        """Raise unless the field is right."""
        if not right:
            raise InputError(f"`{name}` must be {allowed}. Received: {getattr(self, name)}.")


@dataclass(frozen=True)
class Recipe:
    """Everything a run needs but its data."""

    name: str
    paper: str  # or what the recipe is for
    section: str
    command: str  # that trains it, one stage a line
    published: str  # result, as its source states it
    psnr: StageConfig
    gan: StageConfig | None = None
    generator: GeneratorConfig = field(default_factory=RRDBConfig)
    discriminator: DiscriminatorConfig = field(default_factory=VGGDiscriminatorConfig)
    perceptual: PerceptualConfig = field(default_factory=PerceptualConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        """Raise for a name that no model can have."""
        if not re.fullmatch(NAME, self.name):
            raise InputError(f"`name` must be letters, digits, `_`, `-` and `.`. Received: {self.name}.")

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that it has."""
        return tuple(name for name in STAGES if getattr(self, name))

    def stage(self, name: str) -> StageConfig:
        """The stage of that name.

        Raises:
            InputError: no such stage.
        """
        if name not in self.stages:
            raise InputError(
                f"`stage` must be one of {', '.join(self.stages)} for the recipe {self.name}. Received: {name}."
            )
        return getattr(self, name)
