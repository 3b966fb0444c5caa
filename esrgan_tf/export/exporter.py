"""One export: artifacts are written aside, proven, and put in place together, or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import tensorflow as tf

import esrgan_tf
from esrgan_tf.errors import InputError
from esrgan_tf.export import parity
from esrgan_tf.export.examples import CROP_SIDE, load_examples
from esrgan_tf.export.options import TILED_SIDE, ExportOptions
from esrgan_tf.export.patterns import pattern_examples
from esrgan_tf.export.report import Row, write_report
from esrgan_tf.export.staging import staged
from esrgan_tf.formats.deviation import MAX_PSNR_CHANGE
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.graphs import upscale_function
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.network import DEFAULT_OVERLAP
from esrgan_tf.formats.onnx_file.writer import write_onnx
from esrgan_tf.formats.opening import open_network
from esrgan_tf.formats.saved_model.servable import Servable, check_endpoints, next_version, write_saved_model
from esrgan_tf.formats.saved_model.warm_up import write_warm_up
from esrgan_tf.formats.tflite.converter import convert, with_description
from esrgan_tf.formats.tflite.quantization import quantize
from esrgan_tf.formats.tflite.xnnpack import xnnpack_share
from esrgan_tf.metadata import Description, generator_info
from esrgan_tf.models.fusion import fuse_branches, in_float32, merge_upsampling
from esrgan_tf.models.interpolation import interpolate, interpolated_weights

ALPHAS = (0.0, 0.5, 1.0)  # that a SavedModel of two generators is proven at
# Of the allowed PSNR change, on the calibration's images; the proof is on others, and may want the second.
QUANTIZATION_SHARES = (0.8, 0.3)
FLOAT_IMAGE = "RGB float32 [batch, height, width, 3], 0..1"


def export(
    generators: Sequence[keras.Model], options: ExportOptions, say: Callable[[str], None] = lambda line: None
) -> str:
    """Export a generator, or two between which a SavedModel's callers choose.

    Args:
        generators: one; or psnr and gan, for a SavedModel alone.
        options: what to export.
        say: told how it goes.

    Returns:
        The report's table.

    Raises:
        InputError: an artifact cannot be made, or differs too much from the Keras model: then nothing is in place.
        OSError: the system refuses to write; nothing is in place then either.
    """
    if len(generators) > 1 and options.formats != ("saved_model",):
        raise InputError("`alpha` must fix the network between two models for LiteRT and ONNX files: give it.")
    if len(generators) > 1:
        interpolated_weights(*generators, 0.0)  # raises where they are not the same network
    info = generator_info(generators[-1])
    odd = [tile for tile in options.tiles if tile % info.lr_multiple]
    if odd and "tflite" in options.formats:
        raise InputError(f"`tile` must be a multiple of {info.lr_multiple} for this generator. Received: {odd[0]}.")
    description = Description(
        name=options.name or generators[-1].name,
        recipe=info.recipe,
        scale=info.scale,
        precision="float32",
        input=FLOAT_IMAGE + (", and alpha float32 [batch], 0 to 1" if len(generators) > 1 else ""),
        output=f"{FLOAT_IMAGE}, {info.scale} times as high and wide; a little beyond 0..1",
        lr_multiple=info.lr_multiple,
        takes_alpha=len(generators) > 1,
        licence=options.licence,
        source=options.source,
        made_by=f"esrgan_tf {esrgan_tf.__version__}",
    )
    # Before the work: a version that is there already.
    version = next_version(options.output / description.name, options.version)
    small = CROP_SIDE // info.lr_multiple * info.lr_multiple
    calibrated_side = small if "tflite" in options.formats and "int8" in options.kinds else None
    calibration, held_out = load_examples(options.calibration, info, calibrated_side, say)
    calibration += pattern_examples(info.scale, small, seed=0) if calibration else []
    held_out += pattern_examples(info.scale, max(small, *held_out[0].lr_01.shape[:2]), seed=1)
    exporter = _Exporter([_of_float32(model) for model in generators], description, options, held_out, say)
    with staged(options.output) as stage:
        rows = []
        if "saved_model" in options.formats:
            rows += exporter.saved_model(stage, version.name)
        if "tflite" in options.formats:
            for tile in options.tiles:
                rows += [exporter.tflite(stage, kind, tile, calibration) for kind in options.kinds]
        if "onnx" in options.formats:
            rows.append(exporter.onnx(stage))
        facts = {
            "source": description.source,
            "licence": description.licence,
            "data": f"{options.calibration}, held out, and generated images",
            "versions": f"esrgan_tf {esrgan_tf.__version__}, tensorflow {tf.__version__}, keras {keras.__version__}",
        }
        return write_report(stage, options.output, rows, facts)


def _of_float32(model: keras.Model) -> keras.Model:
    """The generator itself if all of it computes in float32, else rebuilt so."""
    return model if {layer.compute_dtype for layer in model.layers} == {"float32"} else in_float32(model)


class _Exporter:
    """Writes artifacts to a folder and proves each."""

    def __init__(
        self,
        generators: Sequence[keras.Model],
        description: Description,
        options: ExportOptions,
        held_out: Sequence[Example],
        say: Callable[[str], None],
    ):
        # Between two, parameters are interpolated, and branches' are other parameters than the fused convolution's.
        deployed = [fuse_branches(generators[0])] if len(generators) == 1 else generators
        self._generators, self._merged = generators, [merge_upsampling(model) for model in deployed]
        self._description, self._options, self._held_out, self._say = description, options, held_out, say
        self._keras = keras_network(generators[-1]).run

    def saved_model(self, stage: Path, version: str) -> list[Row]:
        """Write and prove a SavedModel; of two generators it is proven at both and half way."""
        precision = self._options.precision
        description = replace(self._description, precision=precision)
        folder = stage / description.name / version
        variables = self._merged if precision == "float32" else None  # bfloat16 is frozen
        servable = Servable(upscale_function(self._merged, precision), description, self._options.max_pixels, variables)
        write_saved_model(servable, description, folder)
        if not write_warm_up(folder, description):
            self._say("no warm-up requests in the SavedModel: they need pip install 'esrgan_tf[serving]'")
        rows = [
            self._prove(stage, folder, description, alpha) for alpha in (ALPHAS if description.takes_alpha else [None])
        ]
        large = self._held_out[0].fitted(TILED_SIDE).lr_01
        check_endpoints(folder, description, large, 1.0 if description.takes_alpha else None)
        return rows

    def tflite(self, stage: Path, kind: str, tile: int, calibration: Sequence[Example]) -> Row:
        """Write and prove a LiteRT file."""
        values = "RGB uint8 {}, 0..255" if kind == "int8" else "RGB float32 {}, 0..1"
        upscaled = tile * self._description.scale
        description = replace(
            self._description,
            precision=kind,
            input=values.format([1, tile, tile, 3]),
            output=values.format([1, upscaled, upscaled, 3]) + ("" if kind == "int8" else "; a little beyond 0..1"),
            tile=tile,
            overlap=min(DEFAULT_OVERLAP, tile // 4) // self._description.lr_multiple * self._description.lr_multiple,
        )
        file = stage / f"{description.name}_{kind}_{tile}.tflite"
        if kind == "int8":
            row = self._int8(stage, file, description, calibration)
        else:
            tflite = convert(self._merged[0], tile, kind, self._options.allow_select_ops)
            file.write_bytes(with_description(tflite, description))
            row = self._prove(stage, file, description)
        return replace(row, xnnpack=xnnpack_share(file))

    def _int8(self, stage: Path, file: Path, description: Description, calibration: Sequence[Example]) -> Row:
        """Write and prove an int8 file; where the proof asks for more than the calibration did, once more."""
        allowed = self._options.max_psnr_drop
        limit = MAX_PSNR_CHANGE if allowed is None else allowed

        def within(share: float) -> Row:
            quantized = quantize(self._merged[0], description.tile, calibration, share * limit, self._say)
            file.write_bytes(with_description(quantized.tflite, description))
            return replace(self._prove(stage, file, description), in_float=quantized.in_float)

        first, second = QUANTIZATION_SHARES
        try:
            return within(first)
        except parity.BeyondLimit as beyond:
            self._say(f"{beyond.reason}: once more, with more of it in float")
            return within(second)

    def onnx(self, stage: Path) -> Row:
        """Write and prove an ONNX file."""
        file = stage / f"{self._description.name}.onnx"
        write_onnx(self._merged[0], self._description, file)
        return self._prove(stage, file, self._description)

    def _prove(self, stage: Path, artifact: Path, description: Description, alpha: float | None = None) -> Row:
        """Open what was written and compare it."""
        keras_run = self._keras if alpha is None else keras_network(interpolate(*self._generators, alpha)).run
        network = open_network([artifact], alpha)
        proof = parity.prove(network, keras_run, self._held_out, integers=description.precision == "int8")
        name = str(artifact.relative_to(stage))
        parity.check(proof, name, description.precision == "float32", self._options.max_psnr_drop)
        timed = self._held_out[0].fitted(proof.timed).lr_01
        files = [file for file in artifact.rglob("*") if file.is_file()] if artifact.is_dir() else [artifact]
        size = sum(file.stat().st_size for file in files)
        row = Row(name, description.precision, size, proof, parity.time_of(keras_run, timed), alpha=alpha)
        at = "" if alpha is None else f", alpha {alpha:g}"
        self._say(f"{name}{at}: {size / 2**20:.1f} MiB, PSNR {proof.psnr_change:+.3f} dB, {proof.seconds:.3f} s")
        return row
