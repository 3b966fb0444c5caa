"""A stage's generator, its optimizer and its learning rate, built under the strategy."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from esrgan_tf.models import build_generator
from esrgan_tf.models.rematerialization import rematerialized
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.adam import FusedAdam
from esrgan_tf.training.cores import in_parts
from esrgan_tf.training.distribution import apply_gradients, is_scaled, scale_loss_if_half
from esrgan_tf.training.schedules import learning_rate_schedule


@dataclass(frozen=True)
class Trainee:
    """A network that is trained, its optimizer, and the name that both have in checkpoints."""

    name: str
    model: keras.Model
    optimizer: keras.optimizers.Optimizer

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {self.name: self.model, f"{self.name}_optimizer": self.optimizer}

    @property
    def is_scaled(self) -> bool:
        """Whether its loss is scaled for float16, and its optimizer skips overflows itself."""
        return is_scaled(self.optimizer)

    def of_replica(self, loss: tf.Tensor) -> tf.Tensor:
        """What one replica differentiates: Keras sums the replicas' gradients, and float16 needs the loss scaled."""
        return self.optimizer.scale_loss(loss / tf.distribute.get_replica_context().num_replicas_in_sync)

    def gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        """Gradients of a recorded loss that is `of_replica`, one a trainable variable."""
        variables = [variable.value for variable in self.model.trainable_variables]
        return tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def apply(self, gradients: list[tf.Tensor], clip_norm: float | None) -> None:
        """Apply one replica's gradients, in its context."""
        apply_gradients(self.optimizer, gradients, self.model.trainable_variables, clip_norm)


@dataclass(frozen=True)
class Networks:
    """The generator and its optimizer.

    Args:
        generator: what is trained.
        evaluated: its float32 twin, which is validated and saved.
        generator_optimizer: built.
        generate: the generator's call in a training step, lr -> sr; see `models.rematerialization`.
        schedule: step, from 0 -> learning rate.
    """

    generator: keras.Model
    evaluated: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    generate: Callable[[tf.Tensor], tf.Tensor]
    schedule: Callable[[int], tf.Tensor]

    @property
    def trainee(self) -> Trainee:
        """The generator as what a step trains."""
        return Trainee("generator", self.generator, self.generator_optimizer)

    @property
    def averaging_optimizer(self) -> keras.optimizers.Optimizer:
        """The generator's optimizer, which keeps its moving average, without the loss scaling around it."""
        return getattr(self.generator_optimizer, "inner_optimizer", self.generator_optimizer)

    @property
    def learning_rate(self) -> float:
        """Of the last step that was applied."""
        return float(self.schedule(max(int(self.averaging_optimizer.iterations.numpy()) - 1, 0)))

    @property
    def on_cpu(self) -> bool:
        """Whether the weights lie on a CPU."""
        return "CPU" in self.generator.trainable_variables[0].value.device

    def update_evaluated(self) -> None:
        """Bring the twin up to date: the generator's moving average, or its weights where none is kept."""
        self.evaluated.set_weights(self.generator.get_weights())
        if self.generator_optimizer.iterations.numpy() > 0:
            self.averaging_optimizer.finalize_variable_values(self.evaluated.trainable_variables)


def build_networks(
    recipe: Recipe,
    stage: StageConfig,
    precision: str,
    strategy: tf.distribute.Strategy,
    remat: bool = False,
    parts: int = 1,
) -> Networks:
    """Build the generator, its twin and its optimizer; loss terms build their networks themselves.

    Args:
        recipe: of the generator.
        stage: one of its stages, perhaps changed.
        precision: Keras dtype policy.
        strategy: under which all variables are made.
        remat: whether the generator's maps are computed again for the gradient, instead of kept until then.
        parts: in which a step computes its batch, see `cores`.

    Raises:
        InputError: a generator that cannot be built so.
    """
    with strategy.scope():
        generator = build_generator(recipe.generator, recipe.name, precision)
        evaluated = build_generator(recipe.generator, recipe.name)
        optimizer = build_adam(stage, generator, precision, stage.ema_decay)
        generate = rematerialized(generator) if remat else partial(generator, training=True)
        if parts > 1 and not generator.non_trainable_variables:  # BatchNorm's statistics are the whole batch's
            generate = in_parts(generate, parts)
        return Networks(generator, evaluated, optimizer, generate, learning_rate_schedule(stage))


def build_adam(
    stage: StageConfig, model: keras.Model, precision: str, ema_decay: float | None
) -> keras.optimizers.Optimizer:
    """Adam for one network, built so that a checkpoint can be restored into it."""
    adam = FusedAdam(
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
