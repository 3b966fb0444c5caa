"""Looking at a generator on held-out images: loss terms, PSNR and SSIM, and panels."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.panels import stack_rows
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.metrics.comparison import comparison_panel
from esrgan_tf.metrics.psnr_ssim import psnr, ssim
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.steps import Objective

PANEL_ROWS = 4  # images in a panel
PANEL_CROP = 128  # HR px of each, where it has the most detail


@dataclass(frozen=True)
class Validation:
    """What one look at the held-out images found: means over the images, and their panel (uint8)."""

    metrics: dict[str, float]
    panel: np.ndarray


class Validator:
    """Measures `networks.evaluated` on fixed images, Y channel, `scale` px cropped at each border."""

    def __init__(
        self,
        images: list[tuple[str, tf.Tensor, tf.Tensor]],
        networks: Networks,
        objective: Objective,
        scale: int,
    ):
        """Keep the images as arrays, and measure bicubic on them.

        Raises:
            InputError: one is too small for a loss term.
        """
        for name, hr, _ in images:
            if min(hr.shape[:2]) < objective.smallest_side:
                raise InputError(
                    f"held-out images must be at least {objective.smallest_side} px on each side for this "
                    f"ms_ssim_weight and hr_patch. Received: `{name}` of {hr.shape[1]} x {hr.shape[0]} px."
                )
        self._networks, self._scale = networks, scale
        self._images = [(name, hr.numpy(), lr.numpy()) for name, hr, lr in images]
        largest = max(max(hr.shape[:2]) for _, hr, _ in self._images)
        upscaled = [(to_uint8(bicubic_upscale(to_float(lr), scale)), hr) for _, hr, lr in self._images]
        bicubic = np.mean([psnr(image, hr, scale) for image, hr in upscaled])
        self.what = f"{len(images)} images, up to {largest} px around their centre; bicubic {bicubic:.2f} dB"

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)] * 2)
        def upscale(hr: tf.Tensor, lr: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            sr = networks.evaluated(lr, training=False)
            return sr, objective.image_terms(networks, sr, hr)

        self._upscale = upscale

    def __call__(self) -> Validation:
        """Validate the generator as `update_evaluated` left it.

        Raises:
            TrainingStopped: its output is not finite.
        """
        rows, panels = [], []
        for name, hr, lr in self._images:
            hr_01, lr_01 = (to_float(image)[None] for image in (hr, lr))
            sr_01, terms = self._upscale(hr_01, lr_01)
            if not np.isfinite(sr_01).all():
                raise TrainingStopped(f"the generator's output for held-out `{name}` is not finite.")
            sr = to_uint8(sr_01[0].numpy())
            quality = {"psnr_y": psnr(sr, hr, self._scale), "ssim_y": ssim(sr, hr, self._scale)}
            rows.append({**{key: float(value) for key, value in terms.items()}, **quality})
            if len(panels) < PANEL_ROWS:
                panels.append(
                    comparison_panel(
                        lr_01[0], [(f"{name}, generated", sr_01[0].numpy())], self._scale, hr_01[0], PANEL_CROP
                    )
                )
        metrics = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        return Validation(metrics, stack_rows(panels))
