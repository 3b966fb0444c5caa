"""Records: sub-images of many images as plain `.npy` files, so that a crop is read without its image.

A folder of records holds shards, `00000_hr.npy` (uint8 [n, crop, crop, 3]) beside `00000_x4.npy` (uint8 [n, crop / 4,
crop / 4, 3]) and the like, and `records.json`, which describes them and is written when all are there. Until then
`unfinished.json` has what is done.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from esrgan_tf.atomic import replacing
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.errors import InputError

RECORDS_FILE, UNFINISHED_FILE = "records.json", "unfinished.json"
VERSION = 1  # of the format


@dataclass(frozen=True)
class ShardFile:
    """A file of a shard: its name, the shape of its array, its size in bytes, and their SHA-256."""

    name: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str

    @property
    def start(self) -> int:
        """Where the array begins in the file, behind its header."""
        return self.bytes - math.prod(self.shape)


@dataclass(frozen=True)
class RecordedImage:
    """A run of sub-images that lie one after the other.

    Args:
        name: path of the image that they were cut from.
        count: how many they are.
        dropped: how many flat ones were not kept between them.
        dhash: of the whole image, 16 hexadecimal digits.
        test_image: test set and file, where the image is one of the field's.
    """

    name: str
    count: int
    dropped: int
    dhash: str
    test_image: str | None = None


@dataclass(frozen=True)
class Shard:
    """Files by kind, the images whose sub-images they hold, in their order, and a line for each left out."""

    files: dict[str, ShardFile]
    images: tuple[RecordedImage, ...]
    left_out: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of sub-images."""
        return sum(image.count for image in self.images)


@dataclass(frozen=True)
class Records:
    """What a folder of records holds.

    Args:
        folder: in which it lies.
        cutting: how the images were cut.
        inputs: digest of the images that it is made from.
        shards: in the order of the sub-images.
        left_out: a line for each image that could not be used.
        near_duplicates: pairs of images that look alike, with the bits in which their dHash differs.
    """

    folder: Path
    cutting: Cutting
    inputs: str
    shards: tuple[Shard, ...]
    left_out: tuple[str, ...] = ()
    near_duplicates: tuple[tuple[str, str, int], ...] = ()

    @cached_property
    def starts(self) -> np.ndarray:
        """Number of the first sub-image of each shard, and of all: int64 [shards + 1]."""
        return np.cumsum([0, *(shard.count for shard in self.shards)])

    @property
    def count(self) -> int:
        """Number of sub-images."""
        return int(self.starts[-1])

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for shard in self.shards for file in shard.files.values())

    @cached_property
    def images(self) -> dict[str, np.ndarray]:
        """Path of each image that there are sub-images of, and their numbers: int64 [n]."""
        found: dict[str, list[np.ndarray]] = {}
        for start, image in _numbered(self.shards):
            if image.count:
                found.setdefault(image.name, []).append(np.arange(start, start + image.count))
        return {name: np.concatenate(runs) for name, runs in found.items()}

    @property
    def test_images(self) -> dict[str, str]:
        """Path of each image that is one of the field's test images, and its test set and file."""
        return {image.name: image.test_image for _, image in _numbered(self.shards) if image.test_image}

    def read(self, kind: str, number: int, top: int = 0, left: int = 0, size: int | None = None) -> np.ndarray:
        """Read a window of a sub-image; nothing but its rows is read.

        Args:
            kind: of sub-image, see `sub_images`.
            number: of the sub-image, from 0.
            top: px.
            left: px.
            size: px, of both sides; `None` is the whole sub-image.

        Returns:
            uint8 [size, size, 3].

        Raises:
            InputError: the file has been cut off or removed.
        """
        index = int(np.searchsorted(self.starts, number, side="right")) - 1
        file = self.shards[index].files[kind]
        side = file.shape[1]
        size = size or side
        # Not by a memory map, through which a file cut off would end the process, and which counts as its memory.
        row = side * 3
        start = file.start + int((number - self.starts[index]) * side + top) * row
        try:
            with (self.folder / file.name).open("rb", buffering=0) as opened:
                opened.seek(start)
                rows = np.frombuffer(opened.read(size * row), np.uint8).reshape(size, side, 3)
        except (OSError, ValueError) as error:
            raise InputError(f"`{self.folder / file.name}` cannot be read: run `esrgan prepare` again.") from error
        return rows[:, left : left + size]

    def save(self, finished: bool) -> None:
        """Write `records.json`, or `unfinished.json` while shards are missing."""
        tree = {"format": "esrgan_tf records", "version": VERSION, "sub_images": self.count, "bytes": self.bytes}
        tree |= {name: value for name, value in asdict(self).items() if name != "folder"}
        with replacing(self.folder / (RECORDS_FILE if finished else UNFINISHED_FILE)) as temporary:
            temporary.write_text(json.dumps(tree, indent=1) + "\n")
        if finished:
            (self.folder / UNFINISHED_FILE).unlink(missing_ok=True)


