"""ESRGAN's generator: residual-in-residual dense blocks without BatchNorm (arXiv:1809.00219, section 3.1)."""

from collections.abc import Callable
from functools import partial

import keras
from keras import ops

from esrgan_tf.models.layers.convolutions import apply_batch_norm, apply_conv, apply_padding, he_normal, torch_uniform
from esrgan_tf.models.layers.upsampling import apply_upsampling
from esrgan_tf.recipes.generators import RRDBConfig

SLOPE = 0.2  # of every LeakyReLU
DENSE_BLOCKS = 3  # in one RRDB
GROWING_CONVS = 4  # in one dense block; a fifth brings it back to the trunk's width

Conv = Callable[[keras.KerasTensor, int, str], keras.KerasTensor]


def rrdb(config: RRDBConfig, name: str = "rrdb", dtype: str = "float32") -> keras.Model:
    """RRDB network. Source: ESRGAN figure 4 and the released code.

    Args:
        config: widths, depth, scale (1, 2, 3, 4 or 8) and the ablation's switches. With `pixel_unshuffle` (scale
            1 or 2) the image's sides must be multiples of 4 / scale.
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32: a half-precision image
            would have fewer than 256 levels.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. Layers are
        named as BasicSR names its tensors: `body.0.rdb1.conv1` is `body_0_rdb1_conv1` here.
    """
    conv, body_conv = _convs(config, dtype)
    inputs = keras.Input((None, None, 3), name="lr")
    x, scale = inputs, config.scale
    if config.pixel_unshuffle:
        x, scale = ops.space_to_depth(x, config.lr_multiple), 4
    first = x = conv(x, config.features, "conv_first")
    apply_block = apply_rrdb if config.block == "rrdb" else apply_residual_block
    for index in range(config.blocks):
        x = apply_block(x, config, body_conv, f"body_{index}")
    x = first + conv(x, config.features, "conv_body")
    x = apply_upsampling(x, scale, config.upsampling, conv, lambda x, _: ops.leaky_relu(x, SLOPE))
    x = ops.leaky_relu(conv(x, config.features, "conv_hr"), SLOPE)
    outputs = _convs(config, "float32")[0](x, 3, "conv_last")
    return keras.Model(inputs, outputs, name=name)


def apply_rrdb(x: keras.KerasTensor, config: RRDBConfig, conv: Conv, name: str) -> keras.KerasTensor:
    """[n, h, w, features] -> same: x + residual_scale * (dense block three times)."""
    y = x
    for index in range(1, DENSE_BLOCKS + 1):
        y = apply_dense_block(y, config, conv, f"{name}_rdb{index}")
    return x + config.residual_scale * y


def apply_dense_block(x: keras.KerasTensor, config: RRDBConfig, conv: Conv, name: str) -> keras.KerasTensor:
    """[n, h, w, features] -> same: every convolution sees all maps before it; no activation after the last."""
    maps = [x]
    for index in range(1, GROWING_CONVS + 1):
        seen = ops.concatenate(maps, axis=-1) if len(maps) > 1 else x
        maps.append(ops.leaky_relu(conv(seen, config.growth, f"{name}_conv{index}"), SLOPE))
    residual = conv(ops.concatenate(maps, axis=-1), x.shape[-1], f"{name}_conv{GROWING_CONVS + 1}")
    return x + config.residual_scale * residual


def apply_residual_block(x: keras.KerasTensor, config: RRDBConfig, conv: Conv, name: str) -> keras.KerasTensor:
    """[n, h, w, features] -> same: x + residual_scale * (convolution, LeakyReLU, convolution)."""
    y = ops.leaky_relu(conv(x, x.shape[-1], f"{name}_conv1"), SLOPE)
    return x + config.residual_scale * conv(y, x.shape[-1], f"{name}_conv2")


def _convs(config: RRDBConfig, dtype: str) -> tuple[Conv, Conv]:
    """Convolutions outside and inside the body: 3x3, He-normal x init_scale, BatchNorm in the body if asked for."""
    scaled = partial(he_normal, scale=config.init_scale)
    outer = scaled if config.init_convs == "all" else torch_uniform
    padded = config.padding != "zero"
    options = {"dtype": dtype, "padding": "valid" if padded else "same"}

    def pad(x: keras.KerasTensor) -> keras.KerasTensor:
        return apply_padding(x, 1, config.padding) if padded else x

    def conv(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
        return apply_conv(pad(x), channels, name, initialization=outer, **options)

    def body_conv(x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
        norm = config.batch_norm
        x = apply_conv(pad(x), channels, name, initialization=scaled, use_bias=not norm, **options)
        return apply_batch_norm(x, f"{name}_bn", dtype) if norm else x

    return conv, body_conv
