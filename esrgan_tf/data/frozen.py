"""The test images of the field and of this project: what is trained on them cannot be measured on them any more.

`frozen.txt` lists Set5, Set14, BSD100, Urban100, Kodak and 24 photographs, `photo_test`, by a digest of their pixels.
"""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb
from esrgan_tf.image.reading import read_header

# px; no image of the list has a longer or a shorter side. Only what may be in the list is decoded.
LONGEST_SIDE, SHORTEST_SIDE = 1024, 150
CUTS = (1, 2, 3, 4)  # px, to whose multiples benchmarks are cut: BSD100's 481 x 321 px are 480 x 320 in the list


@cache
def frozen_list() -> dict[str, str]:
    """The test images: digest -> test set and file, such as "set5 baby.png"."""
    lines = files("esrgan_tf.data").joinpath("frozen.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


def digest(rgb: np.ndarray) -> str:
    """The SHA-256, in hexadecimal, of "WIDTHxHEIGHT" in ASCII and the RGB bytes, row by row.

    Args:
        rgb: uint8 [height, width, 3].
    """
    size = f"{rgb.shape[1]}x{rgb.shape[0]}".encode()
    return hashlib.sha256(size + rgb.tobytes()).hexdigest()


def frozen_images(paths: Iterable[str]) -> dict[str, str]:
    """Find the test images among image files, under any name and in any lossless format.

    Args:
        paths: of image files; what is no file, or cannot be read, is passed over.

    Returns:
        path -> test set and file, of those that are pixel for pixel a test image, perhaps with some pixels more at the
        right and the bottom.
    """
    paths = list(paths)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_frozen_name, paths)
        return {path: name for path, name in zip(paths, found, strict=True) if name}


def test_image_of(rgb: np.ndarray) -> str | None:
    """The test set and file of an image, or `None` where it is no test image.

    Args:
        rgb: uint8 [height, width, 3].
    """
    height, width = rgb.shape[:2]
    if not _may_be_listed(height, width):
        return None
    for rows, columns in {(height // cut * cut, width // cut * cut) for cut in CUTS}:
        if name := frozen_list().get(digest(rgb[:rows, :columns])):
            return name
    return None


def _frozen_name(path: str) -> str | None:
    """The test set and file of an image file, or `None` where it is no test image."""
    try:
        header = read_header(path)
        return test_image_of(read_rgb(path)) if _may_be_listed(header.height, header.width) else None
    except InputError:
        return None


def _may_be_listed(height: int, width: int) -> bool:
    """Whether the list has images of about this size."""
    shortest, longest = sorted((height, width))
    return shortest >= SHORTEST_SIDE and longest < LONGEST_SIDE + max(CUTS)
