"""SRVGGNetCompact: Real-ESRGAN's compact network, all of it at the small picture's size."""

from functools import partial

import keras
from keras import ops

from esrgan_tf.models.convolutions import apply_conv, apply_prelu
from esrgan_tf.models.upsampling import nearest
from esrgan_tf.recipes.generators import SRVGGConfig


def srvgg(config: SRVGGConfig, name: str = "srvgg", dtype: str = "float32") -> keras.Model:
    """SRVGGNetCompact. Source: Real-ESRGAN's repository (arXiv:2107.10833), general-x4v3 and animevideov3.

    Args:
        config: width, number of convolutions between the first and the last, and scale (1, 2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. x4 has
        1,213,296 parameters with 32 convolutions and 621,424 with 16. `body.2K` of the released tensors is
        `body_K_conv` here, `body.2K+1` is `body_K_prelu`.
    """
    prelu = partial(apply_prelu, shared=False, dtype=dtype)
    x = inputs = keras.Input((None, None, 3), name="lr")
    for index in range(config.convs + 1):
        x = prelu(apply_conv(x, config.features, f"body_{index}_conv", dtype=dtype), f"body_{index}_prelu")
    x = apply_conv(x, 3 * config.scale**2, "conv_last")
    residual = ops.depth_to_space(x, config.scale) if config.scale > 1 else x
    return keras.Model(inputs, residual + nearest(inputs, config.scale), name=name)
