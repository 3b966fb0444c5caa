"""Recipes: published numbers, replaced fields, and that every field is read by something."""

import ast
import dataclasses
from pathlib import Path

import pytest

from esrgan_tf import recipes
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import RECIPES, get_recipe, replace_fields

PACKAGE = Path(__file__).parents[1] / "esrgan_tf"


def test_esrgan_has_the_published_numbers():
    recipe = get_recipe("esrgan")
    assert (recipe.generator.blocks, recipe.generator.features, recipe.generator.growth) == (23, 64, 32)
    assert (recipe.psnr.optimizer.learning_rate, recipe.psnr.steps) == (2e-4, 1_000_000)
    assert recipe.psnr.optimizer.milestones == (200_000, 400_000, 600_000, 800_000)
    assert (recipe.gan.optimizer.learning_rate, recipe.gan.steps) == (1e-4, 500_000)
    assert recipe.gan.optimizer.milestones == (50_000, 100_000, 200_000, 300_000)
    assert dataclasses.astuple(recipe.gan.loss) == (1e-2, 1.0, 5e-3)
    assert (recipe.gan.batch_size, recipe.gan.hr_patch) == (16, 128)


def test_esrgan_16_differs_from_esrgan_in_its_blocks_alone():
    sixteen, esrgan = get_recipe("esrgan_16"), get_recipe("esrgan")
    renamed = dataclasses.replace(esrgan, name=sixteen.name, source=sixteen.source)
    assert replace_fields(renamed, {"generator.blocks": 16}) == sixteen


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_known_by_its_own_name_and_says_its_source(name):
    assert get_recipe(name).name == name
    assert get_recipe(name).source


def test_unknown_recipe_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="--recipe.*esrgan, esrgan_16, quickstart.*Received: edsr"):
        get_recipe("edsr")


def test_unknown_stage_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="--stage.*psnr, gan.*Received: warmup"):
        get_recipe("esrgan").stage("warmup")


def test_replace_fields_changes_nested_fields_and_leaves_the_recipe_itself():
    recipe = get_recipe("esrgan")
    changed = replace_fields(recipe, {"gan.optimizer.learning_rate": 5e-5, "generator.scale": 2})
    assert (changed.gan.optimizer.learning_rate, changed.generator.scale) == (5e-5, 2)
    assert changed.psnr == recipe.psnr
    assert recipe.generator.scale == 4


def test_replace_fields_names_an_unknown_field():
    with pytest.raises(InputError, match="rate.*OptimizerConfig"):
        replace_fields(get_recipe("esrgan"), {"gan.optimizer.rate": 1.0})


def test_every_field_of_a_recipe_is_read_by_something():
    configs = [c for c in vars(recipes).values() if dataclasses.is_dataclass(c) and isinstance(c, type)]
    fields = {field.name for config in configs for field in dataclasses.fields(config)}
    read = {"source"}  # for people, and for recipe.json
    for path in PACKAGE.rglob("*.py"):
        if path.name != "recipes.py":
            tree = ast.parse(path.read_text())
            read |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    read |= {"psnr", "gan"}  # by name, in Recipe.stage
    assert fields <= read
