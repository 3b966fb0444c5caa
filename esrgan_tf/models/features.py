"""Feature networks for perceptual losses: images in 0..1 in, feature maps out, frozen."""

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from esrgan_tf.errors import InputError, first_line

CONVS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # in each block (configurations D and E)
WIDTHS = (64, 128, 256, 512, 512)
CAFFE_MEAN_RGB_255 = (123.68, 116.779, 103.939)  # of ImageNet, subtracted before Caffe's VGG (BGR)
IMAGENET_MEAN_RGB_01 = (0.485, 0.456, 0.406)
IMAGENET_STD_RGB_01 = (0.229, 0.224, 0.225)
PREPROCESSINGS = ("caffe", "torchvision")
# What `esrgan convert` writes, by the model's name: the network, and the preprocessing that its weights expect.
# MINC's were changed by ESRGAN's authors so that they take RGB in 0..1 as it is (BasicSR, issue 134).
CONVERTED = {
    "vgg16_torchvision": ("vgg16", "torchvision"),
    "vgg19_torchvision": ("vgg19", "torchvision"),
    "vgg16_minc": ("vgg16", "minc"),
}
NEEDS_CONVERSION = (".pth", ".pt", ".safetensors")
RANDOM_SEED = 19


def vgg_features(
    layer_names: Sequence[str] = ("conv5_4",),
    before_activation: bool = True,
    network: str = "vgg19",
    weights: str = "imagenet",
    preprocessing: str = "caffe",
    caffe_feature_scale: float = 1.0,
    dtype: str = "float32",
) -> keras.Model:
    """VGG16 or VGG19 up to some of its convolutions. Source: Simonyan and Zisserman (arXiv:1409.1556).

    The preprocessing is part of the model: Caffe's (BGR in 0..255 minus the mean) for Keras' ImageNet weights;
    torchvision's (mean 0, variance 1) for random ones; a converted file states its own, torchvision's or none (MINC).

    Args:
        layer_names: `conv1_2`, `conv5_4` and so on: block and number of the convolution; `pool1` to `pool5`: the
            pooling after a block (EnhanceNet).
        before_activation: the convolution's own output (ESRGAN) or its ReLU (SRGAN).
        network: "vgg16" or "vgg19".
        weights: "imagenet" (through Keras, downloaded if need be), "random" (He-normal from a fixed seed), or the
            path of a file: one that `esrgan convert` wrote, or Keras weights of the network without its top.
        preprocessing: "caffe" or "torchvision", what Keras weights expect; a converted file knows.
        caffe_feature_scale: the features of weights with Caffe's preprocessing are multiplied by it.
        dtype: Keras dtype policy.

    Returns:
        Model [batch, height, width, 3] RGB in 0..1 -> features [batch, h, w, c] float32 by name; not
        trainable.

    Raises:
        InputError: no such network, layer or preprocessing, or a file of another network or not yet converted.
        OSError: Keras cannot get or read the weights.
    """
    if preprocessing not in PREPROCESSINGS:
        known = ", ".join(PREPROCESSINGS)
        raise InputError(f"`preprocessing` must be one of {known}. Received: preprocessing={preprocessing}.")
    places = {name: _place(network, name) for name in layer_names}
    if not places:
        raise InputError("`layers` must name at least one layer. Received: none.")
    converted = _converted_name(network, weights)
    if converted:
        preprocessing = CONVERTED[converted][1]
    elif weights == "random":
        preprocessing = "torchvision"
    inputs = keras.Input((None, None, 3), name="image")
    maps = _apply_network(inputs, network, max(places.values()), preprocessing, dtype)
    scale = caffe_feature_scale if preprocessing == "caffe" else 1.0
    outputs = {
        name: scale * ops.cast(maps[place][0 if before_activation else 1], "float32") for name, place in places.items()
    }
    model = keras.Model(inputs, outputs, name=f"{network}_{'_'.join(layer_names)}")
    if weights != "random":
        _copy_trained_weights(model, network, weights, converted)
    model.trainable = False
    return model


def converted_network(name: str) -> keras.Model:
    """A whole feature network for converted weights, which `vgg_features` then reads from its file.

    Args:
        name: one of `CONVERTED`; the model is named so, and its convolutions conv1_1 and so on.

    Returns:
        Model [batch, height, width, 3] RGB in 0..1 -> its last convolution's output before activation.
    """
    network, preprocessing = CONVERTED[name]
    last = len(CONVS[network]), CONVS[network][-1]
    inputs = keras.Input((None, None, 3), name="image")
    maps = _apply_network(inputs, network, last, preprocessing, "float32")
    model = keras.Model(inputs, maps[last][0], name=name)
    model.trainable = False
    return model


