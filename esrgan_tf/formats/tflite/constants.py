"""Keeps constants that are no weights, such as the mean of a network's images, from being rounded to float16."""

from typing import Any

import numpy as np

from esrgan_tf import compat

MOST = 4  # elements: a color, or a number


def with_exact_constants(float16: bytes, float32: bytes) -> bytes:
    """A float16 file whose constants of few elements are float32.

    Args:
        float16: one subgraph, every constant followed by a DEQUANTIZE.
        float32: of the same generator, which tells what they were.
    """
    schema = compat.tflite_schema()
    model, exact = compat.read_tflite(float16), _by_rounded(compat.read_tflite(float32))
    graph, kept = model.subgraphs[0], []
    for operator in graph.operators:
        source = graph.tensors[operator.inputs[0]]
        data = model.buffers[source.buffer].data if source.type == schema.TensorType.FLOAT16 else None
        value = None if data is None else exact.get(bytes(data))
        if value is None:
            kept.append(operator)
            continue
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value, np.uint8)
        graph.tensors[operator.outputs[0]].buffer = len(model.buffers)
        model.buffers.append(buffer)
    graph.operators = kept
    return compat.write_tflite(model)


def _by_rounded(model: Any) -> dict[bytes, bytes]:
    """A float32 file's constants of few elements by what they are in float16, but where two would be the same."""
    schema, found = compat.tflite_schema(), {}
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if tensor.type == schema.TensorType.FLOAT32 and data is not None and 0 < len(data) <= 4 * MOST:
            value = bytes(data)
            found.setdefault(np.frombuffer(value, np.float32).astype(np.float16).tobytes(), set()).add(value)
    return {rounded: values.pop() for rounded, values in found.items() if len(values) == 1}
