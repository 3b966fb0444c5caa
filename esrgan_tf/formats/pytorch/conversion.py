"""Published PyTorch weights to Keras models, and generators back again: every tensor is used exactly once."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import find_generator, load_generator, save_generator
from esrgan_tf.formats.pytorch.generator_layouts import GENERATOR_RECOGNISERS, basicsr_rules
from esrgan_tf.formats.pytorch.layouts import Layout
from esrgan_tf.formats.pytorch.perceptual_layouts import LPIPS_BACKBONES, LPIPS_LINS, PERCEPTUAL_RECOGNISERS
from esrgan_tf.formats.pytorch.span_layout import OWN_LAYER
from esrgan_tf.formats.pytorch.tensor_files import read_tensors, write_tensors
from esrgan_tf.formats.pytorch.transfer import NAMED, describe, extract, fill, variable_slots, weighted_layers
from esrgan_tf.metadata import generator_info
from esrgan_tf.models import build_discriminator, build_generator
from esrgan_tf.models.features import converted_network
from esrgan_tf.models.fusion import fuse_branches
from esrgan_tf.models.lpips import lpips
from esrgan_tf.recipes.configs import NAME
from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig
from esrgan_tf.recipes.overrides import override

PROBE = 8  # px: height and width of the image on which an exported generator is compared with its source
EXACT = 1e-6  # of the largest value, that the two may differ by


def recognise(tensors: Mapping[str, np.ndarray], origin: str | Path) -> Layout:
    """Which layout tensors are in, and the network they belong to.

    Args:
        tensors: by PyTorch's names; only their shapes are looked at.
        origin: where they come from, for messages.

    Raises:
        InputError: no known layout, or one without the tensors that say how wide and deep the network is.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for recogniser in (*GENERATOR_RECOGNISERS, *PERCEPTUAL_RECOGNISERS):
        try:
            layout = recogniser(shapes)
        except LookupError as error:
            raise InputError(f"`{origin}` {error.args[0]}") from error
        except InputError as error:
            raise InputError(f"`{origin}` is of a network that cannot be built: {error}") from error
        if layout:
            return layout
    raise InputError(
        f"`{origin}` must be of a known layout: ESRGAN (old, new), BasicSR or Real-ESRGAN (RRDBNet, SRVGGNetCompact, "
        "MSRResNet, EDSR), SPAN, their VGG discriminator, torchvision's VGG16, VGG19 or AlexNet, MINC's VGG16. "
        f"Received: tensors such as {', '.join(list(shapes)[:NAMED])}."
    )


def import_weights(
    source: str | Path,
    target: str | Path,
    name: str | None = None,
    changes: Mapping[str, Any] | None = None,
    lpips_lins: str | Path | None = None,
) -> str:
    """Convert a file of published weights to a Keras model's file.

    Args:
        source: `.pth` or `.safetensors` of any known layout.
        target: `.keras` to write.
        name: of the recipe that a generator is to carry; `None`: made from the file's name.
        changes: fields of a generator's configuration that no tensor tells, such as EDSR's residual_scale.
        lpips_lins: LPIPS' lin layers, `source` being its backbone.

    Returns:
        What was written, for people.

    Raises:
        InputError: the file cannot be used.
        OSError: the target cannot be written.
    """
    tensors = read_tensors(source)
    layout = recognise(tensors, source)
    if lpips_lins:
        layout = _with_lins(layout, source)
        tensors |= read_tensors(lpips_lins)
    elif layout.network == "alexnet":
        raise InputError(f"`{source}` is AlexNet, LPIPS' backbone: give its lin layers as well, `lpips=FILE`.")
    is_generator = not isinstance(layout.network, str | VGGDiscriminatorConfig)
    if not is_generator and (name or changes):
        raise InputError(f"`name` and `set` are for generators. Received: {layout.title}.")
    if is_generator:
        layout = replace(layout, network=override(layout.network, changes or {}))
        recipe = _recipe_name(name or Path(source).stem, layout.network.scale, given=bool(name))
        model = build_generator(layout.network, recipe)
    elif isinstance(layout.network, str):
        model = lpips(layout.network.removeprefix("lpips_")) if lpips_lins else converted_network(layout.network)
    else:
        model = build_discriminator(layout.network, layout.patch)
    fill(model, tensors, layout, f"{source}` with `{lpips_lins}" if lpips_lins else source)
    if is_generator:
        save_generator(model, target)
    else:
        with replacing(target) as temporary:
            model.save(temporary)
    return f"{describe(layout)}: {model.name}, {model.count_params():,} parameters"


