"""Ranges for int8: of every tensor the one with the least error, rather than the widest that was seen.

A few values far out would otherwise take most of the 256 levels; clipping them costs less than what the others gain.
But such values may be all that a flat area or a sharp edge is made of: clipping weighs more than rounding.
"""

import os
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from esrgan_tf import compat

SHARES = np.linspace(0.3, 1, 36)  # of the widest range, that are tried
VALUES = 8_000  # of a tensor and an image, evenly spread
CLIPPING_WEIGHT = 10  # rounding errors cancel out in what is summed from them; those of clipped values add up
LEVELS = 255

Ranges = dict[str, tuple[float, float]]


def best_ranges(calibrated: bytes, tiles: Sequence[np.ndarray]) -> Ranges:
    """Ranges by tensor name.

    Args:
        calibrated: a float file with ranges noted in it, as the converter's calibrator leaves it.
        tiles: float32 [tile, tile, 3] in 0..1, of the file's size.
    """
    interpreter = Interpreter(
        model_content=calibrated, num_threads=os.cpu_count(), experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    noted = {index: tensor.name.decode() for index, tensor in _noted(compat.read_tflite(calibrated)).items()}
    seen: dict[int, list[np.ndarray]] = {index: [] for index in noted}
    extremes: dict[int, list[float]] = {index: [0.0] for index in noted}
    for tile in tiles:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tile[None])
        interpreter.invoke()
        for index in noted:
            values = interpreter.get_tensor(index).ravel()
            seen[index].append(values[:: -(-values.size // VALUES)].copy())
            extremes[index] += [float(values.min()), float(values.max())]
    return {
        name: best_range(np.concatenate(seen[index]), min(extremes[index]), max(extremes[index]))
        for index, name in noted.items()
    }


def with_ranges(calibrated: bytes, ranges: Ranges) -> bytes:
    """A calibrated file with other ranges, by tensor name."""
    model = compat.read_tflite(calibrated)
    images = _images(model)
    for index, tensor in _noted(model).items():
        low, high = (0.0, 1.0) if index in images else ranges[tensor.name.decode()]
        tensor.quantization.min, tensor.quantization.max = [low], [high]
    return compat.write_tflite(model)


def best_range(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The share of low..high, around 0, in which 256 levels give the least squared error of values, see above."""
    if low == high:
        return low, high
    errors = []
    for share in SHARES:
        step = share * (high - low) / LEVELS
        inside = np.clip(values, share * low, share * high)
        errors.append(CLIPPING_WEIGHT * np.mean((inside - values) ** 2) + step**2 / 12 * np.mean(inside == values))
    share = float(SHARES[int(np.argmin(errors))])
    return share * low, share * high


def _noted(model) -> dict[int, object]:
    """Tensors with a range, by index."""
    return {
        index: tensor
        for index, tensor in enumerate(model.subgraphs[0].tensors)
        if tensor.quantization is not None and tensor.quantization.min is not None and len(tensor.quantization.min)
    }


def _images(model) -> set[int]:
    """Indices of the tensors that are rounded to 256 levels of 0..1: what lies outside is clipped in any case."""
    graph, codes = model.subgraphs[0], compat.tflite_schema().BuiltinOperator
    found = set()
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode in (codes.QUANTIZE, codes.DEQUANTIZE):
            found |= {*map(int, operator.inputs), *map(int, operator.outputs)}
    return found
