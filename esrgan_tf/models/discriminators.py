"""Discriminators: pictures in, raw logits out (no sigmoid: the losses take logits)."""

import keras
from keras import layers, ops

from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DiscriminatorConfig

SLOPE = 0.2
HALVINGS = 5
PATCH_MULTIPLE = 2**HALVINGS
WIDEST = 8  # times the first width
SYNCHRONIZED = keras.backend.backend() == "tensorflow"  # Keras refuses it elsewhere


def vgg_discriminator(
    config: DiscriminatorConfig, patch: int, name: str = "vgg_discriminator", dtype: str = "float32"
) -> keras.Model:
    """VGG-style discriminator. Source: ESRGAN's released code (`Discriminator_VGG_128`), for any patch.

    A 3x3 convolution keeps the map, a 4x4 one halves it, five times; BatchNorm after all but the first.
    BatchNorm's statistics are taken over all replicas (on TensorFlow; other backends have no replicas here).

    Args:
        config: first width, and units of the hidden dense layer.
        patch: height and width of the pictures in px, a multiple of 32. 128 with the official widths has
            14,499,401 trainable parameters.
        name: the model's name.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> logits [batch, 1] float32.

    Raises:
        InputError: `patch` is not a positive multiple of 32.
    """
    if patch <= 0 or patch % PATCH_MULTIPLE:
        raise InputError(f"`patch` must be a positive multiple of {PATCH_MULTIPLE}. Received: patch={patch}.")
    x = inputs = keras.Input((patch, patch, 3), name="picture")
    for index in range(HALVINGS):
        width = config.features * min(2**index, WIDEST)
        x = _apply_conv(x, width, 3, 1, f"conv{index}_0", f"bn{index}_0" if index else None, dtype)
        x = _apply_conv(x, width, 4, 2, f"conv{index}_1", f"bn{index}_1", dtype)
    x = layers.Flatten(name="flatten", dtype=dtype)(x)
    x = layers.Dense(config.dense_units, kernel_initializer=_he_normal(), name="linear1", dtype=dtype)(x)
    x = ops.leaky_relu(x, SLOPE)
    logits = layers.Dense(1, kernel_initializer=_he_normal(), name="linear2", dtype="float32")(x)
    return keras.Model(inputs, logits, name=name)


def _apply_conv(
    x: keras.KerasTensor, width: int, kernel: int, stride: int, name: str, norm: str | None, dtype: str
) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, h / stride, w / stride, width]: convolution, BatchNorm if named, LeakyReLU."""
    x = layers.Conv2D(
        width,
        kernel,
        stride,
        padding="same",
        use_bias=norm is None,
        kernel_initializer=_he_normal(),
        name=name,
        dtype=dtype,
    )(x)
    if norm:
        # PyTorch's momentum 0.1 and epsilon 1e-5, in Keras' terms.
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=SYNCHRONIZED, name=norm, dtype=dtype)(x)
    return ops.leaky_relu(x, SLOPE)


def _he_normal() -> keras.initializers.Initializer:
    """PyTorch's `kaiming_normal_`: fan in, not truncated."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
