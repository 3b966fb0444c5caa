"""MSRResNet: SRResNet without BatchNorm and with a bilinear skip, as BasicSR has it."""

from functools import partial

import keras
from keras import ops

from esrgan_tf.models.layers.convolutions import apply_conv, he_normal
from esrgan_tf.models.layers.upsampling import apply_upsampling, bilinear
from esrgan_tf.recipes.generators import MSRResNetConfig

SLOPE = 0.1  # of every LeakyReLU


def msrresnet(config: MSRResNetConfig, name: str = "msrresnet", dtype: str = "float32") -> keras.Model:
    """MSRResNet. Source: BasicSR's `MSRResNet`, after SRGAN (arXiv:1609.04802).

    Args:
        config: widths, depth and scale (2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32; 1,517,571
        parameters at x4. Layers are named as BasicSR names its tensors: `body.0.conv1` is `body_0_conv1` here.
    """
    scaled = partial(he_normal, scale=config.init_scale)
    conv = partial(apply_conv, initialization=scaled, dtype=dtype)
    inputs = keras.Input((None, None, 3), name="lr")
    x = ops.leaky_relu(conv(inputs, config.features, "conv_first"), SLOPE)
    for index in range(config.blocks):
        y = ops.relu(conv(x, config.features, f"body_{index}_conv1"))
        x = x + conv(y, config.features, f"body_{index}_conv2")
    x = apply_upsampling(x, config.scale, "pixel_shuffle", conv, lambda x, _: ops.leaky_relu(x, SLOPE))
    x = ops.leaky_relu(conv(x, config.features, "conv_hr"), SLOPE)
    residual = apply_conv(x, 3, "conv_last", initialization=scaled)
    return keras.Model(inputs, residual + bilinear(inputs, config.scale), name=name)
