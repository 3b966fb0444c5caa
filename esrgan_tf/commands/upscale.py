"""Upscale images: files, folders and globs, beside them or to --output.

    esrgan upscale photo.jpg                                        # photo_x4.jpg; 512 x 512 px: 2 s, two AVX512 cores
    esrgan upscale photos/ --recursive --skip_existing --output=upscaled/
    esrgan upscale photo.png --scale=1.5                            # or --width=1920, or --height
    esrgan upscale photo.png --model=runs/quickstart_x4 --output=large.webp --quality=90
    esrgan upscale photo.png --model=generator.keras --self_ensemble --keep_colors
    esrgan upscale photo.png --model=runs/esrgan_x4/psnr --model=runs/esrgan_x4/gan --alpha=0.8

Without --model a small generator that comes with this package is taken: `esrgan zoo` lists them.
Alpha, grey, 16 bits, ICC profile, EXIF and XMP are kept; animated GIF, WebP and PNG are upscaled frame by frame. A file
that cannot be read is reported and skipped; the exit status is then 1.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import run_command
from esrgan_tf.commands.generator_flags import GeneratorFlags
from esrgan_tf.commands.image_flags import ImageFlags
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()
_IMAGES, _GENERATOR = ImageFlags(FLAGS), GeneratorFlags(FLAGS)
_SELF_ENSEMBLE = flags.DEFINE_bool(
    "self_ensemble", False, "Mean over eight flips and turns: takes eight times as long.", flag_values=FLAGS
)
_KEEP_COLORS = flags.DEFINE_bool(
    "keep_colors", False, "Give the output the low frequencies (the colours) of the input.", flag_values=FLAGS
)
_ALPHA_CHANNEL = flags.DEFINE_enum(
    "alpha_channel",
    "bicubic",
    ["bicubic", "network"],
    "What upscales alpha: the network makes it sharper, in twice the time.",
    flag_values=FLAGS,
)
_COMPARE = flags.DEFINE_bool(
    "compare",
    False,
    "Also write NAME_compare.png: input | bicubic | output (| original), the 256 px with the most detail.",
    flag_values=FLAGS,
)
_REFERENCE = flags.DEFINE_string(
    "reference", None, "Original, a file or a folder of the same names; implies --compare.", flag_values=FLAGS
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_upscale, FLAGS, __doc__, sys.argv if argv is None else argv, positional=None)


def _upscale(*inputs: str) -> int:
    """Flags to files."""
    if _REFERENCE.value and not Path(_REFERENCE.value).exists():
        raise InputError(f"`--reference` must be a file or a folder. Received: {_REFERENCE.value}, which is not there.")
    from esrgan_tf.inference.jobs import count_pixels
    from esrgan_tf.inference.upscaler import SELF_ENSEMBLE_RUNS

    compare = _COMPARE.value or bool(_REFERENCE.value)
    options = _IMAGES.options(size=_GENERATOR.size, compare=compare, reference=_REFERENCE.value)
    sources, progress = _IMAGES.sources(inputs, options), _IMAGES.progress()
    upscaler = _GENERATOR.open(
        count_pixels(sources) * (SELF_ENSEMBLE_RUNS if _SELF_ENSEMBLE.value else 1),
        progress,
        self_ensemble=_SELF_ENSEMBLE.value,
        keep_colors=_KEEP_COLORS.value,
        alpha_channel=_ALPHA_CHANNEL.value,
    )
    return _IMAGES.upscale(upscaler, sources, options, progress)
