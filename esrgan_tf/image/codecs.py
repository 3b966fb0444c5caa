"""Bytes of an image file <-> integer samples, [height, width, channels] of uint8 or uint16.

The channels are grey, grey + alpha, RGB or RGBA. Pillow does what it can do without loss; the rest is `deep_samples`'.
"""

import io
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from esrgan_tf.image import deep_samples
from esrgan_tf.image.deep_samples import Unsupported
from esrgan_tf.image.file_metadata import XMP_TAG, FileMetadata, exif_tags, read_metadata

ALPHA, DEEP, PROFILE, GREY_PROFILE = "an alpha channel", "16 bits", "an ICC profile", "a grey ICC profile"
FRAMES = "several frames"


class Format(NamedTuple):
    """A file format.

    Args:
        name: Pillow's.
        holds: what it can hold, of the five above.
        longest_side: px.
        options: for writing.
        lossy: options for writing where a quality is asked for; `None` where it has no lossy kind.
        metadata_bytes: the most that its EXIF and its XMP may each have; 0 where it holds none.
    """

    name: str
    holds: tuple[str, ...]
    longest_side: int
    options: dict[str, Any]
    lossy: dict[str, Any] | None = None
    metadata_bytes: int = 0


_LARGEST = 2**31 - 1
_FULL_COLOUR = {"subsampling": "4:4:4"}
# In 0.4 of the time of zlib's default level, for files 6 % larger (4096 x 4096 px of an upscaled photograph).
_PNG = Format(
    "PNG", (ALPHA, DEEP, PROFILE, GREY_PROFILE, FRAMES), _LARGEST, {"compress_level": 4}, metadata_bytes=_LARGEST
)
_TIFF = Format(
    "TIFF",
    (ALPHA, DEEP, PROFILE, GREY_PROFILE),
    _LARGEST,
    {"compression": "tiff_adobe_deflate"},
    metadata_bytes=_LARGEST,
)
_JPEG = Format(
    "JPEG", (PROFILE, GREY_PROFILE), 65500, {"quality": 95, **_FULL_COLOUR}, _FULL_COLOUR, metadata_bytes=65000
)
# `exact` keeps the colour under fully transparent pixels.
_WEBP = Format(
    "WEBP", (ALPHA, PROFILE, FRAMES), 16383, {"lossless": True, "exact": True}, {"exact": True}, metadata_bytes=_LARGEST
)
_AVIF = Format("AVIF", (ALPHA, PROFILE), 65536, {"quality": 90, **_FULL_COLOUR}, _FULL_COLOUR, metadata_bytes=_LARGEST)
_BMP = Format("BMP", (), _LARGEST, {})
_PPM = Format("PPM", (), _LARGEST, {})
_GIF = Format("GIF", (ALPHA, FRAMES), 65535, {})  # 256 colours a frame, and alpha that is all or nothing
FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _WEBP,
    ".avif": _AVIF,
    ".gif": _GIF,
    ".bmp": _BMP,
    ".ppm": _PPM,
    ".tif": _TIFF,
    ".tiff": _TIFF,
}
PILLOW_FORMATS = sorted({known.name for known in FORMATS.values()})

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 274
UPRIGHT = 1  # EXIF orientation
TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations in which rows are stored as columns
_TRANSPARENT = 255  # of a GIF's 256 colours
_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr")


class Decoded(NamedTuple):
    """uint8 or uint16 [height, width, 1..4], upright; the ICC profile, EXIF and XMP, or None."""

    samples: np.ndarray
    profile: bytes | None
    metadata: FileMetadata | None


