"""Files that a format writes of a tiny generator."""

import shutil
from pathlib import Path

from esrgan_tf.formats.format import Format, WriteOptions, WriteRequest
from esrgan_tf.formats.tflite.converter import with_metadata
from esrgan_tf.models import deployed_form
from support.families import TILE, metadata


def request_for(model, folder, deployed=None, **options) -> WriteRequest:
    """What a writer is given; of a generator that is no family's, its deployed form."""
    options = WriteOptions(**options)
    return WriteRequest([model], [deployed or deployed_form(model)], metadata(model), options, folder, folder)


def write(format: Format, model, folder, **options) -> Path:
    """Write a generator's one file of a format."""
    (artifact,) = format.write(request_for(model, folder, **options))
    return artifact.path


def write_tflite(path: Path, model, tflite: bytes, **changes) -> Path:
    """Write a LiteRT file of a generator's tile of `TILE` px, described but for changes."""
    path.write_bytes(with_metadata(tflite, metadata(model, tile=TILE, overlap=8, **changes)))
    return path


def copy_with_parts(path: Path, folder: Path) -> Path:
    """Copy a file and the weights beside it."""
    for part in (path, path.with_suffix(".bin")):
        shutil.copy(part, folder)
    return folder / path.name
