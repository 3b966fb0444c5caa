"""Small image files of every format and kind, and deterministic damage to them."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.image import codecs
from support.images import SRGB

HEIGHT, WIDTH = 36, 40
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_HEADER_END = len(PNG_SIGNATURE) + 25  # behind IHDR
CUTS, FLIPS, WORDS = 16, 24, 8  # positions of each kind of damage, spread over the file
HEADER = 48  # bytes, every one of which is damaged as well
EXTREMES = (b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff")


def sound_files(height: int = HEIGHT, width: int = WIDTH) -> dict[str, bytes]:
    """An undamaged file of every kind that the package reads or refuses, by its name; no two have one stem."""
    rgb = dead_leaves(max(height, width), 0)[:height, :width]
    image, alpha = Image.fromarray(rgb), Image.fromarray(rgb[::-1, :, 0])
    rgba, grey = image.copy(), image.convert("L")
    rgba.putalpha(alpha)
    grey_alpha = rgba.convert("LA")
    exif = Image.Exif()
    exif[codecs._ORIENTATION] = 6
    deep = np.concatenate([rgb, np.asarray(alpha)[..., None]], 2).astype(np.uint16) * 257
    profile = {"icc_profile": SRGB}
    files = {
        "grey.png": _saved(grey, "PNG"),
        "grey_alpha.png": _saved(grey_alpha, "PNG"),
        "bits.png": _saved(grey.convert("1"), "PNG"),
        "palette.png": _saved(image.quantize(16), "PNG", transparency=3),
        "rgb.png": _saved(image, "PNG", **profile, exif=exif),
        "rgba.png": _saved(rgba, "PNG"),
        "transparent.png": _saved(image, "PNG", transparency=(1, 2, 3)),
        "grey16.png": _saved(Image.fromarray(deep[..., 0]), "PNG"),
        "rgb16.png": codecs.encode(deep[..., :3], codecs.FORMATS[".png"], SRGB),
        "rgba16.png": codecs.encode(deep, codecs.FORMATS[".png"], None),
        "baseline.jpg": _saved(image, "JPEG"),
        "progressive.jpg": _saved(image, "JPEG", progressive=True, **profile),
        "grey.jpg": _saved(grey, "JPEG"),
        "cmyk.jpg": _saved(image.convert("CMYK"), "JPEG"),
        "turned.jpeg": _saved(image, "JPEG", exif=exif),
        "lossy.webp": _saved(image, "WEBP", quality=80),
        "lossless.webp": _saved(image, "WEBP", lossless=True, exif=exif, **profile),
        "alpha.webp": _saved(rgba, "WEBP", lossless=True),
        "rgb.avif": _saved(image, "AVIF", exif=exif, **profile),
        "palette.gif": _saved(image.quantize(64), "GIF"),
        "transparent.gif": _saved(image.quantize(16), "GIF", transparency=3),
        "rgb.ppm": _saved(image, "PPM"),
        "rgb.bmp": _saved(image, "BMP"),
        "downwards.bmp": _downwards(_saved(image, "BMP")),
        "alpha.bmp": _saved(rgba, "BMP"),
        "palette.bmp": _saved(image.quantize(16), "BMP"),
        "plain.tif": _saved(image, "TIFF", **profile),
        "deflate.tif": _saved(rgba, "TIFF", compression="tiff_adobe_deflate"),
        "lzw.tif": _saved(grey, "TIFF", compression="tiff_lzw"),
        "grey16.tiff": _saved(Image.fromarray(deep[..., 0]), "TIFF"),
        "rgb16.tiff": codecs.encode(deep[..., :3], codecs.FORMATS[".tif"], SRGB),
        "rgba16.tiff": codecs.encode(deep, codecs.FORMATS[".tif"], None),
    }
    files = {name: _with_gamma(data) if name.endswith(".png") else data for name, data in files.items()}
    return {f"{Path(name).suffix[1:]}_{name}": data for name, data in files.items()}  # no two of one stem


def mutants(name: str, data: bytes, density: int = 1) -> Iterator[tuple[str, bytes]]:
    """Damaged copies of a file: cut off, bytes inverted, words set to extremes, PNG chunks cut or changed.

    Args:
        name: of the file; a copy's name is the stem, the damage and the suffix.
        data: the whole file.
        density: multiplies the numbers of damaged positions.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    for length in _spread(len(data), density * CUTS) | {0, 1, 4, 8, len(data) - 1}:
        yield f"{stem}-cut{length}{suffix}", data[:length]
    for place in _spread(len(data), density * FLIPS) | set(range(min(HEADER, len(data)))):
        yield f"{stem}-flip{place}{suffix}", _replaced(data, place, bytes([data[place] ^ 0xFF]))
    for place in _spread(len(data) - 4, density * WORDS) | set(range(0, HEADER, 4)):
        for kind, word in enumerate(EXTREMES):
            yield f"{stem}-word{place}_{kind}{suffix}", _replaced(data, place, word)
    if data.startswith(PNG_SIGNATURE):
        for label, mutant in _damaged_chunks(data, density):
            yield f"{stem}-{label}{suffix}", mutant


