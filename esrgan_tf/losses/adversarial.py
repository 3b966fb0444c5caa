"""Adversarial losses: those of one kind share a signature, and take a mean over all replicas from their caller."""

from collections.abc import Callable

import keras
from keras import ops

from esrgan_tf.losses.pixel import mse_loss

Tensor = keras.KerasTensor
Mean = Callable[[Tensor], Tensor]


def relativistic_generator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 [BCE(C(x_r) - mean C(x_f), 0) + BCE(C(x_f) - mean C(x_r), 1)]. Source: ESRGAN equation 2, halved.

    The released code halves the paper's sum, and its weight 5e-3 belongs to the halved form; like there, the
    real images' logits carry no gradient.

    Args:
        real: logits of real images, [batch, ...].
        fake: logits of generated images, [batch, ...].
        mean: mean of logits over the whole batch, all replicas included.

    Returns:
        Scalar float32.
    """
    real = ops.stop_gradient(real)
    return 0.5 * (_bce(real - mean(fake), 0) + _bce(fake - mean(real), 1))


def relativistic_discriminator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 [BCE(C(x_r) - mean C(x_f), 1) + BCE(C(x_f) - mean C(x_r), 0)]. Source: ESRGAN equation 1, halved.

    Args:
        real: logits of real images, [batch, ...].
        fake: logits of generated images, [batch, ...].
        mean: mean of logits over the whole batch, all replicas included.

    Returns:
        Scalar float32.
    """
    return 0.5 * (_bce(real - mean(fake), 1) + _bce(fake - mean(real), 0))


def standard_generator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """BCE(C(x_f), 1), non-saturating. Source: Goodfellow et al. (arXiv:1406.2661); SRGAN equation 6.

    Args:
        real: not used.
        fake: logits of generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return _bce(fake, 1)


def standard_discriminator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """BCE(C(x_r), 1) + BCE(C(x_f), 0). Source: Goodfellow et al. (arXiv:1406.2661).

    Args:
        real: logits of real images, [batch, ...].
        fake: logits of generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return _bce(real, 1) + _bce(fake, 0)


def least_squares_generator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 mean (C(x_f) - 1)^2. Source: LSGAN (arXiv:1611.04076) equation 9.

    Args:
        real: not used.
        fake: outputs for generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return 0.5 * mse_loss(fake, 1.0)


def least_squares_discriminator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 mean (C(x_r) - 1)^2 + 1/2 mean C(x_f)^2. Source: LSGAN (arXiv:1611.04076) equation 9.

    Args:
        real: outputs for real images, [batch, ...].
        fake: outputs for generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return 0.5 * (mse_loss(real, 1.0) + mse_loss(fake, 0.0))


def _bce(logits: Tensor, label: int) -> Tensor:
    """Mean binary cross-entropy of logits [batch, ...] against one label, without overflow."""
    return ops.mean(ops.softplus(-logits if label else logits))
