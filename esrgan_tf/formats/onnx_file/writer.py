"""ONNX files (`pip install '.[onnx]'`)."""

import contextlib
import io
import logging
from pathlib import Path

import keras

from esrgan_tf.errors import InputError
from esrgan_tf.metadata import METADATA, GeneratorMetadata

IMAGE = keras.InputSpec("float32", (None, None, None, 3), name="image")


def write_onnx(model: keras.Model, metadata: GeneratorMetadata, path: Path) -> None:
    """Write a generator, its batch, height and width free.

    Args:
        model: a generator.
        metadata: put among the file's properties.
        path: ends in `.onnx`.

    Raises:
        InputError: tf2onnx is not installed.
        OSError: the system refuses to write.
    """
    try:
        import onnx
        import tf2onnx  # noqa: F401 - Keras exports through it
    except ImportError as error:
        raise InputError("`format=onnx` needs tf2onnx and onnx: pip install 'esrgan_tf[onnx]'.") from error
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(str(path), format="onnx", verbose=False, input_signature=[IMAGE])
    exported = onnx.load(str(path))
    _sum_biases(exported.graph)
    onnx.helper.set_model_props(exported, {METADATA: metadata.to_json()})
    onnx.save(exported, str(path))


def _sum_biases(graph) -> None:
    """Give each convolution one bias: tf2onnx takes a constant that is added after the first for a second input."""
    from onnx import helper

    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type == "Conv" and len(node.input) == 4:
            total = helper.make_node("Add", node.input[2:], [f"{node.name}/summed_bias"])
            del node.input[2:]
            node.input.extend(total.output)
            graph.node.insert(index, total)
