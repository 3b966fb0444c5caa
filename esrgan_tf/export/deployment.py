"""What a file for a runtime is written from: a generator rebuilt in float32, in its deployed form, described."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras

import esrgan_tf
from esrgan_tf.formats.format import WriteOptions, WriteRequest
from esrgan_tf.log import Log, ignore_line
from esrgan_tf.metadata import FLOAT_IMAGE, GeneratorMetadata, metadata_of
from esrgan_tf.models import deployed_form
from esrgan_tf.models.fusion import in_float32
from esrgan_tf.models.receptive_field import preferred_tiling


def write_request(
    generators: Sequence[keras.Model],
    options: WriteOptions,
    folder: Path,
    log: Log = ignore_line,
    **described: str,
) -> WriteRequest:
    """The request to write a generator into a folder, without images to calibrate or to verify on.

    Args:
        generators: one; or psnr and gan.
        options: of the writers.
        folder: to write into.
        log: takes lines about the progress.
        described: fields of the metadata, in place of the generator's own.

    Raises:
        InputError: the generator has no metadata, and its name is not a generator's.
    """
    metadata = replace(_metadata(generators), **described)
    generators = [_of_float32(model) for model in generators]
    deployed = [deployed_form(model, interpolated=len(generators) > 1) for model in generators]
    return WriteRequest(generators, deployed, metadata, options, folder, folder, log=log)


def _metadata(generators: Sequence[keras.Model]) -> GeneratorMetadata:
    """What every file says of its generator, but for what its format decides."""
    own, two = metadata_of(generators[-1]), len(generators) > 1
    tiling = preferred_tiling(generators[-1])
    return replace(
        own,
        precision="float32",
        input=FLOAT_IMAGE + (", and alpha float32 [batch], 0 to 1" if two else ""),
        output=f"{FLOAT_IMAGE}, {own.scale} times as high and wide; may exceed 0..1 slightly",
        overlap=tiling.overlap,
        preferred_tile=tiling.tile,
        takes_alpha=two,
        made_by=f"esrgan_tf {esrgan_tf.__version__}",
    )


def _of_float32(model: keras.Model) -> keras.Model:
    """The generator itself if all of it computes in float32, else rebuilt so."""
    return model if {layer.compute_dtype for layer in model.layers} == {"float32"} else in_float32(model)
