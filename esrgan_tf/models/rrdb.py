"""ESRGAN's generator: residual-in-residual dense blocks without BatchNorm (arXiv:1809.00219, section 3.1)."""

from collections.abc import Callable
from functools import partial

import keras
from keras import layers, ops

from esrgan_tf.models.upsampling import apply_upsampling
from esrgan_tf.recipes import GeneratorConfig

SLOPE = 0.2  # of every LeakyReLU
DENSE_BLOCKS = 3  # in one RRDB
GROWING_CONVS = 4  # in one dense block; a fifth brings it back to the trunk's width


def rrdb(config: GeneratorConfig, name: str = "rrdb", dtype: str = "float32") -> keras.Model:
    """RRDB network. Source: ESRGAN figure 4 and the released code.

    Args:
        config: widths, depth and scale. Features, growth and blocks are free; scale is 1, 2, 3, 4 or 8.
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32: a half-precision picture
            would have fewer than 256 levels.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. Layers are
        named as BasicSR names its tensors: `body.0.rdb1.conv1` is `body_0_rdb1_conv1` here.

    Raises:
        InputError: the scale or the way of upsampling is unknown.
    """
    conv = partial(_conv, init_scale=config.init_scale, dtype=dtype)
    inputs = keras.Input((None, None, 3), name="lr")
    first = conv(config.features, "conv_first")(inputs)
    x = first
    for index in range(config.blocks):
        x = apply_rrdb(x, config, conv, f"body_{index}")
    x = first + conv(config.features, "conv_body")(x)
    x = apply_upsampling(x, config.scale, config.upsampling, conv, SLOPE)
    x = ops.leaky_relu(conv(config.features, "conv_hr")(x), SLOPE)
    outputs = _conv(3, "conv_last", init_scale=config.init_scale, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def apply_rrdb(
    x: keras.KerasTensor, config: GeneratorConfig, conv: Callable[[int, str], layers.Layer], name: str
) -> keras.KerasTensor:
    """[n, h, w, features] -> same: x + residual_scale * (dense block three times)."""
    y = x
    for index in range(1, DENSE_BLOCKS + 1):
        y = apply_dense_block(y, config, conv, f"{name}_rdb{index}")
    return x + config.residual_scale * y


def apply_dense_block(
    x: keras.KerasTensor, config: GeneratorConfig, conv: Callable[[int, str], layers.Layer], name: str
) -> keras.KerasTensor:
    """[n, h, w, features] -> same: every convolution sees all maps before it; no activation after the last."""
    maps = [x]
    for index in range(1, GROWING_CONVS + 1):
        seen = ops.concatenate(maps, axis=-1) if len(maps) > 1 else x
        maps.append(ops.leaky_relu(conv(config.growth, f"{name}_conv{index}")(seen), SLOPE))
    residual = conv(x.shape[-1], f"{name}_conv{GROWING_CONVS + 1}")(ops.concatenate(maps, axis=-1))
    return x + config.residual_scale * residual


def _conv(channels: int, name: str, init_scale: float, dtype: str) -> layers.Conv2D:
    """3x3 convolution, He-normal (fan in) x init_scale, bias 0."""
    # VarianceScaling scales the variance: a standard deviation x 0.1 needs 2 * 0.1**2.
    initializer = keras.initializers.VarianceScaling(2 * init_scale**2, "fan_in", "untruncated_normal")
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer=initializer, name=name, dtype=dtype)
