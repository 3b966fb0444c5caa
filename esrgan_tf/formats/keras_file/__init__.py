"""`.keras`: load, save, run. Work directories, which hold such files, are of this format too."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.formats.format import Artifact, Format, WriteRequest
from esrgan_tf.formats.keras_file.locate import find_generator, holds_generator

if TYPE_CHECKING:
    import keras


def _recognises(path: Path) -> bool:
    """Whether it is a work directory, or a .keras file of another name."""
    return holds_generator(path) if path.is_dir() else zipfile.is_zipfile(path)


def _load(path: Path, argument: str) -> "keras.Model":
    from esrgan_tf.formats.keras_file.generators import load_generator

    return load_generator(path, argument)


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.keras_file.generators import save_generator

    path = request.folder / f"{request.metadata.name}.keras"
    save_generator(request.generators[0], path, request.metadata)
    yield Artifact(path, request.metadata)


FORMAT = Format(
    name="keras",
    title="a .keras file, a work directory with a generator",
    suffixes=(".keras",),
    recognises=_recognises,
    locate=find_generator,
    load=_load,
    write=_write,
)
