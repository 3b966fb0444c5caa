"""A recipe to start one's own from, for every generator family."""

import pytest

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.models import build_generator
from esrgan_tf.recipes import RECIPES, get_recipe
from esrgan_tf.recipes.families import GeneratorConfig
from esrgan_tf.recipes.overrides import override
from esrgan_tf.recipes.templates import SIZES, template

LARGEST = 700_000  # parameters


def test_every_family_has_one_under_its_own_name():
    assert SIZES.keys() == GeneratorConfig.kinds.keys()
    assert all(template(family).generator.family == family for family in SIZES)
    assert not {template(family).name for family in SIZES} & RECIPES.keys()
    with pytest.raises(InputError, match="template.*rrdb.*Received: vdsr"):
        template("vdsr")


@pytest.mark.parametrize("family", SIZES)
def test_it_is_small_has_both_stages_and_takes_another_scale(family):
    recipe = template(family)
    assert recipe.stages == ("psnr", "gan")
    assert build_generator(recipe.generator, recipe.name).count_params() <= LARGEST
    assert override(recipe, {"generator.scale": 2}).generator.scale == 2


def test_it_is_printed_as_a_recipe_file(capsys, tmp_path):
    assert main(["esrgan", "recipes", "--template=span"]) == 0
    file = tmp_path / "small_span.json"
    file.write_text(capsys.readouterr().out)
    assert get_recipe(str(file)) == template("span")
