"""The zoo's weights: float16 tensors by path, checked by their digest when they are read."""

import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from esrgan_tf.atomic import replacing
from esrgan_tf.metadata import metadata_of, set_metadata
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.families import GeneratorConfig
from esrgan_tf.recipes.overrides import from_tree
from esrgan_tf.zoo.cards import MEMBERS, Card, read_card, read_verified


def load_member(name: str) -> keras.Model:
    """Build a member's generator and give it its weights.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32, with its metadata.

    Raises:
        InputError: no member of that name, or its weights are not those of its card.
    """
    card = read_card(name)
    content = read_verified(card.weights, card.sha256)
    kind = GeneratorConfig.of_family(card.generator["family"], f"{name}: family")
    model = build_generator(from_tree(kind, card.generator, name), card.recipe)
    with np.load(io.BytesIO(content)) as tensors:
        for variable in model.variables:
            variable.assign(tensors[variable.path])
    source = f"the zoo of esrgan_tf, trained at commit {card.commit}"
    return set_metadata(model, replace(metadata_of(model), name=name, licence=card.licence, source=source))


def write_member(model: keras.Model, card: Card, folder: Path = MEMBERS) -> None:
    """Write a generator's weights and its card, whose `sha256` and `parameters` are filled in."""
    file = folder / card.weights.name
    with replacing(file) as temporary, open(temporary, "wb") as opened:
        np.savez_compressed(opened, **{v.path: np.asarray(v.value, np.float16) for v in model.variables})
    card = replace(card, parameters=model.count_params(), sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    with replacing(file.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(asdict(card), indent=2) + "\n")