def decode(data: bytes) -> Decoded:
    """Decode an image file, upright by its EXIF orientation.

    Args:
        data: The whole file.

    Raises:
        Unsupported: The file is animated, has several pages or samples other than 1..8 or 16 bits.
        Exception: Nearly anything that Pillow, tifffile or TensorFlow raise for a damaged file.
    """
    if data[:4] in _TIFF_MAGIC and (deep := deep_samples.decode_tiff(data)) is not None:
        return Decoded(_upright(deep.samples, deep.orientation), deep.profile, _metadata_of(data))
    image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
    frames = getattr(image, "n_frames", 1)
    # The further frames of an MPO, a camera's JPEG, are previews or the other eye's view.
    if frames > 1 and image.format != "MPO":
        raise Unsupported(f"must be a single image: save its frames one by one. Received: {frames} frames.")
    if image.format == "PPM" and image.mode == "RGB" and image.tile[0].codec_name == "ppm":
        raise Unsupported("must have samples of 8 bits where it is a PPM in colour: save it as PNG.")
    image.load()
    profile = image.info.get("icc_profile")
    if image.format == "PNG":
        samples = _png_samples(data, image)
    elif image.mode == "CMYK":
        samples, profile = _cmyk_to_rgb(image, profile), None
    else:
        samples = pillow_samples(image)
    # Pillow has turned a TIFF while loading and then forgets the tag: hence after `load`.
    return Decoded(_upright(samples, orientation(image)), profile, read_metadata(image))


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of an opened image, 1 (upright) to 8; 1 where there is none."""
    try:
        return image.getexif().get(_ORIENTATION, UPRIGHT)
    except Exception:  # broken metadata is no reason to refuse a sound image
        return UPRIGHT


def pillow_samples(image: Image.Image) -> np.ndarray:
    """A loaded image in one of Pillow's modes to [height, width, 1..4].

    Raises:
        Unsupported: a mode that would lose values.
    """
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


def encode(
    samples: np.ndarray,
    form: Format,
    profile: bytes | None,
    metadata: FileMetadata | None = None,
    quality: int | None = None,
) -> bytes:
    """An image file in a format that can hold the samples and the profile.

    Args:
        samples: uint8 or uint16 [height, width, 1..4].
        form: One of `FORMATS`.
        profile: The ICC profile to embed, or None.
        metadata: EXIF and XMP, of which a format leaves out what it cannot hold.
        quality: 1 to 100, where the format has a lossy kind; `None` is its default (lossless where it can be).

    Returns:
        The whole file.
    """
    deep, (height, width, channels) = samples.dtype == np.uint16, samples.shape
    if deep and (form is _TIFF or channels > 1):
        write = deep_samples.encode_tiff if form is _TIFF else deep_samples.encode_png
        return write(samples, profile, _for_file(metadata, form, (width, height)))
    file = io.BytesIO()
    options = writing_options(form, quality) | metadata_options(form, metadata, (width, height))
    if profile:
        options["icc_profile"] = profile
    to_pillow(samples, form).save(file, form.name, **options)
    return file.getvalue()


def to_pillow(samples: np.ndarray, form: Format) -> Image.Image:
    """Samples of 8 bits, or grey ones of 16, as an image that Pillow can write in a format."""
    if form is _GIF:
        return _to_palette(samples)
    if form in (_WEBP, _AVIF) and samples.shape[2] <= 2:  # which have no grey
        samples = samples[..., [0, 0, 0, 1][: samples.shape[2] + 2]]
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def _to_palette(samples: np.ndarray) -> Image.Image:
    """uint8 [height, width, 1..4] as at most 255 colours, dithered, and one for what is more than half transparent."""
    colour = samples[..., : samples.shape[2] - 1] if samples.shape[2] in (2, 4) else samples
    image = Image.fromarray(np.broadcast_to(colour, (*samples.shape[:2], 3)))
    # Twice, since only colours that are given are dithered.
    image = image.quantize(_TRANSPARENT, palette=image.quantize(_TRANSPARENT, Image.Quantize.MEDIANCUT))
    if samples.shape[2] in (2, 4) and (hidden := samples[..., -1] < 128).any():
        image.paste(_TRANSPARENT, mask=Image.fromarray(hidden))
        image.info["transparency"] = _TRANSPARENT
    return image


def writing_options(form: Format, quality: int | None) -> dict[str, Any]:
    """Pillow's options of a format for a quality of 1 to 100, or its default."""
    if quality is None or form.lossy is None:
        return form.options
    return {**form.lossy, "quality": quality}


def metadata_options(form: Format, metadata: FileMetadata | None, size: tuple[int, int]) -> dict[str, Any]:
    """Pillow's options that write metadata in a format, for an image of (width, height) px."""
    metadata = _for_file(metadata, form, size)
    if form is _TIFF:
        if not (metadata.exif or metadata.xmp):
            return {}
        tags = exif_tags(metadata.exif)
        if metadata.xmp:
            tags[XMP_TAG] = metadata.xmp
        return {"exif": tags, "compression": None}  # a compressed TIFF with EXIF is what Pillow cannot write
    if form is _PNG and metadata.xmp:
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
        return {"pnginfo": texts} | ({"exif": metadata.exif} if metadata.exif else {})
    return {name: part for name, part in (("exif", metadata.exif), ("xmp", metadata.xmp)) if part}


def _for_file(metadata: FileMetadata | None, form: Format, size: tuple[int, int]) -> FileMetadata:
    """What a file of a format can hold of metadata, for an image of (width, height) px."""
    return (metadata or FileMetadata()).of_size(*size).fitting(form.metadata_bytes)


def _metadata_of(data: bytes) -> FileMetadata | None:
    """The metadata of a file whose pixels Pillow may not read rightly."""
    try:
        with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
            return read_metadata(image)
    except Exception:
        return None


def _png_samples(data: bytes, image: Image.Image) -> np.ndarray:
    """A loaded PNG to [height, width, 1..4]; Pillow alone would cut 16-bit colour to 8 bits."""
    depth, grey, alpha = data[24], data[25] in (0, 4), image.has_transparency_data
    if depth == 16 and not (grey and not alpha):
        samples = deep_samples.decode_png(data, 4 if alpha else 3)
        return samples[..., ::3] if grey else samples  # [..., ::3]: red and alpha
    if depth in (2, 4) and grey and alpha:
        # Pillow spreads the pixels over 0..255, but not the value that stands for transparent.
        image.info["transparency"] *= 255 // (2**depth - 1)
    return pillow_samples(image)


def _cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> np.ndarray:
    """CMYK to uint8 sRGB [height, width, 3], by the embedded profile where there is one."""
    if not profile:
        return np.asarray(image.convert("RGB"))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    return np.asarray(ImageCms.profileToProfile(image, source, target, outputMode="RGB"))


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Samples [height, width, channels] turned by their EXIF orientation, 1..8."""
    if orientation in TRANSPOSED:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples
