"""Runs that are killed at random moments leave what one run leaves, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import zipfile

import pytest
from support.paths import ROOT, TESTS

KILLS = 3  # of each stage
STEPS = 12
SCRIPT = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(TESTS)!r})
from support.tiny import TINY
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.run import RunOptions, train_stage

workdir, stage, step, delay = *sys.argv[1:3], int(sys.argv[3]), float(sys.argv[4])

class Kill(Callback):
    timer = None

    def on_step_begin(self, session):
        if session.step >= step and not self.timer:
            self.timer = threading.Timer(delay, self.on_train_end, [session])
            self.timer.start()

    def on_train_end(self, session):
        os.kill(os.getpid(), signal.SIGKILL)

stages = {{f"{{stage}}.{{name}}": value for stage in ("psnr", "gan")
           for name, value in dict(steps={STEPS}, validate_every=2, log_every=1, ema_decay=0.9).items()}}
options = RunOptions(workdir=workdir, data="dead_leaves", precision="float32", strategy="cpu")
train_stage(override(TINY, stages), stage, options, [Kill()] if step >= 0 else [])
"""


def train(workdir, stage, step=-1, delay=0.0):
    """The exit status; the run is killed `delay` seconds after it took that many steps, at its end at the latest."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", SCRIPT, str(workdir), stage, str(step), str(delay)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment).returncode


def weights(path):
    """A generator file's weights and description, without its times of writing."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


def left_by(folder):
    generators = {name: weights(folder / name) for name in ("generator.keras", "generator_last.keras")}
    return generators | {"metrics.csv": (folder / "metrics.csv").read_bytes()}


@pytest.mark.slow
def test_six_kills_at_random_moments_change_nothing(tmp_path):
    rng = random.Random(0)
    for stage in ("psnr", "gan"):
        assert train(tmp_path / "whole", stage) == 0
        for step in sorted(rng.sample(range(STEPS), KILLS)):
            assert train(tmp_path / "killed", stage, step, delay=rng.uniform(0, 0.3)) == -signal.SIGKILL
        assert train(tmp_path / "killed", stage) == 0
        assert left_by(tmp_path / "killed" / stage) == left_by(tmp_path / "whole" / stage)
