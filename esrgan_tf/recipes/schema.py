"""The JSON Schema of a recipe's file, from the dataclasses: editors check and complete a recipe by it."""

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.families import FamilyConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN = {
    int: {"type": "integer", "minimum": 1},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
}


def recipe_schema() -> dict[str, Any]:
    """Describe what `recipe_from_file` reads: names and types of all fields, and their defaults."""
    definitions: dict[str, Any] = {}
    recipe = _reference(Recipe, definitions)
    return {"$schema": DIALECT, "title": "A recipe of esrgan_tf", **recipe, "$defs": definitions}


def _reference(kind: type, definitions: dict[str, Any]) -> dict[str, str]:
    """A reference to a dataclass's schema, which is added to the definitions."""
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # in case it refers to itself
        definitions[kind.__name__] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a dataclass: no other fields than its own; those without a default are required."""
    hints = typing.get_type_hints(kind)
    properties, required = {}, []
    for field in fields(kind):
        if not field.init:  # a family's name, which stands for the dataclass
            properties[field.name] = {"const": field.default}
            required.append(field.name)
            continue
        properties[field.name] = _value(hints[field.name], definitions)
        if field.default is MISSING is field.default_factory:
            required.append(field.name)
        elif isinstance(field.default, bool | int | float | str):
            properties[field.name] = {**properties[field.name], "default": field.default}
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    shape = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"description": summary, **shape}


def _value(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field's type."""
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return {"anyOf": [_value(kind, definitions) for kind in arguments]}
    if hint is type(None):
        return {"type": "null"}
    if is_dataclass(hint):
        kinds = hint.kinds.values() if issubclass(hint, FamilyConfig) else (hint,)
        found = [_reference(kind, definitions) for kind in kinds]
        return found[0] if len(found) == 1 else {"anyOf": found}
    if typing.get_origin(hint) is not tuple:
        return PLAIN[hint]
    if arguments[-1] is not Ellipsis:
        items = [_value(kind, definitions) for kind in arguments]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    listed = {"type": "array", "items": _value(arguments[0], definitions)}
    pair = typing.get_args(arguments[0])
    if typing.get_origin(arguments[0]) is tuple and pair[0] is str:  # names with values: an object, too
        return {"anyOf": [listed, {"type": "object", "additionalProperties": _value(pair[1], definitions)}]}
    return listed
