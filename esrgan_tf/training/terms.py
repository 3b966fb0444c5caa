"""Loss terms: each has a name and a weight, and owns the networks that it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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


class Coupling(NamedTuple):
    """Losses of a whole batch, for one part of its images: their values, and gradients by the part's own outputs.

    Args:
        losses: scalars, one a loss.
        gradients: for each loss, one for each output.
    """

    losses: tuple[tf.Tensor, ...]
    gradients: tuple[tuple[tf.Tensor, ...], ...]

    def continued(self, outputs: tuple[tf.Tensor, ...]) -> list[tf.Tensor]:
        """Each loss, as a function of the part's outputs: of that value and that gradient."""
        changes = [output - tf.stop_gradient(output) for output in outputs]
        return [
            loss + tf.add_n([tf.reduce_sum(g * change) for g, change in zip(own, changes, strict=True)])
            for loss, own in zip(self.losses, self.gradients, strict=True)
        ]


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
    coupled = False  # whether its loss is more than a mean over images: then it also gives `outputs` and `couple`

    def __init__(self, name: str, weight: float, setting: Setting):
        self.name, self.weight, self.reports = name, weight, (name,)

    def compute(self, images: Images) -> TermResult:
        """One replica's loss in a training step, in its context and inside the generator's tape.

        A coupled term also takes a `Coupling`, where the images are a part of the replica's.
        """
        raise NotImplementedError

    def outputs(self, images: Images) -> tuple[tf.Tensor, ...]:
        """What the loss of a coupled term is computed from, for a part of a replica's images."""
        raise NotImplementedError

    def couple(self, outputs: list[tuple[tf.Tensor, ...]]) -> list[Coupling]:
        """The couplings of a replica's parts, from the outputs of all of them; in the replica's context."""
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

    coupled = True

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

    def compute(self, images: Images, coupling: Coupling | None = None) -> TermResult:
        """Both losses, and by how much the mean logit of real images is above that of generated ones."""
        with tf.GradientTape() as tape:
            real, fake = self.outputs(images)
            own, loss = coupling.continued((real, fake)) if coupling else self._losses(real, fake)
            own_of_replica = self.trainee.of_replica(own)
        margin = tf.reduce_mean(real) - tf.reduce_mean(fake)
        values = dict(zip(self.reports, (own, loss, margin), strict=True))
        return TermResult(loss, values, lambda: self.trainee.gradients(tape, own_of_replica))

    def outputs(self, images: Images) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits of real and of generated images; apart, since BatchNorm's statistics are each batch's own."""
        real, fake = (self.trainee.model(images_01, training=True) for images_01 in (images.hr, images.sr))
        return real, fake

    def couple(self, outputs: list[tuple[tf.Tensor, ...]]) -> list[Coupling]:
        """Both losses of all parts' logits."""
        logits = [tf.stack(own) for own in zip(*outputs, strict=True)]  # real, fake: [parts, n, ...]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            losses = self._losses(*(tf.reshape(own, [-1, *own.shape[2:]]) for own in logits))
        zero, parts = tf.UnconnectedGradients.ZERO, len(outputs)
        # A part counts by its share of the images: what it will be divided by again.
        of_losses = [[tf.unstack(parts * own) for own in tape.gradient(loss, logits, None, zero)] for loss in losses]
        return [
            Coupling(losses, tuple(tuple(own[part] for own in of_loss) for of_loss in of_losses))
            for part in range(parts)
        ]

    def _losses(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(the discriminator's loss, the generator's) of one replica."""
        return self._discriminator_loss(real, fake, global_mean), self._generator_loss(real, fake, global_mean)
