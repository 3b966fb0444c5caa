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
        self._folder = folder
        self._checkpoint = tf.train.Checkpoint(**parts)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=KEPT)

    def restore(self) -> bool:
        """Take up the newest checkpoint; False where there is none.

        Raises:
            InputError: it cannot be read, or is of another network.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            return False
        try:
            self._checkpoint.restore(path).assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise InputError(
                f"`{path}` cannot be taken up ({first_line(error)}): remove it, or choose another `--workdir`."
            ) from error
        return True

    def save(self) -> None:
        """Save now; a checkpoint appears whole or not at all.

        Raises:
            TrainingStopped: it cannot be written, such as on a full disk; the ones before stay.
        """
        step = self._progress.step
        if self._manager.latest_checkpoint and self._manager.latest_checkpoint.endswith(f"-{step}"):
            return
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            for partial in self._folder.glob(f"ckpt-{step}*"):
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
            raise TrainingStopped(
                f"`{self._folder}` cannot hold the checkpoint of step {step}: {first_line(error)}"
            ) from error
