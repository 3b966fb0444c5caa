"""A stage's networks and optimizers, built under the strategy and wired to the recipe."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf
from keras import ops

from esrgan_tf import compat
from esrgan_tf.errors import InputError
from esrgan_tf.models import build_discriminator, build_features, build_generator
from esrgan_tf.models.distilled_features import DISTILLED
from esrgan_tf.recipes.configs import PerceptualConfig, Recipe, StageConfig
from esrgan_tf.training.distribution import scale_loss_if_half


@dataclass
class Networks:
    """What a training step works on. `evaluated` is a float32 twin of the generator: what is validated and saved."""

    generator: keras.Model
    evaluated: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator: keras.Model | None
    discriminator_optimizer: keras.optimizers.Optimizer | None
    features: keras.Model | None
    features_weights: str | None  # where the features' weights come from, for people
    clip_norm: float | None  # of each network's gradients

    def update_evaluated(self) -> None:
        """Bring the twin up to date: the generator's moving average, or its weights where none is kept."""
        self.evaluated.set_weights(self.generator.get_weights())
        if self.generator_optimizer.iterations.numpy() > 0:
            self._averaging_optimizer.finalize_variable_values(self.evaluated.trainable_variables)

    def average_output(self, lr: tf.Tensor) -> tf.Tensor:
        """What the generator's moving average makes of lr, in a replica's context and without a gradient.

        Before the first step, when there is no average yet, the generator itself stands for it.
        """
        optimizer = self._averaging_optimizer
        averages = zip(compat.moving_averages(optimizer), self.generator.trainable_variables, strict=True)
        has_begun = ops.convert_to_tensor(optimizer.iterations) > 0
        weights = [tf.where(has_begun, average.value, weight.value) for average, weight in averages]
        state = [variable.value for variable in self.generator.non_trainable_variables]
        sr, _ = self.generator.stateless_call(weights, state, lr, training=False)
        return tf.stop_gradient(sr)

    @property
    def _averaging_optimizer(self) -> keras.optimizers.Optimizer:
        """The generator's optimizer without the loss scaling around it."""
        return getattr(self.generator_optimizer, "inner_optimizer", self.generator_optimizer)


def build_networks(recipe: Recipe, stage: StageConfig, precision: str, strategy: tf.distribute.Strategy) -> Networks:
    """Build what a stage needs; a discriminator and features only where its loss has a term for them.

    Args:
        recipe: of the networks.
        stage: one of its stages, perhaps changed.
        precision: Keras dtype policy.
        strategy: under which all variables are made.

    Raises:
        InputError: a network that cannot be built so, a patch that the discriminator cannot take, a layer that
            the feature network has not, or weights that cannot be had.
    """
    discriminator = discriminator_optimizer = features = features_weights = None
    with strategy.scope():
        generator = build_generator(recipe.generator, recipe.name, precision)
        evaluated = build_generator(recipe.generator, recipe.name)
        generator_optimizer = _adam(stage, generator, precision, stage.ema_decay)
        if stage.adversarial_weight:
            discriminator = build_discriminator(recipe.discriminator, stage.hr_patch, precision)
            discriminator_optimizer = _adam(stage, discriminator, precision, ema_decay=None)
        if stage.perceptual_weight:
            features, features_weights = _features(recipe.perceptual, precision)
    return Networks(
        generator,
        evaluated,
        generator_optimizer,
        discriminator,
        discriminator_optimizer,
        features,
        features_weights,
        stage.clip_norm,
    )


class CosineRestarts(keras.optimizers.schedules.LearningRateSchedule):
    """From `highest` to `lowest` along half a cosine every `period` steps (SGDR, arXiv:1608.03983, equation 5)."""

    def __init__(self, highest: float, lowest: float, period: int):
        self.highest, self.lowest, self.period = highest, lowest, period

    def __call__(self, step) -> keras.KerasTensor:
        """The learning rate at a step, float32."""
        # In whole numbers: beyond 2^24 steps float32 would skip some.
        done = ops.cast(ops.mod(ops.cast(step, "int64"), self.period), "float32") / self.period
        return self.lowest + (self.highest - self.lowest) * 0.5 * (1 + ops.cos(math.pi * done))

    def get_config(self) -> dict:
        """What it is made from."""
        return {"highest": self.highest, "lowest": self.lowest, "period": self.period}


def learning_rate_schedule(stage: StageConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate by step: a restarting cosine, or multiplied by `decay` after every milestone."""
    if stage.cosine_period:
        return CosineRestarts(stage.learning_rate, stage.lowest_learning_rate, stage.cosine_period)
    rates = [stage.learning_rate * stage.decay**k for k in range(len(stage.milestones) + 1)]
    if not stage.milestones:  # Keras wants at least one: it changes nothing
        return keras.optimizers.schedules.PiecewiseConstantDecay([0], 2 * rates)
    return keras.optimizers.schedules.PiecewiseConstantDecay(list(stage.milestones), rates)


def _adam(
    stage: StageConfig, model: keras.Model, precision: str, ema_decay: float | None
) -> keras.optimizers.Optimizer:
    """Adam for one network, built so that a checkpoint can be restored into it."""
    adam = keras.optimizers.Adam(
        learning_rate_schedule(stage),
        beta_1=stage.beta_1,
        beta_2=stage.beta_2,
        epsilon=stage.epsilon,
        use_ema=ema_decay is not None,
        ema_momentum=ema_decay or 0.0,
    )
    optimizer = scale_loss_if_half(adam, precision)
    optimizer.build(model.trainable_variables)
    return optimizer


def _features(config: PerceptualConfig, precision: str) -> tuple[keras.Model, str]:
    """The feature network, and where its weights come from."""
    if config.network == DISTILLED or config.weights in ("random", "shipped"):  # nothing to look for outside
        where = {"random": "random, fixed seed"}.get(config.weights, config.weights)
        return build_features(config, config.weights, precision), where
    try:
        if config.weights == "minc":
            raise OSError("they are not among Keras' own")
        if config.weights == "imagenet" and not config.download and not _imagenet_is_cached(config.network):
            raise OSError("they are not in Keras' cache")
        return build_features(config, config.weights, precision), config.weights
    except OSError as error:
        reason = f"{config.network.upper()}'s weights `{config.weights}` cannot be had: {error}"
        if not config.random_if_missing or config.weights != "imagenet":  # a file asked for is not guessed at
            raise InputError(
                f"{reason}. Use `vgg_weights=PATH` (Keras weights such as {_weights_name(config.network)}) "
                "or, for features without training, `vgg_weights=random`."
            ) from error
        return build_features(config, "random", precision), f"random, fixed seed ({reason})"


def _weights_name(network: str) -> str:
    """What Keras calls the file of ImageNet weights."""
    return f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"


def _imagenet_is_cached(network: str) -> bool:
    """Whether Keras has downloaded the ImageNet weights before."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return (home / "models" / _weights_name(network)).is_file()
