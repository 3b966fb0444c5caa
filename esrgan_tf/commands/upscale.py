"""Enlarge pictures with a trained generator.

    esrgan upscale --model=runs/quickstart_x4 --input=photo.png --output=photo_x4.png
    esrgan upscale --model=generator.keras --input='photos/*.jpg' --output=enlarged/
    esrgan upscale --model=generator.keras --input=photo.png --output=photo_x4.png --self_ensemble --keep_colors
    esrgan upscale --model=runs/esrgan_x4/psnr --model=runs/esrgan_x4/gan --alpha=0.8 --input=... --output=...

Alpha, grey, 16 bits and ICC profile are kept. A file that cannot be read is told and passed over; the exit status
is then 1.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import FAILURE, SUCCESS, import_tensorflow, run_command
from esrgan_tf.errors import InputError
from esrgan_tf.images import PICTURE_SUFFIXES

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_multi_string(
    "model", [], "A .keras generator or a work directory; two of them (psnr, gan) with --alpha.", flag_values=FLAGS
)
_ALPHA = flags.DEFINE_float(
    "alpha",
    None,
    "Network interpolation of two models: 0 is the first, 1 the second.",
    lower_bound=0.0,
    upper_bound=1.0,
    flag_values=FLAGS,
)
_INPUT = flags.DEFINE_string("input", None, "A file, a folder or a quoted glob.", flag_values=FLAGS)
_OUTPUT = flags.DEFINE_string("output", None, "A file, or a folder that keeps the names.", flag_values=FLAGS)
_FORMAT = flags.DEFINE_enum(
    "format",
    None,
    [suffix[1:] for suffix in PICTURE_SUFFIXES],
    "Of files written to a folder. Default: the input's.",
    flag_values=FLAGS,
)
_TILE = flags.DEFINE_integer(
    "tile",
    256,
    "Input px; larger pictures are cut into tiles. 0 never cuts.",
    lower_bound=0,
    flag_values=FLAGS,
)
_OVERLAP = flags.DEFINE_integer(
    "overlap", 32, "Input px that a tile sees beyond what is kept of it.", lower_bound=0, flag_values=FLAGS
)
_SELF_ENSEMBLE = flags.DEFINE_bool(
    "self_ensemble", False, "Mean over eight flips and turns: eight times the work.", flag_values=FLAGS
)
_KEEP_COLORS = flags.DEFINE_bool(
    "keep_colors", False, "Give the output the low frequencies (the colours) of the input.", flag_values=FLAGS
)
_COMPARE = flags.DEFINE_bool(
    "compare", False, "Also write NAME_compare.png: input | bicubic | output (| original).", flag_values=FLAGS
)
_REFERENCE = flags.DEFINE_string(
    "reference", None, "Original, a file or a folder of the same names; implies --compare.", flag_values=FLAGS
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_upscale, FLAGS, __doc__, sys.argv if argv is None else argv)


def _upscale() -> int:
    """Flags to files."""
    for flag in (_MODEL, _INPUT, _OUTPUT):
        if not flag.value:
            raise InputError(f"`--{flag.name}` must be given.")
    if len(_MODEL.value) > 2 or (len(_MODEL.value) == 2) != (_ALPHA.value is not None):
        raise InputError(
            "`--model` must be given once, or twice (psnr, gan) with `--alpha`. "
            f"Received: {len(_MODEL.value)} models, alpha {_ALPHA.value}."
        )
    import_tensorflow()  # takes seconds: not for --help, nor for a flag that is wrong
    from tqdm import tqdm

    from esrgan_tf.inference.files import plan_jobs, upscale_files
    from esrgan_tf.inference.upscaler import Upscaler
    from esrgan_tf.weights.generators import find_generator, load_generator
    from esrgan_tf.weights.interpolation import interpolate

    if _REFERENCE.value and not Path(_REFERENCE.value).exists():
        raise InputError(f"`--reference` must be a file or a folder. Received: {_REFERENCE.value}, which is not there.")
    compare = _COMPARE.value or bool(_REFERENCE.value)
    jobs = plan_jobs(_INPUT.value, _OUTPUT.value, f".{_FORMAT.value}" if _FORMAT.value else None, compare)
    files = [find_generator(model) for model in _MODEL.value]
    generators = [load_generator(file) for file in files]
    model = generators[0] if len(generators) == 1 else interpolate(*generators, _ALPHA.value)
    upscaler = Upscaler(model, _TILE.value, _OVERLAP.value, _SELF_ENSEMBLE.value, _KEEP_COLORS.value)
    print(f"{' and '.join(map(str, files))}: {upscaler.recipe}, x{upscaler.scale}", flush=True)
    failures = 0
    done = upscale_files(upscaler, jobs, compare, _REFERENCE.value)
    for job, error in tqdm(done, total=len(jobs), unit="picture", disable=None):
        if error:
            failures += 1
            tqdm.write(f"error: {error}", file=sys.stderr)
        else:
            tqdm.write(f"{job.source} -> {job.target}{f' and {job.comparison}' if compare else ''}")
    if failures:
        tqdm.write(f"{failures} of {len(jobs)} pictures failed", file=sys.stderr)
    return FAILURE if failures else SUCCESS
