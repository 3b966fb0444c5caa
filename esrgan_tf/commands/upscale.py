"""Upscale images with a trained generator.

    esrgan upscale --input=photo.jpg --output=photo_x4.png
    esrgan upscale --model=runs/quickstart_x4 --input=photo.png --output=photo_x4.png
    esrgan upscale --model=generator.keras --input='photos/*.jpg' --output=upscaled/
    esrgan upscale --model=generator.keras --input=photo.png --output=photo_x4.png --self_ensemble --keep_colors
    esrgan upscale --model=runs/esrgan_x4/psnr --model=runs/esrgan_x4/gan --alpha=0.8 --input=... --output=...

Without --model a small generator that comes with this package is taken: `esrgan zoo` lists them.
Alpha, grey, 16 bits and ICC profile are kept. A file that cannot be read is reported and skipped; the exit status is
then 1.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import (
    FAILURE,
    SUCCESS,
    check_given,
    define_alpha,
    quiet,
    report_files,
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
    f"The generator: {titles()}. Two whole ones (psnr, gan) go with --alpha. Default: the zoo's, of --scale.",
    flag_values=FLAGS,
)
_SCALE = flags.DEFINE_integer(
    "scale", None, "Of the zoo's generator, where no --model is given; default 4.", lower_bound=1, flag_values=FLAGS
)
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
    return run_command(_upscale, FLAGS, __doc__, sys.argv if argv is None else argv)


def _upscale() -> int:
    """Flags to files."""
    check_given(_IMAGES.input, _IMAGES.output)
    log = partial(print, flush=True)
    models = _MODEL.value or [_of_zoo(log)]
    if len(models) > 2:
        raise InputError(
            f"`--model` must be given once, or twice (psnr, gan) with `--alpha`. Received: {len(models)} models."
        )
    if _MODEL.value and _SCALE.value:
        raise InputError("`--scale` must be left out where `--model` is given, which has its own.")
    if _REFERENCE.value and not Path(_REFERENCE.value).exists():
        raise InputError(f"`--reference` must be a file or a folder. Received: {_REFERENCE.value}, which is not there.")
    compare = _COMPARE.value or bool(_REFERENCE.value)
    jobs = _IMAGES.jobs(compare)
    from esrgan_tf.inference.engines.opening import open_engine
    from esrgan_tf.inference.files import count_pixels, upscale_files
    from esrgan_tf.inference.upscaler import SELF_ENSEMBLE_RUNS, Upscaler

    pixels = count_pixels(jobs) * (SELF_ENSEMBLE_RUNS if _SELF_ENSEMBLE.value else 1)
    with quiet():  # runtimes' start-up notes
        network = open_engine(models, _ALPHA.value, _ENGINE.value, _PRECISION.value, pixels, not _NO_CACHE.value, log)
    upscaler = Upscaler(network, _TILE.value, _OVERLAP.value, _SELF_ENSEMBLE.value, _KEEP_COLORS.value, log)
    log(f"{upscaler.origin}: {upscaler.recipe}, x{upscaler.scale}")
    done = upscale_files(upscaler, jobs, compare, _REFERENCE.value)
    return FAILURE if report_files(done, len(jobs), FLAGS, compare) else SUCCESS


def _of_zoo(log: Callable[[str], None]) -> str:
    """The name of the zoo's generator for the scale that is asked for, which is said."""
    name = default_member(_SCALE.value or DEFAULT_SCALE)
    log(f"no --model: {name}, {read_card(name).purpose} (esrgan zoo lists others)")
    return name
