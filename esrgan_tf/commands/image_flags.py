"""Flags of the commands that upscale files: which are read, where they go, and what is written."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from absl import flags

from esrgan_tf.commands.command_line import FAILURE, SUCCESS, with_flags
from esrgan_tf.commands.progress import Progress
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from esrgan_tf.inference.files import FileOptions
    from esrgan_tf.inference.jobs import Naming, Source
    from esrgan_tf.inference.upscaler import Upscaler


class WritingFlags:
    """How files are written, and whether lines are."""

    def __init__(self, flag_values: flags.FlagValues):
        """Define them."""
        self._format = flags.DEFINE_enum(
            "format",
            None,
            [suffix[1:] for suffix in IMAGE_SUFFIXES],
            "Of files whose name is not given. Default: the input's.",
            flag_values,
        )
        self._quality = flags.DEFINE_integer(
            "quality",
            None,
            "1 to 100, of JPEG (default 95), AVIF (default 90) and WebP (default lossless).",
            1,
            100,
            flag_values,
        )
        self._strip_metadata = flags.DEFINE_bool("strip_metadata", False, "Leave out EXIF and XMP.", flag_values)
        self._quiet = flags.DEFINE_bool("quiet", False, "Print nothing but errors.", flag_values)

    @property
    def suffix(self) -> str | None:
        """Of outputs, such as ".png"; `None` keeps each source's own."""
        return f".{self._format.value}" if self._format.value else None

    def progress(self) -> Progress:
        """What shows what is done."""
        return Progress(self._quiet.value)

    def options(self, **others: object) -> "FileOptions":
        """What is written; `others` are the command's own fields of `FileOptions`."""
        from esrgan_tf.inference.files import FileOptions

        return FileOptions(quality=self._quality.value, strip_metadata=self._strip_metadata.value, **others)


class ImageFlags:
    """Inputs by position or `--input`, `--output`, and how files are named and written."""

    def __init__(self, flag_values: flags.FlagValues):
        """Define them."""
        self._flag_values = flag_values
        self._input = flags.DEFINE_multi_string(
            "input", [], "A file, a folder or a quoted glob; may be repeated, or given without the flag.", flag_values
        )
        self._output = flags.DEFINE_string(
            "output",
            None,
            "A file, or a folder that keeps the names. Default: beside each input, as NAME_x4.",
            flag_values,
        )
        self._recursive = flags.DEFINE_bool(
            "recursive", False, "Subfolders as well; --output keeps the tree.", flag_values
        )
        self._skip_existing = flags.DEFINE_bool(
            "skip_existing", False, "Leave out images whose output is there.", flag_values
        )
        self._written = WritingFlags(flag_values)

    def progress(self) -> Progress:
        """What shows what is done."""
        return self._written.progress()

    def sources(self, positional: Sequence[str], options: "FileOptions") -> "list[Source]":
        """The image files that are named.

        Raises:
            InputError: none is named, or as `inference.jobs.find_sources`; before any generator is opened, where their
                outputs cannot be written as `inference.jobs.plan_jobs` says.
        """
        from esrgan_tf.inference.jobs import find_sources, plan_jobs

        inputs = [*positional, *self._input.value]
        if not inputs:
            raise InputError("`--input` must be given, or files and folders without it.")
        sources = find_sources(inputs, self._recursive.value)
        plan_jobs(sources, self._naming(options, scale=1))
        return sources

    def options(self, **others: object) -> "FileOptions":
        """As `WritingFlags.options`."""
        return self._written.options(**others)

    def upscale(
        self, upscaler: "Upscaler", sources: "Sequence[Source]", options: "FileOptions", progress: Progress
    ) -> int:
        """Upscale files and report each.

        Returns:
            The exit status.

        Raises:
            InputError: as `inference.jobs.plan_jobs`.
            OSError: as `inference.files.upscale_files`.
        """
        from esrgan_tf.inference.files import total_pixels, upscale_files
        from esrgan_tf.inference.jobs import plan_jobs

        naming = self._naming(options, upscaler.scale)
        jobs, planned = plan_jobs(sources, naming), len(plan_jobs(sources, replace(naming, skip_existing=False)))
        if len(jobs) < planned:
            progress.log(f"{planned - len(jobs)} of {planned} images are done already")
        failures = 0
        progress.start(total_pixels(jobs, upscaler, options.size), len(jobs))
        try:
            for job, error in upscale_files(upscaler, jobs, options):
                progress.image_done()
                if error:
                    failures += 1
                    progress.error(f"error: {with_flags(str(error), self._flag_values)}")
                else:
                    also = f" and {job.comparison}" if options.compare else ""
                    progress.log(f"{job.source} -> {job.target}{also}")
        finally:
            progress.close()
        if failures:
            progress.error(f"{failures} of {len(jobs)} images failed")
        return FAILURE if failures else SUCCESS

    def _naming(self, options: "FileOptions", scale: int) -> "Naming":
        """How outputs are named, of a generator of that scale."""
        from esrgan_tf.inference.jobs import Naming

        label = options.size.label(scale)
        return Naming(self._output.value, label, self._written.suffix, options.compare, self._skip_existing.value)
