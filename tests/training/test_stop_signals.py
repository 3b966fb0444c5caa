"""SIGTERM and Ctrl-C to `esrgan train`: saved, an exit status of their own, and resumed exactly by the same line."""

import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from support.paths import ROOT
from support.tiny import LEAN
from support.training import left_by

STEPS = 30


@pytest.fixture
def command(tmp_path):
    """The command line of a run in a work directory."""
    (tmp_path / "tiny.json").write_text(json.dumps(dataclasses.asdict(LEAN)))
    options = {"stage": "psnr", "recipe": tmp_path / "tiny.json", "data": "dead_leaves", "steps": STEPS}
    options |= {"validate_every": 10, "log_every": 1, "precision": "float32", "strategy": "cpu"}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return lambda workdir: [sys.executable, "-m", "esrgan_tf", "train", *flags, f"--workdir={workdir}"]


@pytest.fixture
def started():
    """Starts a command; none outlives the test."""
    processes = []

    def start(command):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def interrupted(process, step, number, delay):
    """(exit status, last line) of a run that gets a signal so many seconds after it logged a step."""
    for line in process.stdout:
        if line.startswith(f"step {step}/"):
            time.sleep(delay)
            process.send_signal(number)
            break
    rest = process.communicate(timeout=240)[0]
    return process.returncode, rest.splitlines()[-1]


@pytest.mark.slow
def test_signals_save_and_exit_with_130_and_the_same_line_resumes_exactly(tmp_path, command, started):
    rng = random.Random(0)
    whole = started(command(tmp_path / "whole"))
    whole.communicate()
    assert whole.returncode == 0
    stopped_at = 0
    for number in (signal.SIGTERM, signal.SIGINT):
        process = started(command(tmp_path / "stopped"))
        step = stopped_at + rng.randint(1, 8)
        status, last = interrupted(process, step, number, rng.uniform(0, 0.05))
        assert status == 130
        found = re.fullmatch(rf"stopped and saved at step (\d+) of {STEPS}; run the same line again to resume", last)
        stopped_at = int(found[1])
        assert step <= stopped_at < STEPS
        assert (tmp_path / f"stopped/psnr/checkpoints/ckpt-{stopped_at}.sha256").is_file()
    resumed = started(command(tmp_path / "stopped"))
    assert f"resumed at step {stopped_at} of {STEPS}" in resumed.communicate()[0]
    one, other = (left_by(tmp_path / name / "psnr") for name in ("stopped", "whole"))
    newest = {name for name in other if not name.startswith("ckpt-") or name.startswith(f"ckpt-{STEPS}.")}
    assert {name: one[name] for name in newest} == {name: other[name] for name in newest}
