"""The one class that every way of upscaling goes through."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.comparison import bicubic_upscale
from esrgan_tf.errors import InputError
from esrgan_tf.images import Picture
from esrgan_tf.inference.tiling import upscale_by_tiles
from esrgan_tf.weights.generators import generator_info, load_generator

DEFAULT_TILE = 256  # px
DEFAULT_OVERLAP = 32  # px


class Upscaler:
    """Enlarges pictures with a generator, in tiles where they are large."""

    def __init__(self, model: keras.Model, tile: int = DEFAULT_TILE, overlap: int = DEFAULT_OVERLAP):
        """Wrap a generator.

        Args:
            model: a generator, [batch, height, width, 3] in 0..1.
            tile: px of the input; a picture with a longer side is cut. 0 never cuts.
            overlap: px of the input that a tile sees beyond what is kept of it.

        Raises:
            InputError: a tile that is not more than twice the overlap.
        """
        if tile and tile <= 2 * overlap:
            raise InputError(f"`--tile` must be 0 or more than twice `--overlap`. Received: {tile}, {overlap}.")
        info = generator_info(model)
        self.recipe, self.scale = info.recipe, info.scale
        self._tile, self._overlap = tile, overlap
        # One trace for every size; `model.predict` would copy and batch what is one picture.
        signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
        self._run = tf.function(lambda batch: model(batch, training=False), input_signature=signature)

    @classmethod
    def from_file(cls, path: str | Path, tile: int = DEFAULT_TILE, overlap: int = DEFAULT_OVERLAP) -> "Upscaler":
        """Upscaler of a generator file or a work directory.

        Raises:
            InputError: as `load_generator` and the constructor.
        """
        return cls(load_generator(path), tile, overlap)

    def upscale(self, rgb_01: np.ndarray) -> np.ndarray:
        """Enlarge one RGB picture.

        Args:
            rgb_01: float32 [height, width, 3], 0..1.

        Returns:
            float32 [scale * height, scale * width, 3], clipped to 0..1, not rounded.

        Raises:
            InputError: out of memory, or the generator's output is not finite.
        """
        tile = self._tile or max(rgb_01.shape[:2])
        overlap = self._overlap if self._tile else 0
        try:
            output = upscale_by_tiles(rgb_01, self._upscale_whole, self.scale, tile, overlap)
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise InputError(f"out of memory: use a smaller `--tile`. Received: {tile}.") from error
        if not np.isfinite(output).all():
            raise InputError(f"the generator {self.recipe} gives values that are not finite: train it again.")
        return np.clip(output, 0, 1)

    def upscale_picture(self, picture: Picture) -> Picture:
        """Enlarge a picture and keep its kind: alpha (enlarged by bicubic), grey, bits and ICC profile."""
        alpha = None if picture.alpha is None else bicubic_upscale(picture.alpha, self.scale)
        return dataclasses.replace(picture, rgb=self.upscale(picture.rgb), alpha=alpha)

    def _upscale_whole(self, rgb_01: np.ndarray) -> np.ndarray:
        """float32 [h, w, 3] -> [scale * h, scale * w, 3] in one pass."""
        return self._run(rgb_01[None])[0].numpy()
