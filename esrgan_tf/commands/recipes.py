"""List the recipes, or print one whole.

esrgan recipes
esrgan recipes esrgan > mine.json      # to change, and to train with --recipe=mine.json
esrgan recipes --template=edsr > small_edsr.json      # a small one, to start one's own from
esrgan recipes --schema > recipe.schema.json      # by which an editor checks mine.json
"""

import json
import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import run_command
from esrgan_tf.recipes import RECIPES, get_recipe
from esrgan_tf.recipes.overrides import recipe_as_json
from esrgan_tf.recipes.schema import recipe_schema
from esrgan_tf.recipes.templates import SIZES, template

FLAGS = flags.FlagValues()
_SCHEMA = flags.DEFINE_bool("schema", False, "Print the JSON Schema of recipe files.", flag_values=FLAGS)
_TEMPLATE = flags.DEFINE_enum(
    "template",
    None,
    list(SIZES),
    "Print a small recipe of this generator family, to start one's own from.",
    flag_values=FLAGS,
)
HEADER = ("recipe", "generator", "stages", "published (x4, PSNR / SSIM)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_recipes, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _recipes(name: str | None = None) -> None:
    """The table, the recipe of that name or a family's template as JSON, or the schema of all."""
    if _SCHEMA.value:
        print(json.dumps(recipe_schema(), indent=2))
        return
    if _TEMPLATE.value or name:
        print(recipe_as_json(template(_TEMPLATE.value) if _TEMPLATE.value else get_recipe(name)))
        return
    rows = [HEADER, *((r.name, r.generator.family, ", ".join(r.stages), r.published) for r in RECIPES.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
