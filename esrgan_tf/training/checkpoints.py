"""Saving everything that training goes on from, and taking it up again."""

import shutil
from pathlib import Path

import tensorflow as tf

from esrgan_tf.errors import InputError, TrainingStopped, first_line
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.progress import Progress

KEPT = 2  # the newest ones: one may be cut short by a crash


class Checkpoints:
    """Checkpoints of networks, optimizers, progress and the data's iterator in one folder."""

    def __init__(self, folder: Path, networks: Networks, progress: Progress, batches):
        parts = {
            "generator": networks.generator,
            "generator_optimizer": networks.generator_optimizer,
            "progress": progress,
            "batches": batches,
        }
        if networks.discriminator is not None:
            parts["discriminator"] = networks.discriminator
            parts["discriminator_optimizer"] = networks.discriminator_optimizer
        self._progress = progress
        self._saved_step = -1
        self._folder = folder
        self._checkpoint = tf.train.Checkpoint(**parts)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=KEPT)

    def restore(self) -> bool:
        """Take up the newest checkpoint that can be read; False where there is none at all.

        Raises:
            InputError: there are some, and none can be read.
        """
        failures = []
        for path in reversed(self._manager.checkpoints):
            try:
                self._checkpoint.restore(path).assert_existing_objects_matched()
            # TensorFlow reports a damaged checkpoint in all these ways.
            except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
                failures.append(f"`{path}` cannot be read ({first_line(error)})")
                print(failures[-1], flush=True)
                continue
            self._saved_step = self._progress.step
            return True
        if failures:
            raise InputError(f"{failures[0]}: remove {self._folder}, or choose another `--workdir`.")
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
