"""Convert published PyTorch weights to a .keras file, or a generator back to PyTorch.

    esrgan convert --input=RRDB_ESRGAN_x4.pth --output=esrgan.keras
    esrgan convert --input=vgg19-dcbb9e9d.pth --output=vgg19.keras
    esrgan convert --input=alexnet-owt-7be5be79.pth --lpips=alex.pth --output=lpips_alex.keras
    esrgan convert --input=runs/mine --output=mine.pth
    esrgan convert --input=compact_x4 --output=compact_x4.safetensors

Takes seconds. Layout, depth, width and scale are read off the tensors: ESRGAN (old and new), BasicSR and Real-ESRGAN
(RRDBNet x1, x2, x4, SRVGGNetCompact, MSRResNet, EDSR), SPAN, their VGG discriminator, torchvision's VGG16 and VGG19 and
MINC's VGG16 (for `--vgg_weights`), LPIPS. Back to PyTorch it is BasicSR's layout, or SPAN's, inside `params`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import check_given, import_tensorflow, run_command
from esrgan_tf.errors import InputError
from esrgan_tf.formats.pytorch import SUFFIXES
from esrgan_tf.recipes.overrides import parse_assignment

KERAS = ".keras"
FLAGS = flags.FlagValues()
_INPUT = flags.DEFINE_string(
    "input", None, "A .pth or .safetensors file; or a .keras generator or a work directory.", flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_string("output", None, "A .keras file; or a .pth or .safetensors file.", flag_values=FLAGS)
_NAME = flags.DEFINE_string(
    "name", None, "The recipe that a generator is to carry. Default: the file's name.", flag_values=FLAGS
)
_LPIPS = flags.DEFINE_string(
    "lpips",
    None,
    "LPIPS' lin layers (the lpips package's weights/v0.1/alex.pth or vgg.pth); --input is then torchvision's AlexNet "
    "or VGG16.",
    flag_values=FLAGS,
)
_SET = flags.DEFINE_multi_string(
    "set",
    [],
    "FIELD=VALUE of a generator that no tensor holds, such as residual_scale=0.1 of an EDSR; may be repeated.",
    flag_values=FLAGS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_convert, FLAGS, __doc__, sys.argv if argv is None else argv)


def _convert() -> None:
    """Flags to a file."""
    check_given(_INPUT, _OUTPUT)
    importing = Path(_INPUT.value).suffix.lower() in SUFFIXES
    allowed = (KERAS,) if importing else SUFFIXES
    if Path(_OUTPUT.value).suffix.lower() not in allowed:
        raise InputError(
            f"`--output` must end in {' or '.join(allowed)} for this --input ({', '.join(SUFFIXES)} become {KERAS}, "
            f"generators of Keras become one of those). Received: {_INPUT.value} -> {_OUTPUT.value}."
        )
    if not importing and (_NAME.value or _LPIPS.value):
        raise InputError("`--name` and `--lpips` must be left out when --input is a generator of Keras.")
    changes = dict(map(parse_assignment, _SET.value))
    import_tensorflow()  # takes seconds: not for --help, nor for a flag that is wrong
    from esrgan_tf.formats.pytorch.conversion import export_generator, import_weights

    if importing:
        summary = import_weights(_INPUT.value, _OUTPUT.value, _NAME.value, changes, _LPIPS.value)
    else:
        summary = export_generator(_INPUT.value, _OUTPUT.value, changes)
    print(f"{summary}\n{_INPUT.value} -> {_OUTPUT.value}")
