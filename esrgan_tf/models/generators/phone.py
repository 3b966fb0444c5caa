"""A network for the integer engines of phones: 3x3 convolutions and ReLU throughout, after ABPN and QuickSRNet."""

from collections.abc import Callable
from functools import partial

import keras
from keras import ops

from esrgan_tf.models.layers.branches import apply_branched_conv
from esrgan_tf.models.layers.convolutions import apply_conv, he_normal
from esrgan_tf.recipes.generators import PhoneConfig

LAST_SCALE = 0.1  # of the last convolution's start: close to the repeated input
BLOCK_SCALE = 0.1  # of the start of a residual block's second convolution: close to the block's input
SIX = 6.0  # white inside the network: ReLU6 is the clip that integer engines fuse into the sum


def phone(config: PhoneConfig, name: str = "phone", dtype: str = "float32") -> keras.Model:
    """Anchor-based network. Source: ABPN (arXiv:2105.09750) section 3, with QuickSRNet's (arXiv:2303.04336) widths.

    The input, repeated scale^2 times along the channels, is added before the pixel shuffle, so that every operation but
    the shuffle works on the small image, and the sum is clipped to 0..1 as in ABPN. The sum is formed in 0..6 and
    clipped by ReLU6: integer engines fuse it into the addition, and leave the minimum of another clip to slow kernels.

    Departures: one convolution after the body, as QuickSRNet, instead of ABPN's two; He-normal kernels
    (arXiv:1502.01852, equation 10), the last one's times 0.1 at the output, instead of ABPN's Glorot-normal ones or
    QuickSRNet's near identity. Biases start at 0 as ABPN's. With `skips` the body is EDSR's residual blocks
    (arXiv:1707.02921, figure 2), which learn faster and cost an addition each.

    Args:
        config: width, number of convolutions between the first and the last, skips, branches while it is trained, and
            scale (2, 3 or 4).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32 in 0..1; 70,256
        parameters at x4.
    """
    conv = partial(apply_branched_conv, expansion=config.branches, initialization=he_normal, dtype=dtype)
    inputs = keras.Input((None, None, 3), name="lr")
    body = _residual_body if config.skips else _plain_body
    x = body(conv(inputs, config.features, "conv_first"), config, conv)
    last_init = partial(he_normal, scale=LAST_SCALE * SIX)
    residual_06 = apply_conv(x, 3 * config.scale**2, "conv_last", initialization=last_init)
    repeated_06 = SIX * inputs
    for _ in range(2):  # in two steps: XNNPACK joins up to five maps
        repeated_06 = ops.concatenate([repeated_06] * config.scale, axis=-1)
    outputs_01 = ops.relu6(residual_06 + repeated_06) / SIX
    return keras.Model(inputs, ops.depth_to_space(outputs_01, config.scale), name=name)


def _plain_body(x: keras.KerasTensor, config: PhoneConfig, conv: Callable) -> keras.KerasTensor:
    """ReLU after every convolution, the first one's too."""
    x = ops.relu(x)
    for index in range(config.convs):
        x = ops.relu(conv(x, config.features, f"body_{index}_conv"))
    return x


def _residual_body(x: keras.KerasTensor, config: PhoneConfig, conv: Callable) -> keras.KerasTensor:
    """Blocks of two convolutions with a ReLU between them, added to what they were given."""
    second_init = partial(he_normal, scale=BLOCK_SCALE)
    for index in range(0, config.convs, 2):
        y = ops.relu(conv(x, config.features, f"body_{index}_conv"))
        x = x + conv(y, config.features, f"body_{index + 1}_conv", initialization=second_init)
    return x
