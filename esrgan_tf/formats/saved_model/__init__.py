"""SavedModels for TF Serving: write and run."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.formats.format import Artifact, Format, WriteRequest
from esrgan_tf.formats.network import Network
from esrgan_tf.formats.saved_model.versions import find_version, next_version

PRECISIONS = ("float32", "bfloat16")
TILE = 256  # px of the input
TILED_SIDE = TILE + 44  # px of an image that is cut into tiles
LEAST_PIXELS = TILED_SIDE**2  # that a SavedModel must take, to be verified


def _recognises(path: Path) -> bool:
    return find_version(path) is not None


def _open(path: Path, alpha: float | None) -> Network:
    from esrgan_tf.formats.saved_model.runtime import saved_model_network

    return saved_model_network(path, alpha)


def _describe(path: Path) -> dict[str, object]:
    from esrgan_tf.formats.saved_model.runtime import read_metadata

    return asdict(read_metadata(path))


def _check(request: WriteRequest) -> None:
    """Raise for a precision, a limit or a version that cannot be."""
    options = request.options
    check_one_of("precision", options.precision, PRECISIONS)
    if options.max_pixels is not None and options.max_pixels < LEAST_PIXELS:
        raise InputError(f"`max_pixels` must be {LEAST_PIXELS} or more. Received: {options.max_pixels}.")
    next_version(request.output / request.metadata.name, options.version)


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.saved_model.writer import write_version

    yield write_version(request)


FORMAT = Format(
    name="saved_model",
    title="a SavedModel's folder",
    recognises=_recognises,
    open=_open,
    describe=_describe,
    write=_write,
    check=_check,
    options=("precision", "version", "max_pixels"),
    holds_two=True,
)
