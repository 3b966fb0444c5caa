"""The one place where image files are opened: any decoder's error becomes an `InputError` of one line.

In training TensorFlow decodes inside the graph; before that every file's header goes through `read_header`.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.image import codecs

for _name in ("PIL", "tifffile"):  # without a handler, their remarks on damaged files would go to the terminal
    logging.getLogger(_name).addHandler(logging.NullHandler())


class Header(NamedTuple):
    """The header of an image file: Pillow's format and mode, px as stored, EXIF orientation (1 is upright)."""

    format: str
    mode: str
    width: int
    height: int
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) in px once the orientation is applied."""
        size = (self.height, self.width)
        return size[::-1] if self.orientation in codecs.TRANSPOSED else size


def read_header(path: str | Path) -> Header:
    """Read an image file's header; no pixel is decoded.

    Args:
        path: The file.

    Returns:
        Its header. Width and height are those of the stored pixels, before the orientation is applied.

    Raises:
        InputError: The file is missing, empty, no image, or its header is damaged or promises too many pixels.
    """
    with one_line_errors(path), Image.open(path, formats=codecs.PILLOW_FORMATS) as image:
        # Pillow would decode a whole PNG in search of EXIF behind its pixels.
        orientation = codecs.orientation(image) if image.format != "PNG" or "exif" in image.info else codecs.UPRIGHT
        return Header(image.format, image.mode, *image.size, orientation)


def read_samples(path: str | Path) -> codecs.Decoded:
    """Decode an image file, upright by its EXIF orientation.

    Args:
        path: The file; its content, not its suffix, decides the format.

    Returns:
        uint8 or uint16 [height, width, 1..4] (grey, grey + alpha, RGB or RGBA), the ICC profile, EXIF and XMP.

    Raises:
        InputError: The file is missing, empty, cut off, damaged, no image, animated, multi-page, too large
            (Pillow's limit against decompression bombs, or the memory) or of a kind that would lose values.
    """
    with one_line_errors(path):
        return codecs.decode(Path(path).read_bytes())


@contextmanager
def one_line_errors(path: str | Path) -> Iterator[None]:
    """Turn everything that opening or decoding a file may raise into an `InputError` that names it."""
    if Path(path).is_fifo():  # reading it would wait for ever
        raise InputError(f"`{path}` cannot be read. Received: a pipe.")
    try:
        with warnings.catch_warnings():
            # Such as of a size near the limit, or of metadata cut off: no reason to refuse an image, nor to log it.
            warnings.filterwarnings("ignore", module=r"(PIL|tifffile)\b")
            yield
    except ImportError as error:  # an installation for LiteRT alone
        raise InputError(
            f"`{path}` has 16 bits in colour, which takes {error.name}: pip install {error.name}."
        ) from error
    except codecs.Unsupported as error:
        raise InputError(f"`{path}` {error}") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(
            f"`{path}` must be an image in PNG, JPEG, WebP, AVIF, GIF, BMP, PPM or TIFF format. "
            f"Received: {Path(path).stat().st_size} bytes that are none of these, or whose beginning is damaged."
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(f"`{path}` is too large: {first_line(error)} Cut it into parts.") from error
    except MemoryError as error:
        raise InputError(f"`{path}` takes more memory than there is: cut it into parts.") from error
    # Decoders raise nearly anything on damaged files (struct.error, SyntaxError, KeyError, ...), and OSErrors without
    # a number; those with one are the system's.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"`{path}` cannot be read. Received: {error.strerror}.") from error
        raise InputError(f"`{path}` cannot be read: it may be damaged. Received: {first_line(error)}") from error
