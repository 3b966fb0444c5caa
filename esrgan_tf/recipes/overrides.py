"""Changing single fields of a recipe, and recipes as JSON: names and types are checked in one place."""

import difflib
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from esrgan_tf.errors import InputError
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.degradation import DegradationConfig
from esrgan_tf.recipes.families import FamilyConfig, GeneratorConfig

FAMILY = "family"
LARGEST = 1e30  # of any number, so that none is infinite


def override(config: Any, changes: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Any:
    """Changes some fields of a recipe, or of a part of one, together: what depends on what does not matter.

    Args:
        config: a frozen dataclass.
        changes: values by dotted name, such as {"gan.learning_rate": 5e-5}, or pairs of them, of which a later one
            replaces an earlier one. `family` of a generator or a discriminator changes it to that family's published
            values, the scale kept; what is set before it is lost.

    Raises:
        InputError: a name that is no field, with the nearest one, a value of another type, or values that the
            configuration refuses.
    """
    draft = _Draft(config)
    for name, value in changes.items() if isinstance(changes, Mapping) else changes:
        draft.set(name, value, name, config)
    return draft.build()


def parse_assignment(text: str) -> tuple[str, Any]:
    """`set`'s NAME=VALUE -> (name, value): JSON where it is, `a,b` a list, otherwise the text itself.

    Raises:
        InputError: there is no `=`.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"`set` must be NAME=VALUE, such as gan.adversarial_weight=1e-3. Received: {text}.")
    return name.strip(), _read_value(value.strip())


def recipe_from_file(path: str | Path) -> Recipe:
    """Reads a recipe from a JSON file: the user's own, or the `recipe.json` of any run.

    Raises:
        InputError: not readable, not JSON, or a field that is unknown, missing or of another type.
    """
    tree = _read_json(path, "`recipe`")
    return from_tree(Recipe, tree.get("recipe", tree), str(path))


def degradation_from_file(path: str | Path) -> DegradationConfig:
    """A degradation from a JSON file, such as the `data.degradation` part of a recipe.

    Raises:
        InputError: as `recipe_from_file`.
    """
    return from_tree(DegradationConfig, _read_json(path, "`degradation`"), str(path))


def recipe_as_json(recipe: Recipe) -> str:
    """The whole recipe, as `recipe_from_file` reads it."""
    return json.dumps(asdict(recipe), indent=2)


def from_tree(kind: type, tree: Any, where: str) -> Any:
    """Build a dataclass from nested dictionaries; fields that are left out keep their defaults.

    Args:
        kind: a dataclass.
        tree: as `asdict` gives and JSON carries it.
        where: file and field, for messages.

    Raises:
        InputError: an unknown or missing field, or a value of another type.
    """
    if not isinstance(tree, dict):
        raise InputError(f"`{where}` must be an object of fields. Received: {tree!r}.")
    known = {field.name: field for field in fields(kind)}
    for name in tree:
        if name not in known:
            raise InputError(f"`{where}` has an unknown field {name}{_nearest(name, list(known))}.")
    missing = [f.name for f in known.values() if f.default is MISSING is f.default_factory and f.name not in tree]
    if missing:
        raise InputError(f"`{where}` lacks the field {missing[0]}.")
    hints = typing.get_type_hints(kind)
    values = {
        name: _conform(value, hints[name], f"{where}: {name}") for name, value in tree.items() if known[name].init
    }
    return _naming(where, lambda: kind(**values))


def dotted_names(config: Any, prefix: str = "") -> list[str]:
    """Every field's dotted name, depth first."""
    names = []
    for field in fields(config):
        value = getattr(config, field.name)
        name = prefix + field.name
        names += dotted_names(value, f"{name}.") if is_dataclass(value) else [name]
    return names


class _Draft:
    """A configuration and its changed fields, which are checked when all of them are there."""

    def __init__(self, config: Any):
        self._config = config
        self._changed: dict[str, Any] = {}  # values, or drafts of the parts in which something is changed
        self._names: list[str] = []  # that were set in it, as they were given

    def set(self, rest: str, value: Any, name: str, whole: Any) -> None:
        """Set the field `rest`, which is `name` seen from the whole recipe."""
        first, _, rest = rest.partition(".")
        if not is_dataclass(self._config) or first not in {field.name for field in fields(self._config)}:
            raise InputError(f"`{name}` must name a field of the recipe{_nearest(name, dotted_names(whole))}.")
        if rest:
            self._part(first, name).set(rest, value, name, whole)
        elif first == FAMILY:
            self._of_family(value, name)
        else:
            self._changed[first] = _conform(value, typing.get_type_hints(type(self._config))[first], name)
        self._names = [*(other for other in self._names if other != name), name]

    def build(self) -> Any:
        """The configuration with all changes.

        Raises:
            InputError: it refuses them; every name that was set in it is given.
        """
        values = {name: value.build() if isinstance(value, _Draft) else value for name, value in self._changed.items()}
        if not values:
            return self._config
        return _naming(", ".join(self._names), lambda: replace(self._config, **values))

    def _part(self, field: str, name: str) -> "_Draft":
        """The draft of a field that is a configuration itself."""
        part = self._changed.get(field, getattr(self._config, field))
        if part is None:
            raise InputError(
                f"`{name}` cannot be set: what it is a part of is none (for a degradation, give one first)."
            )
        if not isinstance(part, _Draft):
            part = self._changed[field] = _Draft(part)
        return part

    def _of_family(self, family: Any, name: str) -> None:
        """Begin with the published configuration of another family, of the same scale."""
        kind = self._config.of_family(family, name)
        kept = {}
        if isinstance(self._config, GeneratorConfig):
            kept["scale"] = self._changed.get("scale", self._config.scale)
        self._config, self._changed, self._names = kind(), kept, []


def _conform(value: Any, hint: Any, where: str) -> Any:
    """The value as the type hint wants it: whole numbers become floats, lists tuples, dictionaries dataclasses."""
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        kinds = [kind for kind in arguments if kind is not type(None)]
        return _conform(value, kinds[0], where)
    if typing.get_origin(hint) is tuple and isinstance(value, dict):  # of pairs
        value = list(value.items())
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        items = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(items) == len(value):
            return tuple(_conform(item, kind, where) for item, kind in zip(value, items, strict=True))
    elif is_dataclass(hint):
        if isinstance(value, hint):
            return value
        if issubclass(hint, FamilyConfig):
            family = value.get(FAMILY) if isinstance(value, dict) else value
            hint = hint.of_family(family, f"{where}.{FAMILY}")
        return from_tree(hint, value, where)
    elif hint in (int, float) and type(value) in (int, float) and abs(value) < LARGEST:
        if hint is float:
            return float(value)
        if value >= 1 and value == int(value):
            return int(value)
    elif hint in (bool, str) and type(value) is hint:
        return value
    raise InputError(f"`{where}` must be {_describe(hint)}. Received: {value!r}.")


def _naming(where: str, make: Callable[[], Any]) -> Any:
    """The result of `make`; what it refuses is reported with its place in the recipe."""
    try:
        return make()
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _describe(hint: Any) -> str:
    """A type in words."""
    plain = {int: "a whole number, 1 or more", float: "a number", str: "text", bool: "true or false"}
    return plain.get(hint) or f"a list like {hint}"


def _read_value(text: str) -> Any:
    """JSON, a list without its brackets, or text."""
    for candidate in (text, f"[{text}]" if "," in text else text):
        try:
            return json.loads(candidate)
        except json.JSONDecodeError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)


def _nearest(name: str, known: list[str]) -> str:
    """`; the nearest is ...`, by the whole name or by its last part."""
    last = {other.rpartition(".")[2]: other for other in reversed(known)}
    found = difflib.get_close_matches(name, known, 1) or [
        last[match] for match in difflib.get_close_matches(name.rpartition(".")[2], list(last), 1)
    ]
    return f"; the nearest is {found[0]}" if found else ""


def _read_json(path: str | Path, argument: str) -> dict:
    """A JSON file's object."""
    try:
        tree = json.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{argument} must be a readable JSON file. Received: {path} ({error}).") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{argument} must be a JSON file. Received: {path} ({error}).") from error
    if not isinstance(tree, dict):
        raise InputError(f"{argument} must be a JSON file with an object. Received: {path}.")
    return tree
