"""Training losses as pure functions of tensors, on any Keras backend.

Images are [batch, height, width, 3] in 0..1, logits [batch, 1] or a map of them. Every loss is a float32 scalar:
the mean over what it is given.
"""

from esrgan_tf.losses.adversarial import (
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
    standard_discriminator_loss,
    standard_generator_loss,
)
from esrgan_tf.losses.features import perceptual_loss, texture_loss
from esrgan_tf.losses.ldl import ldl_loss
from esrgan_tf.losses.pixel import charbonnier_loss, l1_loss, mse_loss
from esrgan_tf.losses.registry import (
    ADVERSARIAL_LOSSES,
    FEATURE_LOSSES,
    PIXEL_LOSSES,
    REGISTERED_LOSSES,
    named_loss,
    register_loss,
)

__all__ = [
    "ADVERSARIAL_LOSSES",
    "FEATURE_LOSSES",
    "PIXEL_LOSSES",
    "REGISTERED_LOSSES",
    "charbonnier_loss",
    "l1_loss",
    "ldl_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "mse_loss",
    "named_loss",
    "perceptual_loss",
    "register_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "standard_discriminator_loss",
    "standard_generator_loss",
    "texture_loss",
]
