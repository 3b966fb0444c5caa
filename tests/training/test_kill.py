"""Runs that are killed at random moments leave what one run leaves, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from support.paths import ROOT, TESTS

KILLS = 3  # of each stage
STEPS = 12
SCRIPT = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from support.tiny import TINY
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.run import RunOptions, train_stage
stages = {{f"{{stage}}.{{name}}": value for stage in ("psnr", "gan")
           for name, value in dict(steps={STEPS}, validate_every=2, log_every=1, ema_decay=0.9).items()}}
options = RunOptions(workdir=sys.argv[1], data="dead_leaves", precision="float32", strategy="cpu")
train_stage(override(TINY, stages), sys.argv[2], options)
"""


def start(workdir, stage):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", SCRIPT, str(workdir), stage]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


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
        began = time.monotonic()
        assert start(tmp_path / "whole", stage).wait() == 0
        duration = time.monotonic() - began
        kills = 0
        while kills < KILLS:
            run = start(tmp_path / "killed", stage)
            time.sleep(rng.uniform(0.3, 0.95) * duration)
            if run.poll() is not None:
                assert run.returncode == 0
                break  # it was done before it could be killed
            run.send_signal(signal.SIGKILL)
            run.wait()
            kills += 1
        assert kills > 0
        assert start(tmp_path / "killed", stage).wait() == 0
        assert left_by(tmp_path / "killed" / stage) == left_by(tmp_path / "whole" / stage)
