"""Full int8, but for those tensors that would cost too much quality: found by measuring, and left in float."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from esrgan_tf import compat
from esrgan_tf.formats.deviation import Deviation, deviation
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.tflite.converter import converter, run_converter
from esrgan_tf.formats.tflite.detours import without_detours
from esrgan_tf.formats.tflite.ranges import best_ranges, with_ranges
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.log import Log, ignore_line

SEARCH_TILE = 64  # px: ranges and errors are those of any size, and all tensors must fit into memory
MEASURED = 12  # of the natural examples and of the others, at most, evenly spread: what each trial is measured on


@dataclass(frozen=True)
class Quantized:
    """A LiteRT file, uint8 in and out, and the groups of its operators that stayed in float."""

    tflite: bytes
    in_float: tuple[str, ...]


def quantize(
    model: keras.Model,
    tile: int,
    examples: Sequence[Example],
    max_psnr_change: float,
    log: Log = ignore_line,
) -> Quantized:
    """Quantize a generator: int8 inside, weights by channel.

    Operators fall into groups: convolutions by their names without numbers, others by their kind and their map's
    size. If all of them in int8 change the output too much, the error of each group alone in int8 is measured. Groups
    are left in float, the one with the largest error per multiply-accumulate first, until the change is small
    enough; those that it is small enough without go back, the largest first.

    Args:
        model: a generator.
        tile: px, height and width of the input.
        examples: to calibrate and to measure on.
        max_psnr_change: dB, on these examples, with the limits of single images that go with it.
        log: takes a line about the groups that stay in float.
    """
    small = min(tile, SEARCH_TILE)
    fitted = [example.fitted(small) for example in examples]
    calibrated = _calibrate(model, small, fitted[0].lr_01)
    ranges = best_ranges(calibrated, [example.lr_01 for example in fitted])
    kinds = [[example for example in fitted if example.natural is natural] for natural in (True, False)]
    measured = [example for kind in kinds for example in kind[:: -(-len(kind) // MEASURED) or 1]]
    wanted = [np.clip(np.array(model(example.lr_01[None]))[0], 0, 1) for example in measured]
    groups = _groups(calibrated, model, small)
    trials = _Trials(with_ranges(calibrated, ranges), groups, measured, wanted)
    in_float = _find_in_float(trials, max_psnr_change, log)
    if small < tile:
        calibrated = _calibrate(model, tile, examples[0].fitted(tile).lr_01)
        groups = _groups(calibrated, model, tile)
    nodes = [node for name in in_float for node in groups[name].nodes]
    return Quantized(_quantize(with_ranges(calibrated, ranges), nodes), in_float)


def _find_in_float(trials: "_Trials", max_psnr_change: float, log: Log) -> tuple[str, ...]:
    """The groups that must stay in float: few, and of few multiply-accumulates."""
    groups, found = trials.groups, trials.with_in_float(())
    if found.deviation.is_within(max_psnr_change):
        return ()
    log(f"int8: all operators in int8 change {found.change}; these stay in float:")
    sensitivity = _sensitivity(trials)
    in_float: tuple[str, ...] = ()
    for name in sorted(groups, key=lambda name: sensitivity[name] / groups[name].macs, reverse=True):
        in_float = (*in_float, name)
        found = trials.with_in_float(in_float)
        if found.deviation.is_within(max_psnr_change):
            break
    for name in sorted(in_float, key=lambda name: groups[name].macs, reverse=True):
        fewer = trials.with_in_float(tuple(other for other in found.in_float if other != name))
        if fewer.deviation.is_within(max_psnr_change):
            found = fewer
    log(f"  {', '.join(found.in_float)}: then {found.change}")
    return found.in_float


@dataclass
class _Group:
    """Names of nodes, and their multiply-accumulates."""

    nodes: list[str] = field(default_factory=list)
    macs: int = 0


@dataclass(frozen=True)
class _Trial:
    """The deviation with some groups in float, and the mean squared difference to Keras."""

    in_float: tuple[str, ...]
    deviation: Deviation
    error: float

    @property
    def change(self) -> str:
        """The deviation in words."""
        d = self.deviation
        return (
            f"the PSNR by {d.psnr_change:+.2f} dB, of one image by {d.worst_image_change:+.2f} dB, and flat areas or "
            f"noise by {255 * d.worst_pattern_difference:.1f}/255"
        )


@dataclass(frozen=True)
class _Trials:
    """Quantizes a calibrated file with different groups in float, and measures each.

    Args:
        calibrated: a float file with ranges noted in it.
        groups: of its nodes, by name.
        measured: images of the file's size.
        wanted: what Keras makes of them, clipped to 0..1.
    """

    calibrated: bytes
    groups: dict[str, _Group]
    measured: Sequence[Example]
    wanted: Sequence[np.ndarray]

    def with_in_float(self, names: tuple[str, ...]) -> _Trial:
        """With these groups in float, the others in int8."""
        tflite = _quantize(self.calibrated, [node for name in names for node in self.groups[name].nodes])
        got = _run(tflite, [example.lr_01 for example in self.measured])
        error = float(np.mean(np.subtract(got, self.wanted) ** 2))
        return _Trial(names, deviation(self.measured, got, self.wanted), error)


def _sensitivity(trials: _Trials) -> dict[str, float]:
    """The error that each group adds when it alone is in int8."""
    least = trials.with_in_float(tuple(trials.groups)).error
    return {
        name: trials.with_in_float(tuple(other for other in trials.groups if other != name)).error - least
        for name in trials.groups
    }


def _calibrate(model: keras.Model, tile: int, image: np.ndarray) -> bytes:
    """A float file in which every tensor's range is noted, as it is for one image, float32 [tile, tile, 3]."""
    made = converter(model, tile, integers=True)
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    made.representative_dataset = lambda: [[image[None]]]
    compat.calibrate_only(made)
    return run_converter(made)


