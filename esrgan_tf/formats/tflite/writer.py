"""LiteRT files of a generator: one for each kind and input size."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.deviation import MAX_PSNR_CHANGE
from esrgan_tf.formats.format import Artifact, WriteRequest
from esrgan_tf.formats.tflite.converter import convert, with_metadata
from esrgan_tf.formats.tflite.quantization import quantize
from esrgan_tf.formats.tflite.runtime import litert_network
from esrgan_tf.formats.tflite.xnnpack import xnnpack_share
from esrgan_tf.metadata import GeneratorMetadata

# Of the allowed PSNR change, on the calibration's images; the verification is on others, and may want the second.
QUANTIZATION_SHARES = (0.8, 0.3)
WRITTEN_SIZE, OTHER_SIZE = 64, (24, 40)  # px, of a file that takes any: what it is converted for, and tried on


def write_tflite(request: WriteRequest) -> Iterator[Artifact]:
    """Write `<name>_<kind>_<tile>.tflite` for every tile and kind; without `_<tile>` for 0, which takes any size.

    Raises:
        InputError: an operator that LiteRT does not have, or one that keeps the size that it was written for.
        OSError: the system refuses to write.
    """
    for tile in request.options.tiles:
        for kind in request.options.kinds:
            metadata = _metadata(request.metadata, kind, tile)
            if kind == "int8":
                yield _write_int8(request, metadata, *QUANTIZATION_SHARES)
            else:
                tflite = convert(request.deployed[0], tile or WRITTEN_SIZE, kind, request.options.allow_select_ops)
                artifact = _write(request, metadata, tflite)
                if not tile:
                    _check_other_sizes(artifact)
                yield artifact


def _metadata(metadata: GeneratorMetadata, kind: str, tile: int) -> GeneratorMetadata:
    """The metadata of a file of one kind and input size, or of any."""
    if not tile:
        return replace(metadata, precision=kind)
    values = "RGB uint8 {}, 0..255" if kind == "int8" else "RGB float32 {}, 0..1"
    upscaled, multiple = tile * metadata.scale, metadata.lr_multiple
    return replace(
        metadata,
        precision=kind,
        input=values.format([1, tile, tile, 3]),
        output=values.format([1, upscaled, upscaled, 3]) + ("" if kind == "int8" else "; may exceed 0..1 slightly"),
        tile=tile,
        overlap=min(metadata.overlap, tile // 4 // multiple * multiple),
        preferred_tile=None,
    )


def _write_int8(request: WriteRequest, metadata: GeneratorMetadata, share: float, *stricter: float) -> Artifact:
    """Write a quantized file; one whose verification asks for more than the calibration did is written anew."""
    allowed = request.options.max_psnr_drop
    limit = share * (MAX_PSNR_CHANGE if allowed is None else allowed)
    quantized = quantize(request.deployed[0], metadata.tile, request.calibration, limit, request.log)
    rewrite = partial(_write_int8, request, metadata, *stricter) if stricter else None
    written = _write(request, metadata, quantized.tflite)
    return replace(written, rewrite=rewrite, in_float=quantized.in_float)


def _write(request: WriteRequest, metadata: GeneratorMetadata, tflite: bytes) -> Artifact:
    """Write a file with its metadata."""
    size = f"_{metadata.tile}" if metadata.tile else ""
    path = request.folder / f"{metadata.name}_{metadata.precision}{size}.tflite"
    path.write_bytes(with_metadata(tflite, metadata))
    return Artifact(path, metadata, xnnpack=xnnpack_share(path))


def _check_other_sizes(artifact: Artifact) -> None:
    """Raise for a file that holds the size which it was converted for, in a slice's end or a shape."""
    metadata = artifact.metadata
    height, width = (side * metadata.lr_multiple for side in OTHER_SIZE)
    try:
        fits = litert_network(artifact.path).run(np.zeros((height, width, 3), np.float32)).shape[:2] == (
            height * metadata.scale,
            width * metadata.scale,
        )
    except InputError:
        fits = False
    if not fits:
        raise InputError(f"`tile` must not be 0, any size, for {metadata.name}: one of its operators has a fixed size.")
