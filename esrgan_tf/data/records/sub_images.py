"""How images are cut into sub-images: options, places, and which of them are flat."""

import math
from dataclasses import dataclass

import numpy as np

from esrgan_tf.errors import InputError

HR = "hr"  # the kind of HR sub-images; that of LR ones is `lr_kind(scale)`
REST_SHARE = 10  # a last window is added where it shows more than a tenth of `crop` anew


@dataclass(frozen=True)
class Cutting:
    """How images are cut into sub-images.

    Args:
        crop: side of the HR sub-images, px, a multiple of every scale.
        step: from one sub-image to the next, px, likewise.
        scales: of the LR sub-images.
        flat: sub-images with less `detail` than this, in 8-bit levels, are dropped; 0 keeps all.

    Raises:
        InputError: a value is none of these.
    """

    crop: int = 480
    step: int = 240
    scales: tuple[int, ...] = (2, 3, 4)
    flat: float = 0.0

    def __post_init__(self) -> None:
        """Check every value."""
        if not self.scales or min(self.scales) < 2 or len(set(self.scales)) < len(self.scales):
            raise InputError(f"`scale` must be whole numbers from 2, each once. Received: {list(self.scales)}.")
        for name in ("crop", "step"):
            value = getattr(self, name)
            if value < 1 or value % self.multiple:
                raise InputError(
                    f"`{name}` must be a multiple of {self.multiple}, for the scales "
                    f"{', '.join(map(str, self.scales))}. Received: {value}."
                )
        if not 0 <= self.flat < 256:
            raise InputError(f"`flat` must be from 0 to below 256. Received: {self.flat}.")

    @property
    def multiple(self) -> int:
        """Px, of which all coordinates are multiples."""
        return math.lcm(*self.scales)

    @property
    def sides(self) -> dict[str, int]:
        """Px of the sub-images of each kind."""
        return {HR: self.crop} | {lr_kind(scale): self.crop // scale for scale in self.scales}

    def windows(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Where the sub-images of an image lie, row by row.

        Source: `extract_subimages.py` of BasicSR and ESRGAN's `extract_subimgs_single.py`, whose `thres_sz` of 48 for
        `crop_sz` of 480 is `REST_SHARE`. Departure: all coordinates are multiples of every scale.

        Args:
            height: px.
            width: px.

        Returns:
            (top, left) of each, px; none where the image is smaller than `crop`.
        """
        tops, lefts = (self._starts(side // self.multiple * self.multiple) for side in (height, width))
        return tuple((top, left) for top in tops for left in lefts)

    def _starts(self, side: int) -> list[int]:
        """Starts of the windows along one axis, the last one at the border where it shows enough."""
        if side < self.crop:
            return []
        starts = list(range(0, side - self.crop + 1, self.step))
        if (side - self.crop - starts[-1]) * REST_SHARE > self.crop:
            starts.append(side - self.crop)
        return starts


def lr_kind(scale: int) -> str:
    """The kind of LR sub-images."""
    return f"x{scale}"


def detail(rgb: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels' luma, along rows and columns: a flat sub-image has little.

    Args:
        rgb: uint8 [height, width, 3], both sides at least 2 px.

    Returns:
        8-bit levels: 0 where all pixels are equal.
    """
    luma = (rgb @ np.array([77, 150, 29], np.uint16) >> 8).astype(np.int16)  # ITU-R BT.601
    return float(np.mean([np.abs(np.diff(luma, axis=axis)).mean() for axis in (0, 1)]))
