"""Images whose originals are known: what a quantization is calibrated on, and what an artifact is compared on."""

from dataclasses import dataclass, replace

import numpy as np

from esrgan_tf.image.io import to_uint8
from esrgan_tf.metrics.psnr_ssim import psnr


@dataclass(frozen=True)
class Example:
    """LR float32 [height, width, 3] and its original, float32 [scale * height, scale * width, 3] or its first part.

    One that is not `natural`, such as noise, has no original that a network could restore.
    """

    name: str
    lr_01: np.ndarray
    hr_01: np.ndarray
    scale: int
    natural: bool = True

    def cut(self, height: int, width: int) -> "Example":
        """The middle, at most so large."""
        top, left = (max(0, side - most) // 2 for side, most in zip(self.lr_01.shape, (height, width), strict=False))
        return self._part(top, left, height, width)

    def crops(self, side: int, most: int) -> list["Example"]:
        """At most so many squares that do not overlap, spread over all of it and named by their place; or the middle.

        Args:
            side: px of LR.
            most: 1 or more.
        """
        rows, columns = (np.linspace(0, length - side, length // side).astype(int) for length in self.lr_01.shape[:2])
        places = [(top, left) for top in rows for left in columns]
        if min(len(places), most) < 2:
            return [self.cut(side, side)]
        chosen = np.linspace(0, len(places) - 1, min(len(places), most)).round().astype(int)
        parts = [(f"{self.name}+{places[i][1]}+{places[i][0]}", self._part(*places[i], side, side)) for i in chosen]
        return [replace(part, name=name) for name, part in parts]

    def _part(self, top: int, left: int, height: int, width: int) -> "Example":
        """From a place on, at most so large."""
        scale = self.scale
        lr = self.lr_01[top : top + height, left : left + width]
        hr = self.hr_01[scale * top : scale * (top + height), scale * left : scale * (left + width)]
        return replace(self, lr_01=lr, hr_01=hr)

    def fitted(self, tile: int) -> "Example":
        """The middle as LR [tile, tile, 3], a smaller one padded by its mirror image; the original as it is."""
        cut = self.cut(tile, tile)
        padding = [(0, tile - side) for side in cut.lr_01.shape[:2]]
        return replace(cut, lr_01=np.pad(cut.lr_01, [*padding, (0, 0)], "symmetric"))

    def psnr(self, sr_01: np.ndarray) -> float:
        """Y-PSNR in dB against the original, uint8, `scale` px cropped.

        Args:
            sr_01: float32 [scale * height, scale * width, 3], of this LR.
        """
        height, width = self.hr_01.shape[:2]
        return psnr(to_uint8(sr_01[:height, :width]), to_uint8(self.hr_01), self.scale)
