"""Networks as functional Keras models, on any Keras backend."""

import keras

from esrgan_tf.models.rrdb import rrdb
from esrgan_tf.recipes import GeneratorConfig


def build_generator(config: GeneratorConfig, recipe: str, dtype: str | None = None) -> keras.Model:
    """A recipe's generator, which carries the recipe's name and its scale in its own name.

    Args:
        config: its widths, depth and scale.
        recipe: the recipe's name.
        dtype: Keras dtype policy, `None` for float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32.
    """
    return rrdb(config, name=f"{recipe}_x{config.scale}", dtype=dtype or "float32")
