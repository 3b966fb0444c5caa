"""Spares a LiteRT file's values detours through int8 on their way to operators in float.

TensorFlow's converter rounds every tensor that has a range, also between two operators that were left in float, and
rounds once more where one of them, in int8, would have needed another range.
"""

from esrgan_tf import compat


def without_detours(tflite: bytes) -> bytes:
    """A file whose operators in float take values as they were made: in float, or rounded once.

    Args:
        tflite: one subgraph, quantized in part.

    Returns:
        The file with each DEQUANTIZE reading what was rounded first, or left out where that was float, and without
        what nothing needs then.
    """
    model, schema = compat.read_tflite(tflite), compat.tflite_schema()
    graph = model.subgraphs[0]
    made_from: dict[int, int] = {}  # by QUANTIZE, one or several
    same_as: dict[int, int] = {}
    for operator in graph.operators:
        operator.inputs = [same_as.get(int(index), int(index)) for index in operator.inputs]
        code, source, target = _code(model, operator), operator.inputs[0], int(operator.outputs[0])
        if code == schema.BuiltinOperator.QUANTIZE and graph.tensors[source].type != schema.TensorType.UINT8:
            made_from[target] = made_from.get(source, source)
        elif code == schema.BuiltinOperator.DEQUANTIZE and source in made_from:
            operator.inputs = [made_from[source]]
            if graph.tensors[made_from[source]].type == schema.TensorType.FLOAT32:
                same_as[target] = made_from[source]
    graph.operators = _needed(graph)
    return compat.write_tflite(model)


def _code(model, operator) -> int:
    """Which builtin operator it is."""
    return model.operatorCodes[operator.opcodeIndex].builtinCode


def _needed(graph) -> list:
    """The operators that the output comes from."""
    needed, kept = set(map(int, graph.outputs)), []
    for operator in reversed(graph.operators):
        if needed & set(map(int, operator.outputs)):
            kept.append(operator)
            needed |= set(map(int, operator.inputs))
    return kept[::-1]
