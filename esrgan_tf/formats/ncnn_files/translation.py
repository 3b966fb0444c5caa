"""A functional model as ncnn's layers: each operation by itself, then what ncnn computes in one put together."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from esrgan_tf import compat
from esrgan_tf.errors import InputError
from esrgan_tf.models.graph import Step, steps_in_order

Parameter = int | float | Sequence[int] | Sequence[float]
CHANNELS, ROWS, COLUMNS = range(3)  # ncnn's axes of a map
TO_THE_END = -233  # of a slice
ADD, SUBTRACT, MULTIPLY, DIVIDE = range(4)  # `BinaryOp`'s kinds
SUBTRACT_FROM, DIVIDE_INTO = 7, 8
RELU, LEAKY_RELU = 1, 2  # activations that `Convolution` applies itself
PAD_MODES = {"constant": 0, "symmetric": 1, "reflect": 2}  # "symmetric" of 1 px repeats the border, as 1 does
MEAN = 3  # of `Reduction`'s kinds


@dataclass(frozen=True)
class NcnnLayer:
    """One layer.

    Args:
        kind: as ncnn names it.
        name: of this layer.
        inputs: numbers of the maps that it is computed from.
        output: number of the map that it makes.
        parameters: by ncnn's number of each.
        kernel: float32 [outputs, inputs, height, width], which a file may keep in half precision.
        vectors: float32, in ncnn's order: biases, slopes, statistics.
    """

    kind: str
    name: str
    inputs: tuple[int, ...]
    output: int
    parameters: dict[int, Parameter] = field(default_factory=dict)
    kernel: np.ndarray | None = None
    vectors: tuple[np.ndarray, ...] = ()


def translate(model: keras.Model) -> list[NcnnLayer]:
    """The layers that compute a generator, in an order in which they can be computed.

    Args:
        model: a generator in its deployed form.

    Raises:
        InputError: one of its operations is none that ncnn has.
    """
    steps = steps_in_order(model)
    numbers = {id(step.output): number for number, step in enumerate(steps)}
    layers = [_layer(step, tuple(numbers[id(x)] for x in step.inputs), number) for number, step in enumerate(steps)]
    return _activated(_nearest(layers))


def _layer(step: Step, inputs: tuple[int, ...], output: int) -> NcnnLayer:
    """The layer of one operation."""
    kind = compat.kind_of(step.operation)
    made = _MAKERS[kind](step) if kind in _MAKERS else None
    if made is None:
        raise InputError(f"`format=ncnn` cannot hold {step.operation.name}: ncnn has no {kind} like it.")
    return NcnnLayer(name=step.operation.name, inputs=inputs, output=output, **made)


def _made(
    kind: str, *vectors: np.ndarray, kernel: np.ndarray | None = None, parameters: dict[int, Parameter] | None = None
) -> dict:
    """A layer but for its name and maps."""
    vectors = tuple(np.asarray(vector, np.float32).reshape(-1) for vector in vectors)
    return {"kind": kind, "parameters": parameters or {}, "kernel": kernel, "vectors": vectors}


def _convolution(step: Step) -> dict | None:
    conv = step.operation
    config = conv.get_config()
    if conv.strides != (1, 1) or conv.dilation_rate != (1, 1) or conv.groups != 1 or config["activation"] != "linear":
        return None
    kernel = np.array(conv.kernel, np.float32).transpose(3, 2, 0, 1)
    outputs, _, height, width = kernel.shape
    rows, columns = (height // 2, width // 2) if conv.padding == "same" else (0, 0)
    parameters = {0: outputs, 1: width, 4: columns, 5: int(conv.use_bias), 6: kernel.size, 11: height, 14: rows}
    return _made("Convolution", *([conv.bias] if conv.use_bias else []), kernel=kernel, parameters=parameters)


def _batch_norm(step: Step) -> dict:
    norm = step.operation
    statistics = norm.gamma, norm.moving_mean, norm.moving_variance, norm.beta
    return _made("BatchNorm", *statistics, parameters={0: norm.gamma.shape[0], 1: float(norm.epsilon)})


def _prelu(step: Step) -> dict:
    slopes = np.array(step.operation.alpha).reshape(-1)
    return _made("PReLU", slopes, parameters={0: len(slopes)})


def _concatenation(step: Step) -> dict | None:
    return _made("Concat", parameters={0: CHANNELS}) if step.operation.axis in (-1, 3) else None


def _padding(step: Step) -> dict | None:
    widths = [tuple(map(int, pair)) for pair in step.operation.pad_width]
    mode = step.operation.mode
    if any(widths[0] + widths[3]) or mode not in PAD_MODES or (mode == "symmetric" and np.max(widths) > 1):
        return None
    return _border(widths[1], widths[2], PAD_MODES[mode])


def _border(rows: Sequence[int], columns: Sequence[int], mode: int) -> dict:
    return _made("Padding", parameters={0: rows[0], 1: rows[1], 2: columns[0], 3: columns[1], 4: mode})


def _window(step: Step) -> dict | None:
    """A slice of rows and columns, from the first row and column on or later."""
    _, key = compat.arguments_of(step.output)
    rows, columns = (*key, slice(None), slice(None))[1:3]
    if key[0] != slice(None) or any(window.step not in (None, 1) for window in (rows, columns)) or len(key) > 3:
        return None
    ends = [TO_THE_END if window.stop is None else window.stop for window in (rows, columns)]
    return _made("Crop", parameters={9: [rows.start or 0, columns.start or 0], 10: ends, 11: [ROWS, COLUMNS]})


def _mean(step: Step) -> dict | None:
    if tuple(step.operation.axis) != (1, 2) or not step.operation.keepdims:
        return None
    return _made("Reduction", parameters={0: MEAN, 1: 0, 3: [ROWS, COLUMNS], 4: 1, 5: 1})


def _binary(kind: int, reverse: int) -> Callable[[Step], dict | None]:
    """Two maps, or a map and a constant: a scalar, or one of each channel."""

    def make(step: Step) -> dict | None:
        constants = [x for x in compat.arguments_of(step.output) if not isinstance(x, keras.KerasTensor)]
        if not constants:
            return _made("BinaryOp", parameters={0: kind})
        constant = np.array(constants[0], np.float32)
        first = not isinstance(compat.arguments_of(step.output)[0], keras.KerasTensor)
        if constant.size == 1:
            return _made("BinaryOp", parameters={0: reverse if first else kind, 1: 1, 2: float(constant)})
        if kind in (ADD, SUBTRACT) and not (first and kind == SUBTRACT):
            return _made("Bias", constant if kind == ADD else -constant, parameters={0: constant.size})
        return _made("Scale", constant, parameters={0: constant.size}) if kind == MULTIPLY else None

    return make


_MAKERS: dict[str, Callable[[Step], dict | None]] = {
    "InputLayer": lambda step: _made("Input"),
    "Conv2D": _convolution,
    "BatchNormalization": _batch_norm,
    "PReLU": _prelu,
    "LeakyRelu": lambda step: _made("ReLU", parameters={0: float(step.operation.negative_slope)}),
    "Relu": lambda step: _made("ReLU"),
    "Relu6": lambda step: _made("Clip", parameters={0: 0.0, 1: 6.0}),
    "Sigmoid": lambda step: _made("Sigmoid"),
    "Silu": lambda step: _made("Swish"),
    "Tanh": lambda step: _made("TanH"),
    "Concatenate": _concatenation,
    "DepthToSpace": lambda step: _made("PixelShuffle", parameters={0: step.operation.block_size, 1: 1}),
    "SpaceToDepth": lambda step: _made("Reorg", parameters={0: step.operation.block_size, 1: 1}),
    "Pad": _padding,
    "ZeroPadding2D": lambda step: _border(*step.operation.padding, PAD_MODES["constant"]),
    "GetItem": _window,
    "Mean": _mean,
    "Add": _binary(ADD, ADD),
    "Subtract": _binary(SUBTRACT, SUBTRACT_FROM),
    "Multiply": _binary(MULTIPLY, MULTIPLY),
    "TrueDivide": _binary(DIVIDE, DIVIDE_INTO),
}


def _nearest(layers: list[NcnnLayer]) -> list[NcnnLayer]:
    """Every pixel shuffle of copies as what it is: nearest-neighbour upsampling."""
    made_by = {layer.output: layer for layer in layers}
    rewritten = []
    for layer in layers:
        copies = made_by[layer.inputs[0]] if layer.kind == "PixelShuffle" else None
        if copies and copies.kind == "Concat" and len(set(copies.inputs)) == 1:
            factor = layer.parameters[0]
            if len(copies.inputs) == factor**2:
                parameters = {0: 1, 1: float(factor), 2: float(factor)}  # nearest, by rows, by columns
                layer = replace(layer, kind="Interp", inputs=copies.inputs[:1], parameters=parameters)
        rewritten.append(layer)
    return _used(rewritten)


def _activated(layers: list[NcnnLayer]) -> list[NcnnLayer]:
    """Every convolution whose output goes through a ReLU alone applies it itself."""
    users = Counter(number for layer in layers for number in layer.inputs)
    made_by = {layer.output: layer for layer in layers}
    taken_in = {}
    for layer in layers:
        conv = made_by[layer.inputs[0]] if layer.kind == "ReLU" else None
        if conv and conv.kind == "Convolution" and users[conv.output] == 1:
            slope = layer.parameters.get(0)
            activation = {9: LEAKY_RELU, 10: [slope]} if slope else {9: RELU}
            taken_in[layer.output] = replace(conv, output=layer.output, parameters=conv.parameters | activation)
    return _used([taken_in.get(layer.output, layer) for layer in layers])


def _used(layers: list[NcnnLayer]) -> list[NcnnLayer]:
    """Layers that the last one is computed from, the others left out."""
    wanted, kept = {layers[-1].output}, []
    for layer in reversed(layers):
        if layer.output in wanted or layer.kind == "Input":
            wanted.update(layer.inputs)
            kept.append(layer)
    return kept[::-1]
