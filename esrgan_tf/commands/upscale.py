"""Upscale images: files, folders and globs, beside them or to --output.

    esrgan upscale photo.jpg                                        # photo_x4.jpg; 4 s for 512 x 512 px on two cores
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
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import (
    define_alpha,
    quiet,
    run_command,
)
from esrgan_tf.commands.image_flags import ImageFlags
from esrgan_tf.errors import InputError
from esrgan_tf.formats.registry import titles
from esrgan_tf.inference.engines.choice import AUTO, NAMES, PRECISIONS
from esrgan_tf.zoo.cards import default_member, read_card

FLAGS = flags.FlagValues()
DEFAULT_SCALE = 4
_MODEL = flags.DEFINE_multi_string(
    "model",
    [],
    f"The generator: {titles()}. Two whole ones (psnr, gan) go with --alpha. Default: the zoo's, for --scale.",
    flag_values=FLAGS,
)
_SCALE = flags.DEFINE_float(
    "scale",
    None,
    "Output size / input size, such as 1.5: upscaled by the generator, more than once where it takes that, and resized "
    "down. Default: the generator's own.",
    flag_values=FLAGS,
)
_WIDTH = flags.DEFINE_integer("width", None, "Of the output, px, in place of --scale.", 1, None, FLAGS)
_HEIGHT = flags.DEFINE_integer("height", None, "Of the output, px, in place of --scale.", 1, None, FLAGS)
_ALPHA = define_alpha(
    "Network interpolation of two models, or of a SavedModel of two: 0 is the first, 1 the second.", FLAGS
)
_IMAGES = ImageFlags(FLAGS)
_TILE = flags.DEFINE_integer(
    "tile",
    None,
    "Input px; larger images are cut into tiles of at most that. 0 never cuts. Default: the network's own.",
    lower_bound=0,
    flag_values=FLAGS,
)
_OVERLAP = flags.DEFINE_integer(
    "overlap",
    None,
    "Input px of a tile around what is kept of it. Default: the network's own.",
    lower_bound=0,
    flag_values=FLAGS,
)
_ENGINE = flags.DEFINE_enum(
    "engine",
    AUTO,
    NAMES,
    "What runs a whole generator: auto is the fastest that is installed for this CPU, compiled once where that pays.",
    flag_values=FLAGS,
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    AUTO,
    PRECISIONS,
    "Of the engine's arithmetic: auto is bfloat16 where the CPU has it; int8 must be asked for.",
    flag_values=FLAGS,
)
_NO_CACHE = flags.DEFINE_bool(
    "no_cache", False, "Neither keep compiled engines in ~/.cache/esrgan_tf nor use those there.", flag_values=FLAGS
)
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
    from esrgan_tf.inference.engines.opening import open_engine
    from esrgan_tf.inference.jobs import count_pixels
    from esrgan_tf.inference.output_size import OutputSize
    from esrgan_tf.inference.upscaler import SELF_ENSEMBLE_RUNS, Monitor, Upscaler

    size, compare = OutputSize(_SCALE.value, _WIDTH.value, _HEIGHT.value), _COMPARE.value or bool(_REFERENCE.value)
    options = _IMAGES.options(size=size, compare=compare, reference=_REFERENCE.value)
    sources = _IMAGES.sources(inputs, options)
    progress = _IMAGES.progress()
    models = _MODEL.value or [_of_zoo(progress.log)]
    if len(models) > 2:
        raise InputError(
            f"`--model` must be given once, or twice (psnr, gan) with `--alpha`. Received: {len(models)} models."
        )
    pixels = count_pixels(sources) * (SELF_ENSEMBLE_RUNS if _SELF_ENSEMBLE.value else 1)
    with quiet():  # runtimes' start-up notes
        network = open_engine(
            models, _ALPHA.value, _ENGINE.value, _PRECISION.value, pixels, not _NO_CACHE.value, progress.log
        )
    upscaler = Upscaler(
        network,
        _TILE.value,
        _OVERLAP.value,
        _SELF_ENSEMBLE.value,
        _KEEP_COLORS.value,
        _ALPHA_CHANNEL.value,
        Monitor(progress.log, progress.advance),
    )
    progress.log(f"{upscaler.origin}: {upscaler.recipe}, x{upscaler.scale}")
    return _IMAGES.upscale(upscaler, sources, options, progress)


def _of_zoo(log: Callable[[str], None]) -> str:
    """The name of the zoo's generator for the scale that is asked for, which is said."""
    name = default_member(_SCALE.value or DEFAULT_SCALE)
    log(f"no --model: {name}, {read_card(name).purpose} (esrgan zoo lists others)")
    return name
