"""Folders of images, alone or as HR/LR pairs: what is there, and whether it fits, before anything is trained."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrgan_tf.data.registry import known_sources
from esrgan_tf.data.source import Files, Pair, Request
from esrgan_tf.data.transcoding import copy_of, transcode
from esrgan_tf.errors import InputError
from esrgan_tf.image.codecs import UPRIGHT, Unsupported
from esrgan_tf.image.io import IMAGE_SUFFIXES
from esrgan_tf.image.reading import read_header
from esrgan_tf.image.workers import Workers

# Pillow's names of what TensorFlow decodes rightly where it is upright: it reads a BMP's palette as grey and no WebP
# with alpha, and knows neither TIFF nor CMYK nor orientations. The rest is decoded from copies, see `transcoding`.
DECODED_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"),
    "JPEG": ("L", "RGB"),
    "MPO": ("L", "RGB"),
    "BMP": ("RGB",),
    "WEBP": ("RGB",),
}


@dataclass(frozen=True)
class Survey:
    """What can be used of some pairs, and what TensorFlow decodes in place of some of their files.

    Args:
        pairs: those that can be used.
        left_out: a line for each that cannot.
        copies: original -> its copy, of the files that TensorFlow does not decode rightly.
        copied: how many of them are new.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]
    copies: Mapping[Path, Path]
    copied: int = 0


@dataclass(frozen=True)
class _Decodable:
    """A file that TensorFlow decodes rightly: px, the orientation of its original, whether it is a new copy."""

    file: Path
    width: int
    height: int
    orientation: int
    written: bool = False


def open_folder(request: Request) -> list[Files]:
    """Open a folder of HR images."""
    return [Files(request.text, find_images(request.text, request.argument))]


def open_pairs(request: Request) -> list[Files]:
    """Open `hr=FOLDER,lr=FOLDER`."""
    config, without = request.config, f"`{request.argument}` must be images without `lr=` where"
    if config.degradation and not request.held_out_only:
        raise InputError(
            f"{without} a degradation makes the LR images: give the folder of HR images, or `degradation=bicubic`. "
            f"Received: {request.text}."
        )
    if config.multiscale and not request.held_out_only:
        raise InputError(
            f"{without} smaller copies are trained on too: give the folder of HR images, or leave `data.multiscale` "
            f"empty. Received: {request.text}."
        )
    return [Files(request.text, find_pairs(request.text, request.argument))]


def find_images(folder: str, argument: str = "data") -> tuple[Pair, ...]:
    """The images of a folder and its subfolders as HR images without LR, sorted by path.

    Args:
        folder: hidden files and folders in it are left out.
        argument: where it was given, for messages.

    Raises:
        InputError: it is missing, or without images.
    """
    by_key = _images_below(Path(folder), argument)
    stems = Counter(path.stem for path in by_key)
    return tuple(Pair(path.stem if stems[path.stem] == 1 else key, path) for path, key in by_key.items())


def find_pairs(part: str, argument: str = "data") -> tuple[Pair, ...]:
    """The images of two folders and their subfolders as HR/LR pairs, sorted by the path of HR.

    An LR image belongs to the HR image of the same path inside its folder, without suffixes, or else of the same stem;
    the name of an LR image may end in x2, x3, x4 or x8, as DIV2K's do.

    Args:
        part: `hr=FOLDER,lr=FOLDER`.
        argument: where it was given, for messages.

    Raises:
        InputError: a folder is missing or without images, or the two do not pair.
    """
    folders = dict(item.partition("=")[::2] for item in part.split(","))
    if set(folders) != {"hr", "lr"}:
        raise InputError(f"`{argument}` must be hr=FOLDER,lr=FOLDER. Received: {part}.")
    hr_images = find_images(folders["hr"], f"{argument} hr=")
    hr_keys = _images_below(Path(folders["hr"]), f"{argument} hr=")
    lr_keys = _images_below(Path(folders["lr"]), f"{argument} lr=")
    index, shared = _index(lr_keys), Counter(Path(key).name for key in set(hr_keys.values()))
    found = {path: _matching(path, key, index, shared[path.stem] == 1, argument) for path, key in hr_keys.items()}
    used = set(found.values())
    for place, missing in (
        (f"lr={folders['lr']}", [pair.name for pair in hr_images if not found[pair.hr]]),
        (f"hr={folders['hr']}", [key for path, key in lr_keys.items() if path not in used]),
    ):
        if missing:
            shown = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
            raise InputError(f"`{argument}` must name the same images twice. Missing in {place}: {shown}.")
    return tuple(Pair(pair.name, pair.hr, found[pair.hr]) for pair in hr_images)


