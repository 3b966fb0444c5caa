"""Validates a generator on held-out images: loss terms, PSNR and SSIM, and panels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.panels import stack_rows, upscale_nearest
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.metrics.comparison import Scores, comparison_panel
from esrgan_tf.metrics.psnr_ssim import psnr, ssim
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.terms import Term

PANEL_ROWS = 4  # images in a panel
PANEL_CROP = 128  # HR px of each, where it has the most detail


@dataclass(frozen=True)
class Validation:
    """Means over the held-out images, and their panel (uint8)."""

    metrics: dict[str, float]
    panel: np.ndarray


class Validator:
    """Measures `networks.evaluated` on fixed images, Y channel, `scale` px cropped at each border."""

    def __init__(
        self, images: Sequence[tuple[str, tf.Tensor, tf.Tensor]], networks: Networks, terms: Sequence[Term], scale: int
    ):
        """Keep the images as arrays, and measure bicubic on them.

        Raises:
            InputError: one is too small for a loss term.
        """
        measured = [term for term in terms if term.measured]
        smallest_side = max((term.smallest_side for term in measured), default=1)
        for name, hr, _ in images:
            if min(hr.shape[:2]) < smallest_side:
                raise InputError(
                    f"held-out images must be at least {smallest_side} px on each side for this "
                    f"ms_ssim_weight and hr_patch. Received: `{name}` of {hr.shape[1]} x {hr.shape[0]} px."
                )
        self._scale = scale
        self._images = [(name, hr.numpy(), lr.numpy()) for name, hr, lr in images]
        self._references = [self._reference_scores(hr, lr) for _, hr, lr in self._images]
        largest = max(max(hr.shape[:2]) for _, hr, _ in self._images)
        bicubic = np.mean([scores["bicubic"][0] for scores in self._references])
        self.what = f"{len(images)} images, up to {largest} px around their centre; bicubic {bicubic:.2f} dB"

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)] * 2)
        def upscale(hr: tf.Tensor, lr: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            sr = networks.evaluated(lr, training=False)
            return sr, {term.name: term.measure(sr, hr) for term in measured}

        self._upscale = upscale

    def __call__(self) -> Validation:
        """Validate the generator as `update_evaluated` left it.

        Raises:
            TrainingStopped: its output is not finite.
        """
        rows, panels = [], []
        for (name, hr, lr), references in zip(self._images, self._references, strict=True):
            hr_01, lr_01 = (to_float(image)[None] for image in (hr, lr))
            sr_01, terms = self._upscale(hr_01, lr_01)
            if not np.isfinite(sr_01).all():
                raise TrainingStopped(f"the generator's output for held-out `{name}` is not finite.")
            scores = self._scores(to_uint8(sr_01[0].numpy()), hr)
            values = {key: float(value) for key, value in terms.items()}
            rows.append(values | dict(zip(("psnr_y", "ssim_y"), scores, strict=True)))
            if len(panels) < PANEL_ROWS:
                caption = f"{name}, generated"
                outputs = [(caption, sr_01[0].numpy())]
                known = references | {caption: scores}
                panels.append(comparison_panel(lr_01[0], outputs, self._scale, hr_01[0], PANEL_CROP, scores=known))
        metrics = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        return Validation(metrics, stack_rows(panels))

    def _reference_scores(self, hr: np.ndarray, lr: np.ndarray) -> dict[str, Scores]:
        """Scores of the panel's cells that no training changes."""
        lr_01 = to_float(lr)
        cells = {"input": upscale_nearest(lr_01, self._scale), "bicubic": bicubic_upscale(lr_01, self._scale)}
        return {caption: self._scores(to_uint8(image), hr) for caption, image in cells.items()}

    def _scores(self, image: np.ndarray, hr: np.ndarray) -> Scores:
        """(PSNR in dB, SSIM) of uint8 images."""
        return psnr(image, hr, self._scale), ssim(image, hr, self._scale)
