"""The zoo's weights: read into Keras where they lie in a member's LiteRT file, checked by its digest."""

from dataclasses import replace

import keras
import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.metadata import metadata_of, set_metadata
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.families import GeneratorConfig
from esrgan_tf.recipes.overrides import from_tree
from esrgan_tf.zoo.cards import Card, read_card, read_verified

FLOAT16 = np.dtype("<f2")
OUTPUT_FIRST = (3, 0, 1, 2)  # LiteRT's order of a kernel's axes, of Keras' [height, width, input, output]


def load_member(name: str) -> keras.Model:
    """Build a member's generator and give it its weights.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32, with its metadata.

    Raises:
        InputError: no member of that name, or its file is not that of its card.
    """
    card = read_card(name)
    content = read_verified(card.file, card.sha256)
    model = build_member(card)
    try:
        for variable in model.variables:
            variable.assign(_read(content, card.offsets[variable.path], variable.shape))
    except (KeyError, ValueError) as error:
        raise InputError(f"`{card.file}` must hold the weights of its card. Install the package again.") from error
    return model


def build_member(card: Card) -> keras.Model:
    """A member's generator, described, without its weights."""
    kind = GeneratorConfig.of_family(card.generator["family"], f"{card.name}: family")
    model = build_generator(from_tree(kind, card.generator, card.name), card.recipe)
    source = f"the zoo of esrgan_tf, trained at commit {card.commit}"
    return set_metadata(model, replace(metadata_of(model), name=card.name, licence=card.licence, source=source))


def stored(weight: np.ndarray) -> bytes:
    """A weight as a LiteRT file holds it."""
    return (weight.transpose(OUTPUT_FIRST) if weight.ndim == 4 else weight).astype(FLOAT16).tobytes()


def _read(content: bytes, offset: int, shape: tuple[int, ...]) -> np.ndarray:
    """A weight of Keras' shape, of which `stored` lies at a place in a file."""
    axes = OUTPUT_FIRST if len(shape) == 4 else range(len(shape))
    weight = np.frombuffer(content, FLOAT16, np.prod(shape, dtype=int), offset)
    return weight.reshape([shape[axis] for axis in axes]).transpose(np.argsort(axes))
