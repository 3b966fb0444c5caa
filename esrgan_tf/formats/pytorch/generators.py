"""Generators from and to files of PyTorch's tensors: every tensor is used exactly once."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.pytorch.generator_layouts import EDSR, basicsr_rules
from esrgan_tf.formats.pytorch.layouts import Layout
from esrgan_tf.formats.pytorch.recognition import is_generator, recognise
from esrgan_tf.formats.pytorch.span_layout import OWN_LAYER
from esrgan_tf.formats.pytorch.tensor_files import read_tensors, write_tensors
from esrgan_tf.formats.pytorch.transfer import describe, extract, fill, variable_slots, weighted_layers
from esrgan_tf.metadata import metadata_of, set_metadata
from esrgan_tf.models import build_generator
from esrgan_tf.models.fusion import fuse_branches
from esrgan_tf.models.stepped import in_steps
from esrgan_tf.recipes.configs import NAME
from esrgan_tf.recipes.overrides import override

PROBE = 8  # px: height and width of the image on which a written generator is compared with its source
EXACT = 1e-6  # of the largest value, that the two may differ by


def read_generator(path: str | Path, argument: str = "model") -> keras.Model:
    """Build the generator that a file of published weights holds; its recipe is the file's name.

    Args:
        path: `.pth` or `.safetensors` of any known layout.
        argument: where it was given, for messages.

    Raises:
        InputError: the file cannot be used, or holds another kind of network.
    """
    tensors = read_tensors(path)
    layout = recognise(tensors, path)
    if not is_generator(layout):
        raise InputError(f"`{argument}` must be a generator. Received: {path}, {layout.title}.")
    return generator_of(tensors, layout, path)


def generator_of(
    tensors: dict[str, np.ndarray], layout: Layout, origin: str | Path, recipe: str | None = None
) -> keras.Model:
    """Build a generator from its tensors.

    Args:
        tensors: by PyTorch's names; used up, so that the network is not in memory twice.
        layout: of the tensors, a generator's.
        origin: their file.
        recipe: that the generator is to carry; `None`: made from the file's name.

    Raises:
        InputError: the tensors do not fit, or the recipe's name is none.
    """
    if recipe is not None and not re.fullmatch(NAME, recipe):
        raise InputError(f"`name` must be letters, digits, `_`, `-` and `.`. Received: {recipe}.")
    model = build_generator(layout.network, _recipe_name(recipe or Path(origin).stem, layout.network.scale))
    fill(model, tensors, layout, origin)
    return set_metadata(model, replace(metadata_of(model), source=Path(origin).name))


def write_generator(
    model: keras.Model, path: str | Path, origin: str | Path, changes: Mapping[str, Any] | None = None
) -> str:
    """Write a generator in BasicSR's layout, or in SPAN's, and verify that it gives the same function back.

    Args:
        model: a float32 generator.
        path: `.pth` or `.safetensors`.
        origin: where the model comes from, for messages.
        changes: fields of the configuration that BasicSR's tensors do not hold.

    Returns:
        A summary, for people.

    Raises:
        InputError: a generator that BasicSR has not, or one whose tensors do not determine all of it.
        OSError: the file cannot be written.
    """
    if OWN_LAYER not in {layer.name for layer in model.layers}:
        model = fuse_branches(model)  # only SPAN's layout knows branches
    given, names = model, {layer.name: {v.name for v in layer.variables} for layer in weighted_layers(model)}
    rules = basicsr_rules(names)
    if rules is None:
        raise InputError(f"`{origin}` must be of a family that BasicSR has: rrdb, srvgg, msrresnet, edsr; or span.")
    if rules is EDSR and "conv_up1" not in names:  # BasicSR's has no direct upsampling
        model = in_steps(model)
    named = {slot.tensor: np.broadcast_to(np.float32(0), slot.shape) for slot in variable_slots(model, rules)}
    tensors = extract(model, changed(recognise(named, origin), changes))
    layout = changed(recognise(tensors, origin), changes)  # of all that is written
    twin = build_generator(layout.network, metadata_of(model).recipe)
    fill(twin, dict(tensors), layout, origin)
    if not _same(given, twin):
        raise InputError(
            f"`{origin}` must be what its tensors hold, {describe(layout)}. Received: another network of the same "
            "tensors; give the difference to `esrgan convert` by `set`, such as `set=residual_scale=0.1`, here and "
            "where the file is read."
        )
    write_tensors(path, tensors)
    return f"{model.name}: {describe(layout)}, {len(tensors)} tensors"


def changed(layout: Layout, changes: Mapping[str, Any] | None) -> Layout:
    """A generator's layout, with fields of its configuration replaced."""
    return replace(layout, network=override(layout.network, changes or {}))


def _recipe_name(text: str, scale: int) -> str:
    """A recipe's name made from a file's stem: letters, digits, `.`, `_`, `-`, without the scale."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-").removesuffix(f"_x{scale}") or "converted"


def _same(model: keras.Model, twin: keras.Model) -> bool:
    """Whether two generators have the same scale and give the same image."""
    image = np.random.default_rng(0).uniform(size=(1, PROBE, PROBE, 3)).astype(np.float32)
    first, second = np.array(model(image)), np.array(twin(image))
    return first.shape == second.shape and bool(np.abs(first - second).max() <= EXACT * np.abs(first).max())
