"""One training step of either stage, under a tf.distribute strategy.

The psnr stage is the gan stage without a perceptual and an adversarial term: one step serves both.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from esrgan_tf import losses
from esrgan_tf.errors import InputError
from esrgan_tf.metrics.ms_ssim import ms_ssim_loss, ms_ssim_scales, smallest_side
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.distribution import apply_gradients, global_mean, replica_part
from esrgan_tf.training.networks import Networks

Terms = dict[str, tf.Tensor]


class Objective:
    """What a stage minimises, by the names of its recipe; a term of weight 0 is not computed."""

    def __init__(self, recipe: Recipe, stage: StageConfig):
        """Look every name up.

        Raises:
            InputError: a loss that there is not, nothing to minimise, or a patch too small for MS-SSIM.
        """
        weights = {
            "pixel": stage.pixel_weight,
            "perceptual": stage.perceptual_weight,
            "ms_ssim": stage.ms_ssim_weight,
            "ldl": stage.ldl_weight,
            "adversarial": stage.adversarial_weight,
        }
        self.weights = {name: weight for name, weight in weights.items() if weight}
        if not self.weights:
            raise InputError("the weight of at least one loss term must be above 0. Received: none.")
        self._pixel = losses.named_loss(losses.PIXEL_LOSSES, stage.pixel_loss, "pixel_loss")
        self._feature = losses.named_loss(losses.FEATURE_LOSSES, stage.perceptual_loss, "perceptual_loss")
        self._scales = ms_ssim_scales(stage.hr_patch) if "ms_ssim" in self.weights else 0
        self._layer_weights = dict(recipe.perceptual.layers)
        self.generator_loss, self.discriminator_loss = losses.named_loss(
            losses.ADVERSARIAL_LOSSES, stage.adversarial_loss, "adversarial_loss"
        )

    def image_terms(self, networks: Networks, sr: tf.Tensor, hr: tf.Tensor) -> Terms:
        """The terms that compare images with images, unweighted; sr and hr [n, h, w, 3] in 0..1."""
        terms = {}
        if "pixel" in self.weights:
            terms["pixel"] = self._pixel(sr, hr)
        if "perceptual" in self.weights:
            terms["perceptual"] = losses.perceptual_loss(networks.features, self._layer_weights, sr, hr, self._feature)
        if "ms_ssim" in self.weights:
            terms["ms_ssim"] = ms_ssim_loss(sr, hr, self._scales)
        return terms

    @property
    def smallest_side(self) -> int:
        """Px that every side of an image must have for the terms above."""
        return smallest_side(self._scales) if self._scales else 1


def make_train_step(
    networks: Networks, objective: Objective, strategy: tf.distribute.Strategy
) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """The function that trains on one batch.

    Args:
        networks: built under `strategy`.
        objective: what is minimised.
        strategy: whose replicas share each batch evenly.

    Returns:
        tf.function (hr uint8 [batch, patch, patch, 3], lr uint8 [batch, patch / scale, patch / scale, 3]) -> the
        unweighted loss terms by name, float32 scalars, means over the whole batch.
    """

    def replica_step(hr: tf.Tensor, lr: tf.Tensor) -> Terms:
        hr, lr = (tf.cast(replica_part(batch), tf.float32) / 255 for batch in (hr, lr))
        return _train_on(networks, objective, hr, lr)

    @tf.function
    def train_step(hr: tf.Tensor, lr: tf.Tensor) -> Terms:
        terms = strategy.run(replica_step, args=(hr, lr))
        return {name: strategy.reduce("mean", value, axis=None) for name, value in terms.items()}

    return train_step


def _train_on(networks: Networks, objective: Objective, hr: tf.Tensor, lr: tf.Tensor) -> Terms:
    """One replica's step on hr [n, patch, patch, 3] and lr, both float32 in 0..1.

    The discriminator sees each image once: its weights do not change between the released code's generator
    step and discriminator step, so that one pass gives the logits of both.
    """
    discriminator = networks.discriminator
    stable = networks.average_output(lr) if "ldl" in objective.weights else None
    with tf.GradientTape() as generator_tape:
        sr = networks.generator(lr, training=True)
        terms = objective.image_terms(networks, sr, hr)
        if stable is not None:
            terms["ldl"] = losses.ldl_loss(sr, stable, hr)
        if discriminator:
            with tf.GradientTape() as discriminator_tape:
                # Real and generated images apart: BatchNorm's statistics are each batch's own.
                real, fake = discriminator(hr, training=True), discriminator(sr, training=True)
                terms["discriminator"] = objective.discriminator_loss(real, fake, global_mean)
                discriminator_loss = _of_replica(networks.discriminator_optimizer, terms["discriminator"])
            terms["adversarial"] = objective.generator_loss(real, fake, global_mean)
            terms["logit_margin"] = tf.reduce_mean(real) - tf.reduce_mean(fake)
        total = sum(weight * terms[name] for name, weight in objective.weights.items())
        generator_loss = _of_replica(networks.generator_optimizer, total)
    clip_norm = networks.clip_norm
    _minimise(networks.generator_optimizer, generator_tape, generator_loss, networks.generator, clip_norm)
    if discriminator:
        _minimise(networks.discriminator_optimizer, discriminator_tape, discriminator_loss, discriminator, clip_norm)
    return terms


def _of_replica(optimizer: keras.optimizers.Optimizer, loss: tf.Tensor) -> tf.Tensor:
    """What one replica differentiates: Keras sums the replicas' gradients, and float16 needs the loss scaled."""
    return optimizer.scale_loss(loss / tf.distribute.get_replica_context().num_replicas_in_sync)


def _minimise(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    model: keras.Model,
    clip_norm: float | None,
) -> None:
    """Apply the gradients of a recorded loss to a model."""
    variables = [variable.value for variable in model.trainable_variables]
    apply_gradients(optimizer, tape.gradient(loss, variables), model.trainable_variables, clip_norm)
