"""Enlarging a feature map by a whole factor, in forms that train and export alike."""

from collections.abc import Callable

import keras
from keras import layers, ops

from esrgan_tf.errors import InputError

UPSAMPLINGS = ("nearest", "pixel_shuffle")
STEPS = {1: (), 2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}  # the factors that a scale is reached by


def nearest(x: keras.KerasTensor, factor: int) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, factor * h, factor * w, c]: every value repeated factor x factor times.

    Exactly nearest-neighbour, written as a pixel shuffle of copies: unlike `UpSampling2D` it keeps its channel
    dimension and runs whole under XLA and LiteRT with sizes known only at run time.
    """
    return ops.depth_to_space(ops.concatenate([x] * factor**2, axis=-1), factor)


def apply_upsampling(
    x: keras.KerasTensor, scale: int, method: str, conv: Callable[[int, str], layers.Layer], slope: float
) -> keras.KerasTensor:
    """Enlarge by `scale` in factors of 2 or 3, a convolution and a LeakyReLU each.

    Args:
        x: [n, h, w, c].
        scale: 1, 2, 3, 4 or 8.
        method: "nearest" (nearest, then convolution: the released ESRGAN) or "pixel_shuffle" (convolution to
            factor^2 times the channels, then shuffle: SRResNet, EDSR).
        conv: makes a convolution of so many channels and that name.
        slope: negative slope of the LeakyReLU.

    Returns:
        [n, scale * h, scale * w, c].

    Raises:
        InputError: `scale` or `method` is none of those.
    """
    if scale not in STEPS:
        raise InputError(f"`scale` must be one of {', '.join(map(str, STEPS))}. Received: scale={scale}.")
    if method not in UPSAMPLINGS:
        raise InputError(f"`upsampling` must be one of {', '.join(UPSAMPLINGS)}. Received: upsampling={method}.")
    channels = x.shape[-1]
    for number, factor in enumerate(STEPS[scale], start=1):
        if method == "nearest":
            x = conv(channels, f"conv_up{number}")(nearest(x, factor))
        else:
            x = ops.depth_to_space(conv(channels * factor**2, f"conv_up{number}")(x), factor)
        x = ops.leaky_relu(x, slope)
    return x
