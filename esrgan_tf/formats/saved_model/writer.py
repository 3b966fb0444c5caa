"""Writes SavedModels, with warm-up requests, and checks their endpoints against each other."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.format import Artifact, WriteRequest
from esrgan_tf.formats.graphs import upscale_function
from esrgan_tf.formats.saved_model import TILE, TILED_SIDE
from esrgan_tf.formats.saved_model.servable import MAX_PIXELS, Servable
from esrgan_tf.formats.saved_model.versions import next_version
from esrgan_tf.formats.saved_model.warm_up import write_warm_up
from esrgan_tf.image import io as image_io
from esrgan_tf.image.tiling import upscale_by_tiles
from esrgan_tf.metadata import METADATA_FILE, GeneratorMetadata

ALPHAS = (0.0, 0.5, 1.0)  # that a SavedModel of two generators is verified at


def write_version(request: WriteRequest) -> Artifact:
    """Write `<name>/<version>/`, its endpoints verified to give the same image where there are images to verify on.

    Raises:
        InputError: bfloat16 on a CPU without it, or endpoints that differ.
        OSError: the system refuses to write.
    """
    options = request.options
    metadata = replace(request.metadata, precision=options.precision)
    folder = request.folder / metadata.name / next_version(request.output / metadata.name, options.version).name
    variables = request.deployed if options.precision == "float32" else None  # bfloat16 is frozen
    upscale = upscale_function(request.deployed, options.precision)
    servable = Servable(upscale, metadata, options.max_pixels or MAX_PIXELS, variables)
    write_saved_model(servable, metadata, folder)
    if not write_warm_up(folder, metadata):
        request.log("no warm-up requests in the SavedModel: they need pip install 'esrgan_tf[serving]'")
    if request.held_out:
        large = request.held_out[0].fitted(TILED_SIDE).lr_01
        check_endpoints(folder, metadata, large, 1.0 if metadata.takes_alpha else None)
    return Artifact(folder, metadata, ALPHAS if metadata.takes_alpha else (None,))


def write_saved_model(servable: Servable, metadata: GeneratorMetadata, folder: Path) -> None:
    """Write a SavedModel with its generator's metadata as an asset.

    Args:
        servable: what is served.
        metadata: written to `assets/generator.json`.
        folder: a version's, not there yet.

    Raises:
        OSError: the system refuses to write.
    """
    with TemporaryDirectory() as place:
        note = Path(place) / METADATA_FILE
        note.write_text(metadata.to_json())
        servable.metadata_file = tf.saved_model.Asset(str(note))
        try:
            tf.saved_model.save(servable, str(folder), signatures=servable.signatures())
        except tf.errors.OpError as error:  # such as a full disk
            raise OSError(f"`{folder}` cannot be written: {first_line(error)}") from error


def check_endpoints(folder: Path, metadata: GeneratorMetadata, rgb_01: np.ndarray, alpha: float | None = None) -> None:
    """Raise unless all endpoints of a SavedModel give one image, and tiles are what the network gives for them.

    Args:
        folder: of the version.
        metadata: of its generator.
        rgb_01: float32 [height, width, 3] in 0..1, larger than a tile.
        alpha: for a SavedModel of two.

    Raises:
        InputError: an endpoint is more than 1/255 off.
    """
    endpoints = tf.saved_model.load(str(folder)).signatures
    more = {} if alpha is None else {"alpha": tf.constant([alpha], tf.float32)}

    def upscale(tile: np.ndarray) -> np.ndarray:
        return endpoints["serving_default"](image=tf.constant(tile[None]), **more)["sr"][0].numpy()

    pixels = image_io.to_uint8(rgb_01)
    rgb_01 = image_io.to_float(pixels)
    wanted = image_io.to_uint8(upscale_by_tiles(rgb_01, upscale, metadata.scale, TILE, metadata.overlap))
    png = tf.io.encode_png(pixels)[None]
    got = {
        "serving_default": image_io.to_uint8(upscale(rgb_01)),
        "uint8": endpoints["uint8"](image=tf.constant(pixels[None]), **more)["sr"][0].numpy(),
        "image_bytes": tf.io.decode_png(endpoints["image_bytes"](image_bytes=png, **more)["sr_bytes"][0]).numpy(),
    }
    for endpoint, output in got.items():
        apart = np.abs(output.astype(int) - wanted).max()
        if apart > 1:
            raise InputError(f"{folder.name}: the endpoint {endpoint} is {apart}/255 off. Nothing is exported.")
