"""Saves and restores everything that training resumes from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from esrgan_tf.data.records.random_access import RandomAccess
from esrgan_tf.errors import InputError, TrainingStopped, first_line
from esrgan_tf.log import Log, print_line
from esrgan_tf.training.checkpoint_files import CheckpointFiles
from esrgan_tf.training.cluster import ALONE, Worker
from esrgan_tf.training.progress import Progress

KEPT = 2  # the newest ones: one may be cut short by a crash


class Checkpoints:
    """Checkpoints of networks, optimizers, progress and the data's iterator in one folder.

    `batches` is that iterator: read it after `restore`, `roll_back` and `draw_anew`. Every worker restores, the
    chief alone saves.
    """

    def __init__(
        self,
        folder: Path,
        networks: Mapping[str, Any],
        progress: Progress,
        make_batches: Callable[[int], tf.data.Dataset | RandomAccess],
        log: Log = print_line,
        worker: Worker = ALONE,
    ):
        """Iterate from the first batch.

        Args:
            folder: of the checkpoints.
            networks: models and optimizers by their names in a checkpoint.
            progress: saved beside them.
            make_batches: the data of a round, from 0; see `Progress.data_round`. A dataset's position is its iterator,
                which is saved; that of random access is the step.
            log: takes lines about checkpoints that cannot be read.
            worker: this process, which gets its share of every batch.
        """
        self._state = {**networks, "progress": progress}
        self._progress, self._make_batches, self._log = progress, make_batches, log
        self._worker, self._saved_step = worker, -1
        self._folder, self._files = folder, CheckpointFiles(folder, KEPT)
        self._start()

    def _start(self) -> None:
        """Iterate from the first batch of the data's round, and save that iterator; by random access from the step."""
        self._data_round = self._progress.data_round
        data = self._make_batches(self._data_round)
        self._by_step = isinstance(data, RandomAccess)
        place = (self._progress.step, self._worker.index, self._worker.count)
        self.batches = iter(data.from_step(*place) if self._by_step else data)
        self._save_with(**({} if self._by_step else {"batches": self.batches}))

    def next_batch(self) -> dict[str, tf.Tensor]:
        """This worker's part of the next batch.

        By a dataset every worker reads the whole batch, so that a checkpoint's position in it is that of any number
        of workers; by random access, its own part alone.
        """
        batch = next(self.batches)
        if self._by_step:
            return batch
        return batch | {name: self._worker.share(batch[name]) for name in ("hr", "lr")}

    def _save_with(self, **iterator: Any) -> None:
        """Save the state, with the data's iterator or without, from now on."""
        self._checkpoint = tf.train.Checkpoint(**self._state, **iterator)

    def restore(self) -> bool:
        """Restore the newest checkpoint that can be read; False where there is none at all.

        A checkpoint keeps the position in the data for the pipeline of the version that wrote it alone. Where no
        checkpoint can be restored whole, all but that position is, and the data starts again.

        Raises:
            InputError: there are some, and none can be read.
        """
        failures = []
        for path in self._files.newest_first():
            failure = self._files.damage(path) or self._restore_whole(path)
            if failure is None:
                self._saved_step = self._progress.step
                if self._worker.is_chief:
                    self._files.remove_older(self._saved_step)
                return True
            failures.append(f"`{path}` cannot be read ({failure})")
            self._log(failures[-1])
        for path in self._files.newest_first():
            if self._restore_state(path):
                self._start()  # the other iterator may be restored in part
                self._log(f"`{path}` is restored without its position in the data, which starts again")
                return True
        if failures:
            raise InputError(f"{failures[0]}: remove {self._folder}, or choose another `workdir`.")
        return False

    def roll_back(self) -> bool:
        """Restore the newest checkpoint, and draw the data by another seed; False where there is no checkpoint."""
        data_round = self._progress.data_round + 1
        for path in self._files.newest_first():
            if self._restore_state(path):
                self._saved_step, self._progress.data_round = self._progress.step, data_round
                self._start()
                return True
        return False

    def draw_anew(self) -> None:
        """Draw the data by another seed from now on: nothing is left of what has been read ahead."""
        self._progress.data_round += 1
        self._start()

    def _restore_state(self, path: Path) -> bool:
        """Restore all but the position in the data; whether that can be done."""
        return not self._files.damage(path) and _restore(tf.train.Checkpoint(**self._state), path) is None

    def _restore_whole(self, path: Path) -> str | None:
        """Restore a checkpoint with its position in the data; why it cannot be, where it cannot."""
        failure = _restore(tf.train.Checkpoint(progress=self._progress), path)
        if failure is None and (self._by_step or self._progress.data_round != self._data_round):
            self._start()  # the position is one in that round's data
        return failure or _restore(self._checkpoint, path)

    def save(self) -> None:
        """Saves now; a checkpoint appears whole or not at all.

        Raises:
            TrainingStopped: it cannot be written, such as on a full disk; the ones before stay.
        """
        step = self._progress.step
        if step == self._saved_step or not self._worker.is_chief:
            return
        try:
            self._write(step)
        except (tf.errors.OpError, OSError) as error:
            raise TrainingStopped(
                f"`{self._folder}` cannot hold the checkpoint of step {step}: {first_line(error)}"
            ) from error
        self._saved_step = step

    def _write(self, step: int) -> None:
        """Write a checkpoint, without the position in data whose iterator cannot be saved."""
        try:
            self._files.write(self._checkpoint, step)
        except tf.errors.FailedPreconditionError as error:
            self._log(f"the position in the data cannot be saved, a resumed run starts it again: {first_line(error)}")
            self._save_with()
            self._files.write(self._checkpoint, step)


def _restore(checkpoint: tf.train.Checkpoint, path: Path) -> str | None:
    """Restore every object of a checkpoint; why it cannot be, where it cannot."""
    try:
        checkpoint.read(str(path)).expect_partial().assert_existing_objects_matched()
    # TensorFlow reports a damaged checkpoint in all these ways.
    except (tf.errors.OpError, AssertionError, ValueError, IndexError) as error:
        return first_line(error)
    return None
