"""Tiles inside a graph: images of any size in bounded memory, cut as `image.tiling` cuts them."""

import tensorflow as tf

from esrgan_tf.formats.graphs import Upscale


def upscale_in_tiles(upscale: Upscale, image: tf.Tensor, scale: int, tile: int, overlap: int) -> tf.Tensor:
    """Upscale a batch of images: several at once where they are small, one tile of one at a time where not.

    What goes through the network at once has at most as many pixels as a tile.

    Args:
        upscale: [n, h, w, 3] -> [n, scale * h, scale * w, 3].
        image: float32 [batch, height, width, 3].
        scale: whole factor.
        tile: px of the input, more than twice the overlap.
        overlap: px of the input around what is kept of a tile.

    Returns:
        float32 [batch, scale * height, scale * width, 3].
    """
    batch, height, width = tf.unstack(tf.shape(image)[:3])
    rows, columns = (_count(length, tile, overlap) for length in (height, width))
    cells = rows * columns
    at_a_time = tf.clip_by_value(tile**2 // (height * width), 1, batch)
    pieces = (batch + at_a_time - 1) // at_a_time

    def step(index: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first, cell = index // cells * at_a_time, index % cells
        last = tf.minimum(first + at_a_time, batch)
        top, bottom, keep_top, keep_bottom = _span(cell // columns, rows, height, tile, overlap)
        left, right, keep_left, keep_right = _span(cell % columns, columns, width, tile, overlap)
        upscaled = upscale(image[first:last, top:bottom, left:right])
        kept = upscaled[
            :,
            scale * (keep_top - top) : scale * (keep_bottom - top),
            scale * (keep_left - left) : scale * (keep_right - left),
        ]
        # Written in place: the loop is the only one that holds the output.
        output = tf.raw_ops.TensorStridedSliceUpdate(
            input=output,
            begin=tf.stack([first, scale * keep_top, scale * keep_left, 0]),
            end=tf.stack([last, scale * keep_bottom, scale * keep_right, 3]),
            strides=[1, 1, 1, 1],
            value=kept,
        )
        return index + 1, output

    empty = tf.zeros(tf.stack([batch, scale * height, scale * width, 3]))
    count = pieces * cells
    shapes = (tf.TensorShape([]), tf.TensorShape([None, None, None, 3]))
    _, output = tf.while_loop(
        lambda index, _: index < count, step, (0, empty), shape_invariants=shapes, parallel_iterations=1
    )
    return output


def _count(length: tf.Tensor, tile: int, overlap: int) -> tf.Tensor:
    """How many tiles cover an axis."""
    step = tile - 2 * overlap
    return 1 + tf.maximum(0, length - tile + step - 1) // step


def _span(index: tf.Tensor, count: tf.Tensor, length: tf.Tensor, tile: int, overlap: int) -> tuple[tf.Tensor, ...]:
    """(start, stop, keep_start, keep_stop) of one tile along an axis, as `image.tiling.spans`."""
    step = tile - 2 * overlap
    last = tf.maximum(0, length - tile)
    start, following = tf.minimum(index * step, last), tf.minimum((index + 1) * step, last)
    keep_start = tf.where(index == 0, 0, start + overlap)
    keep_stop = tf.where(index == count - 1, length, following + overlap)
    return start, tf.minimum(start + tile, length), keep_start, keep_stop
