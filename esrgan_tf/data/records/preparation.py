"""Cuts images into sub-images and writes them as records, see `index`; a run that was killed is resumed.

Which sub-images of which images a shard may hold is planned from the images' sizes alone, before any is decoded. Which
of them it does hold (not the flat ones, none of a broken image) follows from these images' pixels. So a shard comes out
the same whenever it is made, and one that is whole is kept.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from esrgan_tf.atomic import remove_partial
from esrgan_tf.data.records.index import RECORDS_FILE, UNFINISHED_FILE, Records, Shard, read_index
from esrgan_tf.data.records.near_duplicates import near_duplicates
from esrgan_tf.data.records.shards import Piece, is_whole, write_shard
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.data.registry import open_parts
from esrgan_tf.data.source import Files, Request
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb
from esrgan_tf.image.reading import read_header
from esrgan_tf.image.workers import Workers
from esrgan_tf.lock import held
from esrgan_tf.log import Log, print_line

SHARD_BYTES = 256 << 20  # of HR sub-images, at most; another number is another plan, and a new `index.VERSION`
SHOWN = 3  # near duplicates in the summary; all of them are in `records.json`


@dataclass(frozen=True)
class _Image:
    """What is planned by: an image's file, px when upright, and the file's size in bytes."""

    name: str
    height: int
    width: int
    bytes: int


def prepare(
    data: str,
    folder: str | Path,
    cutting: Cutting | None = None,
    workers: int | None = None,
    log: Log = print_line,
) -> Records:
    """Write records of images, or resume where the folder holds some of them; those are verified.

    Args:
        data: of image files, as `registry.parse_data` takes it.
        folder: of the records.
        cutting: how the images are cut; `None` is the defaults.
        workers: threads; `None` is one a processor core.
        log: takes a line about every shard, and the summary.

    Raises:
        InputError: `data` is not of HR image files alone or holds none that fits, or the folder holds records of other
            images or with other options, or another process is making them.
        OSError: the records cannot be written.
    """
    started, folder, cutting = time.monotonic(), Path(folder), cutting or Cutting()
    threads = Workers(workers or os.cpu_count() or 1)
    images, left_out = _survey(data, cutting, threads)
    plan = _plan(images, cutting)
    with held(folder, f"`output` {folder}"):
        known = Records(folder, cutting, _digest(images), ())
        shards = list(_before(known))
        whole = list(threads.map(lambda shard: is_whole(folder, shard), shards))
        log(f"{len(images)} images, {len(plan)} shards" + (f", of which {sum(whole)} are whole" if whole else ""))
        remove_partial(folder, "[0-9]*_*.npy", UNFINISHED_FILE, RECORDS_FILE)
        for number, pieces in enumerate(plan):
            if number < len(whole) and whole[number]:
                continue
            shards[number : number + 1] = [write_shard(folder, number, pieces, cutting, threads)]
            replace(known, shards=tuple(shards)).save(finished=False)
            seconds = time.monotonic() - started
            log(f"shard {number + 1} of {len(plan)}: {shards[number].count} sub-images, {seconds:.0f} s")
        records = _finished(known, shards, left_out)
        records.save(finished=True)
    for line in _summary(records, time.monotonic() - started):
        log(line)
    return records


def _survey(data: str, cutting: Cutting, threads: Workers) -> tuple[list[_Image], list[str]]:
    """(the images that can be cut, by their headers; a line for each that cannot)."""
    paths: dict[Path, None] = {}
    for found in open_parts(data, Request(scale=cutting.multiple, smallest=cutting.crop, argument="input")):
        if not isinstance(found, Files) or any(pair.lr for pair in found.pairs):
            raise InputError(f"`input` must be HR image files: LR images are made from them. Received: {found.name}.")
        paths |= dict.fromkeys(pair.hr for pair in found.pairs)
    images, left_out = [], []
    for image in threads.map(lambda path: _image(path, cutting.crop), paths):
        (left_out if isinstance(image, str) else images).append(image)
    if not images:
        raise InputError(
            f"`input` must hold images of at least {cutting.crop} x {cutting.crop} px (`crop`). "
            f"Received: {len(left_out)} that cannot be used, such as {left_out[0]}."
        )
    return images, left_out


def _image(path: Path, crop: int) -> _Image | str:
    """An image file as it is planned with, or a line for one that cannot be used."""
    try:
        height, width = _upright_size(path)
        if min(height, width) < crop:
            return f"{path}: {width} x {height} px, smaller than {crop} (`crop`)"
        return _Image(str(path), height, width, path.stat().st_size)
    except InputError as error:
        return f"{path}: {error}"


def _upright_size(path: Path) -> tuple[int, int]:
    """(height, width), px."""
    try:
        return read_header(path).upright_size
    except InputError:  # of a kind of TIFF that only other readers know, or damaged
        return read_rgb(path).shape[:2]


def _plan(images: Sequence[_Image], cutting: Cutting) -> list[list[Piece]]:
    """The pieces of every shard: whole images as long as they fit, an image that fits in none in several."""
    room = max(1, SHARD_BYTES // (cutting.crop**2 * 3))
    plan, free = [], 0
    for image in images:
        windows = cutting.windows(image.height, image.width)
        for first in range(0, len(windows), room):
            piece = Piece(image.name, image.height, image.width, windows[first : first + room])
            if len(piece.windows) > free:
                plan.append([])
                free = room
            plan[-1].append(piece)
            free -= len(piece.windows)
    return plan


def _digest(images: Sequence[_Image]) -> str:
    """A short name for images, by which a resumed run knows them."""
    return hashlib.sha256(json.dumps([asdict(image) for image in images]).encode()).hexdigest()


def _before(known: Records) -> tuple[Shard, ...]:
    """The shards that an earlier run of the same images and options has left."""
    found = [known.folder / name for name in (UNFINISHED_FILE, RECORDS_FILE) if (known.folder / name).is_file()]
    if not found:
        return ()
    before = read_index(found[0])
    for name, value in asdict(known.cutting).items():
        if (other := getattr(before.cutting, name)) != value:
            raise InputError(
                f"`output` {known.folder} holds records of another {name}: {other}, here {value}. Choose another "
                "`output`, or remove it."
            )
    if before.inputs != known.inputs:
        raise InputError(
            f"`output` {known.folder} holds records of other images than `input`, or they have changed since. Choose "
            "another `output`, or remove it."
        )
    return before.shards


def _finished(known: Records, shards: Sequence[Shard], left_out: Sequence[str]) -> Records:
    """The records with all shards, and what is found when all are there."""
    hashes = {image.name: image.dhash for shard in shards for image in shard.images}
    lines = dict.fromkeys([*left_out, *(line for shard in shards for line in shard.left_out)])
    records = replace(
        known, shards=tuple(shards), left_out=tuple(lines), near_duplicates=tuple(near_duplicates(hashes))
    )
    if not records.count:
        raise InputError(
            f"`input` must hold an image that can be read, and is not flat (`flat`). Received: {len(hashes)} that can "
            "be read, of which nothing is kept."
        )
    return records


def _summary(records: Records, seconds: float) -> list[str]:
    """What was made, in words."""
    dropped = sum(image.dropped for shard in records.shards for image in shard.images)
    lines = [f"left out {line}" for line in records.left_out]
    for first, second, bits in records.near_duplicates[:SHOWN]:
        lines.append(f"nearly the same: {first} and {second} ({bits} of 64 bits)")
    if records.test_images:
        names = ", ".join(list(records.test_images.values())[:SHOWN])
        lines.append(
            f"*** {len(records.test_images)} images are test images ({names}): do not measure on these sets. ***"
        )
    lines.append(
        f"{records.count} sub-images of {len(records.images)} images; {dropped} flat ones dropped, "
        f"{len(records.left_out)} images left out, {len(records.near_duplicates)} pairs nearly the same; "
        f"{records.bytes:,} bytes, {seconds:.0f} s: {records.folder}"
    )
    return lines
