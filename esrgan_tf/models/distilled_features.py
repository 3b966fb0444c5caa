"""A VGG19 distilled to a sixteenth of its parameters, for perceptual losses without a download.

Source: "Collaborative Distillation for Ultra-Resolution Universal Style Transfer" (arXiv:2003.08436); the weights are
its authors', under MIT (`pretrained/LICENSE.vgg19_distilled`), here in Keras' layout and in float16 but for `bgr`, the
first 1x1 convolution. That changes features by a thousandth of their mean magnitude.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.models.features import RANDOM_SEED, unit_variance

DISTILLED = "vgg19_distilled"
CONVS = (2, 2, 4, 4, 1)  # in each block
WIDTHS = (16, 32, 64, 128, 128)
VGG19_WIDTHS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}  # what is estimated
WEIGHTS = ("shipped", "random")
SHIPPED = Path(__file__).parent / "pretrained" / f"{DISTILLED}.npz"


def distilled_vgg19_features(
    layer_names: Sequence[str] = ("conv4_1",),
    before_activation: bool = True,
    weights: str = "shipped",
    dtype: str = "float32",
) -> keras.Model:
    """Estimates of VGG19's conv1_1 to conv5_1 from a network of 964,188 parameters.

    Source: arXiv:2003.08436, section 3. Each `convK_1` of the small network passes a 1x1 convolution (`convK_1_aux`)
    to VGG19's own width; its ReLU is the estimate of VGG19's relu_K_1. Inputs are Caffe's (BGR in 0..255 minus the
    mean, by a 1x1 convolution), but features are not as large as Caffe's: the mean of each layer after its ReLU is
    about 1 (1.19, 1.17, 1.09, 1.02, 0.81 measured on photographs), as in the normalized VGG19 of style transfer. They
    therefore need no factor such as SRGAN's 1/12.75, and get none.

    Args:
        layer_names: of `conv1_1`, `conv2_1`, `conv3_1`, `conv4_1`, `conv5_1`.
        before_activation: the 1x1 convolution's own output (as ESRGAN takes VGG19's) or its ReLU.
        weights: "shipped", or "random" (He-normal from a fixed seed, inputs of unit variance).
        dtype: Keras dtype policy.

    Returns:
        Model [batch, height, width, 3] RGB in 0..1 -> features [batch, h, w, c] float32 by name; not trainable. Its
        convolutions pad by reflection, so that sides must be 2^K px or more for `convK_1`.

    Raises:
        InputError: no such layer or weights.
    """
    for name in layer_names:
        check_one_of("layers", name, VGG19_WIDTHS)
    if not layer_names:
        raise InputError("`layers` must name at least one layer. Received: none.")
    if weights not in WEIGHTS:
        raise InputError(
            f"`weights` must be one of {', '.join(WEIGHTS)} for the network {DISTILLED}; for others, choose "
            f"vgg19 or vgg16 and its layers (`perceptual.network=vgg19`, `perceptual.layers=...`). Received: {weights}."
        )
    shipped = weights == "shipped"
    inputs = keras.Input((None, None, 3), name="image")
    # To BGR in float32, which costs nothing on three channels: half precision would round the pixels.
    x = layers.Conv2D(3, 1, name="bgr")(inputs) if shipped else unit_variance(inputs)
    maps = _apply_blocks(x, max(layer_names), dtype)
    outputs = {}
    for name in layer_names:
        estimate = _apply_conv(maps[name], VGG19_WIDTHS[name], 1, f"{name}_aux", dtype)
        outputs[name] = ops.cast(estimate if before_activation else ops.relu(estimate), "float32")
    model = keras.Model(inputs, outputs, name=f"{DISTILLED}_{'_'.join(layer_names)}")
    if shipped:
        _copy_shipped_weights(model)
    model.trainable = False
    return model


def _apply_blocks(x: keras.KerasTensor, last: str, dtype: str) -> dict[str, keras.KerasTensor]:
    """[n, h, w, 3], preprocessed -> every convolution's map after its ReLU up to the last one asked for, by name."""
    maps = {}
    for block, (convs, width) in enumerate(zip(CONVS, WIDTHS, strict=True), start=1):
        for number in range(1, convs + 1):
            name = f"conv{block}_{number}"
            if name > last:
                return maps
            if number == 1 and block > 1:
                x = layers.MaxPooling2D(2, name=f"pool{block - 1}", dtype=dtype)(x)
            x = ops.relu(_apply_conv(x, width, 3, name, dtype))
            maps[name] = x
    return maps


def _apply_conv(x: keras.KerasTensor, channels: int, kernel: int, name: str, dtype: str) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, h, w, channels], padded by reflection."""
    border = kernel // 2
    if border:
        x = ops.pad(x, [[0, 0], [border, border], [border, border], [0, 0]], "reflect")
    seed = RANDOM_SEED + 10 * int(name[4]) + int(name[6])  # of conv2_1: 19 + 21
    initializer = keras.initializers.HeNormal(seed)
    return layers.Conv2D(channels, kernel, kernel_initializer=initializer, name=name, dtype=dtype)(x)


def _copy_shipped_weights(model: keras.Model) -> None:
    """Give every convolution its kernel and bias."""
    with np.load(SHIPPED) as tensors:
        for layer in model.layers:
            if isinstance(layer, layers.Conv2D):
                layer.set_weights([tensors[f"{layer.name}.{part}"] for part in ("kernel", "bias")])
