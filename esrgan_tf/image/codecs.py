"""Bytes of an image file <-> integer samples, [height, width, channels] of uint8 or uint16.

The channels are grey, grey + alpha, RGB or RGBA. Pillow does what it can do without loss; 16-bit
colour goes through TensorFlow (PNG) and tifffile (TIFF), which are imported only then.
"""

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    import tifffile

ALPHA, DEEP, PROFILE, GREY_PROFILE = "an alpha channel", "16 bits", "an ICC profile", "a grey ICC profile"


class Format(NamedTuple):
    """A file format: Pillow's name, what it can hold, its longest side in px, options for writing."""

    name: str
    holds: tuple[str, ...]
    longest_side: int
    options: dict[str, Any]


# In 0.4 of the time of zlib's default level, for files 6 % larger (4096 x 4096 px of an upscaled photograph).
_PNG = Format("PNG", (ALPHA, DEEP, PROFILE, GREY_PROFILE), 2**31 - 1, {"compress_level": 4})
_TIFF = Format("TIFF", _PNG.holds, 2**31 - 1, {"compression": "tiff_adobe_deflate"})
_JPEG = Format("JPEG", (PROFILE, GREY_PROFILE), 65500, {"quality": 95, "subsampling": "4:4:4"})
# `exact` keeps the colour under fully transparent pixels.
_WEBP = Format("WEBP", (ALPHA, PROFILE), 16383, {"lossless": True, "exact": True})
_BMP = Format("BMP", (), 2**31 - 1, {})
FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _WEBP,
    ".bmp": _BMP,
    ".tif": _TIFF,
    ".tiff": _TIFF,
}
PILLOW_FORMATS = sorted({known.name for known in FORMATS.values()})

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_HEADER_END = 33  # signature and IHDR chunk; bit depth at 24, colour type at 25
_ORIENTATION = 274
UPRIGHT = 1  # EXIF orientation
TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations in which rows are stored as columns
# NONE, ADOBE_DEFLATE, DEFLATE: what tifffile decodes without the large imagecodecs package.
_TIFF_COMPRESSIONS = (1, 8, 32946)
_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr")


class Unsupported(Exception):
    """A sound image file of a kind that would lose values; the text continues after the file's name."""


def decode(data: bytes) -> tuple[np.ndarray, bytes | None]:
    """Samples and ICC profile of an image file, upright by its EXIF orientation.

    Args:
        data: The whole file.

    Returns:
        uint8 or uint16 [height, width, 1..4], and the profile or None.

    Raises:
        Unsupported: The file is animated, has several pages or samples other than 1..8 or 16 bits.
        Exception: Nearly anything that Pillow, tifffile or TensorFlow raise for a damaged file.
    """
    if data[:4] in _TIFF_MAGIC and (found := _decode_deep_tiff(data)) is not None:
        return found
    image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
    frames = getattr(image, "n_frames", 1)
    # The further frames of an MPO, a camera's JPEG, are previews or the other eye's view.
    if frames > 1 and image.format != "MPO":
        raise Unsupported(f"must be a single image: save its frames one by one. Received: {frames} frames.")
    image.load()
    profile = image.info.get("icc_profile")
    if image.format == "PNG":
        samples = _png_samples(data, image)
    elif image.mode == "CMYK":
        samples, profile = _cmyk_to_rgb(image, profile), None
    else:
        samples = _pillow_samples(image)
    # Pillow has turned a TIFF while loading and then forgets the tag: hence after `load`.
    return _upright(samples, orientation(image)), profile


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of an opened image, 1 (upright) to 8; 1 where there is none."""
    try:
        return image.getexif().get(_ORIENTATION, UPRIGHT)
    except Exception:  # broken metadata is no reason to refuse a sound image
        return UPRIGHT


def encode(samples: np.ndarray, form: Format, profile: bytes | None) -> bytes:
    """An image file in a format that can hold the samples and the profile.

    Args:
        samples: uint8 or uint16 [height, width, 1..4].
        form: One of `FORMATS`.
        profile: The ICC profile to embed, or None.

    Returns:
        The whole file.
    """
    deep, channels = samples.dtype == np.uint16, samples.shape[2]
    if deep and form is _TIFF:
        return _encode_deep_tiff(samples, profile)
    if deep and channels > 1:
        return _encode_deep_png(samples, profile)
    if form is _WEBP and channels <= 2:  # WebP has no grey
        samples = samples[..., [0, 0, 0, 1][: channels + 2]]
    image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    file = io.BytesIO()
    image.save(file, form.name, icc_profile=profile, **form.options)
    return file.getvalue()


def _pillow_samples(image: Image.Image) -> np.ndarray:
    """A loaded image in one of Pillow's modes to [height, width, 1..4]."""
    alpha = image.has_transparency_data
    if image.mode.startswith("I;16") and not alpha:
        return np.asarray(image, np.uint16)[..., None]
    if image.mode in _GREY_MODES:
        image = image.convert("LA" if alpha else "L")
    elif image.mode in _COLOUR_MODES:
        image = image.convert("RGBA" if alpha else "RGB")
    else:
        raise Unsupported(f"must be grey, RGB or CMYK with 8 or 16 bits. Received: Pillow mode {image.mode}.")
    return np.atleast_3d(np.asarray(image))


