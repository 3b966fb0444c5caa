"""Random crops, the same of HR and LR, and what is made of them: every random choice comes from a stateless seed."""

import math
from typing import NamedTuple

import tensorflow as tf

from esrgan_tf.data.degradation import degrade
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.degradation import DegradationConfig

USUAL_MULTIPLE = 32  # px, of patches: fits every discriminator
DEGRADATION_SERIES, COLOUR_SERIES, SIZE_SERIES = 1, 2, 3  # of random numbers, apart from the crops'


class Window(NamedTuple):
    """Where a crop lies (LR px), whether it is flipped, left to right, and its turns by 90 degrees: int32 scalars."""

    top: tf.Tensor
    left: tf.Tensor
    flipped: tf.Tensor
    turns: tf.Tensor


def check_patch(hr_patch: int, scale: int) -> None:
    """Refuse a patch whose LR size is not whole.

    Raises:
        InputError: `hr_patch` is not a multiple of `scale`.
    """
    if hr_patch % scale:
        every = math.lcm(scale, USUAL_MULTIPLE)
        raise InputError(
            f"`hr_patch` must be a multiple of the scale {scale}, such as {max(every, hr_patch // every * every)}. "
            f"Received: {hr_patch}."
        )


def draw_window(size: tf.Tensor, patch: int, seed: tf.Tensor) -> Window:
    """Draw where a crop lies, and how it is flipped and turned where that is wanted.

    Args:
        size: int32 [2], of the LR image.
        patch: LR px, at most either side of the image.
        seed: int64 [2]; the same seed gives the same window.
    """
    choices = tf.concat([size - patch + 1, [2, 4]], 0)
    uniform = tf.random.stateless_uniform([4], seed)
    return Window(*tf.unstack(tf.cast(uniform * tf.cast(choices, tf.float32), tf.int32)))


def random_crop(
    hr: tf.Tensor, lr: tf.Tensor | None, scale: int, hr_patch: int, seed: tf.Tensor, flip: bool, rotate: bool
) -> dict[str, tf.Tensor]:
    """Cut the same random window out of both images, and flip and rotate both alike.

    Args:
        hr: uint8 [scale * h, scale * w, 3].
        lr: uint8 [h, w, 3]; `None`: only HR is cut.
        scale: HR size / LR size.
        hr_patch: px, a multiple of `scale`, at most the image's sides.
        seed: int64 [2]; the same seed gives the same window.
        flip: left to right, or not, with equal chance.
        rotate: by 0, 90, 180 or 270 degrees with equal chance.

    Returns:
        {"hr": uint8 [hr_patch, hr_patch, 3], "lr": uint8 [hr_patch / scale, hr_patch / scale, 3]}.
    """
    patch = hr_patch // scale
    window = draw_window(tf.shape(hr)[:2] // scale, patch, seed)
    crops = {}
    images = [("hr", hr, hr_patch, scale)] + ([("lr", lr, patch, 1)] if lr is not None else [])
    for key, image, size, factor in images:
        top, left = window.top * factor, window.left * factor
        crop = image[top : top + size, left : left + size]
        if flip:
            crop = tf.cond(window.flipped == 1, lambda crop=crop: crop[:, ::-1], lambda crop=crop: crop)
        if rotate:
            crop = tf.image.rot90(crop, window.turns)
        crops[key] = tf.ensure_shape(crop, [size, size, 3])
    return crops


def recoloured(crops: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Crops with their channels in another order, one of six with equal chance, the same of all.

    Args:
        crops: uint8 [side, side, 3] each.
        seed: int64 [2], with which they were cut.
    """
    drawn = tf.random.stateless_uniform([3], tf.random.experimental.stateless_fold_in(seed, COLOUR_SERIES))
    return {name: tf.gather(crop, tf.argsort(drawn), axis=-1) for name, crop in crops.items()}


def degraded(hr: tf.Tensor, scale: int, degradation: DegradationConfig, seed: tf.Tensor) -> tf.Tensor:
    """LR of a crop by a degradation, drawn from the crop's own seed.

    Args:
        hr: uint8 [hr_patch, hr_patch, 3].
        scale: HR size / LR size.
        degradation: every range and chance.
        seed: int64 [2], with which the crop was drawn.

    Returns:
        uint8 [hr_patch / scale, hr_patch / scale, 3].
    """
    return degrade(hr, scale, degradation, tf.random.experimental.stateless_fold_in(seed, DEGRADATION_SERIES))
