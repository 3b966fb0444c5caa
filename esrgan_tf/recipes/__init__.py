"""Every number of every published recipe, with its source: frozen dataclasses, no TensorFlow.

A recipe is complete: generator, discriminator, perceptual network, data and stages. Flags and `set` replace
single fields of it; what was really run is written to `recipe.json`, which is a recipe file again.
"""

from pathlib import Path

from esrgan_tf.errors import InputError
from esrgan_tf.recipes.compared import COMPARED_RECIPES
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.degradation import DegradationConfig
from esrgan_tf.recipes.esrgan import ESRGAN_RECIPES
from esrgan_tf.recipes.overrides import degradation_from_file, recipe_from_file
from esrgan_tf.recipes.zoo import ZOO_RECIPES

RECIPES = {recipe.name: recipe for recipe in (*ESRGAN_RECIPES, *COMPARED_RECIPES, *ZOO_RECIPES)}
DEGRADATIONS = {"bicubic": None, "realesrgan": DegradationConfig()}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name, or of that JSON file.

    Raises:
        InputError: no such recipe, or the file cannot be used.
    """
    if name in RECIPES:
        return RECIPES[name]
    if name.endswith(".json") or Path(name).is_file():
        return recipe_from_file(name)
    raise InputError(f"`recipe` must be a .json file or one of {', '.join(RECIPES)}. Received: {name}.")


def get_degradation(name: str) -> DegradationConfig | None:
    """The degradation of that name, or of that JSON file; `None` is MATLAB's bicubic.

    Raises:
        InputError: no such degradation, or the file cannot be used.
    """
    if name in DEGRADATIONS:
        return DEGRADATIONS[name]
    if name.endswith(".json") or Path(name).is_file():
        return degradation_from_file(name)
    raise InputError(f"`degradation` must be a .json file or one of {', '.join(DEGRADATIONS)}. Received: {name}.")
