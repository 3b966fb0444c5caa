"""The zoo's weights: read into Keras where they lie in a member's LiteRT file, checked by its digest."""

import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from esrgan_tf.atomic import replacing
from esrgan_tf.export.deployment import write_request
from esrgan_tf.formats import tflite
from esrgan_tf.formats.format import WriteOptions
from esrgan_tf.metadata import metadata_of, set_metadata
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.families import GeneratorConfig
from esrgan_tf.recipes.overrides import from_tree
from esrgan_tf.zoo import cards
from esrgan_tf.zoo.cards import Card, read_card, read_verified

OF_ANY_SIZE = WriteOptions(kinds=("float16",), tiles=(tflite.ANY_SIZE,))
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
    model = _built(card)
    for variable in model.variables:
        variable.assign(_read(content, card.offsets[variable.path], variable.shape))
    return model


def write_member(model: keras.Model, card: Card) -> Card:
    """Write a generator's file, and return its card with what follows from that.

    Raises:
        ValueError: the converter has changed a weight, so that it cannot be read from the file.
    """
    member = _built(card)
    for own, given in zip(member.variables, model.variables, strict=True):
        own.assign(np.asarray(given.value, np.float16) + np.float16(0))  # that it may be found: no -0, which becomes 0
    with tempfile.TemporaryDirectory() as folder:
        (artifact,) = tflite.FORMAT.write(write_request([member], OF_ANY_SIZE, Path(folder)))
        content = artifact.path.read_bytes()
    offsets = {variable.path: content.find(_stored(variable)) for variable in member.variables}
    changed = [path for path, offset in offsets.items() if offset < 0]
    if changed:
        raise ValueError(f"the LiteRT file of {card.name} does not hold {', '.join(changed)} as they are")
    with replacing(card.file) as temporary:
        temporary.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return replace(card, parameters=member.count_params(), sha256=digest, offsets=offsets)


def write_card(card: Card) -> None:
    """Write a card, by which its member is found."""
    with replacing(cards.MEMBERS / f"{card.name}.json") as temporary:
        temporary.write_text(json.dumps(asdict(card), indent=2) + "\n")


def _built(card: Card) -> keras.Model:
    """A member's generator, described, without its weights."""
    kind = GeneratorConfig.of_family(card.generator["family"], f"{card.name}: family")
    model = build_generator(from_tree(kind, card.generator, card.name), card.recipe)
    source = f"the zoo of esrgan_tf, trained at commit {card.commit}"
    return set_metadata(model, replace(metadata_of(model), name=card.name, licence=card.licence, source=source))


def _stored(variable: keras.Variable) -> bytes:
    """A weight as a LiteRT file holds it."""
    weight = np.asarray(variable.value, np.float16)
    return (weight.transpose(OUTPUT_FIRST) if weight.ndim == 4 else weight).tobytes()


def _read(content: bytes, offset: int, shape: tuple[int, ...]) -> np.ndarray:
    """A weight of Keras' shape, from where `_stored` lies in a file."""
    stored = [shape[axis] for axis in OUTPUT_FIRST] if len(shape) == 4 else shape
    weight = np.frombuffer(content, np.float16, np.prod(shape, dtype=int), offset).reshape(stored)
    return weight.transpose(np.argsort(OUTPUT_FIRST)) if len(shape) == 4 else weight
