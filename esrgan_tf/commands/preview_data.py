"""Write a panel of training crops: what training really gets, LR beside HR.

    esrgan preview-data --data=photos/ --degradation=realesrgan --output=preview.png

Takes half a minute. The crops are the first ones of a run on the same data with the same recipe and seed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import import_tensorflow, run_command
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS, get_degradation, get_recipe
from esrgan_tf.recipes.overrides import override, parse_assignment

FLAGS = flags.FlagValues()
_DATA = flags.DEFINE_string("data", "sample", "Training images, as `esrgan train` takes them.", flag_values=FLAGS)
_RECIPE = flags.DEFINE_string("recipe", "esrgan", "A recipe's name, or a JSON file.", flag_values=FLAGS)
_STAGE = flags.DEFINE_string("stage", "psnr", "Whose patches: psnr or gan.", flag_values=FLAGS)
_SET = flags.DEFINE_multi_string("set", [], "FIELD=VALUE of the recipe; may be repeated.", flag_values=FLAGS)
_DEGRADATION = flags.DEFINE_string(
    "degradation", None, f"How LR is made: {', '.join(DEGRADATIONS)} or a JSON file.", flag_values=FLAGS
)
_ROWS = flags.DEFINE_integer("rows", 4, "Of three pairs each.", lower_bound=1, upper_bound=100, flag_values=FLAGS)
_SEED = flags.DEFINE_integer("seed", 0, "Of the run.", lower_bound=0, upper_bound=2**32 - 1, flag_values=FLAGS)
_OUTPUT = flags.DEFINE_string("output", "preview.png", "The PNG to write.", flag_values=FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_preview, FLAGS, __doc__, sys.argv if argv is None else argv)


def _preview() -> None:
    """Flags to an image."""
    recipe = get_recipe(_RECIPE.value)
    changes = {"data.degradation": get_degradation(_DEGRADATION.value)} if _DEGRADATION.value else {}
    recipe = override(recipe, [*changes.items(), *map(parse_assignment, _SET.value)])
    stage, output = recipe.stage(_STAGE.value), Path(_OUTPUT.value)
    if output.suffix.lower() != ".png":
        raise InputError(f"`--output` must end in .png. Received: {output}.")
    import_tensorflow()  # takes seconds: not for --help, nor for a flag that is wrong
    from esrgan_tf.data.preview import write_preview

    scale = recipe.generator.scale
    write_preview(output, _DATA.value, recipe.data, scale, stage.hr_patch, _ROWS.value, _SEED.value)
    print(f"{recipe.name} x{scale}, {stage.hr_patch} px patches: {output}")
