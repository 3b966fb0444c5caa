"""One generator at work on many images: reads, upscales, writes, and gives a row for each."""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from esrgan_tf.bulk.manifest import Row
from esrgan_tf.digest import file_sha256
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.image.reading import read_header
from esrgan_tf.image.workers import Workers
from esrgan_tf.inference.files import FileOptions, upscale_file
from esrgan_tf.inference.jobs import Job
from esrgan_tf.inference.upscaler import Upscaler

PIXELS_IN_MEMORY = 2**22  # of the inputs that are in memory together


@dataclass(frozen=True)
class Order:
    """What holds for all images of a run.

    Args:
        output: the folder of the outputs.
        staging: a folder on the same disk, in which outputs are made before they are put in place: what a kill leaves
            is only here.
        files: how outputs are written.
        settings: their name, for the rows.
    """

    output: Path
    staging: Path
    files: FileOptions
    settings: str


class Worker:
    """Upscales images, as many concurrently as suits the generator, while others are read and written.

    Args:
        upscaler: of a generator.
        order: what holds for all.
    """

    def __init__(self, upscaler: Upscaler, order: Order):
        self._upscaler, self._order = upscaler, order
        self._threads, self._budget = Workers(upscaler.concurrency + 1), PixelBudget(PIXELS_IN_MEMORY)

    def rows(self, jobs: Iterable[Job]) -> Iterator[Row]:
        """Upscale images; a row for each, in their order, when its output is in place or it has failed.

        Raises:
            OSError: the system refuses to write, such as on a full disk: the other images would fare no better.
        """
        try:
            yield from self._threads.stream(self._row, jobs)
        except BaseException:  # such as Ctrl-C, which reaches this thread alone
            self._upscaler.close()
            raise

    def _row(self, job: Job) -> Row:
        """Upscale one image."""
        start = time.monotonic()
        target = job.target.relative_to(self._order.output)
        row = Row(str(job.source), str(target), settings=self._order.settings)
        try:
            height, width = read_header(job.source).upright_size
            row = row._replace(width=width, height=height)
            with self._budget.taken(width * height):
                row = self._upscaled(job, row)
        except InputError as error:
            row = row._replace(error=first_line(error))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(job.target)) from error
        except Exception as error:  # a runtime's own, on one image, is no reason to leave out the others
            row = row._replace(error=f"{type(error).__name__}: {first_line(error)}")
        return row._replace(seconds=round(time.monotonic() - start, 3), finished=round(time.time(), 3))

    def _upscaled(self, job: Job, row: Row) -> Row:
        """The row of an image whose output has been put in place.

        Raises:
            InputError: the image cannot be read or upscaled, or its output not be written.
        """
        if job.target.is_dir():
            raise InputError(f"`{job.target}` must be a file or not yet exist. Received a folder.")
        staged = self._order.staging / f"{secrets.token_hex(8)}{job.target.suffix}"
        options = self._order.files
        if error := upscale_file(self._upscaler, Job(job.source, staged), options):
            raise InputError(str(error).replace(str(staged), str(job.target)))
        digest, size = file_sha256(staged), staged.stat().st_size
        job.target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(job.target)
        height, width = options.size.of(row.height, row.width, self._upscaler.scale)
        return row._replace(output_width=width, output_height=height, bytes=size, sha256=digest)


class PixelBudget:
    """So many px at a time; an image of more is taken alone."""

    def __init__(self, pixels: int):
        self._limit, self._taken, self._changed = pixels, 0, Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Hold some px for the block, once there is room for them."""
        pixels = min(pixels, self._limit)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + pixels <= self._limit)
            self._taken += pixels
        try:
            yield
        finally:
            with self._changed:
                self._taken -= pixels
                self._changed.notify_all()
