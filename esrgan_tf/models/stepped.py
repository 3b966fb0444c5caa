"""EDSR that ends in one pixel shuffle, written as it was published: a convolution and a shuffle for every factor."""

import keras
import numpy as np
from keras import layers, ops

from esrgan_tf import compat
from esrgan_tf.errors import InputError
from esrgan_tf.metadata import metadata_of
from esrgan_tf.models.fusion import rebuilt
from esrgan_tf.models.layers.upsampling import STEPS

LAST = "conv_last"


def in_steps(model: keras.Model) -> keras.Model:
    """Replaces the last convolution and the pixel shuffle after it by EDSR's upsampling in steps.

    The first step's convolution is the last one's, its channels in another order; the others pass on what they read.

    Args:
        model: EDSR with `upsampling` "direct".

    Returns:
        A float32 generator of the same name and function, with `upsampling` "steps".

    Raises:
        InputError: it has too few features to pass on what the first step leaves to the others.
    """
    features = model.get_layer(LAST).kernel.shape[2]
    kernel, bias = (np.array(value) for value in model.get_layer(LAST).get_weights())
    scale = left = metadata_of(model).scale
    least = 3 * (scale // STEPS[scale][0]) ** 2
    if features < least:
        raise InputError(f"`features` must be {least} or more to upsample by {scale} in steps. Received: {features}.")
    made: dict[str, np.ndarray] = {}
    for number, factor in enumerate(STEPS[scale], start=1):
        left //= factor
        made[f"conv_up{number}/kernel"] = _shuffled(kernel, factor, left, features)
        made[f"conv_up{number}/bias"] = _shuffled(bias, factor, left, features)
        kernel, bias = _passing_on(features, 3 * left**2)
    made |= {f"{LAST}/kernel": kernel, f"{LAST}/bias": bias}

    def call(operation, x, *args, **kwargs):
        if operation.name == LAST:
            for number, factor in enumerate(STEPS[scale], start=1):
                x = ops.depth_to_space(_conv(features * factor**2, f"conv_up{number}")(x), factor)
            return _conv(3, LAST)(x)
        return x if compat.is_depth_to_space(operation) else operation(x, *args, **kwargs)

    return rebuilt(model, call, made)


def _conv(channels: int, name: str) -> layers.Conv2D:
    return layers.Conv2D(channels, 3, padding="same", name=name, dtype="float32")


def _shuffled(value: np.ndarray, factor: int, left: int, features: int) -> np.ndarray:
    """Channels [..., (factor left)^2 3] as a pixel shuffle by `factor` reads them, `features` for each of its pixels.

    Of these the first `left`^2 3 are what is still to be shuffled, the others 0.
    """
    split = value.reshape(*value.shape[:-1], factor, left, factor, left, 3)
    split = np.moveaxis(split, -3, -4).reshape(*value.shape[:-1], factor**2, 3 * left**2)
    padding = [(0, 0)] * (split.ndim - 1) + [(0, features - split.shape[-1])]
    return np.pad(split, padding).reshape(*value.shape[:-1], factor**2 * features)


def _passing_on(features: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [3, 3, features, channels] and bias of a convolution that gives its first channels as they are."""
    kernel = np.zeros((3, 3, features, channels), np.float32)
    kernel[1, 1, :channels] = np.eye(channels)
    return kernel, np.zeros(channels, np.float32)
