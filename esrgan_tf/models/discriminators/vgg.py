"""Convolutional discriminators: images in, raw logits out (no sigmoid: the losses take logits)."""

import keras
from keras import layers, ops

from esrgan_tf.errors import InputError
from esrgan_tf.models.layers.convolutions import Initialization, apply_batch_norm, apply_conv, he_normal, torch_uniform
from esrgan_tf.recipes.discriminators import (
    ENetDiscriminatorConfig,
    PatchDiscriminatorConfig,
    SRGANDiscriminatorConfig,
    VGGDiscriminatorConfig,
)

SLOPE = 0.2
WIDEST = 8  # times the first width
INITIALIZATIONS = {"he_normal": he_normal, "torch": torch_uniform}


def vgg_discriminator(
    config: VGGDiscriminatorConfig, patch: int, name: str = "vgg_discriminator", dtype: str = "float32"
) -> keras.Model:
    """VGG-style discriminator. Source: ESRGAN's released code (`Discriminator_VGG_128`), for any patch.

    A 3x3 convolution keeps the map, a 4x4 one halves it, five times; BatchNorm after all but the first.

    Args:
        config: first width, units of the hidden dense layer, and initialisation.
        patch: height and width of the images in px, a multiple of 32. 128 with the official widths has
            14,499,401 trainable parameters.
        name: the model's name.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> logits [batch, 1] float32.

    Raises:
        InputError: `patch` is not a positive multiple of 32.
    """
    inputs = _patch_input(patch, halvings=5)
    init = INITIALIZATIONS[config.init]
    x = _apply_halvings(inputs, config.features, halvings=5, halving_kernel=4, init=init, dtype=dtype)
    return keras.Model(inputs, _apply_dense_head(x, config.dense_units, init, dtype), name=name)


def srgan_discriminator(
    config: SRGANDiscriminatorConfig, patch: int, name: str = "srgan_discriminator", dtype: str = "float32"
) -> keras.Model:
    """SRGAN's discriminator. Source: SRGAN (arXiv:1609.04802) figure 4; its sigmoid is in the loss.

    Args:
        config: first width, and units of the hidden dense layer.
        patch: height and width of the images in px, a multiple of 16.
        name: the model's name.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> logits [batch, 1] float32.

    Raises:
        InputError: `patch` is not a positive multiple of 16.
    """
    inputs = _patch_input(patch, halvings=4)
    x = _apply_halvings(inputs, config.features, halvings=4, halving_kernel=3, init=he_normal, dtype=dtype)
    return keras.Model(inputs, _apply_dense_head(x, config.dense_units, he_normal, dtype), name=name)


def enet_discriminator(
    config: ENetDiscriminatorConfig, patch: int, name: str = "enet_discriminator", dtype: str = "float32"
) -> keras.Model:
    """EnhanceNet's discriminator. Source: EnhanceNet (arXiv:1612.07919), supplementary, table 1; sigmoid in the loss.

    Args:
        config: first width, and units of the hidden dense layer.
        patch: height and width of the images in px, a multiple of 32.
        name: the model's name.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> logits [batch, 1] float32.

    Raises:
        InputError: `patch` is not a positive multiple of 32.
    """
    x = inputs = _patch_input(patch, halvings=5)
    for index in range(5):
        for number, stride in enumerate((1, 2)):
            width = config.features * 2**index
            x = apply_conv(x, width, f"conv{index}_{number}", initialization=he_normal, dtype=dtype, strides=stride)
            x = ops.leaky_relu(x, SLOPE)
    return keras.Model(inputs, _apply_dense_head(x, config.dense_units, he_normal, dtype), name=name)


def patch_discriminator(
    config: PatchDiscriminatorConfig, patch: int, name: str = "patch_discriminator", dtype: str = "float32"
) -> keras.Model:
    """SRGAN's convolutions and one more in place of its dense layers: a logit for every 16 px.

    Source: common SRGAN code; the idea is pix2pix's (arXiv:1611.07004, section 3.2.2).

    Args:
        config: first width.
        patch: height and width of the images in px, a multiple of 16.
        name: the model's name.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> logits [batch, patch / 16, patch / 16, 1] float32.

    Raises:
        InputError: `patch` is not a positive multiple of 16.
    """
    inputs = _patch_input(patch, halvings=4)
    x = _apply_halvings(inputs, config.features, halvings=4, halving_kernel=3, init=he_normal, dtype=dtype)
    return keras.Model(inputs, apply_conv(x, 1, "conv_last", initialization=he_normal), name=name)


def check_patch(patch: int, halvings: int) -> None:
    """Raise unless an image of so many px can be halved so often."""
    multiple = 2**halvings
    if patch <= 0 or patch % multiple:
        raise InputError(
            f"`patch` (`hr_patch`) must be a multiple of {multiple} for the discriminator. Received: {patch}."
        )


def _patch_input(patch: int, halvings: int) -> keras.KerasTensor:
    """The image, of a size that can be halved so often."""
    check_patch(patch, halvings)
    return keras.Input((patch, patch, 3), name="image")


def _apply_halvings(
    x: keras.KerasTensor, features: int, halvings: int, halving_kernel: int, init: Initialization, dtype: str
) -> keras.KerasTensor:
    """[n, h, w, 3] -> [n, h / 2^halvings, ...]: a convolution that keeps the map, one that halves it, and so on.

    BatchNorm in place of a bias after all but the first, LeakyReLU after each.
    """

    def conv(x: keras.KerasTensor, width: int, kernel: int, stride: int, number: str) -> keras.KerasTensor:
        norm = number != "0_0"
        x = apply_conv(x, width, f"conv{number}", kernel, init, dtype, strides=stride, use_bias=not norm)
        return ops.leaky_relu(apply_batch_norm(x, f"bn{number}", dtype) if norm else x, SLOPE)

    for index in range(halvings):
        width = features * min(2**index, WIDEST)
        x = conv(x, width, 3, 1, f"{index}_0")
        x = conv(x, width, halving_kernel, 2, f"{index}_1")
    return x


def _apply_dense_head(x: keras.KerasTensor, units: int, init: Initialization, dtype: str) -> keras.KerasTensor:
    """[n, h, w, c] -> logits [n, 1] float32."""
    x = layers.Flatten(name="flatten", dtype=dtype)(x)
    x = ops.leaky_relu(_dense(x, units, "linear1", init, dtype), SLOPE)
    return _dense(x, 1, "linear2", init, "float32")


def _dense(x: keras.KerasTensor, units: int, name: str, init: Initialization, dtype: str) -> keras.KerasTensor:
    """[n, c] -> [n, units]."""
    kernel, bias = init(x.shape[-1])
    return layers.Dense(units, kernel_initializer=kernel, bias_initializer=bias, name=name, dtype=dtype)(x)
