r"""Measure generators and bicubic on images whose originals are known.

    esrgan evaluate --model=bicubic --scale=4 --data=Set14/HR
    esrgan evaluate --model=bicubic --model=runs/quickstart_x4/psnr --model=runs/quickstart_x4/gan \
        --data=hr=Set5/HR,lr=Set5/LR --output=set5.csv --output=set5.md --panels=panels/
    esrgan evaluate --model=generator.keras --data=photos/ --self_ensemble --keep_colors --niqe_params=niqe.npz
    esrgan evaluate --model=bicubic --model=compact_x4 --data=photos/ --degradation=realesrgan

The first --model is the baseline: differences from it stand in brackets. Without lr= the low-resolution images are
made from originals cut to a multiple of the scale: by MATLAB's bicubic, or by --degradation, whose seed is each
image's place among them. Bicubic takes seconds; a generator as long as `esrgan upscale`.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import check_given, define_alpha, import_tensorflow, run_command, with_flags
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS, get_degradation

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_multi_string(
    "model",
    [],
    "`bicubic`, or a generator as of `esrgan upscale`: .keras, a work directory, an exported file; may be repeated.",
    flag_values=FLAGS,
)
_ALPHA = define_alpha("For SavedModels of two generators: 0 is the first, 1 the second.", FLAGS)
_DATA = flags.DEFINE_string(
    "data",
    None,
    "Images, as `esrgan train` takes them: a folder of originals with its subfolders, hr=FOLDER,lr=FOLDER, or what "
    "another source holds out (sample, div2k, tfds:NAME).",
    flag_values=FLAGS,
)
_DEGRADATION = flags.DEFINE_string(
    "degradation", None, f"How LR is made: {', '.join(DEGRADATIONS)} or a JSON file.", flag_values=FLAGS
)
_SCALE = flags.DEFINE_integer(
    "scale", None, "Needed where nothing but bicubic is measured.", lower_bound=1, flag_values=FLAGS
)
_PROTOCOL = flags.DEFINE_enum("protocol", "y", ["y", "rgb"], "Channels of PSNR and SSIM.", flag_values=FLAGS)
_CROP = flags.DEFINE_integer(
    "crop", None, "Px left out at each border. Default: the scale.", lower_bound=0, flag_values=FLAGS
)
_OUTPUT = flags.DEFINE_multi_string(
    "output", [], "A .csv, .json or .md file to write as well; may be repeated.", flag_values=FLAGS
)
_PANELS = flags.DEFINE_string(
    "panels", None, "A folder for a panel an image, cut to where the last model is worst.", flag_values=FLAGS
)
_SELF_ENSEMBLE = flags.DEFINE_bool(
    "self_ensemble", False, "Generators: mean over eight flips and turns.", flag_values=FLAGS
)
_KEEP_COLORS = flags.DEFINE_bool(
    "keep_colors", False, "Give outputs the low frequencies (the colours) of their inputs.", flag_values=FLAGS
)
_NIQE_PARAMS = flags.DEFINE_string(
    "niqe_params", None, "NIQE's parameters: the published .mat, or an .npz of `esrgan niqe-fit`.", flag_values=FLAGS
)
_MA_SCORES = flags.DEFINE_string(
    "ma_scores", None, "Ma's scores, CSV image,score[,model]: adds the perceptual index.", flag_values=FLAGS
)
_LPIPS_WEIGHTS = flags.DEFINE_string(
    "lpips_weights", None, "An LPIPS model, .keras, made by `esrgan convert`.", flag_values=FLAGS
)
_TILE = flags.DEFINE_integer("tile", None, "As of `esrgan upscale`.", lower_bound=0, flag_values=FLAGS)
_OVERLAP = flags.DEFINE_integer("overlap", None, "As of `esrgan upscale`.", lower_bound=0, flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_evaluate, FLAGS, __doc__, sys.argv if argv is None else argv)


def _evaluate() -> None:
    """Flags to a table and files."""
    check_given(_MODEL, _DATA)
    if _MA_SCORES.value and not _NIQE_PARAMS.value:
        raise InputError("`--ma_scores` needs `--niqe_params`: the perceptual index is made of both.")
    from tqdm import tqdm

    from esrgan_tf.data.registry import names_files_only
    from esrgan_tf.evaluation.evaluate import evaluate
    from esrgan_tf.evaluation.measures import Options, notes
    from esrgan_tf.evaluation.pairs import check_pairs, find_pairs
    from esrgan_tf.evaluation.report import check_suffix, table, write_report
    from esrgan_tf.evaluation.scores import load_lpips, read_ma_scores
    from esrgan_tf.evaluation.systems import BICUBIC, open_systems
    from esrgan_tf.metrics.niqe import read_niqe_model

    for output in _OUTPUT.value:
        check_suffix(output)
    degradation = get_degradation(_DEGRADATION.value) if _DEGRADATION.value else None
    niqe_model = read_niqe_model(_NIQE_PARAMS.value) if _NIQE_PARAMS.value else None
    if set(_MODEL.value) != {BICUBIC} or _LPIPS_WEIGHTS.value or degradation or not names_files_only(_DATA.value):
        import_tensorflow()
    systems, scale = open_systems(
        _MODEL.value, _SCALE.value, _TILE.value, _OVERLAP.value, _SELF_ENSEMBLE.value, _ALPHA.value
    )
    pairs = find_pairs(_DATA.value, scale, degradation)
    names = [system.name for system in systems]
    options = Options(
        crop=scale if _CROP.value is None else _CROP.value,
        channel=_PROTOCOL.value,
        keep_colors=_KEEP_COLORS.value,
        niqe=niqe_model,
        ma=read_ma_scores(_MA_SCORES.value, names, [pair.name for pair in pairs]) if _MA_SCORES.value else None,
        lpips=load_lpips(_LPIPS_WEIGHTS.value) if _LPIPS_WEIGHTS.value else None,
    )
    check_pairs(pairs, scale, options)
    evaluation = evaluate(tqdm(pairs, unit="image", disable=None), systems, scale, options, _PANELS.value)
    made = f"made by {_DEGRADATION.value}" if degradation else "made by MATLAB's bicubic"
    lr = "given" if pairs[0].lr else made
    lines = [f"{_DATA.value}: {len(pairs)} images, x{scale}, LR {lr}"]
    lines += [f"{system.name}: {system.origin}" for system in systems]
    lines += [with_flags(note, FLAGS) for note in notes(options)]
    print(*lines, "", table(evaluation), sep="\n")
    protocol = {"data": _DATA.value, "lr": lr, "scale": scale, "protocol": options.channel, "crop": options.crop}
    for flag in (_ALPHA, _SELF_ENSEMBLE, _KEEP_COLORS, _NIQE_PARAMS, _MA_SCORES, _LPIPS_WEIGHTS):
        protocol[flag.name] = flag.value
    for output in _OUTPUT.value:
        write_report(output, evaluation, protocol, lines)
        print(output)
