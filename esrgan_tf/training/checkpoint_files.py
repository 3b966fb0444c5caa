"""The files of a stage's checkpoints: they appear whole, are verified before they are read, and outlive being moved.

Which checkpoints there are is read off the folder itself. TensorFlow's own list, a file `checkpoint`, holds absolute
paths: a work directory that was copied would resume from the original, and tidy up there.
"""

import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from esrgan_tf.digest import file_sha256

PARTIAL = ".partial"  # where one is written, before its files are moved
DIGESTS = ".sha256"  # as `sha256sum` writes it; checkpoints of older versions have none


class CheckpointFiles:
    """Checkpoints `ckpt-STEP` of one folder."""

    def __init__(self, folder: Path, kept: int):
        """Look at nothing yet.

        Args:
            folder: may not exist yet.
            kept: how many of the newest stay.
        """
        self._folder, self._kept = folder, kept

    def newest_first(self) -> list[Path]:
        """The checkpoints there, as TensorFlow names them: without a suffix."""
        files = [path for suffix in (".index", DIGESTS) for path in self._folder.glob(f"ckpt-*{suffix}")]
        found = {path.with_suffix("") for path in files if _step(path) is not None}
        return sorted(found, key=_step, reverse=True)

    def write(self, checkpoint: tf.train.Checkpoint, step: int) -> None:
        """Write a checkpoint, and remove all but it and the whole ones before it that are to be kept.

        So go older ones, damaged ones, and later ones, which were given up.

        Raises:
            tf.errors.OpError: TensorFlow cannot write it.
            OSError: the system cannot. In either case the checkpoints before stay as they were.
        """
        partial, name = self._folder / PARTIAL, f"ckpt-{step}"
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        try:
            partial.mkdir(parents=True)
            checkpoint.write(str(partial / name))
            written = sorted(partial.glob(f"{name}.*"))  # the data, then the index
            digests = partial / f"{name}{DIGESTS}"
            digests.write_text("".join(f"{file_sha256(path)}  {path.name}\n" for path in written))
            self._remove(lambda other: other == step)  # a damaged one
            # A checkpoint is one once its index is there, and nothing is missing from it then.
            for path in (*written, digests):
                path.replace(self._folder / path.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        keep = self._kept_beside(step)
        self._remove(lambda other: other not in keep)
        (self._folder / "checkpoint").unlink(missing_ok=True)  # an older version's list

    def remove_older(self, step: int) -> None:
        """Remove what is older than what is kept beside a whole checkpoint: a kill may have come before that.

        Raises:
            OSError: the system cannot.
        """
        oldest = min(self._kept_beside(step))
        self._remove(lambda other: other < oldest)

    def damage(self, path: Path) -> str | None:
        """What is wrong with a checkpoint's files by their digests; `None` where nothing is, or there are none."""
        try:
            listed = path.with_suffix(DIGESTS).read_text()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            return f"its checksums cannot be read: {error}"
        lines = [line.partition("  ") for line in listed.removesuffix("\n").split("\n")]
        if not all(digest and name for digest, _, name in lines) or lines[-1][2] != f"{path.name}.index":
            return "its checksums are damaged"
        for digest, _, name in lines:
            try:
                found = file_sha256(self._folder / name)
            except OSError as error:
                return f"{name}: {error.strerror}"
            if found != digest:
                return f"{name} is damaged: its checksum is another"
        return None

    def _kept_beside(self, step: int) -> set[int]:
        """The steps of a checkpoint and of the newest whole ones before it."""
        older = (path for path in self.newest_first() if _step(path) < step and not self.damage(path))
        return {step, *map(_step, itertools.islice(older, self._kept - 1))}

    def _remove(self, chosen: Callable[[int], bool]) -> None:
        """Remove checkpoints by their steps: of each the index, without which there is none, before the data."""
        for path in sorted(self._folder.glob("ckpt-*.*"), reverse=True):
            if (step := _step(path)) is not None and chosen(step):
                path.unlink()


def _step(path: Path) -> int | None:
    """The step of a checkpoint's file; `None` of any other."""
    match = re.fullmatch(r"ckpt-(\d+)(\..*)?", path.name)
    return int(match[1]) if match else None
