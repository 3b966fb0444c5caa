"""The JSON Schema of recipes: every shipped recipe fits it, and what the reader refuses by name or type does not."""

import json

import pytest

from esrgan_tf import __main__
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.overrides import recipe_as_json
from esrgan_tf.recipes.schema import recipe_schema

SCHEMA = recipe_schema()
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {  # of JSON Schema's words, those that the validator below knows
    *("$schema", "$defs", "$ref", "title", "description", "default", "type", "const", "anyOf", "properties"),
    *("required", "additionalProperties", "items", "prefixItems", "minItems", "minimum"),
}


def fits(value, schema) -> bool:
    """Whether a value is valid by the part of JSON Schema that is used here."""
    if isinstance(schema, bool):
        return schema
    assert set(schema) <= KNOWN
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return any(fits(value, option) for option in schema["anyOf"])
    if "const" in schema:
        return value == schema["const"]
    return is_of_type(value, schema["type"]) and parts_fit(value, schema)


def is_of_type(value, name) -> bool:
    if name in ("integer", "number"):
        return type(value) is int or (type(value) is float and (name == "number" or value.is_integer()))
    return type(value) is TYPES[name]


def parts_fit(value, schema) -> bool:
    if isinstance(value, dict):
        properties, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        named = all(fits(part, properties.get(name, other)) for name, part in value.items())
        return named and set(schema.get("required", ())) <= set(value)
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        rest = all(fits(part, schema.get("items", True)) for part in value[len(first) :])
        return rest and len(value) >= schema.get("minItems", 0) and all(map(fits, value, first))
    return not isinstance(value, int | float) or isinstance(value, bool) or value >= schema.get("minimum", value)


@pytest.mark.parametrize("name", RECIPES)
def test_every_shipped_recipe_fits_the_schema(name):
    assert fits(json.loads(recipe_as_json(RECIPES[name])), SCHEMA)


def changed(path, value):
    tree = json.loads(recipe_as_json(RECIPES["srgan"]))
    *parents, last = path.split(".")
    part = tree
    for parent in parents:
        part = part[parent]
    part[last] = value
    return tree


@pytest.mark.parametrize(
    ("path", "value", "valid"),
    [
        ("gan.steps", 5, True),
        ("gan.steps", 0, False),
        ("gan.steps", "many", False),
        ("gan.step", 5, False),
        ("gan.ema_decay", None, True),
        ("gan.ema_decay", "none", False),
        ("gan.learning_rate", 1, True),
        ("gan.milestones", [1, 2], True),
        ("gan.milestones", ["1"], False),
        ("gan.extra_losses", {"style": 0.1}, True),
        ("gan.extra_losses", [["style", 0.1]], True),
        ("gan.extra_losses", {"style": "strong"}, False),
        ("gan.extra_losses", [["style"]], False),
        ("gan", None, True),
        ("psnr", None, False),
        ("data.flip", 1, False),
        ("generator", {"family": "edsr", "blocks": 2}, True),
        ("generator", {"family": "edsr", "growth": 2}, False),
        ("generator", {"family": "vdsr"}, False),
        ("generator", {"blocks": 2}, False),
    ],
)
def test_names_and_types_are_checked(path, value, valid):
    assert fits(changed(path, value), SCHEMA) == valid


def test_the_command_prints_it(capsys):
    assert __main__.main(["esrgan", "recipes", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
