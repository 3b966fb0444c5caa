"""Runs that are killed at random moments, also while they write a checkpoint, leave what one run leaves, bit for bit.

Every run is a process of its own, forked from one that has imported TensorFlow and done nothing by it.
"""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from support.paths import ROOT, TESTS
from support.training import left_by

STEPS, SAVE_EVERY = 14, 2
KILLED_STEPS = 12  # kills are due before this step, so that each still finds a step to kill
KILLS = 5  # of each stage and kind: at any moment, and while a checkpoint is written
OPERATIONS = 16  # on files, at least, that writing a checkpoint takes: the kill comes before one of them
PARTS = range(4, 8)  # those before which some of its files lie where they are written, whether others lay there or not
SCRIPT = f"""
import json, os, signal, sys, threading, time
sys.path.insert(0, {str(TESTS)!r})
from support.tiny import LEAN
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.checkpoint_files import CheckpointFiles
from esrgan_tf.training.run import RunOptions, train_stage

def kill(folder=None):
    if folder:
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        (folder.parent / "killed.json").write_text(json.dumps(files))
    os.kill(os.getpid(), signal.SIGKILL)

class Kill(Callback):
    '''Within the first step from `step` on or what follows it, at the latest as the next step begins.'''
    timer = None

    def __init__(self, step, delay):
        self.step, self.delay = step, delay

    def on_step_begin(self, session):
        if self.timer:
            kill()
        elif session.step >= self.step:
            self.timer = threading.Timer(self.delay, kill)
            self.timer.start()

def kill_while_saving(step, operation):
    '''Before an operation on files; number 0 is that by which TensorFlow writes, known by a file of its own.'''
    write, counted = CheckpointFiles.write, []

    def killed(files, checkpoint, at):
        if at < step:
            return write(files, checkpoint, at)

        def count(event, arguments):
            operations = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")
            if event in operations and str(arguments[0]).startswith(str(files._folder)):
                counted.append(event)
                if len(counted) == operation:
                    kill(files._folder)

        def watch():
            while not any(path.is_file() for path in files._folder.glob(".partial/**/*")):
                pass
            kill(files._folder)

        threading.Thread(target=watch).start() if operation == 0 else sys.addaudithook(count)
        write(files, checkpoint, at)
        kill(files._folder)

    CheckpointFiles.write = killed

def train(workdir, stage, where=None, step=None, moment=None):
    stages = {{f"{{name}}.{{field}}": value for name in ("psnr", "gan") for field, value in
              dict(steps={STEPS}, validate_every={SAVE_EVERY}, log_every=1, ema_decay=0.9).items()}}
    options = RunOptions(workdir=workdir, data="dead_leaves", precision="float32", strategy="cpu", own_process=True)
    callbacks = [Kill(step, moment)] if where == "step" else []
    if where == "save":
        kill_while_saving(step, moment)
    train_stage(override(LEAN, stages), stage, options, callbacks, log=lambda line: None)

for line in sys.stdin:
    child = os.fork()
    if not child:
        train(*json.loads(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def train():
    """Trains in a process of its own: (workdir, stage, "step" or "save", its number, moment of the kill) -> status."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], **pipes, text=True, env=environment) as process:

        def run(workdir, *arguments):
            process.stdin.write(json.dumps([str(workdir), *arguments]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield run
        process.stdin.close()


def plan(rng):
    """Kills of a stage by their steps: at any moment, and in every second checkpoint, one of them as it is written."""
    steps = [("step", step, rng.uniform(0, 0.3)) for step in rng.sample(range(KILLED_STEPS), KILLS)]
    saved = range(SAVE_EVERY, KILLED_STEPS, SAVE_EVERY)
    moments = [0, rng.choice(PARTS), *rng.sample(range(1, OPERATIONS), len(saved) - 2)]
    rng.shuffle(moments)
    saves = [("save", step, moment) for step, moment in zip(saved, moments, strict=True)]
    return sorted([*steps, *saves], key=lambda kill: kill[1])


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["psnr", "gan"])
def test_ten_kills_of_a_stage_at_random_moments_change_nothing(tmp_path, train, stage):
    rng, left = random.Random(stage), []
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    if stage == "gan":
        for workdir in (whole, killed):
            assert train(workdir, "psnr") == 0
    assert train(whole, stage) == 0
    kills = plan(rng)
    assert len(kills) == 2 * KILLS
    for kill in kills:
        assert train(killed, stage, *kill) == -signal.SIGKILL
        if kill[0] == "save":
            left.append((killed / stage / "killed.json").read_text())
            (killed / stage / "killed.json").unlink()
    assert sum(".partial/" in files for files in left) >= 2, left
    assert train(killed, stage) == 0
    assert left_by(killed / stage) == left_by(whole / stage)
