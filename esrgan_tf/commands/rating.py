"""Have people rate outputs without knowing what made them, and read their answers.

    esrgan rating make --model=runs/esrgan_x4/psnr --model=runs/esrgan_x4/gan --data=Set14/HR --output=site
    esrgan rating read ada.csv grace.csv --key=site.key.json --plot=mos.png

`make` writes a static page: the models' outputs in random order among hidden originals and a hidden bicubic anchor,
rated from 1 to 5; answers are downloaded as CSV, no server keeps them. `site.key.json` says which output is whose: keep
it. `read` gives mean opinion scores with bootstrap intervals, the raters' agreement, who fails the anchors, and PSNR,
SSIM and what else was measured beside them.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import check_given, import_tensorflow, run_command
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_multi_string("model", [], "make: as of `esrgan evaluate`; may be repeated.", flag_values=FLAGS)
_DATA = flags.DEFINE_string("data", None, "make: images, as of `esrgan evaluate`.", flag_values=FLAGS)
_OUTPUT = flags.DEFINE_string("output", None, "make: the page's folder; read: a .csv of the scores.", flag_values=FLAGS)
_CROP = flags.DEFINE_integer("crop", None, "make: px of the middle that is shown. Default: all.", 16, None, FLAGS)
_NIQE_PARAMS = flags.DEFINE_string("niqe_params", None, "make: as of `esrgan evaluate`: adds NIQE.", flag_values=FLAGS)
_MA_SCORES = flags.DEFINE_string(
    "ma_scores", None, "make: as of `esrgan evaluate`: adds the perceptual index.", flag_values=FLAGS
)
_SEED = flags.DEFINE_integer("seed", 0, "make: of the files' names; read: of the bootstrap.", flag_values=FLAGS)
_KEY = flags.DEFINE_string("key", None, "read: the .key.json beside the page.", flag_values=FLAGS)
_KEEP_FAILED = flags.DEFINE_bool(
    "keep_failed", False, "read: count raters who do not rate the originals above bicubic.", flag_values=FLAGS
)
_PLOT = flags.DEFINE_string("plot", None, "read: a PNG of the scores; needs '.[plot]'.", flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_rating, FLAGS, __doc__, sys.argv if argv is None else argv, positional=None)


def _rating(action: str = "", *answers: str) -> None:
    """Flags to a page, or to scores."""
    actions = {"make": _make, "read": _read}
    if action not in actions:
        raise InputError(f"`esrgan rating` must be followed by make or read. Received: {action or 'nothing'}.")
    actions[action](answers)


def _make(answers: Sequence[str]) -> None:
    """Write the page and its key."""
    check_given(_MODEL, _DATA, _OUTPUT)
    if answers:
        raise InputError(f"flags must be written --name=value. Received: {' '.join(answers)}.")
    if _MA_SCORES.value and not _NIQE_PARAMS.value:
        raise InputError("`--ma_scores` needs `--niqe_params`: the perceptual index is made of both.")
    import_tensorflow()
    from esrgan_tf.evaluation.measures import Options
    from esrgan_tf.evaluation.pairs import check_pairs, find_pairs
    from esrgan_tf.evaluation.rating.making import make_rating
    from esrgan_tf.evaluation.scores import read_ma_scores
    from esrgan_tf.evaluation.systems import open_systems
    from esrgan_tf.metrics.niqe import read_niqe_model

    systems, scale = open_systems(_MODEL.value, None, None, None)
    pairs = find_pairs(_DATA.value, scale)
    names = [system.name for system in systems]
    ma = read_ma_scores(_MA_SCORES.value, names, [pair.name for pair in pairs]) if _MA_SCORES.value else None
    options = Options(scale, niqe=read_niqe_model(_NIQE_PARAMS.value) if _NIQE_PARAMS.value else None, ma=ma)
    check_pairs(pairs, scale, options)
    made = make_rating(systems, pairs, scale, options, Path(_OUTPUT.value), _CROP.value, _SEED.value)
    print(f"{made.outputs} outputs of {len(pairs)} images; to try it: python -m http.server --directory={made.folder}")
    print(f"which output is whose, for `esrgan rating read`: {made.key}")


def _read(answers: Sequence[str]) -> None:
    """Print the scores, and write what is asked for."""
    check_given(_KEY)
    if not answers:
        raise InputError("the raters' CSV files must be given.")
    from esrgan_tf.evaluation.rating.reading import draw_scores, rate, read_answers, read_key, table_of, write_scores

    key = read_key(_KEY.value)
    rating = rate(read_answers(answers, key), key, _KEEP_FAILED.value, _SEED.value)
    print(table_of(rating))
    agreed = "not known of one rater" if rating.agreement is None else f"{rating.agreement:.2f}"
    print(f"\n{len(rating.raters)} raters; their agreement (Krippendorff's alpha; 1 is agreement, 0 chance): {agreed}")
    if rating.failed:
        print(f"left out, since they do not rate the originals above bicubic: {', '.join(rating.failed)}")
    if _OUTPUT.value:
        write_scores(_OUTPUT.value, rating)
        print(_OUTPUT.value)
    if _PLOT.value:
        draw_scores(_PLOT.value, rating)
        print(_PLOT.value)
