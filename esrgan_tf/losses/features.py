"""Distances of what a feature network finds in images."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import keras
from keras import ops

from esrgan_tf.losses.pixel import float32, l1_loss, mse_loss

Tensor = keras.KerasTensor
TEXTURE_PATCH = 16  # px of a feature map


def perceptual_loss(
    features: Callable[[Tensor], dict[str, Tensor]],
    weights: Mapping[str, float],
    predicted: Tensor,
    target: Tensor,
    criterion: Callable[[Tensor, Tensor], Tensor] = l1_loss,
    texture_weights: Mapping[str, float] = MappingProxyType({}),
) -> Tensor:
    """sum of weight * criterion(layer(predicted), layer(target)). Source: ESRGAN section 3.3; layers: Real-ESRGAN.

    Args:
        features: a feature network, images in 0..1 -> maps by layer.
        weights: of the layers.
        texture_weights: of layers by their `texture_loss`, added to it.
        predicted: images; gradients flow through the features to them.
        target: images of the same shape; no gradient.
        criterion: `l1_loss` (ESRGAN) or `mse_loss` (SRGAN).

    Returns:
        Scalar float32, 0 or more.
    """
    found, wanted = features(predicted), features(target)
    wanted = {name: ops.stop_gradient(maps) for name, maps in wanted.items()}
    loss = sum(weight * criterion(found[name], wanted[name]) for name, weight in weights.items())
    return loss + sum(weight * texture_loss(found[name], wanted[name]) for name, weight in texture_weights.items())


def texture_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean (G(predicted) - G(target))^2, G the Gram matrix of each patch. Source: EnhanceNet (arXiv:1612.07919), 4.2.3.

    Args:
        predicted: maps [batch, height, width, channels], of which patches of 16 x 16 are taken, those that are cut
            off by the border left out; where a side is shorter, as many as there are.
        target: of the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return mse_loss(_gram(predicted), _gram(target))


def _gram(maps: Tensor) -> Tensor:
    """[n, h, w, c] -> [n, patches, c, c]: of each patch, the sum over its pixels of channel times channel."""
    count, height, width, channels = ops.shape(maps)
    rows, columns = (ops.minimum(side, TEXTURE_PATCH) for side in (height, width))
    down, across = height // rows, width // columns
    maps = float32(maps)[:, : down * rows, : across * columns]
    maps = ops.reshape(maps, (count, down, rows, across, columns, channels))
    patches = ops.reshape(ops.transpose(maps, (0, 1, 3, 2, 4, 5)), (count, down * across, rows * columns, channels))
    return ops.matmul(ops.swapaxes(patches, 2, 3), patches)
