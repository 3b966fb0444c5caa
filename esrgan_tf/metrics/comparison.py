"""Panels that compare ways of upscaling one image, with PSNR and SSIM where the original is known."""

from collections.abc import Mapping, Sequence

import numpy as np

from esrgan_tf.image.io import to_uint8
from esrgan_tf.image.panels import most_detailed_crop, side_by_side, upscale_nearest
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.metrics.psnr_ssim import psnr, smallest_side, ssim

Scores = tuple[float, float]  # PSNR in dB, SSIM


def comparison_panel(
    lr_01: np.ndarray,
    outputs: Sequence[tuple[str, np.ndarray]],
    scale: int,
    reference_01: np.ndarray | None = None,
    crop: int = 256,
    zoom: int = 1,
    scores: Mapping[str, Scores] | None = None,
) -> np.ndarray:
    """Input (nearest) | bicubic | the outputs | original, cut to where there is the most detail.

    With an original, captions hold PSNR / SSIM of the whole image: uint8, Y, `scale` px cropped at each border.

    Args:
        lr_01: float32 [h, w, 3], 0..1, what was upscaled.
        outputs: name and float32 [scale * h, scale * w, 3], 0..1, of each.
        scale: whole factor.
        reference_01: the original, float32 [scale * h, scale * w, 3], 0..1.
        crop: HR px of each cell, at most; smaller images are shown whole.
        zoom: whole factor by which cells are upscaled (nearest).
        scores: of the cells that have been measured already, by name ("input", "bicubic", and those of `outputs`).

    Returns:
        uint8 [panel height, panel width, 3].

    Raises:
        ValueError: images that do not fit each other.
    """
    cells = [("input", upscale_nearest(lr_01, scale)), ("bicubic", bicubic_upscale(lr_01, scale)), *outputs]
    if reference_01 is not None:
        known = scores or {}
        cells = [(_caption(name, image, reference_01, scale, known.get(name)), image) for name, image in cells]
        cells.append(("original\nPSNR / SSIM", reference_01))
    shown = cells[1][1] if reference_01 is None else reference_01
    size = min(crop, *shown.shape[:2])
    top, left = (start // scale * scale for start in most_detailed_crop(shown, size))
    window = np.s_[top : top + size, left : left + size]
    return side_by_side([(caption, upscale_nearest(image[window], zoom)) for caption, image in cells])


def _caption(name: str, image: np.ndarray, reference: np.ndarray, scale: int, scores: Scores | None) -> str:
    """A caption with the quality of one image against the original, both float32 [h, w, 3], if it can be measured."""
    if scores is None:
        if min(reference.shape[:2]) < smallest_side(scale):
            return f"{name}\ntoo small"
        a, b = to_uint8(image), to_uint8(reference)
        scores = psnr(a, b, scale), ssim(a, b, scale)
    return f"{name}\n{scores[0]:.2f} / {scores[1]:.4f}"
