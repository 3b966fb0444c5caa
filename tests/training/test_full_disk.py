"""A disk that is really full while each file of a run is written: one clear error, nothing lost or half-written."""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.paths import ROOT, TESTS
from support.tiny import LEAN
from support.training import InterruptAt

from esrgan_tf.errors import TrainingStopped
from esrgan_tf.formats.keras_file.generators import load_generator
from esrgan_tf.training import run as running
from esrgan_tf.training.callbacks import Callback, KeepGenerators, SaveCheckpoints, SavePanels
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.logs import WriteMetrics, WriteTensorBoard
from esrgan_tf.training.run import RunOptions, train_stage

DISK = 4  # MiB
RESUMED, VALIDATED = 4, 6  # steps
# What writes (its event), bytes that are left to it, and what the error names.
WRITERS = {
    "recipe": (None, 0, "recipe.json"),
    "generator": (KeepGenerators, 0, "generator_last.keras"),
    "half a generator": (KeepGenerators, 8192, "generator_last.keras"),
    "metrics": (WriteMetrics, 0, "metrics.csv"),
    "TensorBoard": (WriteTensorBoard, 0, "step_0000006.png"),  # TensorFlow reports nothing: what is written next does
    "panel": (SavePanels, 0, "step_0000006.png"),
    "checkpoint": (SaveCheckpoints, 0, "cannot hold the checkpoint of step 6"),
    "half a checkpoint": (SaveCheckpoints, 16384, "cannot hold the checkpoint of step 6"),
    "nearly a checkpoint": (SaveCheckpoints, -1, "cannot hold the checkpoint of step 6"),
}


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A small disk of its own."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a disk can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def train(workdir, callbacks=()):
    options = RunOptions(workdir=str(workdir), data="dead_leaves", precision="float32", strategy="cpu")
    return train_stage(LEAN, "psnr", options, callbacks, log=lambda line: None)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(a run without faults, one that was interrupted)."""
    whole, begun = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("begun")
    train(whole)
    with pytest.raises(Interrupted):
        train(begun, [InterruptAt(RESUMED)])
    return whole / "psnr", begun / "psnr"


def fill(disk, left):
    """Fill a disk but for so many bytes."""
    free = os.statvfs(disk)
    free = free.f_bavail * free.f_frsize
    with (disk / "filler").open("wb") as file:
        file.write(bytes(free - left))
    state = os.statvfs(disk)
    assert state.f_bavail * state.f_frsize == left


def filling(kind, disk, left):
    """A kind of callback that finds the disk full at its own event of the validated step."""
    event = "on_checkpoint" if kind is SaveCheckpoints else "on_validation_end"
    original = getattr(kind, event)

    def full(self, session, *arguments):
        if session.step == VALIDATED:
            fill(disk, left)
            if kind is WriteTensorBoard:  # its file's last page may have room for a small panel
                noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
                arguments = (dataclasses.replace(arguments[0], panel=noise), *arguments[1:])
        original(self, session, *arguments)

    return event, full


def files(folder):
    return {path.name: path.read_bytes() for path in folder.glob("checkpoints/*")}


def variables(folder):
    """Of the last checkpoint, but for the position in the data: it holds names that TensorFlow counts in a process."""
    reader = tf.train.load_checkpoint(str(folder / f"checkpoints/ckpt-{VALIDATED}"))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith(("batches", "_CHECKPOINTABLE"))]
    assert any("optimizer" in name for name in names)
    return {name: np.asarray(reader.get_tensor(name)).tobytes() for name in names}


def logged_steps(folder):
    """Steps that TensorBoard finds, by file, up to an event that was cut off."""
    steps = set()
    for path in folder.iterdir():
        with contextlib.suppress(tf.errors.DataLossError):
            for event in tf.compat.v1.train.summary_iterator(str(path)):
                steps |= {event.step} if event.summary.value else set()
    return steps


def pages(contents):
    """Bytes that they take on the disk."""
    return sum(-(-len(content) // 4096) * 4096 for content in contents)


@pytest.mark.slow
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_one_error_and_the_run_resumes_exactly_once_there_is_room(disk, runs, monkeypatch, writer):
    whole, begun = runs
    kind, left, named = WRITERS[writer]
    for path in disk.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(begun, disk / "run/psnr")
    if left < 0:  # a page too few
        left = pages(content for name, content in files(whole).items() if name.startswith(f"ckpt-{VALIDATED}.")) - 4096
    if kind:
        monkeypatch.setattr(kind, *filling(kind, disk, left))
    else:
        fill(disk, left)
    with pytest.raises((TrainingStopped, OSError)) as error:
        train(disk / "run")
    text = str(error.value)
    assert named in text
    assert "No space left on device" in text
    assert "\n" not in text
    assert files(disk / "run/psnr") == files(begun)
    assert not [path for path in (disk / "run").rglob(".*")]
    for name in ("generator.keras", "generator_last.keras"):
        load_generator(disk / "run/psnr" / name)

    monkeypatch.undo()
    (disk / "filler").unlink()
    resumed = Path(train(disk / "run")).parent
    assert (resumed / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert variables(resumed) == variables(whole)
    assert logged_steps(resumed / "logs") == {3, VALIDATED}
    for name in ("generator.keras", "generator_last.keras"):
        weights = [load_generator(folder / name).get_weights() for folder in (resumed, whole)]
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_every_file_that_a_validation_writes_is_tried():
    """A writer that is added to a run is added here as well."""
    own = {value for value in vars(running).values() if isinstance(value, type) and issubclass(value, Callback)}
    writing = {kind for kind in own if kind is not Callback and kind.__name__.startswith(("Save", "Write", "Keep"))}
    assert writing == {kind for kind, _, _ in WRITERS.values() if kind}


@pytest.mark.slow
def test_a_disk_that_refuses_the_checkpoint_stops_in_one_line_and_leaves_nothing_half_written(tmp_path):
    code = f"""
        import resource, sys
        sys.path.insert(0, {str(TESTS)!r})
        from support.tiny import LEAN
        from esrgan_tf.errors import TrainingStopped
        from esrgan_tf.training.checkpoints import Checkpoints
        from esrgan_tf.training.run import RunOptions, train_stage
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        save = Checkpoints.save
        def save_with_little_room(checkpoints):
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, hard))
            save(checkpoints)
        Checkpoints.save = save_with_little_room
        try:
            train_stage(LEAN, "psnr", RunOptions(workdir={str(tmp_path)!r}, data="dead_leaves"))
        except TrainingStopped as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            print("STOPPED", error)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=environment, check=False
    )
    assert "STOPPED `" in done.stdout, done.stderr[-2000:]
    assert "cannot hold the checkpoint of step 3: " in done.stdout
    assert "File too large" in done.stdout
    assert not list((tmp_path / "psnr/checkpoints").glob("ckpt*"))
