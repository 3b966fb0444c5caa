"""Writes and verifies the shards of records: sub-images of some images, HR and LR, each kind in a file."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from esrgan_tf.atomic import replacing
from esrgan_tf.data.frozen import test_image_of
from esrgan_tf.data.records.index import RecordedImage, Shard, ShardFile
from esrgan_tf.data.records.near_duplicates import dhash
from esrgan_tf.data.records.sub_images import HR, Cutting, detail, lr_kind
from esrgan_tf.digest import file_sha256
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.image.workers import Workers


@dataclass(frozen=True)
class Piece:
    """An image, and which of its sub-images belong to a shard, by (top, left) in px; px of the upright image."""

    name: str
    height: int
    width: int
    windows: tuple[tuple[int, int], ...]


def write_shard(folder: Path, number: int, pieces: Sequence[Piece], cutting: Cutting, threads: Workers) -> Shard:
    """Write the files of one shard, each complete or not there.

    Args:
        folder: of the records.
        number: of the shard, from 0.
        pieces: in the order of their sub-images.
        cutting: how they are cut.
        threads: that decode and resize.

    Raises:
        OSError: the system refused the write.
    """
    images, left_out, files = [], [], {}
    with ExitStack() as stack:
        paths = {kind: folder / f"{number:05}_{kind}.npy" for kind in cutting.sides}
        arrays = {
            kind: _GrowingArray(stack.enter_context(replacing(path)), cutting.sides[kind])
            for kind, path in paths.items()
        }
        for cut in threads.map(lambda piece: _cut(piece, cutting), pieces):
            if isinstance(cut, str):
                left_out.append(cut)
                continue
            image, sub_images = cut
            images.append(image)
            for kind, rows in sub_images.items():
                arrays[kind].append(rows)
        for kind, array in arrays.items():
            array.close()
            files[kind] = ShardFile(paths[kind].name, array.shape, array.path.stat().st_size, file_sha256(array.path))
    return Shard(files, tuple(images), tuple(left_out))


def is_whole(folder: Path, shard: Shard) -> bool:
    """Whether all files of a shard are there, with their checksums."""
    paths = {folder / file.name: file.sha256 for file in shard.files.values()}
    return all(path.is_file() and file_sha256(path) == sha256 for path, sha256 in paths.items())


class _GrowingArray:
    """An `.npy` file of uint8 [n, side, side, 3] whose n is known at its end: NumPy pads headers for that."""

    def __init__(self, path: Path, side: int):
        self.path, self.shape = path, (0, side, side, 3)
        self._file = path.open("wb")
        self._write_header()

    def append(self, rows: np.ndarray) -> None:
        """Add sub-images, uint8 [m, side, side, 3]."""
        self._file.write(np.ascontiguousarray(rows).data)
        self.shape = (self.shape[0] + len(rows), *self.shape[1:])

    def close(self) -> None:
        """Complete the file."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        """Write the header, which is as long for every n."""
        npy.write_array_header_1_0(self._file, {"descr": "|u1", "fortran_order": False, "shape": self.shape})


def _cut(piece: Piece, cutting: Cutting) -> tuple[RecordedImage, dict[str, np.ndarray]] | str:
    """An image's sub-images, uint8 [n, side, side, 3] of each kind; or a line for one that cannot be used."""
    try:
        rgb = read_rgb(piece.name)
    except InputError as error:
        return f"{piece.name}: {error}"
    if rgb.shape[:2] != (piece.height, piece.width):
        return f"{piece.name}: {rgb.shape[1]} x {rgb.shape[0]} px, other than its header says"
    windows = [place for place in piece.windows if not _is_flat(_window(rgb, place, cutting.crop), cutting)]
    images = {HR: (rgb, 1)} | {lr_kind(scale): (_lr(rgb, scale), scale) for scale in cutting.scales if windows}
    sub_images = {}
    for kind, (image, scale) in images.items():
        side = cutting.sides[kind]
        cut = [_window(image, (top // scale, left // scale), side) for top, left in windows]
        sub_images[kind] = np.stack(cut) if cut else np.zeros((0, side, side, 3), np.uint8)
    dropped = len(piece.windows) - len(windows)
    return RecordedImage(piece.name, len(windows), dropped, dhash(rgb), test_image_of(rgb)), sub_images


def _is_flat(sub_image: np.ndarray, cutting: Cutting) -> bool:
    """Whether a sub-image, uint8 [crop, crop, 3], is dropped."""
    return cutting.flat > 0 and detail(sub_image) < cutting.flat


def _window(image: np.ndarray, place: tuple[int, int], side: int) -> np.ndarray:
    """A square of an image, [side, side, 3]."""
    top, left = place
    return image[top : top + side, left : left + side]


def _lr(rgb: np.ndarray, scale: int) -> np.ndarray:
    """LR of a whole image, as training makes it of a file: no sub-image's border is mirrored."""
    height, width = (side // scale * scale for side in rgb.shape[:2])
    return imresize_uint8(rgb[:height, :width], 1 / scale)
