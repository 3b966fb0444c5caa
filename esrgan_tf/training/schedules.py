"""Learning rates by step, on any Keras backend."""

import math

import keras
from keras import ops

from esrgan_tf.recipes.configs import StageConfig


class CosineRestarts(keras.optimizers.schedules.LearningRateSchedule):
    """From `highest` to `lowest` along half a cosine every `period` steps (SGDR, arXiv:1608.03983, equation 5)."""

    def __init__(self, highest: float, lowest: float, period: int):
        self.highest, self.lowest, self.period = highest, lowest, period

    def __call__(self, step) -> keras.KerasTensor:
        """The learning rate at a step, float32."""
        # In whole numbers: above 2^24 steps float32 would skip some.
        done = ops.cast(ops.mod(ops.cast(step, "int64"), self.period), "float32") / self.period
        return self.lowest + (self.highest - self.lowest) * 0.5 * (1 + ops.cos(math.pi * done))

    def get_config(self) -> dict:
        """The arguments that it is made from."""
        return {"highest": self.highest, "lowest": self.lowest, "period": self.period}


def learning_rate_schedule(stage: StageConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate by step: a restarting cosine, or multiplied by `decay` after every milestone."""
    if stage.cosine_period:
        return CosineRestarts(stage.learning_rate, stage.lowest_learning_rate, stage.cosine_period)
    rates = [stage.learning_rate * stage.decay**k for k in range(len(stage.milestones) + 1)]
    if not stage.milestones:  # Keras wants at least one: it changes nothing
        return keras.optimizers.schedules.PiecewiseConstantDecay([0], 2 * rates)
    return keras.optimizers.schedules.PiecewiseConstantDecay(list(stage.milestones), rates)
