"""Look for what would fail or spoil a training run, before it is begun.

    esrgan doctor --data=photos/
    esrgan doctor --data=hr=HR/,lr=LR/ --recipe=esrgan --stage=gan --set=gan.batch_size=8 --workdir=runs/mine

Decodes every image: broken, small, double, grey ones, test images, LR images that do not fit or are shifted, and what
kernel made them. Then trains a few steps in a folder of its own: devices, precision, memory, time and disk that the
run will take. About 0.1 s of a processor core a megapixel, and the time of --steps. The exit status is 1 where the run
would fail.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from esrgan_tf.commands.command_line import FAILURE, SUCCESS, check_given, import_tensorflow, run_command, with_flags
from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.log import print_line
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import STAGES, Recipe
from esrgan_tf.recipes.overrides import override, parse_assignment

if TYPE_CHECKING:
    from esrgan_tf.training.options import RunOptions

FLAGS = flags.FlagValues()
_DATA = flags.DEFINE_string("data", None, "As of `esrgan train`.", flag_values=FLAGS)
_RECIPE = flags.DEFINE_string("recipe", "esrgan", "As of `esrgan train`.", flag_values=FLAGS)
_STAGE = flags.DEFINE_enum("stage", "psnr", STAGES, "Which stage.", flag_values=FLAGS)
_SET = flags.DEFINE_multi_string("set", [], "FIELD=VALUE of the recipe; may be repeated.", flag_values=FLAGS)
_WORKDIR = flags.DEFINE_string("workdir", None, "Where the run will be: the disk that is looked at.", flag_values=FLAGS)
_INIT_FROM = flags.DEFINE_string("init_from", None, "As of `esrgan train`.", flag_values=FLAGS)
_PRECISION = flags.DEFINE_string("precision", "auto", "As of `esrgan train`.", flag_values=FLAGS)
_STRATEGY = flags.DEFINE_string("strategy", "auto", "As of `esrgan train`.", flag_values=FLAGS)
_ACCUMULATE = flags.DEFINE_integer("accumulate", 1, "As of `esrgan train`.", 1, None, FLAGS)
_REMAT = flags.DEFINE_bool("remat", False, "As of `esrgan train`.", flag_values=FLAGS)
_STEPS = flags.DEFINE_integer("steps", 4, "To train; 0 looks at the images alone.", 0, None, FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_doctor, FLAGS, __doc__, sys.argv if argv is None else argv)


def _doctor() -> int:
    """Flags to findings."""
    check_given(_DATA)
    recipe = override(get_recipe(_RECIPE.value), [parse_assignment(text) for text in _SET.value])
    recipe.stage(_STAGE.value)
    import_tensorflow(to_train=True)
    from esrgan_tf.data.diagnosis import ERROR, Finding
    from esrgan_tf.training.cores import claim_cores

    claim_cores(recipe, recipe.stage(_STAGE.value), _options())  # looking at the data begins TensorFlow
    failures = 0
    findings = [*_images(recipe)]
    if _STEPS.value and not any(finding.level == ERROR for finding in findings):
        try:
            findings += _run(recipe)
        except (InputError, TrainingStopped) as error:
            findings.append(Finding(ERROR, str(error)))
    for finding in findings:
        failures += finding.level == ERROR
        print_line(f"{finding.level}: {with_flags(finding.text, FLAGS)}")
    print("the run would fail" if failures else "nothing would fail the run")
    return FAILURE if failures else SUCCESS


def _options() -> "RunOptions":
    """Of the run that is tried."""
    from esrgan_tf.training.options import RunOptions

    return RunOptions(
        own_process=True,
        data=_DATA.value,
        init_from=_INIT_FROM.value,
        precision=_PRECISION.value,
        strategy=_STRATEGY.value,
        accumulate=_ACCUMULATE.value,
        remat=_REMAT.value,
    )


def _images(recipe: Recipe) -> "Iterator":
    """Findings about the image files among the data."""
    from esrgan_tf.data.diagnosis import FACT, Finding, diagnose_images
    from esrgan_tf.data.registry import open_parts
    from esrgan_tf.data.source import Files, Request

    scale, smallest = recipe.generator.scale, recipe.stage(_STAGE.value).hr_patch
    for found in open_parts(_DATA.value, Request(scale, smallest, recipe.data)):
        if isinstance(found, Files):
            yield from diagnose_images([*found.pairs, *(found.held_out or ())], scale, smallest)
        else:
            yield Finding(FACT, f"{found.name}: {found.count} images, which are not looked at one by one")


def _run(recipe: Recipe) -> "Iterator":
    """Findings about a run, by a few steps of it."""
    from esrgan_tf.data.diagnosis import ERROR, FACT, WARNING, Finding
    from esrgan_tf.training.trial import try_stage

    trial, stage = try_stage(recipe, _STAGE.value, _options(), max(2, _STEPS.value)), recipe.stage(_STAGE.value)
    yield from (Finding(FACT, line) for line in trial.lines if not line.startswith("step "))
    hours = trial.hours(stage.steps, stage.steps // stage.validate_every)
    took = f"{hours / 24:.1f} days" if hours > 48 else f"{hours:.1f} hours"
    yield Finding(
        FACT,
        f"the first step takes {trial.first:.1f} s, others {trial.step:.3f} s, a validation {trial.validation:.1f} s",
    )
    yield Finding(FACT, f"{stage.steps} steps will take about {took} as it goes here now")
    yield Finding(FACT, f"memory: {trial.memory / 2**30:.2f} GiB of this process at the peak")
    place = Path(_WORKDIR.value or "runs").resolve()
    place = next(folder for folder in (place, *place.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    level = ERROR if free < trial.disk else WARNING if free < 4 * trial.disk else FACT
    yield Finding(
        level, f"disk: the run will fill {trial.disk / 2**20:.0f} MiB of {free / 2**20:.0f} that are free at {place}"
    )
