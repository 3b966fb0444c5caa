"""Training losses as pure functions of tensors, on any Keras backend.

Pictures are [batch, height, width, 3] in 0..1, logits [batch, 1]. Every loss is a float32 scalar: the mean over
what it is given. The relativistic losses take the mean over all replicas from their caller.
"""

from collections.abc import Callable

import keras
from keras import ops

Tensor = keras.KerasTensor


def l1_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean |predicted - target|, of pictures (ESRGAN equation 3's L1) or of features (L_percep).

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return ops.mean(ops.abs(_float32(predicted) - _float32(target)))


def mse_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean (predicted - target)^2. Source: SRGAN equation 4.

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return ops.mean(ops.square(_float32(predicted) - _float32(target)))


def perceptual_loss(features: Callable[[Tensor], Tensor], predicted: Tensor, target: Tensor) -> Tensor:
    """mean |features(predicted) - features(target)|. Source: ESRGAN section 3.3.

    Args:
        features: a feature network, pictures in 0..1 -> any shape.
        predicted: pictures; gradients flow through the features to them.
        target: pictures of the same shape; no gradient.

    Returns:
        Scalar float32, 0 or more.
    """
    return l1_loss(features(predicted), ops.stop_gradient(features(target)))


def relativistic_generator_loss(real: Tensor, fake: Tensor, mean: Callable[[Tensor], Tensor] = ops.mean) -> Tensor:
    """1/2 [BCE(C(x_r) - mean C(x_f), 0) + BCE(C(x_f) - mean C(x_r), 1)]. Source: ESRGAN equation 2, halved.

    The released code halves the paper's sum, and its weight 5e-3 belongs to the halved form; like there, the
    real pictures' logits carry no gradient.

    Args:
        real: logits of real pictures, [batch, 1].
        fake: logits of generated pictures, [batch, 1].
        mean: mean of logits over the whole batch, all replicas included.

    Returns:
        Scalar float32.
    """
    real = ops.stop_gradient(real)
    return 0.5 * (_bce(real - mean(fake), 0) + _bce(fake - mean(real), 1))


def relativistic_discriminator_loss(real: Tensor, fake: Tensor, mean: Callable[[Tensor], Tensor] = ops.mean) -> Tensor:
    """1/2 [BCE(C(x_r) - mean C(x_f), 1) + BCE(C(x_f) - mean C(x_r), 0)]. Source: ESRGAN equation 1, halved.

    Args:
        real: logits of real pictures, [batch, 1].
        fake: logits of generated pictures, [batch, 1].
        mean: mean of logits over the whole batch, all replicas included.

    Returns:
        Scalar float32.
    """
    return 0.5 * (_bce(real - mean(fake), 1) + _bce(fake - mean(real), 0))


def standard_generator_loss(fake: Tensor) -> Tensor:
    """BCE(C(x_f), 1), non-saturating. Source: Goodfellow et al. (arXiv:1406.2661); SRGAN equation 6.

    Args:
        fake: logits of generated pictures, [batch, 1].

    Returns:
        Scalar float32, 0 or more.
    """
    return _bce(fake, 1)


def standard_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """BCE(C(x_r), 1) + BCE(C(x_f), 0). Source: Goodfellow et al. (arXiv:1406.2661).

    Args:
        real: logits of real pictures, [batch, 1].
        fake: logits of generated pictures, [batch, 1].

    Returns:
        Scalar float32, 0 or more.
    """
    return _bce(real, 1) + _bce(fake, 0)


def _bce(logits: Tensor, label: int) -> Tensor:
    """Mean binary cross-entropy of logits [batch, 1] against one label, without overflow."""
    return ops.mean(ops.softplus(-logits if label else logits))


def _float32(x: Tensor) -> Tensor:
    """The same tensor in float32: sums of half-precision differences lose the small ones."""
    return ops.cast(x, "float32")
