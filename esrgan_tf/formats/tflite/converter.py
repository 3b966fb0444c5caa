"""LiteRT files for phones: one input size each, builtin operators, metadata inside."""

import re

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf import compat
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.graphs import freeze
from esrgan_tf.formats.tflite.constants import with_exact_constants
from esrgan_tf.metadata import METADATA, GeneratorMetadata


def converter(model: keras.Model, tile: int, integers: bool = False) -> tf.lite.TFLiteConverter:
    """A converter of a generator for one input size, builtin operators alone.

    Args:
        model: a generator.
        tile: px, height and width of the input.
        integers: fix the ranges of input and output, for int8: 0..255 means 0..1, independently of the calibration.
    """

    def upscale(image: tf.Tensor) -> dict[str, tf.Tensor]:
        if not integers:
            return {"sr": model(image, training=False)}
        return {"sr": _as_8_bits(model(_as_8_bits(image), training=False))}

    image = tf.TensorSpec([1, tile, tile, 3], tf.float32, "image")
    # Frozen: XNNPACK takes nothing of a graph with variables.
    made = tf.lite.TFLiteConverter.from_concrete_functions([freeze(tf.function(upscale, input_signature=[image]))])
    made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return made


def _as_8_bits(image_01: tf.Tensor) -> tf.Tensor:
    """Rounded to 256 levels of 0..1, by the operation that the converter takes the range from."""
    return tf.quantization.fake_quant_with_min_max_args(image_01, 0, 1)


def convert(model: keras.Model, tile: int, kind: str, allow_select_ops: bool = False) -> bytes:
    """A LiteRT file's bytes, its input and output float32.

    Args:
        model: a generator.
        tile: px, height and width of the input.
        kind: "float32"; "float16" (weights of 16 bits, a file half as large) or "dynamic" (weights of 8 bits, a
            quarter; activations rounded to 8 bits as they come, where the CPU is faster so).
        allow_select_ops: let operators that LiteRT lacks be TensorFlow's, which needs a LiteRT built with them (Flex).

    Raises:
        InputError: an operator that LiteRT does not have.
    """
    made = converter(model, tile)
    if allow_select_ops:
        made.target_spec.supported_ops += [tf.lite.OpsSet.SELECT_TF_OPS]
    if kind in ("float16", "dynamic"):
        made.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind != "float16":
        return run_converter(made)
    made.target_spec.supported_types = [tf.float16]
    return with_exact_constants(run_converter(made), convert(model, tile, "float32", allow_select_ops))


def run_converter(made: tf.lite.TFLiteConverter) -> bytes:
    """Run a converter, its own error reported in one line.

    Raises:
        InputError: an operator that LiteRT does not have.
    """
    try:
        return made.convert()
    except compat.converter_error() as error:
        lacking = sorted(set(re.findall(r"'tf\.(\w+)' op", str(error))))
        raise InputError(
            f"LiteRT cannot have this generator: {', '.join(lacking) or first_line(error)}. `allow_select_ops` lets "
            "it use TensorFlow's operators."
        ) from error


def with_metadata(tflite: bytes, metadata: GeneratorMetadata) -> bytes:
    """A LiteRT file with a generator's metadata among its own, which every LiteRT ignores."""
    model, schema = compat.read_tflite(tflite), compat.tflite_schema()
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(metadata.to_json().encode(), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return compat.write_tflite(model)