def survey(pairs: Sequence[Pair], scale: int, smallest: int, why: str, argument: str = "data") -> Survey:
    """Read every image's header and keep the pairs that can be used; copy what TensorFlow does not decode rightly.

    Args:
        pairs: as `find_images` and `find_pairs` give them.
        scale: HR size / LR size.
        smallest: px; an image with a shorter side is left out.
        why: what asks for that size, for messages.
        argument: where the images were given, for messages.

    Raises:
        InputError: an LR image does not fit its HR image at that scale, or nothing is left.
        OSError: a copy cannot be written.
    """
    paths = list(dict.fromkeys(path for pair in pairs for path in (pair.hr, pair.lr) if path))
    images = dict(zip(paths, Workers(os.cpu_count() or 1).map(_decodable, paths), strict=True))
    kept, left_out = [], []
    for pair in pairs:
        reason = _unfit(pair, images[pair.hr], images.get(pair.lr), scale)
        if not reason and min(images[pair.hr].width, images[pair.hr].height) < smallest:
            reason = f"{pair.hr}: {_size(images[pair.hr])}, smaller than {smallest} ({why})"
        if reason:
            left_out.append(reason)
        else:
            kept.append(pair)
    if not kept:
        raise InputError(
            f"`{argument}` must hold images of at least {smallest} x {smallest} px ({why}). "
            f"Received: {len(left_out)} that cannot be used, such as {left_out[0]}."
        )
    readable = {path: image for path, image in images.items() if isinstance(image, _Decodable)}
    copies = {path: image.file for path, image in readable.items() if image.file != path}
    return Survey(tuple(kept), tuple(left_out), copies, sum(image.written for image in readable.values()))


def _unfit(pair: Pair, hr: _Decodable | str, lr: _Decodable | str | None, scale: int) -> str | None:
    """Why a pair cannot be used, as a line, if it cannot; raises InputError where LR has not the size that fits."""
    for image in (hr, lr):
        if isinstance(image, str):
            return image
    if not lr:
        return None
    if lr.orientation != hr.orientation:  # of a square, nothing else would show that they do not match
        return f"{pair.hr}: turned by its EXIF orientation otherwise than {pair.lr}, save both upright"
    fitting = (hr.width // scale, hr.height // scale)
    if (lr.width, lr.height) != fitting:
        raise InputError(
            f"`{pair.lr}` must be {fitting[0]} x {fitting[1]} px to fit `{pair.hr}` ({_size(hr)}) at `scale={scale}`. "
            f"Received: {_size(lr)}."
        )
    return None


def _size(image: _Decodable) -> str:
    """Width and height in words."""
    return f"{image.width} x {image.height} px"


def _images_below(folder: Path, argument: str) -> dict[Path, str]:
    """All image files in a folder and its subfolders, sorted, each with its path inside it, without suffix."""
    if not folder.is_dir():
        raise InputError(f"`{argument}` must be {known_sources()}. Received: {folder}, which is no folder.")
    inside = {path: path.relative_to(folder) for path in sorted(folder.rglob("*"))}
    found = {
        path: relative.with_suffix("").as_posix()
        for path, relative in inside.items()
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(name.startswith(".") for name in relative.parts)
        and not path.is_dir()
    }
    if not found:
        raise InputError(f"`{argument}` {folder} must hold images ({' '.join(IMAGE_SUFFIXES)}). Received: none.")
    return found


def _index(lr_keys: dict[Path, str]) -> list[dict[str, list[Path]]]:
    """LR images by path, by path without x4 and the like, by stem, and by stem without it."""
    levels: list[dict[str, list[Path]]] = [defaultdict(list) for _ in range(4)]
    for path, key in lr_keys.items():
        bare = re.sub(r"x[2348]$", "", key)
        for level, name in zip(levels, (key, bare, Path(key).name, Path(bare).name), strict=True):
            level[name].append(path)
    return levels


def _matching(hr: Path, key: str, index: list[dict[str, list[Path]]], by_stem: bool, argument: str) -> Path | None:
    """The LR image of an HR image, by its path inside the folder, then by its stem if no other HR image shares that."""
    names = (key, key, hr.stem, hr.stem) if by_stem else (key, key)
    for level, name in zip(index, names, strict=False):
        if len(level.get(name, ())) > 1:
            raise InputError(
                f"`{argument} lr=` must hold one image for `{hr}`. Received: {level[name][0]} and "
                f"{level[name][1]}: name the folder of one of them."
            )
        if name in level:
            return level[name][0]
    return None


def _decodable(path: Path) -> _Decodable | str:
    """What TensorFlow decodes of an image file, itself or its copy; or a line for `Survey.left_out`."""
    try:
        header = read_header(path)
    except InputError:
        header = None  # of a kind of TIFF that only other readers know, or damaged
    orientation = header.orientation if header else UPRIGHT
    if header and orientation == UPRIGHT and header.mode in DECODED_MODES.get(header.format, ()):
        return _Decodable(path, header.width, header.height, orientation)
    try:
        copy = copy_of(path)
        if missing := not copy.is_file():
            transcode(path, copy)
        header = read_header(copy)
    except InputError as error:
        reason = str(error.__cause__) if isinstance(error.__cause__, Unsupported) else "cannot be read"
        return f"{path}: {reason}"
    return _Decodable(copy, header.width, header.height, orientation, written=missing)
