"""How an image is best cut into tiles for a generator: by what an output pixel sees, and by what the maps take."""

import math
from typing import NamedTuple

import keras

from esrgan_tf import compat
from esrgan_tf.metadata import DEFAULT_OVERLAP, metadata_of

MAX_OVERHEAD = 0.12  # of pixels that are computed and not kept, where memory allows it
MAX_BYTES = 768 * 2**20  # of the maps that are held at a time, such as a convolution's input, its sum and its output
HELD_MAPS = 3
FLOAT_BYTES = 4
STEP = 16  # px: tiles are multiples of it


class Tiling(NamedTuple):
    """Side of the tiles, and what they overlap by on each side, px of the input."""

    tile: int
    overlap: int


def preferred_tiling(model: keras.Model) -> Tiling:
    """The tiles to cut large images into.

    They overlap by as much as an output pixel sees, at most 32 px: `benchmarks/tile_overlap.py` measures what a deep
    network makes of pixels that are farther away. They are as large as keeps the overlaps' share small, and memory
    allows.

    Args:
        model: a generator with metadata.
    """
    multiple = metadata_of(model).lr_multiple
    radius = receptive_radius(model)
    overlap = DEFAULT_OVERLAP if radius is None else min(DEFAULT_OVERLAP, radius)
    overlap = -(-overlap // multiple) * multiple
    wanted = 2 * overlap / (1 - (1 + MAX_OVERHEAD) ** -0.5)
    affordable = math.sqrt(MAX_BYTES / (HELD_MAPS * FLOAT_BYTES * _largest_map(model)))
    step = math.lcm(STEP, multiple)
    tile = max(math.ceil(min(wanted, affordable) / step), math.ceil((2 * overlap + 1) / step)) * step
    return Tiling(tile, overlap)


def receptive_radius(model: keras.Model) -> int | None:
    """Pixels of the input, to each side, that an output pixel depends on.

    Args:
        model: a generator.

    Returns:
        px; `None` where an operation other than a convolution reads more than one pixel, or is not known.
    """
    radii: dict[str, float] = {}  # of the operations' outputs, px of the model's input
    sizes = _relative_sizes(model)
    for operation, inputs in _in_order(model):
        kernel = getattr(operation, "kernel_size", None)
        if kernel is None and not compat.is_pointwise(operation):
            return None
        before = max((radii[name] for name in inputs), default=0.0)
        size = sizes[inputs[0]] if inputs else 1.0
        radii[operation.name] = before + (max(kernel) // 2 / size if kernel else 0)
    return math.ceil(radii[compat.producer(model.output)[0].name])


def _largest_map(model: keras.Model) -> float:
    """Values of the largest map, for each pixel of the input."""
    sizes = _relative_sizes(model)
    return max(sizes[op.name] ** 2 * op.output.shape[-1] for op, _ in _in_order(model))


def _relative_sizes(model: keras.Model) -> dict[str, float]:
    """Operation's name -> height of its output / height of the model's input."""
    sizes: dict[str, float] = {}
    for operation, inputs in _in_order(model):
        size = sizes[inputs[0]] if inputs else 1.0
        if compat.is_depth_to_space(operation):
            size *= operation.block_size
        elif compat.is_space_to_depth(operation):
            size /= operation.block_size
        sizes[operation.name] = size
    return sizes


def _in_order(model: keras.Model) -> list[tuple[keras.Operation, list[str]]]:
    """Each operation with the names of those whose outputs it takes, after all of them."""
    found: dict[str, tuple[keras.Operation, list[str]]] = {}
    waiting = [model.output]
    while waiting:
        operation, inputs = compat.producer(waiting[-1])
        lacking = [x for x in inputs if compat.producer(x)[0].name not in found]
        if lacking and operation.name not in found:
            waiting += lacking
        else:
            found[operation.name] = (operation, [compat.producer(x)[0].name for x in inputs])
            waiting.pop()
    return list(found.values())