def _png_samples(data: bytes, image: Image.Image) -> np.ndarray:
    """A loaded PNG to [height, width, 1..4]; Pillow alone would cut 16-bit colour to 8 bits."""
    depth, grey, alpha = data[24], data[25] in (0, 4), image.has_transparency_data
    if depth == 16 and not (grey and not alpha):
        import tensorflow as tf

        samples = tf.io.decode_png(data, channels=4 if alpha else 3, dtype=tf.uint16).numpy()
        return samples[..., ::3] if grey else samples  # [..., ::3]: red and alpha
    if depth in (2, 4) and grey and alpha:
        # Pillow spreads the pixels over 0..255, but not the value that stands for transparent.
        image.info["transparency"] *= 255 // (2**depth - 1)
    return _pillow_samples(image)


def _cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> np.ndarray:
    """CMYK to uint8 sRGB [height, width, 3], by the embedded profile where there is one."""
    if not profile:
        return np.asarray(image.convert("RGB"))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    return np.asarray(ImageCms.profileToProfile(image, source, target, outputMode="RGB"))


def _decode_deep_tiff(data: bytes) -> tuple[np.ndarray, bytes | None] | None:
    """Samples and profile of a 16-bit TIFF that Pillow would cut, invert or refuse; else None."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page, pages = tiff.pages[0], len(tiff.pages)
        bits, channels, kind = page.bitspersample, page.samplesperpixel, page.photometric.name
        if pages > 1:
            raise Unsupported(f"must be a single image: save its pages one by one. Received: {pages} pages.")
        if bits not in (1, 2, 4, 8, 16) or page.sampleformat != 1:
            raise Unsupported(f"must have unsigned samples of 8 or 16 bits. Received: {bits} bits, {page.dtype}.")
        if bits != 16 or (channels == 1 and kind == "MINISBLACK"):
            return None
        _check_deep_tiff(page)
        # Axes: separate planes, depth, height, width, interleaved channels.
        planes = page.asarray(squeeze=False)[:, 0]
        samples = planes.transpose(1, 2, 0, 3).reshape(*planes.shape[1:3], channels)
        if kind == "MINISWHITE":
            samples = 65535 - samples
        orientation = page.tags.get(_ORIENTATION)
        return _upright(samples, orientation.value if orientation else 1), page.iccprofile


def _check_deep_tiff(page: "tifffile.TiffPage") -> None:
    """Refuse a 16-bit TIFF page that `_decode_deep_tiff` would misread."""
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


def _encode_deep_tiff(samples: np.ndarray, profile: bytes | None) -> bytes:
    """A TIFF file of uint16 [height, width, 1..4]."""
    import tifffile

    channels = samples.shape[2]
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
    )
    return file.getvalue()


def _encode_deep_png(samples: np.ndarray, profile: bytes | None) -> bytes:
    """A PNG file of uint16 [height, width, 2..4]; TensorFlow writes no profile, so it is put in."""
    import tensorflow as tf

    png = tf.io.encode_png(samples).numpy()
    if not profile:
        return png
    body = b"iCCP" + b"ICC Profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_PNG_HEADER_END] + chunk + png[_PNG_HEADER_END:]


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Samples [height, width, channels] turned by their EXIF orientation, 1..8."""
    if orientation in TRANSPOSED:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples
