"""ENet, the generator of EnhanceNet (arXiv:1612.07919, table 1)."""

from functools import partial

import keras
from keras import ops

from esrgan_tf.models.layers.convolutions import apply_conv, he_normal
from esrgan_tf.models.layers.upsampling import apply_upsampling, bicubic
from esrgan_tf.recipes.generators import ENetConfig

SMALL = 0.1  # of the He-normal start of what is added to something


def enet(config: ENetConfig, name: str = "enet", dtype: str = "float32") -> keras.Model:
    """ENet. Source: EnhanceNet (arXiv:1612.07919) table 1: it learns what bicubic upscaling lacks.

    Departure: kernels start He-normal, which the paper does not tell, and times 0.1 where their output is added to a
    skip: the network begins close to bicubic upscaling.

    Args:
        config: width, depth and scale (2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32; 852,867
        parameters at x4.
    """
    conv = partial(apply_conv, initialization=he_normal, dtype=dtype)
    small = partial(he_normal, scale=SMALL)
    inputs = keras.Input((None, None, 3), name="lr")
    x = ops.relu(conv(inputs, config.features, "conv_first"))
    for index in range(config.blocks):
        y = ops.relu(conv(x, config.features, f"body_{index}_conv1"))
        x = x + conv(y, config.features, f"body_{index}_conv2", initialization=small)
    x = apply_upsampling(x, config.scale, "nearest", conv, lambda x, _: ops.relu(x))
    x = ops.relu(conv(x, config.features, "conv_hr"))
    residual = apply_conv(x, 3, "conv_last", initialization=small)
    return keras.Model(inputs, residual + bicubic(inputs, config.scale), name=name)
