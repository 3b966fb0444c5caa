"""NIQE's model from a folder of pristine images."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb
from esrgan_tf.metrics.niqe import BLOCK, SHARPNESS, NiqeModel, fit_niqe
from esrgan_tf.metrics.psnr_ssim import luma


def fit_files(paths: Iterable[Path], sharpness: float = SHARPNESS) -> NiqeModel:
    """Fit NIQE's model to image files, on rounded Y as the evaluator measures it.

    Args:
        paths: sharp images without noise or compression, together of some hundred blocks of 96 px or more.
        sharpness: blocks above this share of their image's sharpest block are fitted.

    Raises:
        InputError: a file that cannot be read or is smaller than a block, or too few sharp blocks in all.
    """
    try:
        return fit_niqe((_plane(path) for path in paths), sharpness)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"`input` holds too little: {error} Give more images, or a lower `sharpness`.") from error


def _plane(path: Path) -> np.ndarray:
    """A file's rounded Y, float64 [h, w]."""
    rgb = read_rgb(path)
    if min(rgb.shape[:2]) < BLOCK:
        raise InputError(
            f"`{path}` must be at least {BLOCK} x {BLOCK} px for NIQE. Received: {rgb.shape[1]} x {rgb.shape[0]} px. "
            "Take it out of `input`."
        )
    return np.rint(luma(rgb))
