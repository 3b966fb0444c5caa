"""Folders of pictures, alone or as HR/LR pairs: what is there, and whether it fits, before anything is trained."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from esrgan_tf.errors import InputError

TRAINING_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")  # what TensorFlow decodes inside a graph


@dataclass(frozen=True)
class Pair:
    """One HR picture, and its LR picture where there is one (else LR is made from HR)."""

    hr: Path
    lr: Path | None = None


@dataclass(frozen=True)
class Survey:
    """What a folder holds: the pairs that fit, and why the others do not."""

    pairs: tuple[Pair, ...]
    unreadable: tuple[Path, ...]
    too_small: tuple[Path, ...]


def find_pairs(part: str) -> list[Pair]:
    """The pictures that one part of `--data` names, sorted by name.

    Args:
        part: a folder of HR pictures, searched with its subfolders, or `hr=FOLDER,lr=FOLDER` whose pictures have
            the same stems (LR's may end in x2, x3, x4 or x8, as DIV2K's do).

    Raises:
        InputError: a folder is missing or without pictures, or the two do not pair.
    """
    if not part.startswith("hr="):
        return [Pair(path) for path in _pictures_below(Path(part), "--data")]
    folders = dict(item.partition("=")[::2] for item in part.split(","))
    if set(folders) != {"hr", "lr"}:
        raise InputError(f"`--data` must be hr=FOLDER,lr=FOLDER for pairs. Received: {part}.")
    lr_by_stem = {_stem(path): path for path in _pictures_below(Path(folders["lr"]), "--data lr=")}
    hr_paths = _pictures_below(Path(folders["hr"]), "--data hr=")
    lonely = [path.name for path in hr_paths if path.stem not in lr_by_stem]
    if lonely:
        raise InputError(
            f"`--data` lr={folders['lr']} must hold a picture for each of hr={folders['hr']}. "
            f"Missing: {', '.join(lonely[:3])}{' ...' if len(lonely) > 3 else ''}."
        )
    return [Pair(path, lr_by_stem[path.stem]) for path in hr_paths]


def survey(pairs: list[Pair], name: str, scale: int, hr_patch: int) -> Survey:
    """Read every picture's header and keep the pairs that can be trained on.

    Args:
        pairs: as `find_pairs` gives them.
        name: of the source, for messages.
        scale: HR size / LR size.
        hr_patch: px; smaller pictures are left out.

    Raises:
        InputError: an LR picture does not fit its HR picture at that scale, or nothing is left.
    """
    kept, unreadable, too_small = [], [], []
    for pair in pairs:
        try:
            width, height = _size(pair.hr)
            lr_size = _size(pair.lr) if pair.lr else (width // scale, height // scale)
        except (OSError, Image.DecompressionBombError):
            unreadable.append(pair.hr)
            continue
        if lr_size != (width // scale, height // scale):
            raise InputError(
                f"`{pair.lr}` must be {width // scale} x {height // scale} px to fit `{pair.hr}` "
                f"({width} x {height} px) at `--scale={scale}`. Received: {lr_size[0]} x {lr_size[1]} px."
            )
        if min(width, height) < hr_patch:
            too_small.append(pair.hr)
        else:
            kept.append(pair)
    if not kept:
        raise InputError(
            f"`--data={name}` must hold pictures of at least {hr_patch} x {hr_patch} px (`--hr_patch`). "
            f"Received: {len(too_small)} smaller, {len(unreadable)} unreadable."
        )
    return Survey(tuple(kept), tuple(unreadable), tuple(too_small))


def _pictures_below(folder: Path, flag: str) -> list[Path]:
    """All picture files in a folder and its subfolders, sorted."""
    if not folder.is_dir():
        known = "sample, dead_leaves, div2k, a folder of pictures or hr=FOLDER,lr=FOLDER"
        raise InputError(f"`{flag}` must be {known}. Received: {folder}, which is no folder.")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TRAINING_SUFFIXES)
    if not paths:
        raise InputError(f"`{flag}` {folder} must hold pictures ({' '.join(TRAINING_SUFFIXES)}). Received: none.")
    return paths


def _stem(path: Path) -> str:
    """An LR file's stem without DIV2K's x2, x3, x4, x8."""
    return path.stem[:-2] if path.stem[-2:] in ("x2", "x3", "x4", "x8") else path.stem


def _size(path: Path) -> tuple[int, int]:
    """Width and height from a picture's header."""
    with Image.open(path) as picture:
        return picture.size
