"""Image files <-> arrays, and the one statement of the range contract.

Images in memory are RGB, float32, 0..1, [height, width, 3]. Integers (uint8, or uint16 for
16-bit files) exist only at the edges, where a file is read or written. Values are rounded once, at
the very end, and then clipped.

Kept from `read_image` to `write_image`: alpha, grey, 16 bits, the ICC profile, EXIF and XMP (the
orientation is applied). Not kept: palettes (become RGB), CMYK (becomes sRGB).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.image import codecs
from esrgan_tf.image.file_metadata import FileMetadata
from esrgan_tf.image.reading import read_samples

IMAGE_SUFFIXES = tuple(codecs.FORMATS)
_SUFFIXES_TEXT = ", ".join(IMAGE_SUFFIXES)


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """One image, and what its file needs to be written back as the same kind.

    Args:
        rgb: float32 [height, width, 3], 0..1; the three channels are equal in a grey image. Of one that is only to be
            written, perhaps already integers of its `bits`: a quarter of the memory.
        alpha: float32 [height, width], 0..1 (not premultiplied), or None.
        grey: Whether the file is grey (with or without alpha) rather than RGB.
        bits: Bits per channel in the file, 8 or 16.
        icc_profile: The embedded ICC profile, or None.
        metadata: EXIF and XMP, or None.

    Raises:
        ValueError: A shape or `bits` is none of these.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    grey: bool = False
    bits: int = 8
    icc_profile: bytes | None = None
    metadata: FileMetadata | None = None

    def __post_init__(self):
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or 0 in self.rgb.shape:
            raise ValueError(f"`rgb` must be [height, width, 3]. Received: shape={self.rgb.shape}.")
        if self.alpha is not None and self.alpha.shape != self.rgb.shape[:2]:
            raise ValueError(
                f"`alpha` must be [height, width] of `rgb`, {self.rgb.shape[:2]}. Received: shape={self.alpha.shape}."
            )
        if self.bits not in (8, 16):
            raise ValueError(f"`bits` must be 8 or 16. Received: bits={self.bits}.")


def to_float(values: np.ndarray) -> np.ndarray:
    """Integers of a file to the range of images in memory.

    Args:
        values: uint8 or uint16, any shape.

    Returns:
        float32 of the same shape, 0..1.

    Raises:
        ValueError: Another dtype.
    """
    if values.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"`values` must be uint8 or uint16. Received: dtype={values.dtype}.")
    return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


def to_uint8(rgb: np.ndarray) -> np.ndarray:
    """An image in memory to 8-bit values: round once, then clip.

    Args:
        rgb: float, any shape; nominally 0..1, values outside are clipped.

    Returns:
        uint8 of the same shape.

    Raises:
        ValueError: A value is NaN or infinite, or `rgb` is not float.
    """
    return to_integers(rgb, np.uint8)


def to_integers(values: np.ndarray, dtype: type) -> np.ndarray:
    """An image in memory to the full range of an unsigned integer dtype: round once, then clip.

    Args:
        values: float, any shape; nominally 0..1, values outside are clipped.
        dtype: `np.uint8` or `np.uint16`.

    Returns:
        `dtype` of the same shape.

    Raises:
        ValueError: A value is NaN or infinite, or `values` is not float.
    """
    values = np.asarray(values)
    if values.dtype.kind in "biu":
        raise ValueError(f"values must be float, 0..1. Received: dtype={values.dtype}.")
    values = values.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite. Received: {(~np.isfinite(values)).sum()} NaN or infinite.")
    highest = np.float32(np.iinfo(dtype).max)
    scaled = values * highest
    return np.clip(np.rint(scaled, out=scaled), 0, highest, out=scaled).astype(dtype)


def list_images(folder: str | Path) -> list[Path]:
    """The image files that lie directly in a folder, sorted by name; hidden files are left out.

    Args:
        folder: The folder, without its subfolders.

    Returns:
        Paths of the files with one of `IMAGE_SUFFIXES` (in upper or lower case), at least one.

    Raises:
        InputError: `folder` is missing, no folder, cannot be listed, or holds no image.
    """
    try:
        entries = sorted(Path(folder).iterdir())
    except OSError as error:
        raise InputError(
            f"`{folder}` must be a folder with images ({_SUFFIXES_TEXT}). Received: {error.strerror}."
        ) from error
    found = [
        entry
        for entry in entries
        if entry.suffix.lower() in codecs.FORMATS and not entry.name.startswith(".") and entry.is_file()
    ]
    if not found:
        raise InputError(
            f"`{folder}` must hold images with one of the suffixes {_SUFFIXES_TEXT} directly in it. "
            f"Received: {len(entries)} other entries."
        )
    return found


