"""Converts files: published PyTorch weights to `.keras`, generators or networks that judge images, and back again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.pytorch.generators import changed, generator_of, write_generator
from esrgan_tf.formats.pytorch.layouts import Layout
from esrgan_tf.formats.pytorch.perceptual_layouts import LPIPS_BACKBONES, LPIPS_LINS
from esrgan_tf.formats.pytorch.recognition import is_generator, recognise
from esrgan_tf.formats.pytorch.tensor_files import read_tensors
from esrgan_tf.formats.pytorch.transfer import describe, fill
from esrgan_tf.formats.registry import find_file, load_generator
from esrgan_tf.models import build_discriminator
from esrgan_tf.models.features import converted_network
from esrgan_tf.models.lpips import lpips


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
        changes: fields of a generator's configuration that no tensor holds, such as EDSR's residual_scale.
        lpips_lins: LPIPS' lin layers, `source` being its backbone.

    Returns:
        A summary, for people.

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
    if is_generator(layout):
        layout = changed(layout, changes)
        model = generator_of(tensors, layout, source, name)
        save_generator(model, target)
        return f"{describe(layout)}: {model.name}, {model.count_params():,} parameters"
    if name or changes:
        raise InputError(f"`name` and `set` are for generators. Received: {layout.title}.")
    if not isinstance(layout.network, str):
        model = build_discriminator(layout.network, layout.patch)
    elif lpips_lins:
        model = lpips(layout.network.removeprefix("lpips_"))
    else:
        model = converted_network(layout.network)
    fill(model, tensors, layout, f"{source}` with `{lpips_lins}" if lpips_lins else source)
    with replacing(target) as temporary:
        model.save(temporary)
    return f"{describe(layout)}: {model.name}, {model.count_params():,} parameters"


def export_generator(source: str | Path, target: str | Path, changes: Mapping[str, Any] | None = None) -> str:
    """Convert a generator's file to PyTorch's tensors.

    Args:
        source: a whole generator of Keras: a `.keras` file, a work directory, a name of the zoo.
        target: `.pth` or `.safetensors` to write.
        changes: fields of the configuration that BasicSR's tensors do not hold.

    Returns:
        A summary, for people.

    Raises:
        InputError: no generator there, or as `write_generator`.
        OSError: the target cannot be written.
    """
    return write_generator(load_generator(source, "input"), target, find_file(source, "input"), changes)


def _with_lins(layout: Layout, source: str | Path) -> Layout:
    """LPIPS' layout, from its backbone's."""
    if layout.network not in LPIPS_BACKBONES:
        raise InputError(
            f"`{source}` must be torchvision's AlexNet or VGG16, LPIPS' backbone. Received: {layout.title}."
        )
    rules = (*layout.rules, *LPIPS_LINS)
    return Layout(f"LPIPS on {layout.title}", LPIPS_BACKBONES[layout.network], rules, ignored=layout.ignored)
