"""Train a generator of the zoo, on images that nobody measures on.

    nice -n 19 python benchmarks/train_zoo.py compact_x4 --data=photographs/ [--init_from=FILE] [--precision=float32]

Hours to days on two CPU cores. Ctrl-C saves, the same line again resumes; progress is in
runs/zoo/NAME/STAGE/metrics.csv, and of a member that is trained on by other settings (`FURTHER`) in
runs/zoo/NAME/further/STAGE; where these have more convolutions, it is grown first. A member that lies between where it
started and where training led is written to runs/zoo/NAME/interpolated.keras in the end. Data that holds a test image
(Set5, Set14, BSD100, Urban100, Kodak, photo_test) is refused.
"""

import sys
from dataclasses import replace
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import INTERRUPTED, check_given, import_tensorflow, run_command
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.overrides import override

MEMBERS = {  # name: its recipe and stage
    "compact_x4": ("compact", "psnr"),
    "compact_x2": ("compact_x2", "psnr"),
    "compact_x4_gan": ("compact", "gan"),
    "photo_x4": ("photo", "psnr"),
    "phone_x4": ("zoo_phone", "psnr"),
    "phone_x3": ("phone_x3", "psnr"),
    "phone_x2": ("phone_x2", "psnr"),
}
SMALLER_COPIES = {"data.multiscale": (0.7, 0.5), "data.permute_colours": True}
FURTHER = {  # settings by which a member is trained on from its recipe's end
    "photo_x4": {
        "psnr.pixel_loss": "mse",
        "psnr.hr_patch": 192,
        "psnr.batch_size": 6,
        "psnr.learning_rate": 2e-4,
        "psnr.steps": 4000,
        "psnr.cosine_period": 4000,
    },
    "phone_x4": {
        **SMALLER_COPIES,
        "generator.convs": 10,
        "psnr.learning_rate": 8e-4,
        "psnr.steps": 10_000,
        "psnr.cosine_period": 10_000,
    },
    "compact_x2": {
        **SMALLER_COPIES,
        "psnr.hr_patch": 96,
        "psnr.batch_size": 4,
        "psnr.learning_rate": 3e-4,
        "psnr.steps": 6000,
        "psnr.cosine_period": 6000,
    },
}
ALPHAS = {"compact_x4_gan": 0.5}  # how far from the generator it started from: at 1 a grid of 4 px is seen at 300 %
WORKDIRS = Path("runs/zoo")

FLAGS = flags.FlagValues()
_DATA = flags.DEFINE_string("data", None, "Training images, as of `esrgan train`.", flag_values=FLAGS)
_INIT_FROM = flags.DEFINE_string("init_from", None, "Generator to start from.", flag_values=FLAGS)
_PRECISION = flags.DEFINE_string("precision", "auto", "As of `esrgan train`.", flag_values=FLAGS)


def _train(name: str = "") -> int | None:
    """Train a member to the end of its recipe."""
    if name not in MEMBERS:
        raise InputError(f"the first argument must be one of {', '.join(MEMBERS)}. Received: {name or 'none'}.")
    check_given(_DATA, *[_INIT_FROM] * (name in ALPHAS))
    import_tensorflow(to_train=True)
    from esrgan_tf import interpolate, load_generator
    from esrgan_tf.formats.keras_file.generators import save_generator
    from esrgan_tf.training.interrupts import Interrupted
    from esrgan_tf.training.run import RunOptions, train_stage

    options = RunOptions(
        workdir=str(WORKDIRS / name),
        data=_DATA.value,
        init_from=_INIT_FROM.value,
        precision=_PRECISION.value,
        refuse_test_images=True,
    )
    recipe, stage = get_recipe(MEMBERS[name][0]), MEMBERS[name][1]
    try:
        trained = train_stage(recipe, stage, options)
        if name in FURTHER:
            longer = override(recipe, FURTHER[name])
            start = trained if longer.generator == recipe.generator else _grown(trained, longer, WORKDIRS / name)
            further = replace(options, workdir=str(WORKDIRS / name / "further"), init_from=str(start))
            trained = train_stage(longer, stage, further)
    except Interrupted as interruption:
        print(f"{interruption}; run the same line again to resume", flush=True)
        return INTERRUPTED
    if name in ALPHAS:
        model = interpolate(load_generator(_INIT_FROM.value), load_generator(trained), ALPHAS[name])
        save_generator(model, WORKDIRS / name / "interpolated.keras")
    return None


def _grown(trained: Path, recipe: Recipe, folder: Path) -> Path:
    """The file of a trained generator grown into a recipe's, written once: a run is resumed from the same file."""
    from grow_generator import grown

    from esrgan_tf import load_generator
    from esrgan_tf.formats.keras_file.generators import save_generator

    file = folder / "grown.keras"
    if not file.is_file():
        save_generator(grown(load_generator(trained), recipe.generator, recipe.name), file)
    return file


if __name__ == "__main__":
    sys.exit(run_command(_train, FLAGS, __doc__, sys.argv, positional=1))
