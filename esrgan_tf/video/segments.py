"""Finished parts of an output: files of so many frames each, and a manifest by which a killed run is resumed."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrgan_tf.atomic import replacing
from esrgan_tf.digest import file_sha256
from esrgan_tf.errors import InputError

SEGMENT_FRAMES = 120  # what a crash costs at most: another number is another file, and a new VERSION
VERSION = 1
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Segment:
    """A finished part: its file's name, its frames, and the file's SHA-256."""

    name: str
    frames: int
    sha256: str


class Segments:
    """The parts of one output, in a folder beside it."""

    def __init__(self, output: Path, run: Mapping[str, Any]):
        """Find what an earlier run has left, and keep what is whole up to the first part that is not.

        Args:
            output: the file that is made.
            run: everything that the frames depend on, as JSON has it.

        Raises:
            InputError: the folder holds parts of another run.
            OSError: the folder cannot be made.
        """
        self.folder = output.with_name(f"{output.name}.parts")
        self._run = json.loads(json.dumps({**run, "version": VERSION, "segment_frames": SEGMENT_FRAMES}))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.done = self._whole()

    @property
    def frames(self) -> int:
        """How many frames are done."""
        return sum(segment.frames for segment in self.done)

    @property
    def paths(self) -> list[Path]:
        """The files, in order."""
        return [self.folder / segment.name for segment in self.done]

    def next_path(self) -> Path:
        """Where the part that follows belongs."""
        return self.folder / f"{len(self.done):06}.nut"

    def add(self, path: Path, frames: int) -> None:
        """Note a part that is written whole."""
        self.done.append(Segment(path.name, frames, file_sha256(path)))
        with replacing(self.folder / _MANIFEST) as temporary:
            listed = [vars(segment) for segment in self.done]
            temporary.write_text(json.dumps({"run": self._run, "segments": listed}, indent=1))

    def remove(self) -> None:
        """Remove the folder, when the output is in place."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _whole(self) -> list[Segment]:
        """The parts before the first one that is missing or damaged."""
        try:
            found = json.loads((self.folder / _MANIFEST).read_text())
            listed = [Segment(**segment) for segment in found["segments"]]
        except (OSError, ValueError, KeyError, TypeError):  # none, or cut off
            return []
        before = found["run"]
        different = [
            f"{name} ({before.get(name)}; here {value})" if isinstance(value, str | int) else name
            for name, value in self._run.items()
            if before.get(name) != value
        ]
        if different:
            raise InputError(
                f"`output` has parts of another run beside it, with another {', '.join(different)}: "
                f"remove {self.folder}, or give another `output`."
            )
        whole = []
        for segment in listed:
            path = self.folder / segment.name
            if not path.is_file() or file_sha256(path) != segment.sha256:
                break
            whole.append(segment)
        return whole
