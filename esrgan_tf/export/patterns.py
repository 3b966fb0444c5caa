"""Images that a folder of photographs may lack: leaves and text, and flat colours, gradients and noise."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.formats.examples import Example
from esrgan_tf.image.io import to_float
from esrgan_tf.image.resize import imresize_uint8

LEAVES = 2  # images
LEAVES_SERIES = 100  # seeds from here on: no training source draws these
INSET = 0.03  # from the corners of the RGB cube, of images to verify on
COLOURS = 1  # flat images besides the corners of the RGB cube
NOISE = (10, 20, 30)  # standard deviations, of 255: what cameras give in little light
NOISE_VERIFIED = 0.8  # of these, in images to verify on: within what is calibrated on
FONT_SIZES = (10, 40)  # px of HR
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789&@%?!;, "))


def pattern_examples(scale: int, side: int, seed: int) -> list[Example]:
    """Draw images of which no two seeds share one: sixteen to calibrate on, or twelve to verify on.

    Args:
        scale: HR size / LR size.
        side: px of LR.
        seed: 0 draws all corners of the RGB cube, without which nothing bounds what a network makes of pure colours;
            another something like red, green, blue and white.

    Returns:
        Leaves and text with their HR, and flat colours, a gradient and noise, which are not `natural`.
    """
    rng = np.random.default_rng(seed)
    hr = {f"leaves{i}": dead_leaves(scale * side, LEAVES_SERIES + seed, i)[..., :3] for i in range(LEAVES)}
    hr["text"] = _text(rng, scale * side)
    return [_natural(name, image, scale) for name, image in hr.items()] + [
        Example(
            name, lr_01.astype(np.float32), lr_01.astype(np.float32).repeat(scale, 0).repeat(scale, 1), scale, False
        )
        for name, lr_01 in _plain(rng, side, seed)
    ]


def _natural(name: str, hr: np.ndarray, scale: int) -> Example:
    """An image, uint8 [scale * side, scale * side, 3], with its LR by MATLAB's bicubic."""
    return Example(name, to_float(imresize_uint8(hr, 1 / scale)), to_float(hr), scale)


def _text(rng: np.random.Generator, side: int) -> np.ndarray:
    """Lines of random letters on a light ground, their size growing downwards: uint8 [side, side, 3]."""
    image = Image.new("RGB", (side, side), tuple(map(int, rng.integers(200, 256, 3))))
    draw, top = ImageDraw.Draw(image), 0
    while top < side:
        size = FONT_SIZES[0] + (FONT_SIZES[1] - FONT_SIZES[0]) * top // side
        line = "".join(rng.choice(LETTERS, side // FONT_SIZES[0] * 2))
        draw.text((0, top), line, fill=tuple(map(int, rng.integers(0, 120, 3))), font_size=size)
        top += size * 5 // 4
    return np.asarray(image)


def _plain(rng: np.random.Generator, side: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """(name, LR [side, side, 3] in 0..1) of images without detail that a network could restore."""
    corners = np.indices((2, 2, 2)).reshape(3, 8).T
    if seed:
        corners = INSET + (1 - 2 * INSET) * corners[corners.sum(1) % 2 == 1]
    for colour in (*corners, *rng.uniform(size=(COLOURS, 3))):
        yield f"flat-{'-'.join(str(round(255 * value)) for value in colour)}", np.full((side, side, 3), colour)
    from_to = rng.uniform(size=(2, 2, 3))
    rows, columns = (np.linspace(0, 1, side).reshape(shape) for shape in ((side, 1, 1), (1, side, 1)))
    yield (
        "gradient",
        ((1 - rows) * from_to[0, 0] + rows * from_to[0, 1]) / 2
        + ((1 - columns) * from_to[1, 0] + columns * from_to[1, 1]) / 2,
    )
    for strength in (round(NOISE_VERIFIED * s) if seed else s for s in NOISE):
        yield f"noise-{strength}", np.clip(rng.normal(0.5, strength / 255, (side, side, 3)), 0, 1)