def export_generator(source: str | Path, target: str | Path, changes: Mapping[str, Any] | None = None) -> str:
    """Convert a generator to a file in BasicSR's layout, or in SPAN's, and verify that it gives the same network back.

    Args:
        source: a `.keras` generator or a work directory.
        target: `.pth` or `.safetensors` to write.
        changes: fields of the configuration that BasicSR's tensors do not tell.

    Returns:
        What was written, for people.

    Raises:
        InputError: no generator there, one that BasicSR has not, or one whose tensors do not tell all of it.
        OSError: the target cannot be written.
    """
    path = find_generator(source, "input")
    model = load_generator(path)
    if OWN_LAYER not in {layer.name for layer in model.layers}:
        model = fuse_branches(model)  # only SPAN's layout knows branches
    rules = basicsr_rules({layer.name: {v.name for v in layer.variables} for layer in weighted_layers(model)})
    if rules is None:
        raise InputError(f"`{path}` must be of a family that BasicSR has: rrdb, srvgg, msrresnet, edsr; or span.")
    named = {slot.tensor: np.broadcast_to(np.float32(0), slot.shape) for slot in variable_slots(model, rules)}
    tensors = extract(model, _recognised(named, path, changes))
    layout = _recognised(tensors, path, changes)  # of all that is written
    twin = build_generator(layout.network, generator_info(model).recipe)
    fill(twin, dict(tensors), layout, path)
    if not _same(model, twin):
        raise InputError(
            f"`{path}` must be what its tensors tell, {describe(layout)}. Received: another network of the same "
            "tensors; say what by `set`, such as `set=residual_scale=0.1`, here and where the file is read."
        )
    write_tensors(target, tensors)
    return f"{model.name}: {describe(layout)}, {len(tensors)} tensors"


def _recognised(tensors: Mapping[str, np.ndarray], path: Path, changes: Mapping[str, Any] | None) -> Layout:
    """A generator's layout, with fields of its configuration replaced."""
    layout = recognise(tensors, path)
    return replace(layout, network=override(layout.network, changes or {}))


def _with_lins(layout: Layout, source: str | Path) -> Layout:
    """LPIPS' layout, from its backbone's."""
    if layout.network not in LPIPS_BACKBONES:
        raise InputError(
            f"`{source}` must be torchvision's AlexNet or VGG16, LPIPS' backbone. Received: {layout.title}."
        )
    rules = (*layout.rules, *LPIPS_LINS)
    return Layout(f"LPIPS on {layout.title}", LPIPS_BACKBONES[layout.network], rules, ignored=layout.ignored)


def _recipe_name(text: str, scale: int, given: bool) -> str:
    """A recipe's name from a flag, or made from a file's stem: letters, digits, `.`, `_`, `-`, without the scale."""
    if given and not re.fullmatch(NAME, text):
        raise InputError(f"`name` must be letters, digits, `_`, `-` and `.`. Received: {text}.")
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-").removesuffix(f"_x{scale}") or "converted"


def _same(model: keras.Model, twin: keras.Model) -> bool:
    """Whether two generators have the same scale and give the same image."""
    image = np.random.default_rng(0).uniform(size=(1, PROBE, PROBE, 3)).astype(np.float32)
    first, second = np.array(model(image)), np.array(twin(image))
    return first.shape == second.shape and bool(np.abs(first - second).max() <= EXACT * np.abs(first).max())
