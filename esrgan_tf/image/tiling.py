"""Cutting an image into overlapping tiles of one size, and putting their outputs together."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """Along one axis: a tile from `start` to `stop`, of which `keep_start` to `keep_stop` is kept."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Tiles along one axis; what is kept of them covers it once.

    All tiles are `tile` long (the last one is moved back to end with the image), or as long as the image.
    What is kept lies at least `overlap` inside every edge that is not the image's own.

    Args:
        length: of the axis, px.
        tile: px, more than twice the overlap.
        overlap: px.

    Raises:
        ValueError: a tile that is not longer than twice the overlap.
    """
    if tile <= 2 * overlap or overlap < 0:
        raise ValueError(f"`tile` must be more than 2 * overlap. Received: tile={tile}, overlap={overlap}.")
    if length <= tile:
        return [Span(0, length, 0, length)]
    starts = [*range(0, length - tile, tile - 2 * overlap), length - tile]
    keep_starts = [0] + [start + overlap for start in starts[1:]]
    keep_stops = [*keep_starts[1:], length]
    return [Span(s, s + tile, a, b) for s, a, b in zip(starts, keep_starts, keep_stops, strict=True)]


def even_tile(length: int, tile: int, overlap: int, multiple: int = 1) -> int:
    """The least tile that covers an axis with as few tiles as the given one does, so that little is computed twice.

    Args:
        length: of the axis, px.
        tile: px, more than twice the overlap, a multiple of `multiple`.
        overlap: px.
        multiple: px, of the tile.
    """
    if length <= tile:
        return tile
    count = -(-(length - 2 * overlap) // (tile - 2 * overlap))
    least = -(-(length - 2 * overlap) // count) + 2 * overlap
    return -(-least // multiple) * multiple


def upscale_by_tiles(
    image: np.ndarray,
    upscale: Callable[[np.ndarray], np.ndarray],
    scale: int,
    tile: int | tuple[int, int],
    overlap: int,
    mapping: Callable[[Callable, Iterable], Iterable[int]] = map,
    dtype: type = np.float32,
) -> np.ndarray:
    """Upscale an image tile by tile.

    Args:
        image: float32 [height, width, 3].
        upscale: [h, w, 3] -> `dtype` [scale * h, scale * w, 3].
        scale: whole factor.
        tile: px of the input, of both sides or height and width.
        overlap: px of the input around what is kept of a tile.
        mapping: as `map`: calls a function with each tile's place, perhaps concurrently; a result is the number of px
            of the image that are done by that tile.
        dtype: of the output.

    Returns:
        `dtype` [scale * height, scale * width, 3].

    Raises:
        ValueError: as `spans`.
    """
    height, width, channels = image.shape
    tiles = (tile, tile) if isinstance(tile, int) else tile
    output = np.empty((scale * height, scale * width, channels), dtype)

    def fill(window: tuple[Span, Span]) -> int:
        rows, columns = window
        upscaled = upscale(image[rows.start : rows.stop, columns.start : columns.stop])
        target = tuple(slice(scale * span.keep_start, scale * span.keep_stop) for span in (rows, columns))
        source = tuple(
            slice(scale * (span.keep_start - span.start), scale * (span.keep_stop - span.start))
            for span in (rows, columns)
        )
        output[target] = upscaled[source]
        return (rows.keep_stop - rows.keep_start) * (columns.keep_stop - columns.keep_start)

    for _ in mapping(fill, _windows((height, width), tiles, overlap)):
        pass
    return output


def _windows(sides: tuple[int, int], tiles: tuple[int, int], overlap: int) -> Iterator[tuple[Span, Span]]:
    """Row spans x column spans, of an image's and of the tiles' (height, width)."""
    for rows in spans(sides[0], tiles[0], overlap):
        for columns in spans(sides[1], tiles[1], overlap):
            yield rows, columns
