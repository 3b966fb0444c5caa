"""The learning rate over a stage's steps."""

import math

import pytest
from support.tiny import LEAN

from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.schedules import learning_rate_schedule


def test_learning_rate_is_halved_after_every_milestone():
    stage = override(LEAN.psnr, {"milestones": (10, 20), "learning_rate": 1.0})
    schedule = learning_rate_schedule(stage)
    assert [float(schedule(step)) for step in (0, 10, 11, 20, 21, 99)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    constant = learning_rate_schedule(override(stage, {"milestones": ()}))
    assert [float(constant(step)) for step in (0, 1, 10**6)] == [1, 1, 1]


def test_cosine_learning_rate_falls_to_the_lowest_and_restarts():
    changes = {"milestones": [], "cosine_period": 100, "learning_rate": 1.0, "lowest_learning_rate": 0.5}
    schedule = learning_rate_schedule(override(LEAN.psnr, changes))
    at = [float(schedule(step)) for step in (0, 25, 50, 99, 100, 150)]
    fallen = 0.75 + 0.25 * math.cos(math.pi / 4)
    assert at == pytest.approx([1, fallen, 0.75, 0.5, 1, 0.75], abs=1e-3)
    assert float(schedule(2**24 + 16 + 25 - 2**24 % 100)) == pytest.approx(float(schedule(16 + 25)), abs=1e-6)
