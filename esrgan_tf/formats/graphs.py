"""Generators as TensorFlow functions: with variables, frozen, or frozen and rewritten to bfloat16."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

from esrgan_tf import compat
from esrgan_tf.errors import InputError

Upscale = Callable[..., tf.Tensor]
_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


def upscale_function(generators: Sequence[keras.Model], precision: str = "float32") -> Upscale:
    """One generator, or two between which every call chooses.

    Source of the interpolation: ESRGAN equation 4. At 0 and at 1 the parameters are the two networks' own, bit for
    bit.

    Args:
        generators: one; or two of the same network, psnr and gan.
        precision: "float32", or "bfloat16": frozen, and its convolutions rewritten by TensorFlow's own rules for
            oneDNN. What is written so runs so: nothing has to be set where it is loaded.

    Returns:
        Function of the image, float32 [batch, height, width, 3] in 0..1, and with two generators of alpha,
        float32 [], to float32 [batch, scale * height, scale * width, 3].

    Raises:
        InputError: bfloat16 on a CPU that does not have it: TensorFlow does not rewrite there.
    """
    image = tf.TensorSpec([None, None, None, 3], tf.float32, "image")
    if len(generators) == 1:
        (generator,) = generators
        function = tf.function(lambda image: generator(image, training=False), input_signature=[image])
    else:
        alpha = tf.TensorSpec([], tf.float32, "alpha")
        function = tf.function(_interpolating(*generators), input_signature=[image, alpha])
    return function if precision == "float32" else _in_bfloat16(freeze(function))


def freeze(function: tf.types.experimental.PolymorphicFunction) -> tf.types.experimental.ConcreteFunction:
    """A function of one signature with its variables made constants."""
    return compat.frozen(function.get_concrete_function())


def _interpolating(psnr: keras.Model, gan: keras.Model) -> Upscale:
    """(image, alpha) -> the image upscaled by (1 - alpha) psnr + alpha gan."""
    psnr_by_path = {variable.path: variable for variable in psnr.variables}

    def upscale(image: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
        trainable, fixed = (
            [(1 - alpha) * psnr_by_path[v.path].value + alpha * v.value for v in variables]
            for variables in (gan.trainable_variables, gan.non_trainable_variables)
        )
        return gan.stateless_call(trainable, fixed, image, training=False)[0]

    return upscale


def _in_bfloat16(frozen: tf.types.experimental.ConcreteFunction) -> Upscale:
    """The same function with bfloat16 inside, float32 in and out."""
    meta_graph = compat.meta_graph(frozen.graph)
    (output,) = frozen.outputs
    meta_graph.collection_def["train_op"].node_list.value.append(output.name)  # what must not be optimized away
    config = config_pb2.ConfigProto()
    rewriter = config.graph_options.rewrite_options
    setattr(rewriter, _BFLOAT16, rewriter_config_pb2.RewriterConfig.ON)
    # First the casts, then the weights' casts are computed once and for all.
    rewriter.optimizers.extend([_BFLOAT16, "constfold"])
    rewriter.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.ONE
    graph_def = compat.optimized_graph(config, meta_graph)
    convolutions = [node for node in graph_def.node if node.op == "Conv2D"]
    if not all(node.attr["T"].type == tf.bfloat16.as_datatype_enum for node in convolutions):
        raise InputError("`precision=bfloat16` must be exported on a CPU that has it (AVX512_BF16 or AMX).")
    names = [tensor.op.name for tensor in frozen.inputs]

    def upscale(*inputs: tf.Tensor) -> tf.Tensor:
        return tf.import_graph_def(graph_def, dict(zip(names, inputs, strict=True)), [output.name])[0]

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.op.name) for tensor in frozen.inputs]
    return tf.compat.v1.wrap_function(upscale, specs)
