"""Generators run by Keras on TensorFlow."""

from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import metadata_of
from esrgan_tf.models.receptive_field import preferred_tiling


def keras_network(model: keras.Model, origin: str = "") -> Network:
    """A generator as a network; weights set later on take effect.

    Args:
        model: [batch, height, width, 3] in 0..1, with metadata.
        origin: its file, for people.

    Raises:
        InputError: the model has no metadata, and its name is not a generator's.
    """
    tiling = preferred_tiling(model)
    metadata = replace(metadata_of(model), overlap=tiling.overlap, preferred_tile=tiling.tile)
    # One trace for every size; `model.predict` would copy and batch what is one image.
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
    function = tf.function(lambda batch: model(batch, training=False), input_signature=signature)

    def run(rgb_01: np.ndarray) -> np.ndarray:
        try:
            return function(rgb_01[None])[0].numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(str(error)) from error

    return Network(metadata, run, origin)
