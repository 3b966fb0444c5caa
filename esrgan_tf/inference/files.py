"""Upscaling files one by one; broken ones are reported and skipped."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.image.animation import Animation, open_animation, write_animation
from esrgan_tf.image.io import DecodedImage, check_can_hold, list_images, read_image, to_float, write_image
from esrgan_tf.image.reading import read_header
from esrgan_tf.image.workers import Workers
from esrgan_tf.inference.jobs import Job
from esrgan_tf.inference.output_size import OutputSize, passes, upscale_to
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metrics.comparison import comparison_panel


@dataclass(frozen=True)
class FileOptions:
    """What is written.

    Args:
        size: of the outputs.
        quality: 1 to 100, of formats that have a lossy kind; `None` is the format's default.
        strip_metadata: leave EXIF and XMP out.
        compare: write `<target stem>_compare.png` beside each target: input | bicubic | generator (| original).
        reference: original for `compare`: a file, or a folder with images of the sources' stems.
    """

    size: OutputSize = OutputSize()
    quality: int | None = None
    strip_metadata: bool = False
    compare: bool = False
    reference: str | None = None


def total_pixels(jobs: Iterable[Job], upscaler: Upscaler, size: OutputSize) -> int:
    """How many px the upscaler will report for files that can be read: those of every frame and every pass."""
    total = 0
    for job in jobs:
        with suppress(InputError):
            sides = read_header(job.source).upright_size
            runs = passes(sides, size.of(*sides, upscaler.scale), upscaler.scale)
            animation = open_animation(job.source)
            frame = sides[0] * sides[1] * sum(upscaler.scale ** (2 * run) for run in range(runs))
            total += frame * (animation.frames if animation else 1)
    return total * upscaler.runs


def upscale_files(
    upscaler: Upscaler, jobs: list[Job], options: FileOptions | None = None
) -> Iterator[tuple[Job, InputError | None]]:
    """Upscale files, as many concurrently as suits the generator, while others are read and written.

    Args:
        upscaler: of a generator.
        jobs: as `plan_jobs` gives them.
        options: `None` are the defaults.

    Yields:
        Each job, in their order, when it is done, with its error if the image could not be read, upscaled or
        written.

    Raises:
        OSError: the system refuses to write, such as on a full disk: the other files would fare no better.
    """
    options = options or FileOptions()

    def upscale(job: Job) -> tuple[Job, InputError | None]:
        return job, upscale_file(upscaler, job, options)

    try:
        yield from Workers(min(len(jobs), upscaler.concurrency + 1)).map(upscale, jobs)
    except BaseException:  # such as Ctrl-C, which reaches this thread alone
        upscaler.close()
        raise


def upscale_file(upscaler: Upscaler, job: Job, options: FileOptions) -> InputError | None:
    """Upscale one file; returns what is wrong with it, if anything is.

    Raises:
        OSError: as `upscale_files`.
    """
    try:
        if animation := open_animation(job.source):
            _upscale_animation(upscaler, job, animation, options)
            return None
        image = read_image(job.source)
        if options.strip_metadata:
            image = replace(image, metadata=None)
        wanted = _checked_size(job.target, image, upscaler, options.size)
        output = upscale_to(upscaler, image, wanted)
        write_image(job.target, output, options.quality)
        if options.compare:
            _write_comparison(upscaler, job, image, output, options.reference)
    except InputError as error:
        return error if str(job.source) in str(error) else InputError(f"`{job.source}`: {error}")
    return None


def _upscale_animation(upscaler: Upscaler, job: Job, animation: Animation, options: FileOptions) -> None:
    """Upscale an animated file frame by frame.

    Raises:
        InputError: a frame cannot be read or upscaled, or the target cannot hold it.
    """
    if options.compare:
        raise InputError("`compare` must be left out for an animation.")
    if options.strip_metadata:
        animation = replace(animation, metadata=None)

    def frames() -> Iterator[tuple[DecodedImage, int]]:
        for frame, milliseconds in animation.read():
            wanted = _checked_size(job.target, frame, upscaler, options.size, animation.frames)
            yield upscale_to(upscaler, frame, wanted), milliseconds

    write_animation(job.target, animation, frames(), options.quality)


def _checked_size(
    target: Path, image: DecodedImage, upscaler: Upscaler, size: OutputSize, frames: int = 1
) -> tuple[int, int]:
    """(height, width) of the output; a format that cannot hold it is refused before upscaling, not after it."""
    height, width = image.rgb.shape[:2]
    wanted = size.of(height, width, upscaler.scale)
    check_can_hold(target, image, max(wanted) / max(height, width), frames)
    return wanted


def _write_comparison(
    upscaler: Upscaler, job: Job, image: DecodedImage, output: DecodedImage, reference: str | None
) -> None:
    """Write the panel beside the target."""
    sides = [upscaler.scale * side for side in image.rgb.shape[:2]]
    if [*output.rgb.shape[:2]] != sides:
        raise InputError(f"`compare` must go with the generator's own scale, {upscaler.scale}.")
    original = None
    if reference:
        original = read_image(_reference_of(job, Path(reference))).rgb
        if original.shape != output.rgb.shape:
            raise InputError(
                f"`reference` for {job.source} must be {output.rgb.shape[1]} x {output.rgb.shape[0]} px. "
                f"Received: {original.shape[1]} x {original.shape[0]}."
            )
    upscaled = output.rgb if output.grey else to_float(output.rgb)
    panel = comparison_panel(image.rgb, [(upscaler.recipe, upscaled)], upscaler.scale, original)
    with replacing(job.comparison) as temporary:
        Image.fromarray(panel).save(temporary)


def _reference_of(job: Job, reference: Path) -> Path:
    """The original of one source: the file given, or the one of its stem in the folder given."""
    if not reference.is_dir():
        return reference
    for path in list_images(reference):
        if path.stem == job.source.stem:
            return path
    raise InputError(f"`reference` {reference} must hold an image named {job.source.stem}.")
