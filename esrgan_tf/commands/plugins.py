"""Users' own families, loss terms, data sources and file formats: modules that register them when they are imported."""

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from esrgan_tf.errors import InputError, first_line

GROUP = "esrgan_tf.plugins"  # of entry points: a package that names its module there is found without a flag


def load_plugins(names: Iterable[str]) -> None:
    """Imports the installed plugins, then those named.

    Args:
        names: modules, or files that end in `.py`.

    Raises:
        InputError: one cannot be imported.
    """
    for entry in entry_points(group=GROUP):
        _import(entry.name, entry.load)
    for name in names:
        _import(
            name, lambda name=name: _from_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
        )


def _import(name: str, load) -> None:
    """Loads one plugin, any error of its code in one line."""
    try:
        load()
    except Exception as error:  # whatever a user's module raises
        raise InputError(
            f"`plugin` {name} cannot be imported. Received: {type(error).__name__}: {first_line(error)}"
        ) from error


def _from_file(path: Path) -> None:
    """Imports a file as a module of its stem, once."""
    if path.stem in sys.modules:
        return
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
