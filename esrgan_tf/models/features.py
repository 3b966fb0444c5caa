"""Feature networks for perceptual losses: pictures in 0..1 in, feature maps out, frozen."""

import re

import keras
import numpy as np
from keras import layers, ops

from esrgan_tf.errors import InputError, first_line

CONVS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}  # convolutions in each block of VGG19 (configuration E)
WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
CAFFE_MEAN_RGB_255 = (123.68, 116.779, 103.939)  # of ImageNet, subtracted before Caffe's VGG19 (BGR)
IMAGENET_MEAN_RGB_01 = (0.485, 0.456, 0.406)
IMAGENET_STD_RGB_01 = (0.229, 0.224, 0.225)
RANDOM_SEED = 19


def vgg19_features(
    layer: str = "block5_conv4",
    before_activation: bool = True,
    weights: str = "imagenet",
    caffe_feature_scale: float = 1.0,
    dtype: str = "float32",
) -> keras.Model:
    """VGG19 up to one convolution. Source: Simonyan and Zisserman (arXiv:1409.1556), ESRGAN section 3.3.

    Keras' ImageNet weights are Caffe's: BGR in 0..255 minus the mean. Random weights see unit-variance inputs.
    Either preprocessing is part of the model.

    Args:
        layer: `block1_conv1` to `block5_conv4`, Keras' names.
        before_activation: the convolution's own output (ESRGAN) or its ReLU (SRGAN).
        weights: "imagenet" (through Keras, downloaded if need be), "random" (He-normal from a fixed seed), or the
            path of a Keras weights file of VGG19 without its top.
        caffe_feature_scale: the features of trained weights are multiplied by it.
        dtype: Keras dtype policy.

    Returns:
        Model [batch, height, width, 3] RGB in 0..1 -> features [batch, h, w, c] float32, not trainable.

    Raises:
        InputError: no such layer.
        OSError: Keras cannot get or read the weights.
    """
    block, conv = _place(layer)
    x = inputs = keras.Input((None, None, 3), name="picture")
    x = _unit_variance(x) if weights == "random" else _caffe(x)
    for current in range(1, block + 1):
        if current > 1:
            x = layers.MaxPooling2D(2, name=f"block{current - 1}_pool", dtype=dtype)(x)
        for number in range(1, (conv if current == block else CONVS[current]) + 1):
            initializer = keras.initializers.HeNormal(seed=RANDOM_SEED + 10 * current + number)
            name = f"block{current}_conv{number}"
            x = layers.Conv2D(
                WIDTHS[current], 3, padding="same", kernel_initializer=initializer, name=name, dtype=dtype
            )(x)
            if name != layer or not before_activation:
                x = ops.relu(x)
    x = ops.cast(x, "float32")
    if weights != "random":
        x = x * caffe_feature_scale
    model = keras.Model(inputs, x, name=f"vgg19_{layer}")
    if weights != "random":
        _copy_trained_weights(model, weights)
    model.trainable = False
    return model


def _place(layer: str) -> tuple[int, int]:
    """`block5_conv4` -> (5, 4)."""
    match = re.fullmatch(r"block(\d)_conv(\d)", layer)
    block, conv = map(int, match.groups()) if match else (0, 0)
    if not 1 <= conv <= CONVS.get(block, 0):
        raise InputError(f"`layer` must be block1_conv1 to block5_conv4 of VGG19. Received: layer={layer}.")
    return block, conv


def _caffe(x: keras.KerasTensor) -> keras.KerasTensor:
    """RGB in 0..1 -> BGR in 0..255 minus the mean, same shape."""
    return ops.flip(255.0 * x - np.array(CAFFE_MEAN_RGB_255, "float32"), axis=-1)


def _unit_variance(x: keras.KerasTensor) -> keras.KerasTensor:
    """RGB in 0..1 -> mean 0, variance 1 over ImageNet, same shape."""
    return (x - np.array(IMAGENET_MEAN_RGB_01, "float32")) / np.array(IMAGENET_STD_RGB_01, "float32")


def _copy_trained_weights(model: keras.Model, weights: str) -> None:
    """Copy every convolution's kernel and bias from Keras' own VGG19 by name."""
    try:
        trained = keras.applications.VGG19(include_top=False, weights=weights)
    except Exception as error:  # Keras raises no narrower type when a download fails
        raise OSError(first_line(error)) from error
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights(trained.get_layer(layer.name).get_weights())