def is_records(folder: str | Path) -> bool:
    """Whether a folder holds records, finished or not."""
    return any((Path(folder) / name).is_file() for name in (RECORDS_FILE, UNFINISHED_FILE))


def open_records(folder: str | Path, argument: str = "data") -> Records:
    """Read a folder's `records.json`, and check that its files are there.

    Args:
        folder: of `esrgan prepare`.
        argument: where it was given, for messages.

    Raises:
        InputError: they are not finished, damaged, or of another version.
    """
    if not (Path(folder) / RECORDS_FILE).is_file():
        raise InputError(
            f"`{argument}` must be records that are finished: run the same `esrgan prepare` again, which resumes. "
            f"Received: {folder}."
        )
    records = read_index(Path(folder) / RECORDS_FILE)
    for file in (file for shard in records.shards for file in shard.files.values()):
        path = Path(folder) / file.name
        if not path.is_file() or path.stat().st_size != file.bytes:
            raise InputError(f"`{path}` is missing or cut off: run the same `esrgan prepare` again, which makes it.")
    return records


def read_index(path: Path) -> Records:
    """Read a `records.json` or `unfinished.json`.

    Raises:
        InputError: it is damaged, or of another version.
    """
    try:
        tree = json.loads(path.read_text())
        if tree["version"] != VERSION:
            raise InputError(
                f"`{path}` must be of version {VERSION}: prepare the images again, in another folder. "
                f"Received: {tree['version']}."
            )
        return Records(
            folder=path.parent,
            cutting=Cutting(**tree["cutting"] | {"scales": tuple(tree["cutting"]["scales"])}),
            inputs=tree["inputs"],
            shards=tuple(map(_shard, tree["shards"])),
            left_out=tuple(tree["left_out"]),
            near_duplicates=tuple(map(tuple, tree["near_duplicates"])),
        )
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"`{path}` cannot be read ({type(error).__name__}): prepare the images again, in another folder."
        ) from error


def describe_records(folder: str | Path) -> dict[str, object]:
    """What a folder of records holds, by field.

    Raises:
        InputError: as `open_records`.
    """
    records = open_records(folder, "FILE")
    images = [image for shard in records.shards for image in shard.images]
    return {
        "records": f"version {VERSION}",
        "sub_images": records.count,
        "images": len(records.images),
        **asdict(records.cutting),
        "scales": ", ".join(map(str, records.cutting.scales)),
        "shards": len(records.shards),
        "bytes": f"{records.bytes:,}",
        "dropped": sum(image.dropped for image in images),
        "left_out": len(records.left_out),
        "near_dups": len(records.near_duplicates),
        "test_images": len(records.test_images),
    }


def _shard(tree: dict[str, Any]) -> Shard:
    """A shard from JSON."""
    files = {kind: ShardFile(**file | {"shape": tuple(file["shape"])}) for kind, file in tree["files"].items()}
    return Shard(files, tuple(RecordedImage(**image) for image in tree["images"]), tuple(tree["left_out"]))


def _numbered(shards: tuple[Shard, ...]) -> Iterator[tuple[int, RecordedImage]]:
    """Every run of sub-images, with the number of its first."""
    start = 0
    for shard in shards:
        for image in shard.images:
            yield start, image
            start += image.count
