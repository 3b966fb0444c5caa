"""How an image is best cut into tiles for a generator: by what an output pixel sees, and by what the maps take."""

import math
from typing import NamedTuple

import keras

from esrgan_tf import compat
from esrgan_tf.metadata import DEFAULT_OVERLAP, metadata_of
from esrgan_tf.models.graph import steps_in_order

MAX_OVERHEAD = 0.12  # of pixels that are computed and not kept, where memory allows it
MAX_BYTES = 768 * 2**20  # of the maps that are held at a time, such as a convolution's input, its sum and its output
HELD_MAPS = 3
FLOAT_BYTES = 4
STEP = 16  # px: tiles are multiples of it


class Tiling(NamedTuple):
    """Side of the tiles, and what they overlap by on each side, px of the input."""

    tile: int
    overlap: int


def preferred_tiling(model: keras.Model, max_bytes: int = MAX_BYTES, held_maps: int = HELD_MAPS) -> Tiling:
    """The tiles to cut large images into.

    They overlap by as much as an output pixel sees, at most 32 px: `benchmarks/tile_overlap.py` measures what a deep
    network makes of pixels that are farther away. They are as large as keeps the overlaps' share small, and memory
    allows.

    Args:
        model: a generator with metadata.
        max_bytes: of the largest maps that a runtime holds at a time.
        held_maps: number of them.
    """
    multiple = metadata_of(model).lr_multiple
    radius = receptive_radius(model)
    overlap = DEFAULT_OVERLAP if radius is None else min(DEFAULT_OVERLAP, radius)
    overlap = -(-overlap // multiple) * multiple
    wanted = 2 * overlap / (1 - (1 + MAX_OVERHEAD) ** -0.5)
    affordable = math.sqrt(max_bytes / (held_maps * FLOAT_BYTES * _largest_map(model)))
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
    sizes = _relative_sizes(model)
    radii: dict[int, float] = {}  # by the map's identity, px of the model's input
    for x, operation, inputs in steps_in_order(model):
        reach = 0 if compat.is_pointwise(operation) else _reach(operation)
        if reach is None:
            return None
        before = max((radii[id(source)] for source in inputs), default=0.0)
        radii[id(x)] = before + reach / sizes[id(x)]
    return math.ceil(radii[id(model.output)])


def _reach(operation: keras.Operation) -> int | None:
    """Pixels that a convolution reads to each side of its own; `None` of another operation, or one with strides."""
    kernel, strides, dilation = (getattr(operation, f, (1,)) for f in ("kernel_size", "strides", "dilation_rate"))
    return max(kernel) // 2 * max(dilation) if hasattr(operation, "kernel_size") and max(strides) == 1 else None


def _largest_map(model: keras.Model) -> float:
    """Values of the largest map, for each pixel of the input."""
    sizes = _relative_sizes(model)
    return max(sizes[id(x)] ** 2 * (x.shape[-1] or 1) for x, _, _ in steps_in_order(model))


def _relative_sizes(model: keras.Model) -> dict[int, float]:
    """Map's identity -> its height / height of the model's input."""
    sizes: dict[int, float] = {}
    for x, operation, inputs in steps_in_order(model):
        size = sizes[id(inputs[0])] if inputs else 1.0
        if compat.is_depth_to_space(operation):
            size *= operation.block_size
        elif compat.is_space_to_depth(operation):
            size /= operation.block_size
        sizes[id(x)] = size
    return sizes
