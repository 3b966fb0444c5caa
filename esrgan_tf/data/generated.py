"""The data source `dead_leaves`: generated images, kept as PNG in memory."""

import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.source import Request, Source, held_out_count
from esrgan_tf.image.workers import Workers

SERIES = {"sample_dead_leaves": 0, "dead_leaves": 1}


def open_dead_leaves(request: Request) -> list[Source]:
    """Open `dead_leaves`."""
    held_out = held_out_count(request.config.dead_leaves_pictures, request.config)
    return [dead_leaves_source("dead_leaves", request, held_out)]


def dead_leaves_source(name: str, request: Request, held_out: int) -> Source:
    """Source of the generated images of one series, the last `held_out` of which are held out."""
    from esrgan_tf.data.listed import listed_source, read_encoded

    config = request.config
    size = max(config.dead_leaves_size, request.smallest)
    # Another series for each name: `sample+dead_leaves` trains on nothing that it holds out.
    first = SERIES[name] * config.dead_leaves_pictures
    numbers = range(first, first + config.dead_leaves_pictures)
    split = len(numbers) - held_out
    train, validation = numbers[: 0 if request.held_out_only else split], numbers[split:]

    def encoded_image(number: int) -> bytes:
        return _png(dead_leaves(size, request.seed, number))

    def elements(chosen: Sequence[int]) -> dict[str, list]:
        encoded = list(Workers(os.cpu_count() or 1).map(encoded_image, chosen))
        return {"name": [f"{name} {number}" for number in chosen], "hr": encoded, "lr": [""] * len(encoded)}

    names = [f"{name} {number} of {size} px" for number in train]
    return listed_source(name, names, elements(train), elements(validation), read_encoded, request.scale)


def _png(image: np.ndarray) -> bytes:
    """uint8 [h, w, 3] -> PNG, lightly compressed."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
