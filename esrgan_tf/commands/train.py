"""Train a generator: the psnr stage first, then the gan stage from its generator.

    python train.py --stage=psnr --recipe=quickstart
    python train.py --stage=gan --recipe=quickstart
    python train.py --stage=gan --recipe=mine.json --set gan.adversarial_weight=1e-3 --degradation=realesrgan
    TF_CONFIG=... python train.py --stage=psnr --strategy=multi_worker --workdir=/shared/run      # on every machine

Running the same line again resumes where it stopped. `quickstart` takes minutes on two CPU cores; `esrgan` as
published takes days on a GPU.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import INTERRUPTED, import_tensorflow, run_command, with_flags
from esrgan_tf.log import print_line
from esrgan_tf.recipes import DEGRADATIONS, get_degradation, get_recipe
from esrgan_tf.recipes.configs import STAGES
from esrgan_tf.recipes.overrides import override, parse_assignment

FLAGS = flags.FlagValues()
_STAGE = flags.DEFINE_string("stage", None, f"Which stage: {' or '.join(STAGES)}.", flag_values=FLAGS)
_RECIPE = flags.DEFINE_string(
    "recipe",
    "esrgan",
    "A name that `esrgan recipes` lists, or a JSON file such as any run's recipe.json.",
    flag_values=FLAGS,
)
_SET = flags.DEFINE_multi_string(
    "set", [], "FIELD=VALUE of the recipe, such as gan.adversarial_weight=1e-3; may be repeated.", flag_values=FLAGS
)
_DEGRADATION = flags.DEFINE_string(
    "degradation", None, f"How LR is made: {', '.join(DEGRADATIONS)} or a JSON file.", flag_values=FLAGS
)
_DATA = flags.DEFINE_string(
    "data",
    None,
    "Training images, joined by +: sample, dead_leaves, div2k, div2k:TRACK, tfds:NAME, a folder, hr=FOLDER,lr=FOLDER. "
    "Default: div2k where TFDS has it prepared, else sample.",
    flag_values=FLAGS,
)
_VAL_DATA = flags.DEFINE_string(
    "val_data",
    None,
    "Held-out images, as --data: all of a folder, else what is held out. Default: of --data.",
    flag_values=FLAGS,
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where everything goes. Default: runs/RECIPE_xSCALE.", flag_values=FLAGS
)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "Generator to start from. Default: for gan, the psnr stage's.", flag_values=FLAGS
)
_PRECISION = flags.DEFINE_string(
    "precision", "auto", "auto, float32, mixed_bfloat16 or mixed_float16.", flag_values=FLAGS
)
_STRATEGY = flags.DEFINE_string(
    "strategy",
    "auto",
    "auto (all GPUs, or the CPU), cpu, mirrored:GPU:0,GPU:1, or multi_worker (TF_CONFIG, or a Slurm step).",
    flag_values=FLAGS,
)
_ACCUMULATE = flags.DEFINE_integer(
    "accumulate",
    1,
    "Parts in which each device computes its patches, one after the other: less memory, the same step.",
    lower_bound=1,
    flag_values=FLAGS,
)
_REMAT = flags.DEFINE_bool(
    "remat",
    False,
    "Compute the generator's maps again for the gradient instead of keeping them: less memory, more time.",
    flag_values=FLAGS,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Of weights, crops and generated images.",
    lower_bound=0,
    upper_bound=2**32 - 1,
    flag_values=FLAGS,
)

# Flags that change one field of the recipe; None leaves the recipe's value.
RECIPE_FLAGS = {
    "scale": "generator.scale",
    "vgg_weights": "perceptual.weights",
    "steps": "{stage}.steps",
    "batch_size": "{stage}.batch_size",
    "hr_patch": "{stage}.hr_patch",
    "learning_rate": "{stage}.learning_rate",
    "ema_decay": "{stage}.ema_decay",
    "validate_every": "{stage}.validate_every",
    "log_every": "{stage}.log_every",
}
flags.DEFINE_integer("scale", None, "2, 3, 4 or 8; 1 where the family has it.", flag_values=FLAGS)
flags.DEFINE_string(
    "vgg_weights",
    None,
    "Of the recipe's feature network. vgg19, vgg16: imagenet (through Keras), a file, or random; "
    "vgg19_distilled: shipped or random.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("steps", None, "Of the stage.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("batch_size", None, "Patches a step, over all devices.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("hr_patch", None, "Px; for gan a multiple of 32 or less.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_float("learning_rate", None, "At the start.", lower_bound=0.0, flag_values=FLAGS)
flags.DEFINE_float(
    "ema_decay",
    None,
    "Of the generator's moving average.",
    lower_bound=0.0,
    upper_bound=1.0,
    flag_values=FLAGS,
)
flags.DEFINE_integer("validate_every", None, "Steps; checkpoints too.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("log_every", None, "Steps between lines where there is no bar.", lower_bound=1, flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_train, FLAGS, __doc__, sys.argv if argv is None else argv)


def _train() -> int | None:
    """Flags to a run."""
    recipe, stage = get_recipe(_RECIPE.value), _STAGE.value
    recipe.stage(stage)
    changes = {path.format(stage=stage): FLAGS[name].value for name, path in RECIPE_FLAGS.items()}
    if FLAGS["vgg_weights"].value:
        changes["perceptual.download"] = True  # asked for by name
    changes = {path: value for path, value in changes.items() if value is not None}
    if _DEGRADATION.value:
        changes["data.degradation"] = get_degradation(_DEGRADATION.value)
    recipe = override(recipe, [*changes.items(), *map(parse_assignment, _SET.value)])

    import_tensorflow(to_train=True)  # takes seconds: not for --help, nor for a flag that is wrong
    from esrgan_tf.training.interrupts import Interrupted
    from esrgan_tf.training.run import RunOptions, train_stage

    options = RunOptions(
        own_process=True,
        workdir=_WORKDIR.value,
        data=_DATA.value,
        val_data=_VAL_DATA.value,
        init_from=_INIT_FROM.value,
        precision=_PRECISION.value,
        strategy=_STRATEGY.value,
        seed=_SEED.value,
        accumulate=_ACCUMULATE.value,
        remat=_REMAT.value,
    )

    def log(line: str) -> None:
        print_line(with_flags(line, FLAGS))

    try:
        train_stage(recipe, stage, options, log=log)
    except Interrupted as interruption:
        print_line(f"{interruption}; run the same line again to resume")
        return INTERRUPTED
    return None
