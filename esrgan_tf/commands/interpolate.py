"""Interpolate between the psnr stage's generator and the gan stage's: less invented detail, fewer artefacts.

    esrgan interpolate --psnr=runs/esrgan_x4/psnr --gan=runs/esrgan_x4/gan --alpha=0.8 --output=esrgan_08.keras
    esrgan interpolate --psnr=... --gan=... --alpha=0:1:0.1 --output=between/ --input=photo.png --panel=panel.png
    esrgan interpolate --psnr=... --gan=... --alpha=0:1:0.1 --data=hr=Set5/HR,lr=Set5/LR \\
        --niqe_params=niqe.npz --plot=curve.png

A generator takes seconds; a panel and a curve take as long as upscaling their images at every alpha.
"""

import math
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import check_given, import_tensorflow, run_command, with_flags
from esrgan_tf.errors import InputError
from esrgan_tf.log import print_line

FLAGS = flags.FlagValues()
_PSNR = flags.DEFINE_string("psnr", None, "Generator of the psnr stage, alpha 0.", flag_values=FLAGS)
_GAN = flags.DEFINE_string("gan", None, "Generator of the gan stage, alpha 1.", flag_values=FLAGS)
_ALPHA = flags.DEFINE_string("alpha", "0.8", "A number, a list (0.2,0.8) or FIRST:LAST:STEP.", flag_values=FLAGS)
_OUTPUT = flags.DEFINE_string(
    "output", None, "A .keras file, or a folder for several alphas: alpha_0.8.keras and so on.", flag_values=FLAGS
)
_INPUT = flags.DEFINE_string("input", None, "The image of --panel.", flag_values=FLAGS)
_PANEL = flags.DEFINE_string(
    "panel", None, "PNG with --input at every alpha, networks above images interpolated.", flag_values=FLAGS
)
_DATA = flags.DEFINE_string("data", None, "Images of --plot, as `esrgan evaluate`.", flag_values=FLAGS)
_NIQE_PARAMS = flags.DEFINE_string("niqe_params", None, "Of --plot, as `esrgan evaluate`.", flag_values=FLAGS)
_PLOT = flags.DEFINE_string("plot", None, "PNG with PSNR against NIQE over alpha.", flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_interpolate, FLAGS, __doc__, sys.argv if argv is None else argv)


def parse_alphas(text: str) -> list[float]:
    """`0.8`, `0.2,0.8` or `0:1:0.1` (both ends included) -> numbers from 0 to 1.

    Raises:
        InputError: neither of them.
    """
    try:
        if ":" in text:
            first, last, step = map(float, text.split(":"))
            alphas = [round(first + k * step, 6) for k in range(math.floor((last - first) / step + 1e-6) + 1)]
        else:
            alphas = [float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        alphas = []
    if not alphas or not all(0 <= alpha <= 1 for alpha in alphas):
        raise InputError(f"`alpha` must be numbers from 0 to 1, such as 0.8, 0.2,0.8 or 0:1:0.1. Received: {text}.")
    return alphas


def _interpolate() -> None:
    """Flags to generator files, a panel and a curve."""
    _check_flags()
    alphas = parse_alphas(_ALPHA.value)
    targets = _targets(alphas)
    import_tensorflow()  # takes seconds: not for --help, nor for a flag that is wrong
    from esrgan_tf.formats.keras_file.generators import save_generator
    from esrgan_tf.formats.registry import load_generator
    from esrgan_tf.models.interpolation import interpolate

    psnr, gan = load_generator(_PSNR.value, "psnr"), load_generator(_GAN.value, "gan")
    for alpha, target in zip(alphas, targets, strict=bool(targets)):
        save_generator(interpolate(psnr, gan, alpha), target)
        print_line(f"alpha {alpha:g}: {target}")
    if _PANEL.value:
        _write_panel(psnr, gan, alphas)
    if _PLOT.value:
        _write_curve(psnr, gan, alphas)


def _check_flags() -> None:
    """Raise for flags that are missing, or that need one another."""
    check_given(_PSNR, _GAN)
    if not any((_OUTPUT.value, _PANEL.value, _PLOT.value)):
        raise InputError("one of `--output`, `--panel` and `--plot` must be given. Received: none.")
    if _PLOT.value and not find_spec("matplotlib"):
        raise InputError("`--plot` needs matplotlib: pip install 'esrgan_tf[plot]'.")
    needs = ((_PANEL, _INPUT, "an image"), (_PLOT, _DATA, "images"), (_PLOT, _NIQE_PARAMS, "a NIQE model"))
    for flag, needed, what in needs:
        if flag.value and not needed.value:
            raise InputError(f"`--{flag.name}` needs {what}: give `--{needed.name}`.")
    for flag in (_PANEL, _PLOT):
        if flag.value and not flag.value.lower().endswith(".png"):
            raise InputError(f"`--{flag.name}` must end in .png. Received: {flag.value}.")


def _targets(alphas: Sequence[float]) -> list[Path]:
    """A generator file for each alpha; none where no `--output` is given."""
    if not _OUTPUT.value:
        return []
    output = Path(_OUTPUT.value)
    if output.suffix == ".keras" and len(alphas) == 1:
        return [output]
    if output.suffix:
        raise InputError(f"`--output` must be a folder, or a .keras file for a single alpha. Received: {output}.")
    output.mkdir(parents=True, exist_ok=True)
    return [output / f"alpha_{alpha:g}.keras" for alpha in alphas]


def _write_panel(psnr, gan, alphas: Sequence[float]) -> None:
    """The image at every alpha."""
    from esrgan_tf.inference.interpolation import write_interpolation_panel

    write_interpolation_panel(psnr, gan, alphas, _INPUT.value, _PANEL.value)
    print_line(f"panel: {_PANEL.value}")


def _write_curve(psnr, gan, alphas: Sequence[float]) -> None:
    """PSNR against NIQE, as numbers and as an image."""
    from esrgan_tf.evaluation.curve import draw_curve, perception_distortion
    from esrgan_tf.evaluation.measures import Options, notes
    from esrgan_tf.evaluation.pairs import check_pairs, find_pairs
    from esrgan_tf.metadata import metadata_of
    from esrgan_tf.metrics.niqe import read_niqe_model

    scale = metadata_of(gan).scale
    pairs = find_pairs(_DATA.value, scale)
    options = Options(crop=scale, niqe=read_niqe_model(_NIQE_PARAMS.value))
    check_pairs(pairs, scale, options)
    points = perception_distortion(psnr, gan, alphas, pairs, options)
    print(*(with_flags(note, FLAGS) for note in notes(options)[:1]), "alpha    PSNR    NIQE", sep="\n")
    for point in points:
        print(f"{point.alpha:<7g}{point.psnr:6.2f}{point.niqe:8.3f}")
    draw_curve(points, _PLOT.value, f"{_DATA.value}, x{scale}, Y, crop {scale}")
    print(f"curve: {_PLOT.value}")
