"""Loss terms: each has a name and a weight, and owns the networks that it needs."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf
from keras import ops

from esrgan_tf import compat, losses
from esrgan_tf.metrics.ms_ssim import ms_ssim_loss, ms_ssim_scales, smallest_side
from esrgan_tf.models import build_discriminator
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.distribution import global_mean
from esrgan_tf.training.networks import Networks, Trainee, build_adam
from esrgan_tf.training.perceptual import resolve_features


@dataclass(frozen=True)
class Images:
    """One replica's batch, float32 in 0..1: lr [n, h, w, 3], hr and sr [n, scale * h, scale * w, 3]."""

    lr: tf.Tensor
    hr: tf.Tensor
    sr: tf.Tensor


@dataclass(frozen=True)
class TermResult:
    """What a term finds in a step.

    Args:
        loss: scalar float32, unweighted, of one replica.
        values: scalars to report by name, `Term.reports` in that order.
        gradients: of the term's trainee, called once the generator's tape has closed; `None` where it has none.
    """

    loss: tf.Tensor
    values: dict[str, tf.Tensor]
    gradients: Callable[[], list[tf.Tensor]] | None = None


@dataclass(frozen=True)
class Setting:
    """What a term's networks are built from: recipe, stage, the generator's networks, Keras dtype policy."""

    recipe: Recipe
    stage: StageConfig
    networks: Networks
    precision: str


class Term:
    """One summand of the generator's loss, weight * loss. A subclass gives `compute`, and what else it has.

    It is built under the strategy's scope, by its name, its weight and a `Setting`.
    """

    trainee: Trainee | None = None  # a network that is trained beside the generator, such as a discriminator
    models: tuple[keras.Model, ...] = ()  # other networks of its own: not trained, not in checkpoints
    measured: bool = False  # whether `measure` gives a value for held-out images
    smallest_side = 1  # px, of held-out images

    def __init__(self, name: str, weight: float, setting: Setting):
        self.name, self.weight, self.reports = name, weight, (name,)

    def compute(self, images: Images) -> TermResult:
        """One replica's loss in a training step, in its context and inside the generator's tape."""
        raise NotImplementedError

    def measure(self, sr: tf.Tensor, hr: tf.Tensor) -> tf.Tensor:
        """The unweighted loss of held-out images, both [n, h, w, 3] in 0..1."""
        raise NotImplementedError


class ImageTerm(Term):
    """A term that compares sr with hr by a function of both, the same in training and on held-out images."""

    measured = True

    def __init__(self, name: str, weight: float, function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]):
        self.name, self.weight, self.reports = name, weight, (name,)
        self.measure = function
        self.models = tuple(getattr(function, "models", ()))

    def compute(self, images: Images) -> TermResult:
        """The function of sr and hr."""
        loss = self.measure(images.sr, images.hr)
        return TermResult(loss, {self.name: loss})


class PerceptualTerm(ImageTerm):
    """Distance of features, and of their textures; owns the feature network.

    `weights_origin` says where its weights come from.
    """

    def __init__(self, name: str, weight: float, setting: Setting):
        """Build the feature network.

        Raises:
            InputError: a loss or a layer that there is not, or weights that cannot be had.
        """
        config = setting.recipe.perceptual
        criterion = losses.named_loss(losses.FEATURE_LOSSES, setting.stage.perceptual_loss, "perceptual_loss")
        features, self.weights_origin = resolve_features(config, setting.precision)
        layers, textures = dict(config.layers), dict(config.texture_layers)
        super().__init__(
            name, weight, lambda sr, hr: losses.perceptual_loss(features, layers, sr, hr, criterion, textures)
        )
        self.models = (features,)


class MultiScaleSSIMTerm(ImageTerm):
    """1 - MS-SSIM on as many scales as the patch has."""

    def __init__(self, name: str, weight: float, setting: Setting):
        """Count the scales.

        Raises:
            InputError: the patch is too small.
        """
        scales = ms_ssim_scales(setting.stage.hr_patch)
        super().__init__(name, weight, lambda sr, hr: ms_ssim_loss(sr, hr, scales))
        self.smallest_side = smallest_side(scales)


class LDLTerm(Term):
    """LDL's loss against what the generator's moving average makes of the same input."""

    def __init__(self, name: str, weight: float, setting: Setting):
        super().__init__(name, weight, setting)
        self._networks = setting.networks

    def compute(self, images: Images) -> TermResult:
        """The loss; the average's output carries no gradient."""
        loss = losses.ldl_loss(images.sr, self.average_output(images.lr), images.hr)
        return TermResult(loss, {self.name: loss})

    def average_output(self, lr: tf.Tensor) -> tf.Tensor:
        """What the generator's moving average makes of lr, in a replica's context and without a gradient.

        Before the first step, when there is no average yet, the generator itself stands for it.
        """
        generator, optimizer = self._networks.generator, self._networks.averaging_optimizer
        averages = zip(compat.moving_averages(optimizer), generator.trainable_variables, strict=True)
        has_begun = ops.convert_to_tensor(optimizer.iterations) > 0
        weights = [tf.where(has_begun, average.value, weight.value) for average, weight in averages]
        state = [variable.value for variable in generator.non_trainable_variables]
        sr, _ = generator.stateless_call(weights, state, lr, training=False)
        return tf.stop_gradient(sr)


class AdversarialTerm(Term):
    """The generator's adversarial loss; owns the discriminator, which learns in the same step.

    The discriminator sees each image once: its weights do not change between the released code's generator step and
    discriminator step, so that one pass gives the logits of both.
    """

    def __init__(self, name: str, weight: float, setting: Setting):
        """Build the discriminator and its optimizer.

        Raises:
            InputError: a loss that there is not, or a patch that the discriminator cannot take.
        """
        super().__init__(name, weight, setting)
        stage, precision = setting.stage, setting.precision
        self.reports = ("discriminator", name, "logit_margin")
        self._generator_loss, self._discriminator_loss = losses.named_loss(
            losses.ADVERSARIAL_LOSSES, stage.adversarial_loss, "adversarial_loss"
        )
        model = build_discriminator(setting.recipe.discriminator, stage.hr_patch, precision)
        self.trainee = Trainee("discriminator", model, build_adam(stage, model, precision, ema_decay=None))

    def compute(self, images: Images) -> TermResult:
        """Both losses, and by how much the mean logit of real images is above that of generated ones."""
        discriminator = self.trainee.model
        with tf.GradientTape() as tape:
            # Real and generated images apart: BatchNorm's statistics are each batch's own.
            real, fake = (discriminator(images_01, training=True) for images_01 in (images.hr, images.sr))
            own = self._discriminator_loss(real, fake, global_mean)
            own_of_replica = self.trainee.of_replica(own)
        loss = self._generator_loss(real, fake, global_mean)
        margin = tf.reduce_mean(real) - tf.reduce_mean(fake)
        values = dict(zip(self.reports, (own, loss, margin), strict=True))
        return TermResult(loss, values, lambda: self.trainee.gradients(tape, own_of_replica))
