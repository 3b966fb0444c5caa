"""Feature networks of the perceptual loss, by name."""

import keras

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.models.distilled_features import DISTILLED, distilled_vgg19_features
from esrgan_tf.models.features import CONVS, vgg_features
from esrgan_tf.recipes.configs import PerceptualConfig


def build_features(config: PerceptualConfig, weights: str, dtype: str = "float32") -> keras.Model:
    """A recipe's feature network.

    Args:
        config: its network, layers, preprocessing and scale.
        weights: in place of `config.weights`.
        dtype: Keras dtype policy.

    Returns:
        Model [batch, height, width, 3] RGB in 0..1 -> features [batch, h, w, c] float32 by layer; not trainable.

    Raises:
        InputError: no such network, or a layer or weights that it does not have.
        OSError: the weights cannot be read or downloaded.
    """
    check_one_of("network", config.network, (*CONVS, DISTILLED))
    names = config.layer_names
    if config.network == DISTILLED:
        return distilled_vgg19_features(names, config.before_activation, weights, dtype)
    if weights == "shipped":
        raise InputError(
            f"`weights` must be imagenet, random or a file for the network {config.network}: only {DISTILLED}'s are "
            f"shipped. Received: {weights}."
        )
    return vgg_features(
        names,
        config.before_activation,
        config.network,
        weights,
        config.preprocessing,
        config.caffe_feature_scale,
        dtype,
    )
