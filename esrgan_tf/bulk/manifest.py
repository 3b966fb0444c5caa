"""What is done: a row an image, only ever appended, by which a killed run is resumed."""

import csv
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from esrgan_tf.errors import InputError

MANIFEST = "manifest"  # the folder in that of the outputs
ROWS = "rows.csv"
_ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}  # names of files are bytes, UTF-8 or not


class Row(NamedTuple):
    """One image that is done, or has failed.

    Args:
        source: the absolute path of the input.
        target: the output, below the folder of all outputs.
        width: of the input, px, upright; 0 where it cannot be read.
        height: likewise.
        output_width: px.
        output_height: px.
        bytes: of the output.
        sha256: of the output.
        seconds: that it took.
        error: what is wrong; empty where the output is there.
        finished: seconds since the epoch.
        settings: a digest of those that it was made with; a row of others does not count as done.
    """

    source: str
    target: str
    width: int = 0
    height: int = 0
    output_width: int = 0
    output_height: int = 0
    bytes: int = 0
    sha256: str = ""
    seconds: float = 0.0
    error: str = ""
    finished: float = 0.0
    settings: str = ""


_TYPES = tuple(Row.__annotations__.values())


class Shard(NamedTuple):
    """One of so many parts of the work, counted from 0."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The shard that is written `3/16`.

        Raises:
            InputError: it is none.
        """
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
            raise InputError(f"`shard` must be i/n, with i from 0 to n - 1. Received: {text}.")
        return cls(int(index), int(count))

    def folder(self, output: Path) -> Path:
        """Where its rows are."""
        return output / MANIFEST / f"shard-{self.index:05}-of-{self.count:05}"

    def is_beside(self, folder: Path) -> bool:
        """Whether a folder is another shard's of the same cut."""
        mine = self.folder(Path()).name
        return folder.name != mine and folder.name.partition("-of-")[2] == mine.partition("-of-")[2]

    def has(self, target: Path) -> bool:
        """Whether an image is in it: by a checksum of its output's path, which more images do not change.

        Args:
            target: below the folder of the outputs, and so the same wherever that is mounted.
        """
        return zlib.crc32(os.fsencode(target)) % self.count == self.index


class ShardRows:
    """The rows of one shard, for the one process that appends to them.

    What a kill has left of a row is removed when the file is opened. Nothing is synced, as in `atomic.replacing`: after
    a power cut rows may be gone, and an output that has not the size of its row is not done.

    Raises:
        OSError: the file cannot be opened or written to.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / ROWS
        whole = len(_whole(path.read_bytes())) if path.exists() else 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.ftruncate(self._file, whole)
        if not whole:
            self._write(Row._fields)

    def append(self, row: Row) -> None:
        """Add a row, which is in the file when this returns.

        Raises:
            OSError: the system refuses to write; what it has taken of the row is removed when it is opened again.
        """
        self._write(row)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, values: tuple) -> None:
        """A line in one call, as far as the system takes it in one."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(values)
        line = text.getvalue().encode(**_ENCODING)
        while line:
            line = line[os.write(self._file, line) :]


def read_manifest(output: Path, shard: Shard | None = None) -> dict[str, Row]:
    """The last row of each source.

    Args:
        output: the folder of the outputs.
        shard: whose rows are wanted; those of runs that were cut into another number of shards are read as well. `None`
            is all.

    Returns:
        Rows by their sources. Within a file the last one counts, among files the one that was finished last.
    """
    merged: dict[str, Row] = {}
    for path in sorted((output / MANIFEST).glob(f"*/{ROWS}")):
        if shard and shard.is_beside(path.parent):
            continue
        for source, row in {row.source: row for row in _rows_in(path)}.items():
            if source not in merged or merged[source].finished <= row.finished:
                merged[source] = row
    return merged


def _rows_in(path: Path) -> Iterator[Row]:
    """The rows of a file that are whole."""
    text = _whole(path.read_bytes()).decode(**_ENCODING)
    for values in csv.reader(io.StringIO(text, newline="")):
        try:
            yield Row(*(of_type(value) for of_type, value in zip(_TYPES, values, strict=True)))
        except ValueError:  # the header, or what a power cut has spoiled: done again
            continue


def _whole(data: bytes) -> bytes:
    """A file up to the end of its last whole row: a line break that stands in no quotes."""
    end = data.rfind(b"\n") + 1
    while data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    return data[:end]
