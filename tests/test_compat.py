"""Each private interface that the package uses is still there and does what it is used for.

One that fails names what a new version has taken away: replace it in `esrgan_tf/compat.py`.
"""

import ast
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from support.paths import ROOT
from tensorflow.core.protobuf import config_pb2

from esrgan_tf import compat

X = np.random.default_rng(0).uniform(size=(1, 4, 4, 3)).astype(np.float32)
PRIVATE = r"tensorflow\.python|tensorflow\.lite\.|keras\.src|ai_edge_litert\.schema"
PRIVATE_ATTRIBUTES = {
    *("_keras_history", "_inbound_nodes", "_model_variables_moving_average", "_learning_rate"),
    *("_momentums", "_velocities", "_get_variable_index", "_backend_update_step"),
    *("_experimental_calibrate_only", "_get_ops_details", "_get_tensor_details"),
}


@pytest.fixture(scope="module")
def concrete():
    """x -> kernel * x with a variable, as a concrete function."""
    variable = tf.Variable(2.0)
    function = tf.function(lambda x: variable * x + 0.0, input_signature=[tf.TensorSpec([None], tf.float32)])
    return function.get_concrete_function(), variable


@pytest.fixture(scope="module")
def converter():
    """Makes a LiteRT converter of a convolution."""
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3), 1)
    model = keras.Model(image, keras.layers.Conv2D(2, 3, padding="same", name="conv")(image))
    signature = [tf.TensorSpec([1, 4, 4, 3], tf.float32)]
    function = tf.function(lambda x: model(x), input_signature=signature).get_concrete_function()
    # The function refers to the model's variables weakly: yielding from here keeps the model.
    yield lambda: tf.lite.TFLiteConverter.from_concrete_functions([compat.frozen(function)])


@pytest.fixture(scope="module")
def calibrated(converter):
    made = converter()
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    made.representative_dataset = lambda: [[X]]
    compat.calibrate_only(made)
    return made.convert()


def test_nothing_else_in_the_package_uses_a_private_interface():
    for path in (ROOT / "esrgan_tf").rglob("*.py"):
        if path.name == "compat.py":
            continue
        tree = ast.parse(path.read_text())
        modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        modules += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
        assert not [module for module in modules if re.match(PRIVATE, module)], path
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & PRIVATE_ATTRIBUTES, path


def test_a_symbolic_tensor_knows_its_operation_and_its_inputs():
    x = keras.Input((4, 4, 3))
    joined = ops.concatenate([x] * 4, axis=-1)
    operation, inputs = compat.producer(ops.depth_to_space(joined, 2))
    assert compat.is_depth_to_space(operation) and operation.block_size == 2
    assert inputs[0] is joined
    operation, inputs = compat.producer(joined)
    assert compat.is_concatenation(operation) and len(inputs) == 4 and inputs[3] is x
    operation, _ = compat.producer(ops.space_to_depth(x, 2))
    assert compat.is_space_to_depth(operation) and operation.block_size == 2
    assert not compat.is_depth_to_space(operation) and not compat.is_concatenation(operation)


def test_an_optimizers_moving_averages_are_in_the_variables_order():
    variables = [keras.Variable(np.full(size, 1.0, "float32")) for size in (2, 3)]
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    optimizer.build(variables)
    for _ in range(2):
        optimizer.apply([np.full(size, 1.0, "float32") for size in (2, 3)])
    averages = compat.moving_averages(optimizer)
    assert [average.shape for average in averages] == [(2,), (3,)]
    np.testing.assert_allclose(averages[0], -0.5)  # of 0 and -1


def test_adams_moments_of_a_variable_are_its_own():
    variables = [keras.Variable(np.zeros(size, "float32")) for size in (2, 3)]
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.5, beta_2=0.75)
    optimizer.build(variables)
    optimizer.apply([np.full(size, 1.0 + size, "float32") for size in (2, 3)])
    momentum, velocity = compat.adam_moments(optimizer, variables[1].value)
    np.testing.assert_allclose(momentum.numpy(), [2.0] * 3)
    np.testing.assert_allclose(velocity.numpy(), [4.0] * 3)


def test_variables_are_frozen(concrete):
    function, variable = concrete
    frozen = compat.frozen(function)
    variable.assign(5.0)
    assert not frozen.variables
    assert frozen(tf.constant([3.0]))[0].numpy() == [6.0]
    variable.assign(2.0)


def test_a_graph_is_rewritten_by_grappler(concrete):
    frozen = compat.frozen(concrete[0])
    meta_graph = compat.meta_graph(frozen.graph)
    assert meta_graph.graph_def == frozen.graph.as_graph_def()
    meta_graph.collection_def["train_op"].node_list.value.append(frozen.outputs[0].name)
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.min_graph_nodes = -1
    config.graph_options.rewrite_options.optimizers.append("arithmetic")
    rewritten = compat.optimized_graph(config, meta_graph)
    assert frozen.outputs[0].op.name in {node.name for node in rewritten.node}


def test_the_converters_error_is_the_one_that_it_raises():
    function = tf.function(lambda x: tf.math.tan(x), input_signature=[tf.TensorSpec([1], tf.float32)])
    made = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    with pytest.raises(compat.converter_error(), match="Tan"):
        made.convert()


def test_a_calibrated_file_is_in_float_and_has_ranges(calibrated):
    types = compat.tflite_schema().TensorType
    tensors = compat.read_tflite(calibrated).subgraphs[0].tensors
    assert {tensor.type for tensor in tensors} <= {types.FLOAT32, types.INT32}
    ranges = [tensor.quantization for tensor in tensors if tensor.quantization and tensor.quantization.min is not None]
    assert any(np.isclose(noted.max[0], X.max()) for noted in ranges)


def test_named_nodes_stay_in_float(calibrated):
    interpreter = Interpreter(model_content=calibrated)
    interpreter.allocate_tensors()
    (convolution,) = [node for node in compat.operators_of(interpreter) if node["op_name"] == "CONV_2D"]
    name = compat.tensor_of(interpreter, convolution["outputs"][0])["name"]

    def types(in_float):
        quantized = Interpreter(model_content=compat.quantize_calibrated(calibrated, in_float))
        nodes = [node for node in compat.operators_of(quantized) if node["op_name"] == "CONV_2D"]
        assert quantized.get_input_details()[0]["dtype"] == np.uint8
        return [compat.tensor_of(quantized, node["outputs"][0])["dtype"] for node in nodes]

    assert types([]) == [np.int8] and types([name]) == [np.float32]


def test_a_litert_file_is_changed_and_read_by_litert(converter):
    model, schema = compat.read_tflite(converter().convert()), compat.tflite_schema()
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = "mine", len(model.buffers)
    buffer.data = np.frombuffer(b"text", np.uint8)
    model.buffers.append(buffer)
    model.metadata = [entry]
    changed = compat.litert_model(compat.write_tflite(model))
    assert changed.Metadata(changed.MetadataLength() - 1).Name() == b"mine"
    assert changed.Buffers(changed.Metadata(0).Buffer()).DataAsNumpy().tobytes() == b"text"
