"""A stage's networks and optimizers, built under the strategy and wired to the recipe."""

import os
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from esrgan_tf.errors import InputError
from esrgan_tf.models import build_generator
from esrgan_tf.models.discriminators import PATCH_MULTIPLE, vgg_discriminator
from esrgan_tf.models.features import vgg19_features
from esrgan_tf.recipes import OptimizerConfig, PerceptualConfig, Recipe, StageConfig
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

    def update_evaluated(self) -> None:
        """Bring the twin up to date: the generator's moving average, or its weights where none is kept."""
        self.evaluated.set_weights(self.generator.get_weights())
        optimizer = self.generator_optimizer
        inner = getattr(optimizer, "inner_optimizer", optimizer)  # loss scaling wraps the one that averages
        if optimizer.iterations.numpy() > 0:
            inner.finalize_variable_values(self.evaluated.trainable_variables)


def build_networks(recipe: Recipe, stage: StageConfig, precision: str, strategy: tf.distribute.Strategy) -> Networks:
    """Build what a stage needs; a discriminator and features only where its loss has a term for them.

    Args:
        recipe: of the networks.
        stage: one of its stages, perhaps changed.
        precision: Keras dtype policy.
        strategy: under which all variables are made.

    Raises:
        InputError: a patch that the discriminator cannot take, a layer that VGG19 has not, or weights that
            cannot be had.
    """
    if stage.loss.adversarial and (stage.hr_patch <= 0 or stage.hr_patch % PATCH_MULTIPLE):
        raise InputError(
            f"`--hr_patch` must be a multiple of {PATCH_MULTIPLE} for the discriminator. Received: {stage.hr_patch}."
        )
    discriminator = discriminator_optimizer = features = features_weights = None
    with strategy.scope():
        generator = build_generator(recipe.generator, recipe.name, precision)
        evaluated = build_generator(recipe.generator, recipe.name)
        generator_optimizer = _adam(stage.optimizer, generator, precision, stage.ema_decay)
        if stage.loss.adversarial:
            discriminator = vgg_discriminator(recipe.discriminator, stage.hr_patch, dtype=precision)
            discriminator_optimizer = _adam(stage.optimizer, discriminator, precision, ema_decay=None)
        if stage.loss.perceptual:
            features, features_weights = _features(recipe.perceptual, precision)
    return Networks(
        generator,
        evaluated,
        generator_optimizer,
        discriminator,
        discriminator_optimizer,
        features,
        features_weights,
    )


def learning_rate_schedule(config: OptimizerConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate by step: multiplied by `decay` after every milestone."""
    rates = [config.learning_rate * config.decay**k for k in range(len(config.milestones) + 1)]
    if not config.milestones:  # Keras wants at least one: it changes nothing
        return keras.optimizers.schedules.PiecewiseConstantDecay([0], 2 * rates)
    return keras.optimizers.schedules.PiecewiseConstantDecay(list(config.milestones), rates)


def _adam(
    config: OptimizerConfig, model: keras.Model, precision: str, ema_decay: float | None
) -> keras.optimizers.Optimizer:
    """Adam for one network, built so that a checkpoint can be restored into it."""
    adam = keras.optimizers.Adam(
        learning_rate_schedule(config),
        beta_1=config.beta_1,
        beta_2=config.beta_2,
        epsilon=config.epsilon,
        use_ema=ema_decay is not None,
        ema_momentum=ema_decay or 0.0,
    )
    optimizer = scale_loss_if_half(adam, precision)
    optimizer.build(model.trainable_variables)
    return optimizer


def _features(config: PerceptualConfig, precision: str) -> tuple[keras.Model, str]:
    """The feature network, and where its weights come from."""
    arguments = (config.layer, config.before_activation)
    if config.weights == "random":
        return vgg19_features(*arguments, "random", dtype=precision), "random, fixed seed"
    try:
        if config.weights == "imagenet" and not config.download and not _imagenet_is_cached():
            raise OSError("they are not in Keras' cache")
        model = vgg19_features(*arguments, config.weights, config.caffe_feature_scale, precision)
        return model, config.weights
    except OSError as error:
        reason = f"VGG19's weights `{config.weights}` cannot be had: {error}"
        if not config.random_if_missing or config.weights != "imagenet":  # a file asked for is not guessed at
            raise InputError(
                f"{reason}. Use `--vgg_weights=PATH` (Keras' vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5) "
                "or, for features without training, `--vgg_weights=random`."
            ) from error
        return vgg19_features(*arguments, "random", dtype=precision), f"random, fixed seed ({reason})"


def _imagenet_is_cached() -> bool:
    """Whether Keras has downloaded VGG19's ImageNet weights before."""
    name = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return (home / "models" / name).is_file()
