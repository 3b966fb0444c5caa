"""RCAN: residual channel attention networks (arXiv:1807.02758)."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import ops

from esrgan_tf.models.layers.convolutions import apply_conv
from esrgan_tf.models.layers.upsampling import apply_upsampling
from esrgan_tf.recipes.generators import RCANConfig


def rcan(config: RCANConfig, name: str = "rcan", dtype: str = "float32") -> keras.Model:
    """RCAN. Source: RCAN figures 2 to 4 and its released code. Departure: images in 0..1 instead of 0..255.

    The attention pools the whole image: the outputs of tiles are not exactly the parts of the image's output.

    Args:
        config: widths, depth, reduction, mean color and scale (2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. x4 has
        15,592,355 parameters: 24 fewer than the released code counts, whose mean shifts are two fixed 1x1
        convolutions of 12 numbers each and constants here.
    """
    conv = partial(apply_conv, dtype=dtype)
    mean_01 = np.array(config.mean_rgb_01, "float32")
    inputs = keras.Input((None, None, 3), name="lr")
    x = first = conv(inputs - mean_01, config.features, "conv_first")
    for group in range(config.groups):
        before = x
        for block in range(config.blocks):
            x = apply_attention_block(x, config.reduction, conv, f"body_{group}_{block}")
        x = before + conv(x, config.features, f"body_{group}_conv")
    x = first + conv(x, config.features, "conv_after_body")
    x = apply_upsampling(x, config.scale, "pixel_shuffle", conv, lambda x, _: x)
    return keras.Model(inputs, apply_conv(x, 3, "conv_last") + mean_01, name=name)


def apply_attention_block(
    x: keras.KerasTensor, reduction: int, conv: Callable[..., keras.KerasTensor], name: str
) -> keras.KerasTensor:
    """[n, h, w, c] -> same: x + attention * (convolution, ReLU, convolution), an attention a channel in 0..1."""
    channels = x.shape[-1]
    y = conv(ops.relu(conv(x, channels, f"{name}_conv1")), channels, f"{name}_conv2")
    attention = ops.mean(y, axis=(1, 2), keepdims=True)
    attention = ops.relu(conv(attention, max(1, channels // reduction), f"{name}_squeeze", kernel=1))
    attention = ops.sigmoid(conv(attention, channels, f"{name}_excite", kernel=1))
    return x + attention * y
