"""Image files with 16 bits in colour, which Pillow cuts to 8: PNG by TensorFlow, TIFF by tifffile, imported late."""

import io
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from esrgan_tf.image.file_metadata import XMP_TAG, FileMetadata, texts_of

if TYPE_CHECKING:
    import tifffile

_PNG_HEADER_END = 33  # signature and IHDR chunk
_ORIENTATION = 274
# NONE, ADOBE_DEFLATE, DEFLATE: what tifffile decodes without the large imagecodecs package.
_TIFF_COMPRESSIONS = (1, 8, 32946)


class Unsupported(Exception):
    """A sound image file of a kind that would lose values; the text continues after the file's name."""


class DeepTiff(NamedTuple):
    """A TIFF's uint16 [height, width, 1..4] as stored, its EXIF orientation and ICC profile."""

    samples: np.ndarray
    orientation: int
    profile: bytes | None


def decode_png(data: bytes, channels: int) -> np.ndarray:
    """A 16-bit PNG to uint16 [height, width, channels], 3 or 4; grey becomes equal channels."""
    import tensorflow as tf

    return tf.io.decode_png(data, channels=channels, dtype=tf.uint16).numpy()


def encode_png(samples: np.ndarray, profile: bytes | None, metadata: FileMetadata) -> bytes:
    """A PNG file of uint16 [height, width, 2..4]; TensorFlow writes no other chunks, so they are put in."""
    import tensorflow as tf

    png = tf.io.encode_png(samples).numpy()
    chunks = b""
    if profile:
        chunks += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile))
    if metadata.exif:
        chunks += _chunk(b"eXIf", metadata.exif.removeprefix(b"Exif\0\0"))
    if metadata.xmp:
        chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    return png[:_PNG_HEADER_END] + chunks + png[_PNG_HEADER_END:]


def decode_tiff(data: bytes) -> DeepTiff | None:
    """A 16-bit TIFF that Pillow would cut, invert or refuse; `None` for one that Pillow reads rightly.

    Raises:
        Unsupported: it has several pages, or samples other than 1..8 or 16 bits.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page, pages = tiff.pages[0], len(tiff.pages)
        bits, channels, kind = page.bitspersample, page.samplesperpixel, page.photometric.name
        if pages > 1:
            raise Unsupported(f"must be a single image: save its pages one by one. Received: {pages} pages.")
        if bits not in (1, 2, 4, 8, 16) or page.sampleformat != 1:
            raise Unsupported(
                "must have unsigned samples of 8 or 16 bits: convert it, by the range that its values have. "
                f"Received: {bits} bits, {page.dtype}."
            )
        if bits != 16 or (channels == 1 and kind == "MINISBLACK"):
            return None
        _check(page)
        # Axes: separate planes, depth, height, width, interleaved channels.
        planes = page.asarray(squeeze=False)[:, 0]
        samples = planes.transpose(1, 2, 0, 3).reshape(*planes.shape[1:3], channels)
        if kind == "MINISWHITE":
            samples = 65535 - samples
        orientation = page.tags.get(_ORIENTATION)
        return DeepTiff(samples, orientation.value if orientation else 1, page.iccprofile)


def encode_tiff(samples: np.ndarray, profile: bytes | None, metadata: FileMetadata) -> bytes:
    """A TIFF file of uint16 [height, width, 1..4]; of EXIF it has the texts alone, since tifffile writes no more."""
    import tifffile

    channels = samples.shape[2]
    tags = [(tag, "s", None, text, True) for tag, text in texts_of(metadata.exif).items()]
    if metadata.xmp:
        tags.append((XMP_TAG, "B", len(metadata.xmp), metadata.xmp, True))
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        samples if channels > 1 else samples[..., 0],
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        predictor=True,
        iccprofile=profile,
        metadata=None,
        software=False,
        extratags=tags,
    )
    return file.getvalue()


def _check(page: "tifffile.TiffPage") -> None:
    """Refuse a 16-bit TIFF page that `decode_tiff` would misread."""
    colours = {("MINISWHITE", 1): 1, ("MINISBLACK", 2): 1, ("RGB", 3): 3, ("RGB", 4): 3}
    extra = [sample.name for sample in page.extrasamples]
    expected = colours.get((page.photometric.name, page.samplesperpixel), 0)
    if not expected or extra != ["UNASSALPHA"] * (page.samplesperpixel - expected):
        raise Unsupported(
            "must be grey or RGB, with at most one alpha channel (not premultiplied), to be read with 16 "
            f"bits. Received: {page.photometric.name}, {page.samplesperpixel} channels, extra {extra}."
        )
    if page.compression not in _TIFF_COMPRESSIONS:
        raise Unsupported(
            "must be without compression or with deflate, to be read with 16 bits in colour. "
            f"Received: {page.compression.name}."
        )
    if page.imagewidth * page.imagelength > 2 * (Image.MAX_IMAGE_PIXELS or np.inf):
        raise Image.DecompressionBombError(f"{page.imagewidth} x {page.imagelength} pixels.")


def _chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
