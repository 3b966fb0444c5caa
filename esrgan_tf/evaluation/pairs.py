"""The images of an evaluation: originals, and the low-resolution images given or made from them."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.image.io import list_images, read_image, to_uint8
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metrics.niqe import BLOCK, FEWEST_BLOCKS
from esrgan_tf.metrics.psnr_ssim import smallest_side


@dataclass(frozen=True)
class Pair:
    """An original, and its low-resolution image where it is given (else it is made)."""

    name: str
    hr: Path
    lr: Path | None = None


def find_pairs(data: str) -> list[Pair]:
    """The images that `data` names, sorted by name.

    Args:
        data: a folder of originals, or `hr=FOLDER,lr=FOLDER` whose images have the same names; LR's may have
            another suffix and end in x2, x3, x4 or x8, as DIV2K's do.

    Raises:
        InputError: a folder is missing or empty, two originals share a name, or the two folders do not pair.
    """
    if "=" not in data or Path(data).exists():
        return [Pair(name, path) for name, path in _by_name(data).items()]
    folders = dict(item.partition("=")[::2] for item in data.split(","))
    if set(folders) != {"hr", "lr"}:
        raise InputError(f"`data` must be a folder or hr=FOLDER,lr=FOLDER. Received: {data}.")
    hr, lr = _by_name(folders["hr"]), _by_name(folders["lr"])
    lr = {name if name in hr else re.sub(r"x[2348]$", "", name): path for name, path in lr.items()}
    for missing, place in (
        (hr.keys() - lr.keys(), f"lr={folders['lr']}"),
        (lr.keys() - hr.keys(), f"hr={folders['hr']}"),
    ):
        if missing:
            shown = ", ".join(sorted(missing)[:3]) + (" ..." if len(missing) > 3 else "")
            raise InputError(f"`data` must name the same images twice. Missing in {place}: {shown}.")
    return [Pair(name, path, lr[name]) for name, path in hr.items()]


def load_pair(pair: Pair, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Read an original and its low-resolution image, or make that by MATLAB's bicubic.

    Grey becomes RGB of equal channels, 16 bits become 8, alpha is left out.

    Args:
        pair: as `find_pairs` gives it.
        scale: HR size / LR size.

    Returns:
        HR, uint8 [scale * h, scale * w, 3], cut to a multiple of the scale at its right and bottom; LR, uint8
        [h, w, 3].

    Raises:
        InputError: a file that cannot be read, or sizes that do not fit.
    """
    hr = to_uint8(read_image(pair.hr).rgb)
    height, width = (side // scale for side in hr.shape[:2])
    if not (height and width):
        raise InputError(f"`{pair.hr}` must be at least {scale} x {scale} px. Received: {_size(hr)}.")
    whole = hr[: scale * height, : scale * width]
    if pair.lr is None:
        return whole, imresize_uint8(whole, 1 / scale)
    lr = to_uint8(read_image(pair.lr).rgb)
    if lr.shape[:2] != (height, width):
        raise InputError(
            f"`{pair.lr}` must be {width} x {height} px to fit `{pair.hr}` ({_size(hr)}) at scale {scale}. "
            f"Received: {_size(lr)}."
        )
    return whole, lr


def check_pairs(pairs: list[Pair], scale: int, options: Options) -> None:
    """Read every image once, so that a bad one is told before hours of work.

    Args:
        pairs: as `find_pairs` gives them.
        scale: HR size / LR size.
        options: what is measured.

    Raises:
        InputError: an image that cannot be read, does not fit, or is too small for what is measured.
    """
    smallest = smallest_side(options.crop)
    for pair in pairs:
        hr, _ = load_pair(pair, scale)
        if min(hr.shape[:2]) < smallest:
            raise InputError(
                f"`{pair.hr}` must be at least {smallest} x {smallest} px to be measured with `crop={options.crop}`. "
                f"Received: {_size(hr)} at scale {scale}. Use a smaller `crop`, or leave the image out."
            )
        rows, columns = ((side - 2 * options.crop) // BLOCK for side in hr.shape[:2])
        if options.niqe and rows * columns < FEWEST_BLOCKS:
            raise InputError(
                f"`{pair.hr}` must hold {FEWEST_BLOCKS} blocks of {BLOCK} x {BLOCK} px inside `crop={options.crop}` "
                f"for NIQE. Received: {_size(hr)}. Leave out the image, or `niqe_params`."
            )


def _by_name(folder: str) -> dict[str, Path]:
    """The images of a folder by their names without suffix, sorted."""
    if not Path(folder).is_dir():
        raise InputError(
            f"`data` must be a folder of originals, or hr=FOLDER,lr=FOLDER. Received: {folder}, which is no folder."
        )
    found: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in found:
            raise InputError(f"`{folder}` must hold each name once. Received: {found[path.stem].name} and {path.name}.")
        found[path.stem] = path
    return found


def _size(image: np.ndarray) -> str:
    """[h, w, ...] in words."""
    return f"{image.shape[1]} x {image.shape[0]} px"
