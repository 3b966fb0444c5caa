"""Distances of images, or of their features."""

import keras
from keras import ops

Tensor = keras.KerasTensor
CHARBONNIER_EPSILON = 1e-3


def l1_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean |predicted - target|, of images (ESRGAN equation 3's L1) or of features (L_percep).

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return ops.mean(ops.abs(float32(predicted) - float32(target)))


def mse_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean (predicted - target)^2. Source: SRGAN equation 4.

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return ops.mean(ops.square(float32(predicted) - float32(target)))


def charbonnier_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean sqrt((predicted - target)^2 + 1e-6). Source: LapSRN (arXiv:1704.03915) section 3.3, epsilon 1e-3.

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 1e-3 or more.
    """
    squared = ops.square(float32(predicted) - float32(target))
    return ops.mean(ops.sqrt(squared + CHARBONNIER_EPSILON**2))


def float32(x: Tensor | float) -> Tensor:
    """The same tensor in float32: sums of half-precision differences lose the small ones."""
    return ops.cast(x, "float32")
