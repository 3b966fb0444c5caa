"""Folders of images, alone or as HR/LR pairs: what is there, and whether it fits, before anything is trained."""

from dataclasses import dataclass
from pathlib import Path

from esrgan_tf.errors import InputError
from esrgan_tf.image.reading import Header, read_header

TRAINING_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")  # what TensorFlow decodes inside a graph

# Pillow's names of what TensorFlow decodes rightly: it reads a BMP's palette as grey, and no WebP with alpha.
DECODED_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"),
    "JPEG": ("L", "RGB"),
    "MPO": ("L", "RGB"),
    "BMP": ("RGB",),
    "WEBP": ("RGB",),
}


@dataclass(frozen=True)
class Pair:
    """One HR image, and its LR image where there is one (else LR is made from HR)."""

    hr: Path
    lr: Path | None = None


@dataclass(frozen=True)
class Survey:
    """What a folder holds: the pairs that can be used, and a line for each image that cannot."""

    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]


def find_pairs(part: str, argument: str = "data") -> list[Pair]:
    """The images that one part of `data` names, sorted by name.

    Args:
        part: a folder of HR images, searched with its subfolders, or `hr=FOLDER,lr=FOLDER` whose images have
            the same stems (LR's may end in x2, x3, x4 or x8, as DIV2K's do).
        argument: where it was given, for messages.

    Raises:
        InputError: a folder is missing or without images, or the two do not pair.
    """
    if not part.startswith("hr="):
        return [Pair(path) for path in _images_below(Path(part), argument)]
    folders = dict(item.partition("=")[::2] for item in part.split(","))
    if set(folders) != {"hr", "lr"}:
        raise InputError(f"`{argument}` must be hr=FOLDER,lr=FOLDER for pairs. Received: {part}.")
    lr_by_stem = {_stem(path): path for path in _images_below(Path(folders["lr"]), f"{argument} lr=")}
    hr_paths = _images_below(Path(folders["hr"]), f"{argument} hr=")
    lonely = [path.name for path in hr_paths if path.stem not in lr_by_stem]
    if lonely:
        raise InputError(
            f"`{argument}` lr={folders['lr']} must hold an image for each of hr={folders['hr']}. "
            f"Missing: {', '.join(lonely[:3])}{' ...' if len(lonely) > 3 else ''}."
        )
    return [Pair(path, lr_by_stem[path.stem]) for path in hr_paths]


def survey(pairs: list[Pair], scale: int, smallest: int, why: str, argument: str = "data") -> Survey:
    """Read every image's header and keep the pairs that can be used.

    Args:
        pairs: as `find_pairs` gives them.
        scale: HR size / LR size.
        smallest: px; an image with a shorter side is left out.
        why: what asks for that size, for messages.
        argument: where the images were given, for messages.

    Raises:
        InputError: an LR image does not fit its HR image at that scale, or nothing is left.
    """
    kept, left_out = [], []
    for pair in pairs:
        try:
            hr, lr = _decodable(pair.hr), _decodable(pair.lr) if pair.lr else None
        except InputError as error:
            left_out.append(str(error))
            continue
        width, height = hr.width, hr.height
        fitting = (width // scale, height // scale)
        if lr and lr.orientation != hr.orientation:  # of a square, nothing else would show that they do not match
            left_out.append(f"{pair.hr}: turned by its EXIF orientation otherwise than {pair.lr}, save both upright")
            continue
        if lr and (lr.width, lr.height) != fitting:
            raise InputError(
                f"`{pair.lr}` must be {fitting[0]} x {fitting[1]} px to fit `{pair.hr}` ({width} x {height} px) at "
                f"`scale={scale}`. Received: {lr.width} x {lr.height} px."
            )
        if min(width, height) < smallest:
            left_out.append(f"{pair.hr}: {width} x {height} px, smaller than {smallest} ({why})")
        else:
            kept.append(pair)
    if not kept:
        raise InputError(
            f"`{argument}` must hold images of at least {smallest} x {smallest} px ({why}). "
            f"Received: {len(left_out)} that cannot be used, such as {left_out[0]}."
        )
    return Survey(tuple(kept), tuple(left_out))


def _images_below(folder: Path, argument: str) -> list[Path]:
    """All image files in a folder and its subfolders, sorted."""
    if not folder.is_dir():
        known = "sample, dead_leaves, div2k, a folder of images or hr=FOLDER,lr=FOLDER"
        raise InputError(f"`{argument}` must be {known}. Received: {folder}, which is no folder.")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TRAINING_SUFFIXES)
    if not paths:
        raise InputError(f"`{argument}` {folder} must hold images ({' '.join(TRAINING_SUFFIXES)}). Received: none.")
    return paths


def _stem(path: Path) -> str:
    """An LR file's stem without DIV2K's x2, x3, x4, x8."""
    return path.stem[:-2] if path.stem[-2:] in ("x2", "x3", "x4", "x8") else path.stem


def _decodable(path: Path) -> Header:
    """An image's header; raises InputError, as a line for `Survey.left_out`, where TensorFlow would not decode it."""
    try:
        header = read_header(path)
    except InputError as error:
        raise InputError(f"{path}: cannot be read") from error
    if header.mode not in DECODED_MODES.get(header.format, ()):
        raise InputError(f"{path}: {header.format} with mode {header.mode} is not decoded in training, save it as PNG")
    return header
