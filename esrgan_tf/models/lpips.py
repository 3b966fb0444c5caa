"""LPIPS: a learned distance between images (arXiv:1801.03924)."""

import keras
from keras import layers, ops

from esrgan_tf.errors import InputError
from esrgan_tf.models.features import apply_convolutions, unit_variance

ALEXNET = ((64, 11, 4), (192, 5, 1), (384, 3, 1), (256, 3, 1), (256, 3, 1))  # width, kernel, stride (Krizhevsky 2014)
ALEXNET_POOLED = (2, 3)  # the convolutions that a pooling of 3 px, stride 2, comes before
VGG16_MAPS = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))  # the last convolution of each block
BACKBONES = ("alex", "vgg")
EPSILON = 1e-10  # of the unit length


def lpips(backbone: str = "alex") -> keras.Model:
    """LPIPS, version 0.1. Source: Zhang et al. (arXiv:1801.03924) equation 1 and their released code.

    Args:
        backbone: "alex" (the published metric, images from 31 px) or "vgg" (from 16 px).

    Returns:
        Model named `lpips_<backbone>`: two images [batch, height, width, 3] RGB float32 in 0..1, of the same size
        -> distances [batch] float32, 0 for equal ones. Its weights are random until trained ones are put in:
        the backbone's are torchvision's, and lin0 to lin4 those of the lpips package.

    Raises:
        InputError: no such backbone.
    """
    if backbone not in BACKBONES:
        raise InputError(f"`backbone` must be one of {', '.join(BACKBONES)}. Received: backbone={backbone}.")
    features = _alexnet() if backbone == "alex" else _vgg16()
    images = [keras.Input((None, None, 3), name=name) for name in ("first", "second")]
    distance = 0.0
    for index, (first, second) in enumerate(zip(*map(features, images), strict=True)):
        differences = ops.square(_unit_length(first) - _unit_length(second))
        weighted = layers.Conv2D(1, 1, use_bias=False, name=f"lin{index}")(differences)
        distance = distance + ops.mean(weighted, axis=(1, 2, 3))
    model = keras.Model(images, distance, name=f"lpips_{backbone}")
    model.trainable = False
    return model


def _alexnet() -> keras.Model:
    """Images [n, h, w, 3] in 0..1 -> the five maps of AlexNet, after their ReLUs."""
    inputs = keras.Input((None, None, 3), name="image")
    x, maps = unit_variance(inputs), []
    for number, (width, kernel, stride) in enumerate(ALEXNET, start=1):
        if number in ALEXNET_POOLED:
            x = layers.MaxPooling2D(3, 2, name=f"pool{number - 1}")(x)
        if stride > 1:  # PyTorch pads both sides by 2, which "same" would not
            x = layers.ZeroPadding2D(2, name=f"pad{number}")(x)
        padding = "valid" if stride > 1 else "same"
        x = ops.relu(layers.Conv2D(width, kernel, stride, padding=padding, name=f"conv{number}")(x))
        maps.append(x)
    return keras.Model(inputs, maps, name="alexnet")


def _vgg16() -> keras.Model:
    """Images [n, h, w, 3] in 0..1 -> the last map of each block of VGG16, after its ReLU."""
    inputs = keras.Input((None, None, 3), name="image")
    maps = apply_convolutions(unit_variance(inputs), "vgg16", VGG16_MAPS[-1], "float32")
    return keras.Model(inputs, [maps[place][1] for place in VGG16_MAPS], name="vgg16")


def _unit_length(x: keras.KerasTensor) -> keras.KerasTensor:
    """[n, h, w, c] -> same: every pixel's vector at length 1."""
    return x / (ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True)) + EPSILON)
