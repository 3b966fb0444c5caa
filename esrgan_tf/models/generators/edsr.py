"""EDSR: enhanced deep residual networks (arXiv:1707.02921, section 3.2)."""

from functools import partial

import keras
import numpy as np
from keras import ops

from esrgan_tf.models.layers.convolutions import apply_conv
from esrgan_tf.models.layers.upsampling import apply_upsampling
from esrgan_tf.recipes.generators import EDSRConfig


def edsr(config: EDSRConfig, name: str = "edsr", dtype: str = "float32") -> keras.Model:
    """EDSR. Source: EDSR figures 2 and 3 and its PyTorch code. Departure: images in 0..1 instead of 0..255.

    Args:
        config: widths, depth, residual scale, mean color and scale (2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32; the mean is
        taken off and put back inside. x4 has 1,517,571 parameters (baseline) or 43,089,923 (32 blocks of 256).
        Layers are named as BasicSR names its tensors: `body.0.conv1` is `body_0_conv1` here.
    """
    conv = partial(apply_conv, dtype=dtype)
    mean_01 = np.array(config.mean_rgb_01, "float32")
    inputs = keras.Input((None, None, 3), name="lr")
    x = first = conv(inputs - mean_01, config.features, "conv_first")
    for index in range(config.blocks):
        y = ops.relu(conv(x, config.features, f"body_{index}_conv1"))
        x = x + config.residual_scale * conv(y, config.features, f"body_{index}_conv2")
    x = first + conv(x, config.features, "conv_after_body")
    if config.upsampling == "direct":
        x = ops.depth_to_space(apply_conv(x, 3 * config.scale**2, "conv_last"), config.scale)
    else:
        x = apply_conv(apply_upsampling(x, config.scale, "pixel_shuffle", conv, lambda x, _: x), 3, "conv_last")
    return keras.Model(inputs, x + mean_01, name=name)