def unit_variance(x: keras.KerasTensor) -> keras.KerasTensor:
    """RGB in 0..1 -> mean 0, variance 1 over ImageNet, same shape."""
    return (x - np.array(IMAGENET_MEAN_RGB_01, "float32")) / np.array(IMAGENET_STD_RGB_01, "float32")


def apply_convolutions(
    x: keras.KerasTensor, network: str, last: tuple[int, int], dtype: str, pool_padding: str = "valid"
) -> dict[tuple[int, int], tuple[keras.KerasTensor, keras.KerasTensor]]:
    """A VGG's convolutions up to the last one asked for.

    Args:
        x: [n, h, w, 3], preprocessed.
        network: "vgg16" or "vgg19".
        last: its block and number.
        dtype: Keras dtype policy.
        pool_padding: "valid" drops a map's odd last row and column, "same" pools them by themselves.

    Returns:
        Maps (before, after activation) by (block, number); a block begins with number 0, the pooling before it.
    """
    maps = {}
    for block, (convs, width) in enumerate(zip(CONVS[network], WIDTHS, strict=True), start=1):
        for number in range(1, convs + 1):
            if (block, number) > last:
                return maps
            initializer = keras.initializers.HeNormal(seed=RANDOM_SEED + 10 * block + number)
            x = layers.Conv2D(
                width, 3, padding="same", kernel_initializer=initializer, name=f"conv{block}_{number}", dtype=dtype
            )(x)
            maps[block, number] = x, ops.relu(x)
            x = maps[block, number][1]
        if (block + 1, 0) > last:
            break
        x = layers.MaxPooling2D(2, padding=pool_padding, name=f"pool{block}", dtype=dtype)(x)
        maps[block + 1, 0] = x, x
    return maps


def _apply_network(
    x: keras.KerasTensor, network: str, last: tuple[int, int], preprocessing: str, dtype: str
) -> dict[tuple[int, int], tuple[keras.KerasTensor, keras.KerasTensor]]:
    """RGB [n, h, w, 3] in 0..1 -> `apply_convolutions` of what the weights expect."""
    if preprocessing != "minc":
        x = _caffe(x) if preprocessing == "caffe" else unit_variance(x)
    # ESRGAN's MINC network pools with PyTorch's `ceil_mode`.
    return apply_convolutions(x, network, last, dtype, "same" if preprocessing == "minc" else "valid")


def _place(network: str, name: str) -> tuple[int, int]:
    """`conv5_4` -> (5, 4); `pool5`, with which block 6 would begin -> (6, 0)."""
    if network not in CONVS:
        raise InputError(f"`network` must be one of {', '.join(CONVS)}. Received: network={network}.")
    if re.fullmatch("pool[1-5]", name):
        return int(name[-1]) + 1, 0
    match = re.fullmatch(r"conv([1-5])_([1-4])", name)
    block, number = map(int, match.groups()) if match else (0, 0)
    if not match or number > CONVS[network][block - 1]:
        last = f"conv5_{CONVS[network][-1]}"
        raise InputError(f"`layers` must be conv1_1 to {last} or pool1 to pool5 of {network}. Received: {name}.")
    return block, number


def _caffe(x: keras.KerasTensor) -> keras.KerasTensor:
    """RGB in 0..1 -> BGR in 0..255 minus the mean, same shape."""
    return ops.flip(255.0 * x - np.array(CAFFE_MEAN_RGB_255, "float32"), axis=-1)


def _converted_name(network: str, weights: str) -> str | None:
    """The name inside a file that `esrgan convert` wrote, `None` of everything else."""
    if weights.lower().endswith(NEEDS_CONVERSION):
        raise InputError(
            f"`{weights}` must be converted first: esrgan convert --input={weights} "
            f"--output={Path(weights).with_suffix('.keras')}"
        )
    if not weights.endswith(".keras") or not zipfile.is_zipfile(weights):
        return None
    try:
        with zipfile.ZipFile(weights) as archive:
            name = json.loads(archive.read("config.json"))["config"]["name"]
    except (KeyError, TypeError, ValueError):
        return None
    if name in CONVERTED and CONVERTED[name][0] != network:
        raise InputError(f"`{weights}` must hold {network}, which the recipe asks for. Received: {name}.")
    return name if name in CONVERTED else None


def _copy_trained_weights(model: keras.Model, network: str, weights: str, converted: str | None) -> None:
    """Copy every convolution's kernel and bias; Keras' own VGG calls `conv5_4` `block5_conv4`."""
    try:
        if converted:
            trained = keras.saving.load_model(weights, compile=False)
        else:
            trained = getattr(keras.applications, network.upper())(include_top=False, weights=weights)
    except Exception as error:  # Keras raises no narrower type when a download fails
        raise OSError(first_line(error)) from error
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            block, number = _place(network, layer.name)
            own = layer.name if converted else f"block{block}_conv{number}"
            layer.set_weights(trained.get_layer(own).get_weights())
