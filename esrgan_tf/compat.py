"""Every private interface of Keras, TensorFlow and LiteRT that this package uses: one function each.

Nothing else in the package calls one. What a new version of a library takes away is named by `tests/test_compat.py` and
replaced here. Each library is imported inside the functions, so that who needs one of them loads no other.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Keras

_POINTWISE = {
    *("InputLayer", "Concatenate", "DepthToSpace", "SpaceToDepth", "BatchNormalization"),
    *("Add", "Subtract", "Multiply", "TrueDivide"),
    *("LeakyRelu", "PReLU", "Relu", "Relu6", "Sigmoid", "Silu", "Tanh"),
}


def producer(x: "keras.KerasTensor") -> tuple["keras.Operation", list["keras.KerasTensor"]]:
    """The operation that a symbolic tensor comes from, and the symbolic tensors that it was called with."""
    operation, node_index, _ = x._keras_history
    return operation, operation._inbound_nodes[node_index].input_tensors


def arguments_of(x: "keras.KerasTensor") -> tuple:
    """What the operation that a symbolic tensor comes from was called with, by position: tensors and constants."""
    operation, node_index, _ = x._keras_history
    return operation._inbound_nodes[node_index].arguments.args


def kind_of(operation: "keras.Operation") -> str:
    """The name of an operation's class, most of which Keras does not export."""
    return type(operation).__name__


def is_depth_to_space(operation: "keras.Operation") -> bool:
    """Whether an operation is `keras.ops.depth_to_space`, whose class Keras does not export; it has a `block_size`."""
    return type(operation).__name__ == "DepthToSpace"


def is_space_to_depth(operation: "keras.Operation") -> bool:
    """Whether an operation is `keras.ops.space_to_depth`, whose class Keras does not export; it has a `block_size`."""
    return type(operation).__name__ == "SpaceToDepth"


def is_concatenation(operation: "keras.Operation") -> bool:
    """Whether an operation is `keras.ops.concatenate`, whose class Keras does not export, or the layer."""
    return type(operation).__name__ == "Concatenate"


def is_pointwise(operation: "keras.Operation") -> bool:
    """Whether an operation is one of those in generators that work on each pixel alone, or move pixels."""
    return type(operation).__name__ in _POINTWISE


def moving_averages(optimizer: "keras.optimizers.Optimizer") -> list["keras.Variable"]:
    """An optimizer's moving averages (`use_ema`), in the order of the variables that it was built with."""
    return optimizer._model_variables_moving_average


def adam_moments(optimizer: "keras.optimizers.Adam", variable: "tf.Variable") -> tuple["tf.Variable", "tf.Variable"]:
    """An Adam's first and second moments of a variable, on the device at hand."""
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index].value, optimizer._velocities[index].value


# TensorFlow's graphs


def frozen(function: "tf.types.experimental.ConcreteFunction") -> "tf.types.experimental.ConcreteFunction":
    """A concrete function with its variables made constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function)


def meta_graph(graph: "tf.Graph") -> Any:
    """A graph as a `MetaGraphDef`, which Grappler takes."""
    from tensorflow.python.training.saver import export_meta_graph

    return export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)


def optimized_graph(config: Any, meta_graph_def: Any) -> Any:
    """A `GraphDef` rewritten by Grappler as a `ConfigProto` says."""
    from tensorflow.python.grappler import tf_optimizer

    return tf_optimizer.OptimizeGraph(config, meta_graph_def)


# TensorFlow's converter to LiteRT


def converter_error() -> type[Exception]:
    """The exception that `tf.lite.TFLiteConverter.convert` raises for an operator that LiteRT lacks."""
    from tensorflow.lite.python.convert_phase import ConverterError

    return ConverterError


def calibrate_only(converter: "tf.lite.TFLiteConverter") -> None:
    """Have a converter stop after calibration: a float file in which the tensors' ranges are noted."""
    converter._experimental_calibrate_only = True


def quantize_calibrated(calibrated: bytes, in_float: Sequence[str]) -> bytes:
    """Quantize a calibrated file to int8, uint8 in and out, all but the named nodes.

    Of TensorFlow's converter only this step takes names of nodes; its quantization debugger calls it as well.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    return mlir_quantize(
        calibrated, input_data_type=tf.uint8, output_data_type=tf.uint8, denylisted_nodes=list(in_float) or None
    )


def tflite_schema() -> Any:
    """The classes of LiteRT's file format, whose instances can be changed: `ModelT`, `BufferT`, `MetadataT`, ..."""
    from tensorflow.lite.python import schema_py_generated

    return schema_py_generated


def read_tflite(tflite: bytes) -> Any:
    """A LiteRT file as an object that can be changed."""
    from tensorflow.lite.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(tflite))


def write_tflite(model: Any) -> bytes:
    """What `read_tflite` gave, as a file's bytes."""
    from tensorflow.lite.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


# LiteRT


def litert_model(tflite: bytes) -> Any:
    """A LiteRT file by the accessors of its format that LiteRT brings along: no TensorFlow."""
    from ai_edge_litert.schema_py_generated import Model

    return Model.GetRootAs(tflite)


def operators_of(interpreter: Any) -> list[dict[str, Any]]:
    """A loaded file's operators, those of its delegates included: `index`, `op_name`, `inputs`, `outputs`."""
    return interpreter._get_ops_details()


def tensor_of(interpreter: Any, index: int) -> dict[str, Any]:
    """One tensor of a loaded file, which need not be an input or output: `name`, `shape`, `dtype`, ..."""
    return interpreter._get_tensor_details(index, subgraph_index=0)
