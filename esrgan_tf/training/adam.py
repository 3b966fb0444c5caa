"""Adam with one operation a variable."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops

from esrgan_tf import compat


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam by TensorFlow's own kernel: the same function, state and checkpoints.

    Keras writes the update out in about thirty operations a variable, bias correction included, which TensorFlow then
    traces, optimizes and places: with 702 variables they are most of the training step's graph. Here the bias is
    corrected once a step, in the learning rate.

    Args:
        schedule: step, from 0 -> learning rate, before the correction.
        beta_1, beta_2: of the moments, as Keras' Adam has them.
        others: likewise.
    """

    def __init__(self, schedule: Callable, beta_1: float = 0.9, beta_2: float = 0.999, **others):
        super().__init__(_Corrected(schedule, beta_1, beta_2), beta_1, beta_2, **others)

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Update one variable, on one device."""
        momentum, velocity = compat.adam_moments(self, variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=0.0,  # the rate is corrected
            beta2_power=0.0,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class _Corrected(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times what corrects the bias of Adam's moments, which begin at zero."""

    def __init__(self, schedule: Callable, beta_1: float, beta_2: float):
        self._schedule, self._beta_1, self._beta_2 = schedule, beta_1, beta_2

    def __call__(self, step):
        """Step, from 0 -> learning rate, float32 scalar."""
        count = ops.cast(step, "float32") + 1
        correction = ops.sqrt(1 - self._beta_2**count) / (1 - self._beta_1**count)
        return self._schedule(step) * correction
