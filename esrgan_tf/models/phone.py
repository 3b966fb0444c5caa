"""A network for the integer engines of phones: 3x3 convolutions and ReLU throughout, after ABPN and QuickSRNet."""

from functools import partial

import keras
from keras import ops

from esrgan_tf.models.branches import apply_branched_conv
from esrgan_tf.models.convolutions import apply_conv, he_normal
from esrgan_tf.recipes.generators import PhoneConfig

LAST_SCALE = 0.1  # of the last convolution's start: close to the repeated input


def phone(config: PhoneConfig, name: str = "phone", dtype: str = "float32") -> keras.Model:
    """Anchor-based network. Source: ABPN (arXiv:2105.09750) section 3, with QuickSRNet's (arXiv:2303.04336) widths.

    The input, repeated scale^2 times along the channels, is added before the pixel shuffle, so that every operation but
    the shuffle works on the small image, and the sum is clipped to 0..1 as in ABPN: the range that uint8 needs.
    Departures: one convolution after the body, as QuickSRNet, instead of ABPN's two; He-normal kernels
    (arXiv:1502.01852, equation 10), the last one's times 0.1, instead of ABPN's Glorot-normal ones or QuickSRNet's
    near identity. Biases start at 0 as ABPN's.

    Args:
        config: width, number of convolutions between the first and the last, branches while it is trained, and scale
            (2, 3 or 4).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32 in 0..1; 70,256
        parameters at x4.
    """
    conv = partial(apply_branched_conv, expansion=config.branches, initialization=he_normal, dtype=dtype)
    x = inputs = keras.Input((None, None, 3), name="lr")
    x = ops.relu(conv(x, config.features, "conv_first"))
    for index in range(config.convs):
        x = ops.relu(conv(x, config.features, f"body_{index}_conv"))
    copies = config.scale**2
    residual = apply_conv(x, 3 * copies, "conv_last", initialization=partial(he_normal, scale=LAST_SCALE))
    sum_01 = ops.clip(residual + ops.concatenate([inputs] * copies, axis=-1), 0.0, 1.0)
    return keras.Model(inputs, ops.depth_to_space(sum_01, config.scale), name=name)
