"""SRVGGNetCompact: Real-ESRGAN's compact network, all of it at the small image's size."""

from functools import partial

import keras
from keras import ops

from esrgan_tf.models.layers.branches import apply_branched_conv
from esrgan_tf.models.layers.convolutions import PRELU_SLOPE, apply_conv, apply_prelu, he_normal, torch_uniform
from esrgan_tf.models.layers.upsampling import nearest
from esrgan_tf.recipes.generators import SRVGGConfig

LAST_SCALE = 0.1  # of the last convolution's He-normal start: close to nearest-neighbour upscaling


def srvgg(config: SRVGGConfig, name: str = "srvgg", dtype: str = "float32") -> keras.Model:
    """SRVGGNetCompact. Source: Real-ESRGAN's repository (arXiv:2107.10833), general-x4v3 and animevideov3.

    Departure: unless `init` is "torch", kernels start He-normal for PReLU's slope, the last one's times 0.1, and biases
    at 0. From PyTorch's default, which its source leaves, 33 convolutions without skips learned nothing but a constant
    in 1,300 steps of one batch.

    Args:
        config: width, number of convolutions between the first and the last, branches while it is trained (as ECBSR,
            ACM MM 2021, trains such a network), initialisation, and scale (1, 2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. x4 has
        1,213,296 parameters with 32 convolutions and 621,424 with 16. `body.2K` of the released tensors is
        `body_K_conv` here, `body.2K+1` is `body_K_prelu`.
    """
    init = last_init = torch_uniform
    if config.init == "he_normal":
        init = partial(he_normal, slope=PRELU_SLOPE)
        last_init = partial(init, scale=LAST_SCALE)
    conv = partial(apply_branched_conv, expansion=config.branches, initialization=init, dtype=dtype)
    prelu = partial(apply_prelu, shared=False, dtype=dtype)
    x = inputs = keras.Input((None, None, 3), name="lr")
    for index in range(config.convs + 1):
        x = prelu(conv(x, config.features, f"body_{index}_conv"), f"body_{index}_prelu")
    x = apply_conv(x, 3 * config.scale**2, "conv_last", initialization=last_init)
    residual = ops.depth_to_space(x, config.scale) if config.scale > 1 else x
    return keras.Model(inputs, residual + nearest(inputs, config.scale), name=name)
