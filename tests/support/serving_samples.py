"""What is served and what is sent, small."""

import io

import numpy as np
from PIL import Image

NAME = "tiny_x2"
MAX_PIXELS = 200 * 200


def image(height=20, width=30, seed=0):
    """uint8 [height, width, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(samples):
    """The bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()