def _quantize(calibrated: bytes, in_float: Sequence[str]) -> bytes:
    """A calibrated file in int8, bytes in and out, but for some nodes."""
    return without_detours(compat.quantize_calibrated(calibrated, in_float))


def _groups(calibrated: bytes, model: keras.Model, tile: int) -> dict[str, _Group]:
    """A file's nodes by group."""
    convolutions = {layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)}
    interpreter = Interpreter(model_content=calibrated)
    groups: dict[str, _Group] = {}
    nodes = [node for node in compat.operators_of(interpreter) if "QUANTIZE" not in node["op_name"]]
    for node in nodes:
        details = compat.tensor_of(interpreter, node["outputs"][0])
        layer = _layer_of(details["name"], convolutions) if "CONV" in node["op_name"] else None
        times = round(details["shape"][1] / tile) if len(details["shape"]) == 4 else 0
        name = re.sub(r"\d+", "*", layer) if layer else f"{node['op_name']} at x{times}"
        group = groups.setdefault(name, _Group())
        group.nodes.append(details["name"])
        taps = compat.tensor_of(interpreter, node["inputs"][1])["shape"][1:] if layer else [1]
        group.macs += int(np.prod(details["shape"], dtype=np.int64) * np.prod(taps, dtype=np.int64))
    return groups


def _layer_of(node: str, layers: set[str]) -> str | None:
    """Which layer's a node is: its name joins paths by `;`, whose parts carry a number where Keras traced twice."""
    for part in re.split("[;/]", node):
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in layers:
                return name
    return None


def _run(tflite: bytes, tiles: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Float32 [tile, tile, 3] in 0..1 each through a file of uint8 -> float32 [scale * tile, scale * tile, 3]."""
    interpreter = Interpreter(model_content=tflite, num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    if not np.isclose(target["quantization"][0], 1 / 255) or target["quantization"][1]:
        raise RuntimeError(f"the output of an int8 file must be 0..255. Received: {target['quantization']}.")
    outputs = []
    for tile in tiles:
        interpreter.set_tensor(source["index"], to_uint8(tile)[None])
        interpreter.invoke()
        outputs.append(to_float(interpreter.get_tensor(target["index"])[0]))
    return outputs
