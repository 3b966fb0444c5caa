"""Panels of an evaluation: where a system is furthest from the original."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.evaluation.measures import Measured
from esrgan_tf.image.io import to_float
from esrgan_tf.image.panels import side_by_side, upscale_nearest

PANEL_CROP = 128  # HR px
PANEL_ZOOM = 2


def write_panel(
    path: Path, outputs: Sequence[tuple[str, Measured]], hr: np.ndarray, lr: np.ndarray, scale: int, crop: int
) -> None:
    """Write input (nearest) | each output | original, cut to where the last output differs most from the original.

    Captions hold PSNR and SSIM of the whole image, as measured.

    Args:
        path: a PNG; its folder is created.
        outputs: name and output of each system; the last one chooses the place.
        hr: uint8 [scale * h, scale * w, 3].
        lr: uint8 [h, w, 3].
        scale: HR size / LR size.
        crop: px at each border that the window stays clear of.

    Raises:
        OSError: it cannot be written.
    """
    size = min(PANEL_CROP, *(side - 2 * crop for side in hr.shape[:2]))
    top, left = worst_window(outputs[-1][1].output, hr, size, crop)
    window = np.s_[top : top + size, left : left + size]
    captions = [f"{name}\n{m.metrics['psnr']:.2f} / {m.metrics['ssim']:.4f}" for name, m in outputs]
    images = [upscale_nearest(lr, scale), *(measured.output for _, measured in outputs), hr]
    cells = zip(["input", *captions, "original\nPSNR / SSIM"], images, strict=True)
    panel = side_by_side([(text, upscale_nearest(to_float(image[window]), PANEL_ZOOM)) for text, image in cells])
    with replacing(path) as temporary:
        Image.fromarray(panel).save(temporary)


def worst_window(image: np.ndarray, reference: np.ndarray, size: int, crop: int = 0) -> tuple[int, int]:
    """The square with the largest squared error, by whole numbers: the same on every machine.

    Args:
        image: uint8 [height, width, 3].
        reference: uint8, the same shape.
        size: px of its side.
        crop: px at each border that it stays clear of.

    Returns:
        Top and left; of equal ones the topmost, then the leftmost.

    Raises:
        ValueError: a square larger than what is left of the image.
    """
    inner = slice(crop, -crop or None)
    error = ((image.astype(np.int64) - reference) ** 2).sum(axis=2)[inner, inner]
    if not 1 <= size <= min(error.shape):
        raise ValueError(f"`size` must be 1..{min(error.shape)} for this image. Received: size={size}.")
    integral = np.pad(error.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    bands = integral[size:] - integral[:-size]
    sums = bands[:, size:] - bands[:, :-size]
    top, left = np.unravel_index(np.argmax(sums), sums.shape)
    return int(top) + crop, int(left) + crop
