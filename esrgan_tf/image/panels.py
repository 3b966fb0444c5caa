"""Comparison images: captioned cells side by side, and the crop worth looking at."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from esrgan_tf.image.io import to_uint8

_WHITE, _INK = (255, 255, 255), (32, 32, 32)
_SMALLEST_FONT, _LARGEST_FONT = 9, 24


def side_by_side(cells: Sequence[tuple[str, np.ndarray]], margin: int = 8) -> np.ndarray:
    """Images in a row on white, each with its caption centred below it.

    All captions share one font size, about a fourteenth of the cell's width and smaller where a line
    would not fit. Where even 9 px do not fit, the cells move apart instead.

    Args:
        cells: Pairs of a caption (lines separated by a newline) and an image, float32
            [height, width, 3], 0..1, all of the same shape.
        margin: White pixels around and between the cells.

    Returns:
        uint8 [panel height, panel width, 3].

    Raises:
        ValueError: There is no cell, or the images differ in shape or are not RGB.
    """
    if not cells:
        raise ValueError("`cells` must hold at least one image. Received: none.")
    shapes = {image.shape for _, image in cells}
    height, width = cells[0][1].shape[:2]
    if shapes != {(height, width, 3)}:
        raise ValueError(f"`cells` must have one shape [height, width, 3]. Received: {sorted(shapes)}.")
    captions = [caption for caption, _ in cells]
    font = _fitting_font(captions, width)
    text_width, text_height = _text_size(captions, font)
    pitch = max(width, text_width) + margin
    gap = max(2, margin // 2)  # a caption sits closer to its own image than the next image does
    panel = Image.new("RGB", (margin + pitch * len(cells), margin + height + gap + text_height + margin), _WHITE)
    draw = ImageDraw.Draw(panel)
    for index, (caption, image) in enumerate(cells):
        centre = margin + index * pitch + (pitch - margin) / 2
        panel.paste(Image.fromarray(to_uint8(image)), (round(centre - width / 2), margin))
        draw.multiline_text((centre, margin + height + gap), caption, _INK, font, anchor="ma", align="center")
    return np.array(panel)


def most_detailed_crop(reference: np.ndarray, size: int) -> tuple[int, int]:
    """The square window with the most detail: the highest sum of squared differences of neighbours.

    The sums are taken over integers, so that the answer is the same on every machine; of equal
    windows the topmost, then the leftmost is taken.

    Args:
        reference: float32 [height, width, 3], 0..1.
        size: Side of the window in pixels.

    Returns:
        Top and left of the window.

    Raises:
        ValueError: `size` is below 2 or larger than the image.
    """
    height, width = reference.shape[:2]
    if not 2 <= size <= min(height, width):
        raise ValueError(f"`size` must be 2..{min(height, width)} for this image. Received: size={size}.")
    grey = to_uint8(reference).sum(axis=2, dtype=np.int64)
    # Only differences between two pixels of a window count: one row or column fewer than pixels.
    down = _window_sums(np.diff(grey, axis=0) ** 2, size - 1, size)
    across = _window_sums(np.diff(grey, axis=1) ** 2, size, size - 1)
    top, left = np.unravel_index(np.argmax(down + across), down.shape)
    return int(top), int(left)


def upscale_nearest(rgb: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel repeated to a square, so that single pixels can be seen.

    Args:
        rgb: [height, width, channels], any dtype.
        factor: Side of the square, at least 1.

    Returns:
        The same dtype, [height * factor, width * factor, channels].

    Raises:
        ValueError: `factor` is below 1.
    """
    if factor < 1:
        raise ValueError(f"`factor` must be at least 1. Received: factor={factor}.")
    return rgb.repeat(factor, axis=0).repeat(factor, axis=1)


def _window_sums(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Sums of all windows of [height, width] integers, by an integral image."""
    integral = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    bands = integral[rows:] - integral[:-rows]
    return bands[:, columns:] - bands[:, :-columns]


def _fitting_font(captions: list[str], width: int) -> ImageFont.FreeTypeFont:
    """The built-in font in the largest size, up to a fourteenth of the width, in which every line fits."""
    size = min(max(width // 14, _SMALLEST_FONT), _LARGEST_FONT)
    while size > _SMALLEST_FONT and _text_size(captions, ImageFont.load_default(size))[0] > width:
        size -= 1
    return ImageFont.load_default(size)


def _text_size(captions: list[str], font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Width and height in whole pixels that hold each of the captions."""
    draw = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    boxes = [draw.multiline_textbbox((0, 0), caption, font, anchor="la") for caption in captions]
    return int(np.ceil(max(box[2] - box[0] for box in boxes))), int(np.ceil(max(box[3] for box in boxes)))


def stack_rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Panels below each other, narrower ones filled with white on the right.

    Args:
        rows: uint8 [height, width, 3] each, at least one.

    Returns:
        uint8 [sum of heights, largest width, 3].

    Raises:
        ValueError: There is no row.
    """
    if not rows:
        raise ValueError("`rows` must hold at least one panel. Received: none.")
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in rows])
