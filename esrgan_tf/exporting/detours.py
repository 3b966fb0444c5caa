"""Takes a LiteRT file's float values past int8 where only operators in float pass them on.

TensorFlow's converter rounds every tensor that has a range, also between two operators that were left in float.
"""

from tensorflow.lite.tools import flatbuffer_utils


def without_detours(tflite: bytes) -> bytes:
    """A file whose operators in float take each other's values as they are.

    Args:
        tflite: one subgraph, quantized in part.

    Returns:
        The file without each DEQUANTIZE of what was float before, and without each QUANTIZE that nothing needs then.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(tflite))
    graph, codes = model.subgraphs[0], flatbuffer_utils.schema_fb.BuiltinOperator
    is_float = [tensor.type == flatbuffer_utils.schema_fb.TensorType.FLOAT32 for tensor in graph.tensors]
    rounded_from, same_as = {}, {}
    for operator in graph.operators:
        code, source, target = _code(model, operator), int(operator.inputs[0]), int(operator.outputs[0])
        if code == codes.QUANTIZE and is_float[source]:
            rounded_from[target] = source
        elif code == codes.DEQUANTIZE and source in rounded_from:
            same_as[target] = rounded_from[source]
    for operator in graph.operators:
        operator.inputs = [same_as.get(int(index), int(index)) for index in operator.inputs]
    graph.operators = [operator for operator in graph.operators if int(operator.outputs[0]) not in same_as]
    needed = {index for operator in graph.operators for index in operator.inputs} | set(map(int, graph.outputs))
    graph.operators = [
        operator
        for operator in graph.operators
        if int(operator.outputs[0]) in needed or int(operator.outputs[0]) not in rounded_from
    ]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _code(model, operator) -> int:
    """Which builtin operator it is."""
    return model.operatorCodes[operator.opcodeIndex].builtinCode
