"""Train a generator of the zoo, on images that nobody measures on.

    nice -n 19 python benchmarks/train_zoo.py compact_x4 --data=photographs/+dead_leaves [--init_from=FILE]

Hours to days on two CPU cores. Ctrl-C saves, the same line again resumes; progress is in
runs/zoo/NAME/STAGE/metrics.csv, and of a member that is trained on by another recipe in
runs/zoo/NAME/part_2/STAGE and so on; where that is deeper, it is grown first. A member that lies between
two generators of its training is written to runs/zoo/NAME/interpolated.keras in the end. Data that holds a test image
(Set5, Set14, BSD100, Urban100, Kodak, photo_test) is refused.
"""

import sys
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import INTERRUPTED, check_given, import_tensorflow, run_command
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.overrides import override

LARGER_PATCHES = {
    "psnr.pixel_loss": "mse",
    "psnr.hr_patch": 192,
    "psnr.batch_size": 6,
    "psnr.learning_rate": 2e-4,
    "psnr.steps": 4000,
    "psnr.cosine_period": 4000,
}
LEAVES = "data.dead_leaves_pictures"  # how many, beside photographs
MORE_VIEWS = {"data.multiscale": (0.7, 0.5), "data.permute_colours": True}
LONGER = {
    LEAVES: 100,
    "psnr.batch_size": 4,
    "psnr.hr_patch": 192,
    "psnr.learning_rate": 5e-4,
    "psnr.steps": 32_000,
    "psnr.cosine_period": 32_000,
}
MANY_SIZES = {"data.multiscale": (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4), LEAVES: 200}
FEWER_BLOCKS = {"generator.blocks": 12}
GROWN = {"psnr.learning_rate": 4e-4, "psnr.steps": 24_000, "psnr.cosine_period": 24_000}
PHONE_LONGER = {
    LEAVES: 300,
    "psnr.batch_size": 8,
    "psnr.hr_patch": 144,
    "psnr.learning_rate": 7e-4,
    "psnr.steps": 24_000,
    "psnr.cosine_period": 24_000,
}
MEMBERS = {  # name: its stage, and the recipes that train it one after the other, each with what is changed
    "compact_x4": (
        "psnr",
        [
            ("compact", {**MORE_VIEWS, **FEWER_BLOCKS, LEAVES: 300}),
            ("compact", {**MORE_VIEWS, **FEWER_BLOCKS, **LONGER}),
            ("compact", {**MORE_VIEWS, **FEWER_BLOCKS, **LONGER, **MANY_SIZES}),
            ("compact", {**MORE_VIEWS, **FEWER_BLOCKS, **LARGER_PATCHES, **MANY_SIZES}),
            ("compact", {**MORE_VIEWS, **LONGER, **MANY_SIZES, **GROWN}),
            ("compact", {**MORE_VIEWS, **LARGER_PATCHES, **MANY_SIZES}),
        ],
    ),
    "compact_x2": ("psnr", [("compact_x2", {**MORE_VIEWS, LEAVES: 100})]),
    "compact_x4_gan": ("gan", [("compact", MORE_VIEWS)]),
    "photo_x4": ("psnr", [("photo", {}), ("photo", LARGER_PATCHES)]),
    "phone_x4": ("psnr", [("zoo_phone", {}), ("phone_x4", {})]),
    "phone_x3": ("psnr", [("phone_x3", {LEAVES: 300}), ("phone_x3", PHONE_LONGER)]),
    "phone_x2": ("psnr", [("phone_x2", {})]),
}
# A member between two generators, and how far from the first: the one that the last recipe started from and where that
# led, or the best of the last recipe and its last one. At 1 an earlier compact_x4_gan showed a grid of 4 px at 300 %,
# and phone_x4 must leave its first convolution in float.
BETWEEN = {"compact_x4": ("best", 0.5), "compact_x4_gan": ("start", 0.6), "phone_x4": ("start", 0.85)}
WORKDIRS = Path("runs/zoo")

FLAGS = flags.FlagValues()
_DATA = flags.DEFINE_string("data", None, "Training images, as of `esrgan train`.", flag_values=FLAGS)
_INIT_FROM = flags.DEFINE_string("init_from", None, "Generator to start from.", flag_values=FLAGS)
_PRECISION = flags.DEFINE_string("precision", "auto", "As of `esrgan train`.", flag_values=FLAGS)


def _train(name: str = "") -> int | None:
    """Train a member to the end of its recipe."""
    if name not in MEMBERS:
        raise InputError(f"the first argument must be one of {', '.join(MEMBERS)}. Received: {name or 'none'}.")
    stage, parts = MEMBERS[name]
    check_given(_DATA, *[_INIT_FROM] * (stage == "gan"))
    if any(LEAVES in changes for _, changes in parts) and "dead_leaves" not in _DATA.value.split("+"):
        raise InputError(f"`data` must be joined with dead leaves for {name}: {_DATA.value}+dead_leaves.")
    import_tensorflow(to_train=True)
    from esrgan_tf import interpolate, load_generator
    from esrgan_tf.data.sources import open_sources
    from esrgan_tf.formats.keras_file.generators import save_generator
    from esrgan_tf.training.cores import claim_cores
    from esrgan_tf.training.interrupts import Interrupted
    from esrgan_tf.training.run import RunOptions, train_stage

    recipes = [override(get_recipe(recipe), changes) for recipe, changes in parts]
    claim_cores(recipes[0], recipes[0].stage(stage), RunOptions(own_process=True))  # opening the data begins TensorFlow
    for recipe in recipes:  # whether the last one takes the data is asked before the first one trains for hours
        open_sources(_DATA.value, recipe.data, recipe.generator.scale, recipe.stage(stage).hr_patch, seed=0)
    folder, trained = WORKDIRS / name, _INIT_FROM.value
    try:
        for number, recipe in enumerate(recipes):
            start = _grown(trained, recipe, folder) if number else trained
            options = RunOptions(
                own_process=True,
                workdir=str(folder / f"part_{number + 1}" if number else folder),
                data=_DATA.value,
                init_from=start,
                precision=_PRECISION.value,
                refuse_test_images=True,
            )
            trained = str(train_stage(recipe, stage, options))
    except Interrupted as interruption:
        print(f"{interruption}; run the same line again to resume", flush=True)
        return INTERRUPTED
    if name in BETWEEN:
        first, alpha = BETWEEN[name]
        last = str(Path(trained).with_name("generator_last.keras"))
        pair = (start, trained) if first == "start" else (trained, last)
        save_generator(interpolate(*map(load_generator, pair), alpha), folder / "interpolated.keras")
    return None


def _grown(trained: str, recipe: Recipe, folder: Path) -> str:
    """A trained generator's file, or where the recipe's is deeper, one of it grown into that.

    The latter is written once: a run is resumed from the same file.
    """
    from grow_generator import grown

    from esrgan_tf import build_generator, load_generator
    from esrgan_tf.formats.keras_file.generators import save_generator

    small, file = load_generator(trained), folder / "grown.keras"
    if small.count_params() == build_generator(recipe.generator, recipe.name).count_params():
        return trained
    if not file.is_file():
        save_generator(grown(small, recipe), file)
    return str(file)


if __name__ == "__main__":
    sys.exit(run_command(_train, FLAGS, __doc__, sys.argv, positional=1))
