"""Outputs of any size: upscaled by a generator as often as it takes, then resized down to it exactly."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from PIL import Image

from esrgan_tf.errors import InputError
from esrgan_tf.image.io import DecodedImage
from esrgan_tf.inference.upscaler import Upscaler

MOST_SCALE = 64


@dataclass(frozen=True)
class OutputSize:
    """What size outputs have: a factor, or px of one side or both; all `None` is the generator's own.

    Raises:
        InputError: a factor beside a side, or one that is not above 0.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self):
        if self.scale is not None and (self.width or self.height):
            raise InputError("`scale` must be given alone, or `width` and `height` without it.")
        if self.scale is not None and not 0 < self.scale <= MOST_SCALE:
            raise InputError(f"`scale` must be above 0, at most {MOST_SCALE}. Received: {self.scale:g}.")

    def label(self, scale: int) -> str:
        """What is added to names: "_x4", by the generator's scale where no size is asked for, "_w1920", "_h1080"."""
        if self.width and self.height:
            return f"_{self.width}x{self.height}"
        if self.width or self.height:
            return f"_w{self.width}" if self.width else f"_h{self.height}"
        return f"_x{self.scale or scale:g}"

    def of(self, height: int, width: int, scale: int) -> tuple[int, int]:
        """(height, width) of the output of an image of that size, by a generator of that scale.

        Raises:
            InputError: both sides are asked for, and have other proportions than the image.
        """
        factor = self.scale or scale
        if self.width and self.height:
            self._check_proportions(height, width)
            return self.height, self.width
        if self.width or self.height:
            factor = self.width / width if self.width else self.height / height
        sides = (round(height * factor), round(width * factor))
        return tuple(max(1, side) for side in sides)

    def _check_proportions(self, height: int, width: int) -> None:
        """Refuse sides that would stretch an image by more than rounding does."""
        fitting = width * self.height / height
        if abs(fitting - self.width) > max(1.0, self.height / height, self.width / width):
            raise InputError(
                f"`width` and `height` must have the proportions of the image, {width} x {height} px: give one of "
                f"them. Received: {self.width}, {self.height}."
            )


def passes(size: tuple[int, int], wanted: tuple[int, int], scale: int) -> int:
    """How often a generator upscales an image until no side is smaller than wanted; both (height, width)."""
    count = 0
    while any(side * scale**count < least for side, least in zip(size, wanted, strict=True)):
        count += 1
    return count


def upscale_to(upscaler: Upscaler, image: DecodedImage, wanted: tuple[int, int]) -> DecodedImage:
    """Upscale an image to a size (height, width) and keep its kind, as `Upscaler.upscale_image`.

    An image that is larger than the wanted size is resized down.

    Raises:
        InputError: as `Upscaler.upscale`.
    """
    for _ in range(passes(image.rgb.shape[:2], wanted, upscaler.scale)):
        sides = tuple(upscaler.scale * side for side in image.rgb.shape[:2])
        image = upscaler.upscale_image(image, rounded=sides == wanted)
    return resized(image, *wanted)


def resized(image: DecodedImage, height: int, width: int) -> DecodedImage:
    """An image in float32 brought to another size by Pillow's bicubic, widened where it shrinks.

    One that has the size already stays as it is.
    """
    if image.rgb.shape[:2] == (height, width):
        return image
    rgb = np.stack([_resized(image.rgb[..., channel], height, width) for channel in range(3)], axis=2)
    alpha = None if image.alpha is None else _resized(image.alpha, height, width)
    return dataclasses.replace(image, rgb=rgb, alpha=alpha)


def _resized(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """float32 [h, w] -> [height, width]."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), Image.Resampling.BICUBIC))
