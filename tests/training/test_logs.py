"""The estimate after a run's first steps: what is measured, when it is said, and what it advises."""

import pytest
import tensorflow as tf
from support.tiny import LEAN

from esrgan_tf.recipes.overrides import override
from esrgan_tf.training import logs, trainer
from esrgan_tf.training.logs import Estimate
from esrgan_tf.training.run import RunOptions, train_stage


def said(seconds, total=1_000_000, first_step=0, on_cpu=True):
    """What an estimate says after each step, by the step's number; the steps take so many seconds."""
    estimate = Estimate(total, on_cpu)
    lines = {step: estimate.lines(step, duration) for step, duration in enumerate(seconds, first_step + 1)}
    return {step: found for step, found in lines.items() if found}


@pytest.mark.parametrize(
    ("each", "total", "left"),
    [
        (5.6, 1_000_000, "about 65 days left: 999,994 steps of 5.6 s,"),
        (0.3, 1_000_000, "about 3 days left: 999,965 steps of 0.3 s,"),
        (2, 40_006, "about 22 hours left: 40,000 steps of 2 s,"),
        (2.5, 1_206, "about 50 minutes left: 1,200 steps of 2.5 s,"),
        (2, 36, "about 60 seconds left: 30 steps of 2 s,"),
    ],
)
def test_the_estimate_says_time_left_steps_and_seconds_a_step(each, total, left):
    ((line, *_),) = said([45, *[each] * 40], total).values()
    assert line.startswith(left)


def test_the_traced_first_step_does_not_count():
    assert said([300, *[4] * 5]) == said([4] * 6)


def test_it_is_said_once_after_five_steps_and_ten_seconds_or_a_minute():
    assert list(said([9] + [2] * 100)) == [6]
    assert list(said([9] + [0.25] * 100)) == [41]
    assert list(said([9] + [25] * 100)) == [4]
    assert not said([9] + [0.25] * 39)


def test_a_resumed_run_counts_the_steps_that_are_left():
    ((line, *_),) = said([9] + [2] * 10, total=1_000, first_step=894).values()
    assert line.startswith("about 3 minutes left: 100 steps of 2 s,")


@pytest.mark.parametrize(("days", "on_cpu", "advised"), [(2.1, True, True), (1.9, True, False), (60, False, False)])
def test_days_on_a_cpu_are_told_with_the_alternatives(days, on_cpu, advised):
    (lines,) = said([9] + [2] * 5, total=round(days * 43_200) + 6, on_cpu=on_cpu).values()
    assert len(lines) == 1 + advised
    if advised:
        for way in ("`recipe=quickstart`", "smaller family", "GPU"):
            assert way in lines[1]


def test_training_prints_it_with_the_time_of_its_steps_and_without_that_of_validation(tmp_path, monkeypatch, capsys):
    """A clock that only training steps (3 s) and validations (500 s) move."""
    now = [0.0]

    def takes(seconds, result):
        def call(*arguments):
            now[0] += seconds
            return result

        return call

    found = logs.Validation({"psnr_y": 20.0, "ssim_y": 0.5}, tf.zeros([8, 8, 3], tf.uint8).numpy())
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(trainer.Validator, "__call__", takes(500, found))
    step = takes(3, {"pixel": tf.constant(0.5)})
    monkeypatch.setattr("esrgan_tf.training.run.make_train_step", lambda *arguments: step)
    recipe = override(LEAN, {"psnr.steps": 8, "psnr.validate_every": 3})
    train_stage(recipe, "psnr", RunOptions(workdir=str(tmp_path), data="dead_leaves", precision="float32"))
    assert capsys.readouterr().out.count("about 6 seconds left: 2 steps of 3 s, and the validations\n") == 1
