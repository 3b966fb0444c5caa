"""Upscaling files: sources and targets, one by one; broken ones are reported and skipped."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import (
    IMAGE_SUFFIXES,
    DecodedImage,
    check_can_hold,
    list_images,
    read_image,
    to_float,
    write_image,
)
from esrgan_tf.image.reading import read_header
from esrgan_tf.image.workers import Workers
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metrics.comparison import comparison_panel


@dataclass(frozen=True)
class Job:
    """One image to upscale."""

    source: Path
    target: Path

    @property
    def comparison(self) -> Path:
        """Where its comparison goes."""
        return self.target.with_name(f"{self.target.stem}_compare.png")


def plan_jobs(source: str, target: str, suffix: str | None = None, compare: bool = False) -> list[Job]:
    """Which files are read and written.

    Args:
        source: a file, a folder, or a glob such as `photos/*.jpg`.
        target: a file (one source alone) or a folder, where the sources' names are kept.
        suffix: of the files written to a folder, such as ".png"; `None` keeps each source's own.
        compare: whether comparisons are written as well.

    Raises:
        InputError: nothing to read, several sources for one file, two sources for one target, or a target
            that is its own source.
    """
    if has_magic(source) and not Path(source).exists():
        paths = sorted(Path(path) for path in glob(source) if Path(path).suffix.lower() in IMAGE_SUFFIXES)
        if not paths:
            raise InputError(f"`input` must match images ({', '.join(IMAGE_SUFFIXES)}). Received: {source}.")
    elif Path(source).is_dir():
        paths = list_images(source)
    elif Path(source).is_file():
        paths = [Path(source)]
    else:
        raise InputError(f"`input` must be a file, a folder or a glob. Received: {source}, which is not there.")
    to_file = Path(target).suffix.lower() in IMAGE_SUFFIXES and not Path(target).is_dir()
    if paths == [Path(source)] and Path(target).suffix and not to_file and not Path(target).is_dir():
        raise InputError(
            f"`output` must end in one of {', '.join(IMAGE_SUFFIXES)}, or be a folder. Received: {target}."
        )
    if to_file and suffix:
        raise InputError(f"`format` goes with a folder as `output`. Received: {target}.")
    if to_file and (len(paths) > 1 or Path(source).is_dir()):
        raise InputError(f"`output` must be a folder for {len(paths)} images. Received: {target}.")
    targets = [Path(target) if to_file else Path(target) / f"{p.stem}{suffix or p.suffix}" for p in paths]
    jobs = [Job(path, place) for path, place in zip(paths, targets, strict=True)]
    seen: dict[Path, Path] = {}
    sources = {path.resolve() for path in paths}
    for job in jobs:
        for place in (job.target, job.comparison) if compare else (job.target,):
            if place.resolve() in sources:
                raise InputError(f"`output` must not be an input itself. Received: {place}.")
            if place.resolve() in seen:
                raise InputError(
                    f"`output` would hold two images as {place}, of {seen[place.resolve()]} and {job.source}: "
                    "rename one, or leave out `format`."
                )
            seen[place.resolve()] = job.source
    return jobs


def count_pixels(jobs: Iterable[Job]) -> int:
    """Pixels of all sources together, by their headers; one that cannot be read counts none."""
    total = 0
    for job in jobs:
        with suppress(InputError):
            header = read_header(job.source)
            total += header.width * header.height
    return total


def upscale_files(
    upscaler: Upscaler, jobs: list[Job], compare: bool = False, reference: str | None = None
) -> Iterator[tuple[Job, InputError | None]]:
    """Upscale files, as many concurrently as suits the generator, while others are read and written.

    Args:
        upscaler: of a generator.
        jobs: as `plan_jobs` gives them.
        compare: write `<target stem>_compare.png` beside each target: input | bicubic | generator (| original).
        reference: original for `compare`: a file, or a folder with images of the sources' stems.

    Yields:
        Each job, in their order, when it is done, with its error if the image could not be read, upscaled or
        written.

    Raises:
        OSError: the system refuses to write, such as on a full disk: the other files would fare no better.
    """

    def upscale(job: Job) -> tuple[Job, InputError | None]:
        return job, _upscale_file(upscaler, job, compare, reference)

    try:
        yield from Workers(min(len(jobs), upscaler.concurrency + 1)).map(upscale, jobs)
    except BaseException:  # such as Ctrl-C, which reaches this thread alone
        upscaler.close()
        raise


def _upscale_file(upscaler: Upscaler, job: Job, compare: bool, reference: str | None) -> InputError | None:
    """Upscale one file; returns what is wrong with it, if anything is."""
    try:
        image = read_image(job.source)
        # Before upscaling, not after it: a format that cannot hold the result.
        check_can_hold(job.target, image, upscaler.scale)
        output = upscaler.upscale_image(image)
        write_image(job.target, output)
        if compare:
            _write_comparison(upscaler, job, image, output, reference)
    except InputError as error:
        return error if str(job.source) in str(error) else InputError(f"`{job.source}`: {error}")
    return None


def _write_comparison(
    upscaler: Upscaler, job: Job, image: DecodedImage, output: DecodedImage, reference: str | None
) -> None:
    """Write the panel beside the target."""
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
