"""One training step of either stage, under a tf.distribute strategy.

The psnr stage is the gan stage without a perceptual and an adversarial term: one step serves both.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from esrgan_tf import losses
from esrgan_tf.recipes import LossConfig
from esrgan_tf.training.distribution import apply_gradients, global_mean, replica_part
from esrgan_tf.training.networks import Networks

Terms = dict[str, tf.Tensor]


def make_train_step(
    networks: Networks, weights: LossConfig, strategy: tf.distribute.Strategy
) -> Callable[[tf.Tensor, tf.Tensor], Terms]:
    """The function that trains on one batch.

    Args:
        networks: built under `strategy`.
        weights: of the loss terms.
        strategy: whose replicas share each batch evenly.

    Returns:
        tf.function (hr uint8 [batch, patch, patch, 3], lr uint8 [batch, patch / scale, patch / scale, 3]) -> the
        unweighted loss terms by name, float32 scalars, means over the whole batch.
    """

    def replica_step(hr: tf.Tensor, lr: tf.Tensor) -> Terms:
        hr, lr = (tf.cast(replica_part(batch), tf.float32) / 255 for batch in (hr, lr))
        return _train_on(networks, weights, hr, lr)

    @tf.function
    def train_step(hr: tf.Tensor, lr: tf.Tensor) -> Terms:
        terms = strategy.run(replica_step, args=(hr, lr))
        return {name: strategy.reduce("mean", value, axis=None) for name, value in terms.items()}

    return train_step


def _train_on(networks: Networks, weights: LossConfig, hr: tf.Tensor, lr: tf.Tensor) -> Terms:
    """One replica's step on hr [n, patch, patch, 3] and lr, both float32 in 0..1.

    The discriminator sees each picture once: its weights do not change between the released code's generator
    step and discriminator step, so that one pass gives the logits of both.
    """
    discriminator = networks.discriminator
    with tf.GradientTape() as generator_tape:
        sr = networks.generator(lr, training=True)
        terms = generator_terms(networks, weights, sr, hr)
        if discriminator:
            with tf.GradientTape() as discriminator_tape:
                # Real and generated pictures apart: BatchNorm's statistics are each batch's own.
                real, fake = discriminator(hr, training=True), discriminator(sr, training=True)
                terms["discriminator"] = losses.relativistic_discriminator_loss(real, fake, global_mean)
                discriminator_loss = _of_replica(networks.discriminator_optimizer, terms["discriminator"])
            terms["adversarial"] = losses.relativistic_generator_loss(real, fake, global_mean)
            terms["logit_margin"] = tf.reduce_mean(real) - tf.reduce_mean(fake)
        total = sum(getattr(weights, name) * terms[name] for name in weighted_terms(weights))
        generator_loss = _of_replica(networks.generator_optimizer, total)
    _minimise(networks.generator_optimizer, generator_tape, generator_loss, networks.generator)
    if discriminator:
        _minimise(networks.discriminator_optimizer, discriminator_tape, discriminator_loss, discriminator)
    return terms


def weighted_terms(weights: LossConfig) -> list[str]:
    """Names of the terms with a weight, in the order of the recipe."""
    return [name for name in ("pixel", "perceptual", "adversarial") if getattr(weights, name)]


def generator_terms(networks: Networks, weights: LossConfig, sr: tf.Tensor, hr: tf.Tensor) -> Terms:
    """The terms that compare pictures with pictures, unweighted; sr and hr [n, h, w, 3] in 0..1."""
    terms = {}
    if weights.pixel:
        terms["pixel"] = losses.l1_loss(sr, hr)
    if weights.perceptual:
        terms["perceptual"] = losses.perceptual_loss(networks.features, sr, hr)
    return terms


def _of_replica(optimizer: keras.optimizers.Optimizer, loss: tf.Tensor) -> tf.Tensor:
    """What one replica differentiates: Keras sums the replicas' gradients, and float16 needs the loss scaled."""
    return optimizer.scale_loss(loss / tf.distribute.get_replica_context().num_replicas_in_sync)


def _minimise(
    optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, model: keras.Model
) -> None:
    """Apply the gradients of a recorded loss to a model."""
    variables = [variable.value for variable in model.trainable_variables]
    apply_gradients(optimizer, tape.gradient(loss, variables), model.trainable_variables)
