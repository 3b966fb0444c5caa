"""Writes members of the zoo."""

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
from esrgan_tf.zoo import cards
from esrgan_tf.zoo.cards import Card
from esrgan_tf.zoo.weights import FLOAT16, build_member, stored

OF_ANY_SIZE = WriteOptions(kinds=("float16",), tiles=(tflite.ANY_SIZE,))


def write_member(model: keras.Model, card: Card) -> Card:
    """Write a generator's file, and return its card with what follows from that.

    Raises:
        ValueError: the converter has changed a weight, so that it cannot be read from the file.
    """
    member, given = build_member(card), {variable.path: variable.value for variable in model.variables}
    for variable in member.variables:
        variable.assign(np.asarray(given[variable.path], FLOAT16) + FLOAT16.type(0))  # -0 as 0: so the converter may
    with tempfile.TemporaryDirectory() as folder:
        (artifact,) = tflite.FORMAT.write(write_request([member], OF_ANY_SIZE, Path(folder)))
        content = artifact.path.read_bytes()
    offsets = {variable.path: content.find(stored(np.asarray(variable.value))) for variable in member.variables}
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
