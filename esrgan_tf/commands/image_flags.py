"""Flags of the commands that upscale files: which are read, and where they go."""

from typing import TYPE_CHECKING

from absl import flags

from esrgan_tf.image.io import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from esrgan_tf.inference.files import Job


class ImageFlags:
    """`--input`, `--output` and `--format`."""

    def __init__(self, flag_values: flags.FlagValues):
        """Define them."""
        self.input = flags.DEFINE_string(
            "input", None, "A file, a folder (not its subfolders) or a quoted glob.", flag_values=flag_values
        )
        self.output = flags.DEFINE_string(
            "output", None, "A file, or a folder that keeps the names.", flag_values=flag_values
        )
        self.format = flags.DEFINE_enum(
            "format",
            None,
            [suffix[1:] for suffix in IMAGE_SUFFIXES],
            "Of files written to a folder. Default: the input's.",
            flag_values=flag_values,
        )

    def jobs(self, compare: bool = False) -> "list[Job]":
        """Which files are read and written; raises as `inference.files.plan_jobs`."""
        from esrgan_tf.inference.files import plan_jobs

        suffix = f".{self.format.value}" if self.format.value else None
        return plan_jobs(self.input.value, self.output.value, suffix, compare)
