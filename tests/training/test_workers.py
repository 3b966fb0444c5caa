"""Two worker processes train as one run: through kills, freezes and signals, and with another number of workers."""

import json
import shutil
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from support.workers import ended, free_addresses, start_worker, start_workers

from esrgan_tf.commands.command_line import FAILURE, INTERRUPTED
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator
from esrgan_tf.training import cluster
from esrgan_tf.training.cluster import TF_CONFIG, Worker, _config_of_slurm, multi_worker_strategy

STEPS, SAVED_EVERY = 12, 2
SCRIPT = f"""
import os, signal, sys
from support.tiny import LEAN
from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.run import RunOptions, train_stage

workdir, strategy, number, step, seed = *sys.argv[1:3], *map(int, sys.argv[3:6])

class Signal(Callback):
    def on_step_end(self, session, batch, terms):
        if session.step == step:
            os.kill(os.getpid(), number)

recipe = override(LEAN, {{"psnr.steps": {STEPS}, "psnr.validate_every": {SAVED_EVERY}, "psnr.log_every": 1}})
options = RunOptions(workdir=workdir, data="dead_leaves", precision="float32", strategy=strategy, seed=seed)
try:
    train_stage(recipe, "psnr", options, [Signal()] if step else [])
except (InputError, TrainingStopped) as error:
    print(error, flush=True)
    sys.exit(1)
except Interrupted as error:
    print(error, flush=True)
    sys.exit({INTERRUPTED})
"""


def command(workdir, strategy="multi_worker", number=0, step=0, seed=0):
    """Python's arguments to train there; the process sends itself a signal after a step."""
    return ["-c", SCRIPT, str(workdir), strategy, str(int(number)), str(step), str(seed)]


@pytest.fixture
def train(tmp_path):
    """Trains by two workers, each with its signal and step: their exit statuses, seconds, and the chief's lines."""

    def train(workdir, chief=(), other=()):
        for index in range(2):
            (tmp_path / f"worker_{index}.log").unlink(missing_ok=True)
        commands = [command(workdir, "multi_worker", *own) for own in (chief, other)]
        statuses = ended(start_workers(commands, tmp_path))
        return statuses, *((tmp_path / f"worker_{index}.log").read_text() for index in range(2))

    return train


def left_by(workdir):
    """The generator's weights, and metrics.csv."""
    folder = workdir / "psnr"
    return load_generator(folder / "generator_last.keras").get_weights(), (folder / "metrics.csv").read_bytes()


@pytest.mark.slow
def test_lost_workers_stop_the_others_and_the_run_goes_on_exactly(tmp_path, train):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert train(whole)[0] == [0, 0]
    statuses, chief, _ = train(broken, other=(signal.SIGKILL, 3))
    assert statuses == [FAILURE, -signal.SIGKILL]
    assert "worker 1 does not answer any more: start all 2 workers again" in chief
    statuses, chief, _ = train(broken, other=(signal.SIGSTOP, 5))
    assert statuses == [FAILURE, -signal.SIGKILL]  # a frozen process ends by `ended` alone
    assert "resumed at step 2 of" in chief and "worker 1 does not answer any more" in chief
    statuses, _, other = train(broken, chief=(signal.SIGKILL, 7))
    assert statuses[0] == -signal.SIGKILL and statuses[1] not in (0, None)
    assert "does not answer any more" in other
    statuses, chief, _ = train(broken, other=(signal.SIGTERM, 7))
    assert statuses == [INTERRUPTED, INTERRUPTED]
    assert "stopped and saved at step 8 of" in chief  # both after the same step
    shutil.copytree(broken, tmp_path / "alone")
    assert train(broken)[0] == [0, 0]
    wanted = left_by(whole)
    found = left_by(broken)
    for a, b in zip(found[0], wanted[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert found[1] == wanted[1]
    environment_alone = [command(tmp_path / "alone", "cpu")]
    assert ended(start_workers(environment_alone, tmp_path)) == [0]
    for a, b in zip(left_by(tmp_path / "alone")[0], wanted[0], strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.slow
def test_workers_that_are_given_another_seed_are_told(tmp_path):
    commands = [command(tmp_path / "run", seed=seed) for seed in (0, 7)]
    assert ended(start_workers(commands, tmp_path)) == [FAILURE, FAILURE]
    for index in range(2):
        assert (
            "must be given the same recipe, data and options on every worker"
            in (tmp_path / f"worker_{index}.log").read_text()
        )
    assert not (tmp_path / "run" / "psnr" / "checkpoints").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_wait_for_workers_that_do_not_come(tmp_path):
    process = start_worker(command(tmp_path / "run"), free_addresses(2), 0, tmp_path)
    log = tmp_path / "worker_0.log"
    while "waiting for all of" not in log.read_text() and process.poll() is None:
        time.sleep(0.2)
    time.sleep(3)  # within TensorFlow
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT


def test_workers_whose_folders_hold_other_steps_are_told(monkeypatch):
    monkeypatch.setattr(cluster, "gathered", lambda strategy, own: np.stack([own, own + [0, 2]]))
    with pytest.raises(InputError, match="must be a folder that all workers share.*from steps 4, 6"):
        cluster.check_agreement(None, "f" * 64, 4)
    monkeypatch.setattr(cluster, "gathered", lambda strategy, own: np.stack([own, own]))
    cluster.check_agreement(None, "f" * 64, 4)


def test_a_worker_s_share_is_its_part_of_the_batch():
    batch = tf.range(8)
    shares = [Worker(index, 4).share(batch).numpy().tolist() for index in range(4)]
    assert shares == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert Worker().share(batch) is batch


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    ],
)
def test_a_config_that_cannot_be_used_is_named(monkeypatch, config):
    monkeypatch.setenv(TF_CONFIG, config)
    with pytest.raises(InputError, match="TF_CONFIG.*must be such as"):
        multi_worker_strategy()


def test_workers_that_nobody_names_are_asked_for(monkeypatch):
    for name in (TF_CONFIG, "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="multi_worker.*must be given TF_CONFIG.*or run as a Slurm step"):
        multi_worker_strategy()


def test_a_slurm_step_is_read_without_gpus(monkeypatch):
    step = {"PROCID": "2", "STEP_NUM_TASKS": "4", "STEP_NODELIST": "node[01-02]", "STEP_TASKS_PER_NODE": "2(x2)"}
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    config = json.loads(_config_of_slurm())
    assert config["cluster"] == {"worker": ["node01:8888", "node01:8889", "node02:8888", "node02:8889"]}
    assert config["task"] == {"type": "worker", "index": 2}
