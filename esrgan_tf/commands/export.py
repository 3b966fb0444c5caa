"""Export a generator for TF Serving, phones, browsers, ONNX, OpenVINO, ncnn, PyTorch; each is verified.

    python export.py --model=runs/quickstart_x4 --format=saved_model,tflite,onnx --output=exported
    python export.py --model=runs/quickstart_x4 --precision=bfloat16 --output=exported
    python export.py --model=runs/quickstart_x4/psnr --model=runs/quickstart_x4/gan --output=exported
    python export.py --model=runs/quickstart_x4 --format=tflite --tflite=float32,float16,dynamic,int8 --tile=64,128
    python export.py --model=runs/quickstart_x4 --format=web --litert_js=node_modules --output=site

The first takes about a minute with quickstart's network. `<output>/report.md` lists size, time and difference of each
file. Of two models (psnr, gan) a SavedModel's callers choose between them by `alpha`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import check_given, define_alpha, import_tensorflow, quiet, run_command
from esrgan_tf.errors import InputError
from esrgan_tf.formats.registry import find_file, load_generator, titles, writable_formats
from esrgan_tf.log import print_line

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_multi_string(
    "model",
    [],
    f"The generator: {titles(loadable=True)}; two of them are psnr and gan.",
    flag_values=FLAGS,
)
_ALPHA = define_alpha("Of two models, export this one network between them: 0 is the first, 1 the second.", FLAGS)
_OUTPUT = flags.DEFINE_string("output", None, "Folder of what is exported.", flag_values=FLAGS)
_FORMAT = flags.DEFINE_list(
    "format",
    ["saved_model"],
    f"{', '.join(format.name for format in writable_formats())}; several by commas.",
    flag_values=FLAGS,
)
_NAME = flags.DEFINE_string("name", None, "Of the files. Default: RECIPE_xSCALE.", flag_values=FLAGS)
_VERSION = flags.DEFINE_integer("version", None, "Of the SavedModel. Default: the next free one.", flag_values=FLAGS)
_PRECISION = flags.DEFINE_string(
    "precision",
    "float32",
    "Of a SavedModel or an OpenVINO file: float32, or bfloat16 (faster on CPUs with AVX512_BF16 or AMX); of the latter "
    "int8 too. Of ncnn's files: float32, or float16 (half the size, weights alone).",
    flag_values=FLAGS,
)
_MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    None,
    "Most input pixels (batch x height x width) of a request to the SavedModel. Default: 4194304.",
    flag_values=FLAGS,
)
_TFLITE = flags.DEFINE_list(
    "tflite", ["float32", "int8"], "float32, float16, dynamic, int8; several by commas.", flag_values=FLAGS
)
_TILE = flags.DEFINE_list("tile", ["128"], "Input px of LiteRT files, 0 is any; several by commas.", flag_values=FLAGS)
_LITERT_JS = flags.DEFINE_string(
    "litert_js",
    None,
    "Folder node_modules of npm install @litertjs/core, copied into the site. Default: the page loads it from public "
    "servers.",
    flag_values=FLAGS,
)
_ALLOW_SELECT_OPS = flags.DEFINE_bool(
    "allow_select_ops",
    False,
    "Let LiteRT files use TensorFlow's operators for what LiteRT lacks. Verification then needs a LiteRT built with "
    "them, which pip's is not.",
    flag_values=FLAGS,
)
_CALIBRATION = flags.DEFINE_string(
    "calibration",
    "sample",
    "Data source, as train's --data: its images calibrate int8, those it holds out verify every file; generated "
    "ones (leaves, text, flat colours, noise) come on top of both.",
    flag_values=FLAGS,
)
_MAX_PSNR_DROP = flags.DEFINE_float(
    "max_psnr_drop",
    None,
    "dB of Y-PSNR that a file may change on average. Default: 0.1, and at most 0.3 of each image and 3/255 of flat "
    "areas and noise, which change in proportion; float32 files must be within 0.0001 instead.",
    lower_bound=0.0,
    flag_values=FLAGS,
)
_LICENCE = flags.DEFINE_string(
    "licence", None, "Of the weights, written into each file. Default: the generator's own.", flag_values=FLAGS
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_export, FLAGS, __doc__, sys.argv if argv is None else argv)


def _export() -> None:
    """Flags to files."""
    check_given(_OUTPUT)
    models = _MODEL.value
    if not 1 <= len(models) <= 2 or (len(models) == 1 and _ALPHA.value is not None):
        raise InputError(
            "`--model` must be given once, or twice (psnr, gan); `--alpha` goes with two. "
            f"Received: {len(models)} models, alpha {_ALPHA.value}."
        )
    tiles = [tile for tile in _TILE.value if not tile.isdecimal()]
    if tiles:
        raise InputError(f"`--tile` must be whole numbers of px, such as 64,128. Received: {tiles[0]}.")
    for flag in {flag for format in writable_formats() for flag in format.options if FLAGS[flag].present}:
        takers = [format.name for format in writable_formats() if flag in format.options]
        if not set(takers) & set(_FORMAT.value):
            wanted = " or ".join(f"`--format={taker}`" for taker in takers)
            raise InputError(f"`--{flag}` goes with {wanted}. Received: {','.join(_FORMAT.value)}.")
    import_tensorflow()  # takes seconds: not for --help
    from esrgan_tf.export.exporter import export_generators
    from esrgan_tf.export.options import ExportOptions
    from esrgan_tf.models.interpolation import interpolate

    files = [find_file(model) for model in models]
    options = ExportOptions(
        output=Path(_OUTPUT.value),
        formats=tuple(_FORMAT.value),
        name=_NAME.value,
        version=_VERSION.value,
        precision=_PRECISION.value,
        kinds=tuple(_TFLITE.value),
        tiles=tuple(map(int, _TILE.value)),
        litert_js=_LITERT_JS.value,
        allow_select_ops=_ALLOW_SELECT_OPS.value,
        max_pixels=_MAX_PIXELS.value,
        calibration=_CALIBRATION.value,
        max_psnr_drop=_MAX_PSNR_DROP.value,
        licence=_LICENCE.value,
        source=" and ".join(str(Path(*file.parts[-3:])) for file in files),  # not the whole way from the root
    )
    generators = [load_generator(file) for file in files]
    if _ALPHA.value is not None:
        generators = [interpolate(*generators, _ALPHA.value)]
    with quiet():  # converters write pages
        table = export_generators(generators, options, print_line)
    print(f"{table}\n{_OUTPUT.value}")
