"""Saving everything that training goes on from, and taking it up again."""

import shutil
from pathlib import Path

import tensorflow as tf

from esrgan_tf.errors import InputError, TrainingStopped, first_line
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.progress import Progress

KEPT = 2  # the newest ones: one may be cut short by a crash


class Checkpoints:
    """Checkpoints of networks, optimizers, progress and the data's iterator in one folder.

    `batches` is that iterator: read it after `restore`.
    """

    def __init__(self, folder: Path, networks: Networks, progress: Progress, batches: tf.data.Dataset):
        self._state = {
            "generator": networks.generator,
            "generator_optimizer": networks.generator_optimizer,
            "progress": progress,
        }
        if networks.discriminator is not None:
            self._state["discriminator"] = networks.discriminator
            self._state["discriminator_optimizer"] = networks.discriminator_optimizer
        self._progress = progress
        self._saved_step = -1
        self._folder = folder
        self._start(batches)

    def _start(self, batches: tf.data.Dataset) -> None:
        """Iterate from the first batch, and save that iterator from now on."""
        self._dataset, self.batches = batches, iter(batches)
        self._checkpoint = tf.train.Checkpoint(**self._state, batches=self.batches)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(self._folder), max_to_keep=KEPT)

    def restore(self) -> bool:
        """Restore the newest checkpoint that can be read; False where there is none at all.

        A checkpoint keeps the position in the data for the pipeline of the version that wrote it alone. Where no
        checkpoint can be restored whole, all but that position is, and the data starts again.

        Raises:
            InputError: there are some, and none can be read.
        """
        failures = []
        for path in reversed(self._manager.checkpoints):
            failure = _restore(self._checkpoint, path)
            if failure is None:
                self._saved_step = self._progress.step
                return True
            failures.append(f"`{path}` cannot be read ({failure})")
            print(failures[-1], flush=True)
        for path in reversed(self._manager.checkpoints):
            if _restore(tf.train.Checkpoint(**self._state), path) is None:
                self._start(self._dataset)  # the other iterator may be restored in part
                print(f"`{path}` is restored without its position in the data, which starts again", flush=True)
                return True
        if failures:
            raise InputError(f"{failures[0]}: remove {self._folder}, or choose another `workdir`.")
        return False

    def save(self) -> None:
        """Save now; a checkpoint appears whole or not at all.

        Raises:
            TrainingStopped: it cannot be written, such as on a full disk; the ones before stay.
        """
        step = self._progress.step
        if step == self._saved_step:
            return
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            for partial in self._folder.glob(f"ckpt-{step}*"):
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
            raise TrainingStopped(
                f"`{self._folder}` cannot hold the checkpoint of step {step}: {first_line(error)}"
            ) from error
        self._saved_step = step


def _restore(checkpoint: tf.train.Checkpoint, path: str) -> str | None:
    """Restore every object of a checkpoint; why it cannot be, where it cannot."""
    try:
        checkpoint.restore(path).assert_existing_objects_matched()
    # TensorFlow reports a damaged checkpoint in all these ways.
    except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
        return first_line(error)
    return None
