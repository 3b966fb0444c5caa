"""Animated GIF, WebP and PNG files: frame by frame, with their timing."""

import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.image import codecs
from esrgan_tf.image.file_metadata import FileMetadata, read_metadata
from esrgan_tf.image.io import DecodedImage, check_can_hold, from_samples, to_samples
from esrgan_tf.image.reading import one_line_errors

ANIMATED = ("GIF", "WEBP", "PNG")  # Pillow's names


@dataclass(frozen=True)
class Animation:
    """An animated file.

    Args:
        path: the file.
        frames: how many there are, at least two.
        plays: how often it is shown, 0 for ever.
        icc_profile: of all frames, or None.
        metadata: EXIF and XMP, or None.
    """

    path: Path
    frames: int
    plays: int
    icc_profile: bytes | None
    metadata: FileMetadata | None

    def read(self) -> Iterator[tuple[DecodedImage, int]]:
        """Each frame as it is shown, and for how many milliseconds.

        Raises:
            InputError: the file cannot be read any more, or a frame is damaged.
        """
        with one_line_errors(self.path):
            image = Image.open(self.path, formats=ANIMATED)
        with image:
            for number in range(image.n_frames - self.frames, image.n_frames):
                with one_line_errors(self.path):
                    image.seek(number)
                    image.load()
                    colours = image.convert("RGBA" if image.has_transparency_data else "RGB")
                    frame = _without_opaque_alpha(from_samples(np.asarray(colours), self.icc_profile))
                    milliseconds = round(image.info.get("duration", 0))
                yield frame, milliseconds


def open_animation(path: str | Path) -> Animation | None:
    """An animated file, or `None` where a file is none or cannot be opened."""
    try:
        with Image.open(path, formats=ANIMATED) as image:
            # A PNG may have an image for programs that know no animation before its first frame.
            frames = image.n_frames - getattr(image, "default_image", False)
            if frames < 2:
                return None
            profile = image.info.get("icc_profile")
            return Animation(Path(path), frames, _plays(image), profile, read_metadata(image))
    except Exception:
        return None


def write_animation(
    path: str | Path, animation: Animation, frames: Iterable[tuple[DecodedImage, int]], quality: int | None = None
) -> None:
    """Write frames in the format of the suffix; the file is complete or not there.

    All frames are in memory, with 8 bits. A GIF's have 255 colours each, and alpha that is all or nothing.

    Args:
        path: the file; missing folders are created.
        animation: what it is made of, whose metadata it gets.
        frames: images of one size, and milliseconds of each.
        quality: 1 to 100, of WebP, which is then lossy; `None` is lossless.

    Raises:
        InputError: as `check_can_hold`.
        OSError: the system refused the write.
    """
    form = codecs.FORMATS[Path(path).suffix.lower()]
    samples, durations = [], []
    for frame, milliseconds in frames:
        check_can_hold(path, frame, frames=animation.frames)
        samples.append(to_samples(frame))
        durations.append(milliseconds)
    images = [codecs.to_pillow(part, form) for part in _of_one_kind(samples)]
    options = codecs.writing_options(form, quality) | codecs.metadata_options(form, animation.metadata, images[0].size)
    if form.name == "GIF":
        options["disposal"] = 2  # each frame is whole: what lies behind its transparent pixels is none of it
        durations = _in_centiseconds(durations)
    if form.name != "GIF" or animation.plays != 1:
        options["loop"] = animation.plays - (form.name == "GIF" and animation.plays > 0)  # a GIF's are repetitions
    if animation.icc_profile and codecs.PROFILE in form.holds:
        options["icc_profile"] = animation.icc_profile
    file = io.BytesIO()
    images[0].save(file, form.name, save_all=True, append_images=images[1:], duration=durations, **options)
    with replacing(path) as temporary:
        temporary.write_bytes(file.getvalue())


def _plays(image: Image.Image) -> int:
    """How often an animation is shown, 0 for ever; a GIF says how often it is repeated, if it is."""
    loops = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loops is None else loops and loops + 1
    return 1 if loops is None else loops


def _in_centiseconds(durations: list[int]) -> list[int]:
    """Milliseconds as a GIF has them, whole hundredths of a second, with the same sum as far as that goes."""
    ends = [10 * round(end / 10) for end in itertools.accumulate(durations)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _of_one_kind(samples: list[np.ndarray]) -> list[np.ndarray]:
    """Frames' samples, all with alpha where one has it."""
    if not any(part.shape[2] == 4 for part in samples):
        return samples
    return [
        part if part.shape[2] == 4 else np.concatenate([part, np.full_like(part[..., :1], 255)], axis=2)
        for part in samples
    ]


def _without_opaque_alpha(image: DecodedImage) -> DecodedImage:
    """An image without the alpha of animations in which nothing is transparent."""
    return image if image.alpha is None or (image.alpha < 1).any() else replace(image, alpha=None)