def read_image(path: str | Path) -> DecodedImage:
    """Read an image file of one of `IMAGE_SUFFIXES` (recognised by its content), upright by its EXIF orientation.

    Args:
        path: The file.

    Returns:
        The image.

    Raises:
        InputError: As `read_samples`.
    """
    samples, profile, metadata = read_samples(path)
    return from_samples(samples, profile, metadata)


def from_samples(
    samples: np.ndarray, profile: bytes | None = None, metadata: FileMetadata | None = None
) -> DecodedImage:
    """An image in memory of a file's samples: uint8 or uint16 [height, width, 1..4]."""
    values = to_float(samples)
    grey = values.shape[2] <= 2
    return DecodedImage(
        rgb=np.repeat(values[..., :1], 3, axis=2) if grey else np.ascontiguousarray(values[..., :3]),
        alpha=np.ascontiguousarray(values[..., -1]) if values.shape[2] in (2, 4) else None,
        grey=grey,
        bits=8 * samples.itemsize,
        icc_profile=profile or None,
        metadata=metadata,
    )


def read_rgb(path: str | Path) -> np.ndarray:
    """Read an image file as RGB of 8 bits, upright: grey becomes equal channels, alpha is dropped.

    Args:
        path: The file.

    Returns:
        uint8 [height, width, 3].

    Raises:
        InputError: As `read_samples`.
    """
    samples = read_samples(path).samples
    if samples.dtype != np.uint8:
        samples = to_uint8(to_float(samples))
    return samples[..., :3] if samples.shape[2] >= 3 else np.repeat(samples[..., :1], 3, axis=2)


def check_can_hold(path: str | Path, image: DecodedImage, scale: float = 1, frames: int = 1) -> None:
    """Refuse early what `write_image` would refuse: a format that loses part of the image.

    Args:
        path: The file to be written; its suffix chooses the format.
        image: The image, or the one it is made from.
        scale: Factor by which the written image is larger than `image`.
        frames: Of the file to be written.

    Raises:
        InputError: The suffix is unknown, or its format cannot hold the alpha, the bits, the ICC
            profile, the frames or the size.
    """
    wanted = codecs.FORMATS.get(Path(path).suffix.lower())
    if wanted is None:
        raise InputError(f"`{path}` must end in one of {_SUFFIXES_TEXT}. Received: `{Path(path).suffix}`.")
    profile = image.icc_profile
    grey_profile = image.grey and profile is not None and profile[16:20] == b"GRAY"
    needs = {
        codecs.ALPHA: image.alpha is not None,
        codecs.DEEP: image.bits == 16,
        codecs.PROFILE: profile is not None,
        codecs.GREY_PROFILE: grey_profile,
        codecs.FRAMES: frames > 1,
    }
    for need, present in needs.items():
        if present and need not in wanted.holds:
            able = ", ".join(suffix for suffix, other in codecs.FORMATS.items() if need in other.holds)
            raise InputError(f"`{path}` cannot hold {need}, which the image has. Use one of {able}.")
    longest = round(scale * max(image.rgb.shape[:2]))
    if longest > wanted.longest_side:
        raise InputError(
            f"`{path}` cannot hold a side of {longest} px: {wanted.name} allows {wanted.longest_side}. "
            "Use .png or .tif."
        )


def write_image(path: str | Path, image: DecodedImage, quality: int | None = None) -> None:
    """Write an image in the format of the suffix; the file is complete or not there.

    By default JPEG has quality 95 and AVIF 90, with full-resolution colour (4:4:4), GIF has 255 colours, and the other
    formats are lossless. WebP and AVIF have no grey: it becomes three equal channels. EXIF and XMP are left out where
    the format holds none (BMP, GIF, PPM); a TIFF that has them is written without compression, and of 16 bits it has
    EXIF's texts alone.

    Args:
        path: The file; missing folders are created.
        image: The image.
        quality: 1 to 100, of JPEG, AVIF and WebP (which is then lossy); the other formats have none.

    Raises:
        InputError: As `check_can_hold` and `files.replacing`.
        ValueError: A value of the image is NaN or infinite.
        OSError: The system refused the write.
    """
    check_can_hold(path, image)
    form = codecs.FORMATS[Path(path).suffix.lower()]
    data = codecs.encode(to_samples(image), form, image.icc_profile, image.metadata, quality)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def to_samples(image: DecodedImage) -> np.ndarray:
    """An image as a file's samples: uint8 or uint16 [height, width, 1..4].

    Raises:
        ValueError: A value of the image is NaN or infinite.
    """
    dtype = np.uint16 if image.bits == 16 else np.uint8
    colour = image.rgb.mean(axis=2, keepdims=True) if image.grey else image.rgb
    samples = colour if colour.dtype == dtype else to_integers(colour, dtype)
    if image.alpha is None:
        return samples
    return np.concatenate([samples, to_integers(image.alpha[..., None], dtype)], axis=2)
