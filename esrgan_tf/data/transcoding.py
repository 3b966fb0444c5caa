"""Copies of image files that TensorFlow does not decode rightly, as PNG in a cache, made once.

A function in Python cannot decode them in the stream: an iterator with one cannot be saved in a checkpoint.
"""

import hashlib
from pathlib import Path

from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.cache import cache_folder
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb

COPIES = "transcoded"  # in the cache


def copy_of(path: Path) -> Path:
    """Where a file's copy belongs, by the file's place, size and time of change.

    Raises:
        InputError: there is no such file.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"`{path}` cannot be read. Received: {error.strerror}.") from error
    key = f"{path.resolve()}\n{state.st_size}\n{state.st_mtime_ns}"
    return cache_folder(COPIES) / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.png"


def transcode(path: Path, copy: Path) -> None:
    """Write an image file's copy: RGB of 8 bits, upright, without alpha.

    Raises:
        InputError: the file cannot be read.
        OSError: the copy cannot be written; also where its folder cannot be created.
    """
    rgb = read_rgb(path)
    copy.parent.mkdir(parents=True, exist_ok=True)
    with replacing(copy) as temporary:
        Image.fromarray(rgb).save(temporary, "PNG", compress_level=1)