def strangers() -> dict[str, bytes]:
    """Files that are something else than their suffix says."""
    image = Image.fromarray(dead_leaves(WIDTH, 1)[:HEIGHT])
    return {
        "empty.png": b"",
        "text.jpg": b"These are not the bytes of an image.\n" * 20,
        "animated.png": _saved(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
        "still.jpg": _saved(image, "GIF"),
        "zeros.bmp": bytes(2000),
    }


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with the length and checksum of its body."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _damaged_chunks(data: bytes, density: int) -> Iterator[tuple[str, bytes]]:
    """PNGs in which one chunk is short, left out or changed, with lengths and checksums that hide it."""
    chunks = list(_chunks(data))
    for index, (kind, body) in enumerate(chunks):
        bodies = {f"short{n}": body[:n] for n in {0, 1, 2, len(body) // 2, len(body) - 1} if 0 <= n < len(body)}
        places = _spread(len(body), density * FLIPS // 2) | set(range(min(13, len(body))))
        bodies |= {f"changed{place}": _replaced(body, place, bytes([body[place] ^ 0xFF])) for place in places}
        bodies |= {"long": body + bytes(7)}
        for label, changed in bodies.items():
            parts = [chunk(k, changed if i == index else b) for i, (k, b) in enumerate(chunks)]
            yield f"{kind.decode()}{index}_{label}", PNG_SIGNATURE + b"".join(parts)
        parts = [chunk(k, b) for i, (k, b) in enumerate(chunks) if i != index]
        yield f"{kind.decode()}{index}_none", PNG_SIGNATURE + b"".join(parts)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk of a PNG."""
    place = len(PNG_SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length


def _with_gamma(png: bytes) -> bytes:
    """A PNG with a gAMA chunk behind its header."""
    return png[:PNG_HEADER_END] + chunk(b"gAMA", struct.pack(">I", 45455)) + png[PNG_HEADER_END:]


def _downwards(bmp: bytes) -> bytes:
    """A 24-bit BMP as one of negative height, whose first row is the upper one."""
    offset, height = struct.unpack_from("<I", bmp, 10)[0], struct.unpack_from("<i", bmp, 22)[0]
    rows = np.frombuffer(bmp[offset:], np.uint8).reshape(height, -1)[::-1]
    return bmp[:22] + struct.pack("<i", -height) + bmp[26:offset] + rows.tobytes()


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    """An encoded image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _spread(length: int, count: int) -> set[int]:
    """About so many positions, evenly spread over a file."""
    return {int(place) for place in np.linspace(0, length - 1, count)} if length > 0 else set()


def _replaced(data: bytes, place: int, new: bytes) -> bytes:
    """Data with some of its bytes exchanged."""
    return data[:place] + new + data[place + len(new) :]
