"""Cut images into sub-images and write them as records, from which training reads crops without decoding images.

    esrgan prepare --input=photos/ --output=records/
    esrgan prepare --input=DIV2K/+Flickr2K/ --output=records/ --scale=4 --flat=2
    esrgan train --stage=psnr --data=records/

Takes about 0.3 s of a processor core a megapixel. A run that was stopped or killed is resumed by the same line;
where all is there, that line verifies the checksums.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import check_given, import_tensorflow, run_command
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()
_INPUT = flags.DEFINE_string("input", None, "Folders of HR images, joined by `+`.", flag_values=FLAGS)
_OUTPUT = flags.DEFINE_string("output", None, "A folder for the records.", flag_values=FLAGS)
_CROP = flags.DEFINE_integer("crop", 480, "Side of the HR sub-images, px.", flag_values=FLAGS)
_STEP = flags.DEFINE_integer("step", 240, "From one sub-image to the next, px.", flag_values=FLAGS)
_SCALE = flags.DEFINE_list(
    "scale", ["2", "3", "4"], "Of the LR sub-images, made by MATLAB's bicubic.", flag_values=FLAGS
)
_FLAT = flags.DEFINE_float(
    "flat",
    0.0,
    "Drop sub-images whose neighbouring pixels differ by less than so many 8-bit levels of luma on average.",
    flag_values=FLAGS,
)
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Threads. Default: one a processor core.", lower_bound=1, flag_values=FLAGS
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_prepare, FLAGS, __doc__, sys.argv if argv is None else argv)


def _prepare() -> None:
    """Flags to records."""
    check_given(_INPUT, _OUTPUT)
    from esrgan_tf.data.records.preparation import prepare
    from esrgan_tf.data.records.sub_images import Cutting
    from esrgan_tf.data.registry import names_files_only

    if not all(scale.isdecimal() for scale in _SCALE.value):
        raise InputError(f"`--scale` must be whole numbers, such as 2,3,4. Received: {','.join(_SCALE.value)}.")
    cutting = Cutting(_CROP.value, _STEP.value, tuple(map(int, _SCALE.value)), _FLAT.value)
    if not names_files_only(_INPUT.value):
        import_tensorflow()
    prepare(_INPUT.value, _OUTPUT.value, cutting, _WORKERS.value)
