"""The formats that there are, and what `model` names, opened by the one that it is of.

A user of the package adds a format by `register_format`; every command then has it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.formats import (
    keras_file,
    ncnn_files,
    onnx_file,
    openvino_ir,
    pytorch,
    saved_model,
    tflite,
    web,
    zoo_member,
)
from esrgan_tf.formats.format import Format
from esrgan_tf.formats.network import Network, check_alpha
from esrgan_tf.metadata import metadata_of

if TYPE_CHECKING:
    import keras

FORMATS: dict[str, Format] = {}


def register_format(format: Format) -> None:
    """Add a format. Of several that recognise a path the one added last is taken; the zoo's own files stay its own.

    Raises:
        InputError: its name is taken, or it can neither be read nor written.
    """
    if format.name in FORMATS:
        raise InputError(f"`name` of a format must be none of {', '.join(FORMATS)}. Received: {format.name}.")
    if not (format.load or format.open or format.write):
        raise InputError(f"`load`, `open` or `write` of the format {format.name} must be given. Received: none.")
    FORMATS[format.name] = format


for _built_in in (
    keras_file.FORMAT,
    saved_model.FORMAT,
    tflite.FORMAT,
    onnx_file.FORMAT,
    openvino_ir.FORMAT,
    ncnn_files.FORMAT,
    web.FORMAT,
    *pytorch.FORMATS,
    zoo_member.FORMAT,
):
    register_format(_built_in)


def writable_formats() -> tuple[Format, ...]:
    """Formats that generators are exported to."""
    return tuple(format for format in FORMATS.values() if format.write)


def writable_format(name: str) -> Format:
    """The format of that name, to write.

    Raises:
        InputError: none that can be written.
    """
    check_one_of("format", name, [format.name for format in writable_formats()])
    return FORMATS[name]


def titles(loadable: bool = False) -> str:
    """What `model` may name, for people; `loadable`: of that what holds a whole generator of Keras."""
    *others, last = [f.title for f in FORMATS.values() if f.load or (f.open and not loadable)]
    return f"{', '.join(others)} or {last}"


def format_of(path: str | Path, argument: str = "model") -> Format:
    """The format of a file or a folder.

    Args:
        path: what `model` names.
        argument: where it was given, for messages.

    Raises:
        InputError: no format recognises it, or it can only be written.
    """
    for format in (zoo_member.FORMAT, *reversed(FORMATS.values())):
        if (format.load or format.open) and format.is_of(path):
            return format
    raise InputError(f"`{argument}` must be {titles()}. Received: {path}.")


def open_network(models: Sequence[str | Path], alpha: float | None = None) -> Network:
    """Open a generator, or a network interpolated between two.

    Args:
        models: a file or folder of any format; or two that hold generators of Keras, psnr and gan.
        alpha: 0 (psnr) to 1 (gan), for two models or a SavedModel of two.

    Raises:
        InputError: not there, damaged, not described, or alpha where it has no use, or none where it is needed.
    """
    formats = [format_of(model) for model in models]
    exported = [model for model, format in zip(models, formats, strict=True) if not format.load]
    if exported and len(models) > 1:
        raise InputError(f"`model` must be two Keras generators, or one exported file. Received: {exported[0]}.")
    if formats[0].open and len(models) == 1:
        if not formats[0].holds_two:
            check_alpha(False, alpha, str(models[0]))
        return formats[0].open(Path(models[0]), alpha)
    from esrgan_tf.formats.keras_file.runtime import keras_network

    return keras_network(load_interpolated(models, alpha), origin_of(models))


def origin_of(models: Sequence[str | Path]) -> str:
    """The files that one generator, or a network between two, is read from, for people."""
    return " and ".join(str(find_file(model)) for model in models)


def load_interpolated(models: Sequence[str | Path], alpha: float | None = None) -> "keras.Model":
    """Read a whole generator, or the network interpolated between two.

    Args:
        models: one, or psnr and gan.
        alpha: 0 (psnr) to 1 (gan), for two.

    Raises:
        InputError: as `load_generator`, two of different networks, or alpha where it has no use, or none for two.
    """
    check_alpha(len(models) > 1, alpha, " and ".join(map(str, models)))
    generators = [load_generator(model) for model in models]
    if alpha is None:
        return generators[0]
    from esrgan_tf.models.interpolation import interpolate

    return interpolate(*generators, alpha)


def load_generator(path: str | Path, argument: str = "model") -> "keras.Model":
    """Read a whole generator: a `.keras` file, a work directory's best one, published PyTorch weights.

    Args:
        path: of a format that `load`s.
        argument: where it was given, for messages.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32, with its metadata.

    Raises:
        InputError: no generator there, one that was exported for good, or the file is damaged.
    """
    format = format_of(path, argument)
    if not format.load:
        raise InputError(
            f"`{argument}` must be {titles(loadable=True)}: what a file holds that was exported for a runtime can only "
            f"be run. Received: {path}."
        )
    return format.load(Path(path), argument)


def find_file(path: str | Path, argument: str = "model") -> Path:
    """The file that a generator is read from: of a work directory its best one, of a name of the zoo its own.

    Raises:
        InputError: a folder without a generator.
    """
    locate = format_of(path, argument).locate
    return locate(Path(path), argument) if locate else Path(path)


def digest_of(models: Sequence[str | Path]) -> str:
    """SHA-256 of the files of generators, in their order.

    Raises:
        InputError: as `find_file`, or a file cannot be read.
    """
    digest = hashlib.sha256()
    for model in models:
        found = find_file(model)
        files = sorted(path for path in found.rglob("*") if path.is_file()) if found.is_dir() else [found]
        for file in files:
            try:
                digest.update(file.read_bytes())
            except OSError as error:
                raise InputError(f"`model` {file} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def takes_alpha(path: str | Path) -> bool:
    """Whether a file holds two generators, between which every call chooses.

    Raises:
        InputError: such as may hold two, and is not described.
    """
    return format_of(path).holds_two and bool(describe(path)["takes_alpha"])


def describe(path: str | Path, argument: str = "model") -> dict[str, object]:
    """A generator's metadata, by field, and what else its format knows of the file.

    Args:
        path: anything that `model` takes.
        argument: where it was given, for messages.

    Raises:
        InputError: not there, damaged, or not described.
    """
    format = format_of(path, argument)
    if format.describe:
        return format.describe(Path(path))
    if format.load:
        model = format.load(Path(path), argument)
        return {**asdict(metadata_of(model)), "parameters": model.count_params(), "file": find_file(path)}
    return asdict(open_network([path]).metadata)
