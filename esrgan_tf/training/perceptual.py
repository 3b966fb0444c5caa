"""Where the perceptual loss's feature network gets its weights."""

import os
from pathlib import Path

import keras
import numpy as np
from keras import ops

from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb, to_float
from esrgan_tf.models import build_features
from esrgan_tf.models.distilled_features import DISTILLED
from esrgan_tf.recipes.configs import PerceptualConfig

SAMPLE_SIDE = 192  # px of each photograph, over which activations have mean 1


def resolve_features(config: PerceptualConfig, precision: str) -> tuple[keras.Model, str]:
    """Build the feature network with the weights that can be had, its activations of mean 1 where it asks for that.

    Args:
        config: its network, layers and weights.
        precision: Keras dtype policy.

    Returns:
        The network, and where its weights come from, for people.

    Raises:
        InputError: a layer that the network has not, or weights that cannot be had.
    """
    features, origin = _with_weights(config, precision)
    return (_normalized(features) if config.normalize else features), origin


def _normalized(features: keras.Model) -> keras.Model:
    """A feature network whose every layer's activations are divided by their mean over the sample's photographs."""
    crops = np.stack([_middle(to_float(read_rgb(pair.hr))) for pair in sample_photographs()[0]])
    means = {name: float(ops.mean(maps)) for name, maps in features(crops).items()}
    outputs = {name: maps / means[name] for name, maps in features.output.items()}
    normalized = keras.Model(features.input, outputs, name=features.name)
    normalized.trainable = False
    return normalized


def _middle(rgb_01: np.ndarray) -> np.ndarray:
    """The middle of an image, `SAMPLE_SIDE` px."""
    top, left = ((side - SAMPLE_SIDE) // 2 for side in rgb_01.shape[:2])
    return rgb_01[top : top + SAMPLE_SIDE, left : left + SAMPLE_SIDE]


def _with_weights(config: PerceptualConfig, precision: str) -> tuple[keras.Model, str]:
    """The feature network, and where its weights come from."""
    if config.network == DISTILLED or config.weights in ("random", "shipped"):  # nothing to look for outside
        where = {"random": "random, fixed seed"}.get(config.weights, config.weights)
        return build_features(config, config.weights, precision), where
    try:
        if config.weights == "minc":
            raise OSError("they are not among Keras' own")
        if config.weights == "imagenet" and not config.download and not _imagenet_is_cached(config.network):
            raise OSError("they are not in Keras' cache")
        return build_features(config, config.weights, precision), config.weights
    except OSError as error:
        reason = f"{config.network.upper()}'s weights `{config.weights}` cannot be had: {error}"
        if not config.random_if_missing or config.weights != "imagenet":  # a file asked for is not guessed at
            raise InputError(
                f"{reason}. Use `vgg_weights=PATH` (Keras weights such as {_weights_name(config.network)}) "
                "or, for features without training, `vgg_weights=random`."
            ) from error
        return build_features(config, "random", precision), f"random, fixed seed ({reason})"


def _weights_name(network: str) -> str:
    """What Keras calls the file of ImageNet weights."""
    return f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"


def _imagenet_is_cached(network: str) -> bool:
    """Whether Keras has downloaded the ImageNet weights before."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return (home / "models" / _weights_name(network)).is_file()
