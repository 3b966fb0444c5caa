"""`.tflite`: write, run by LiteRT."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.formats.format import Artifact, Format, WriteOptions, WriteRequest
from esrgan_tf.formats.network import Network

KINDS = ("float32", "float16", "dynamic", "int8")
LEAST_TILE = 16  # px
ANY_SIZE = 0  # as a tile


def _open(path: Path, alpha: float | None) -> Network:
    from esrgan_tf.formats.tflite.runtime import litert_network

    return litert_network(path)


def _describe(path: Path) -> dict[str, object]:
    from esrgan_tf.formats.tflite.runtime import read_metadata

    return asdict(read_metadata(path))


def _check(request: WriteRequest) -> None:
    """Raise for kinds and tiles that there are not, and tiles that the generator does not take."""
    kinds, tiles, multiple = request.options.kinds, request.options.tiles, request.metadata.lr_multiple
    for kind in kinds:
        check_one_of("tflite", kind, KINDS)
    if not kinds:
        raise InputError(f"`tflite` must name at least one of {', '.join(KINDS)}.")
    if not tiles or min(tile or LEAST_TILE for tile in tiles) < LEAST_TILE:
        raise InputError(f"`tile` must be 0 or {LEAST_TILE} px or more. Received: {', '.join(map(str, tiles))}.")
    if ANY_SIZE in tiles and "int8" in kinds:
        raise InputError("`tile` must not be 0, any size, for int8. Received: 0 and int8.")
    odd = [tile for tile in tiles if tile % multiple]
    if odd:
        raise InputError(f"`tile` must be a multiple of {multiple} for this generator. Received: {odd[0]}.")


def _calibrates(options: WriteOptions) -> bool:
    return "int8" in options.kinds


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.tflite.writer import write_tflite

    return write_tflite(request)


FORMAT = Format(
    name="tflite",
    title="a .tflite file",
    suffixes=(".tflite",),
    open=_open,
    describe=_describe,
    write=_write,
    check=_check,
    options=("tflite", "tile", "allow_select_ops"),
    calibrates=_calibrates,
)
