"""SRCNN: three convolutions on the bicubic upsampling (arXiv:1501.00092)."""

from functools import partial

import keras
from keras import ops

from esrgan_tf.models.layers.convolutions import apply_conv, normal
from esrgan_tf.models.layers.upsampling import bicubic
from esrgan_tf.recipes.generators import SRCNNConfig

INITIAL_STD = 0.001  # of every kernel, biases start at 0: section 3.3


def srcnn(config: SRCNNConfig, name: str = "srcnn", dtype: str = "float32") -> keras.Model:
    """SRCNN on RGB. Source: SRCNN section 3.1. Departure: padded, so that the image keeps its borders.

    Args:
        config: kernels, widths and scale (1, 2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32; 69,251
        parameters for 9-5-5 on RGB (the paper's 57,184 are the weights of its network on one channel).
    """
    conv = partial(apply_conv, initialization=partial(normal, std=INITIAL_STD))
    inputs = keras.Input((None, None, 3), name="lr")
    x = bicubic(inputs, config.scale)
    *kernels, last_kernel = config.kernels
    for number, (features, kernel) in enumerate(zip(config.features, kernels, strict=True), start=1):
        x = ops.relu(conv(x, features, f"conv{number}", kernel=kernel, dtype=dtype))
    outputs = conv(x, 3, "conv_last", kernel=last_kernel)
    return keras.Model(inputs, outputs, name=name)
