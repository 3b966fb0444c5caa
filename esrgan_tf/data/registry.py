"""The data sources by name, and the one grammar of everything that names images.

`data`, `val_data`, `calibration` and evaluation's `data` are parts joined by `+`. A part is `NAME` or `NAME:TEXT` of
a registered source, `hr=FOLDER,lr=FOLDER`, or a folder, of images or of records (one called like a source is `./NAME`).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from esrgan_tf.data.records.index import is_records
from esrgan_tf.data.source import Files, Request, Source
from esrgan_tf.errors import InputError

Opener = Callable[[Request], Iterable[Source | Files]]
FOLDER, PAIRS, RECORDS = "folder", "pairs", "records"  # opened where a part begins with no source's name

_OPENERS: dict[str, Opener] = {}
_FORMS: dict[str, str] = {}


def register_data_source(name: str, opener: Opener, form: str | None = None) -> None:
    """Make a data source available to every command that takes images.

    Args:
        name: letters, digits, `_` and `-`; users write `NAME`, or `NAME:TEXT` where `form` has a colon.
        opener: what is asked for -> what is found. Import TensorFlow inside it, not beside it: the registry is
            also read where there is none.
        form: how users write it, for messages, such as `tfds:NAME`; `None` where it takes no text.

    Raises:
        InputError: the name cannot be written in a part, or is taken.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InputError(f"`name` of a data source must be letters, digits, `_` and `-`. Received: {name}.")
    if _OPENERS.get(name, opener) is not opener:
        raise InputError(f"`name` of a data source must not be taken. Received: {name}.")
    _OPENERS[name], _FORMS[name] = opener, form or name


def known_sources() -> str:
    """Everything that can be named, in words."""
    names = [form for name, form in _FORMS.items() if name not in (FOLDER, PAIRS)]
    return f"{', '.join(names)}, {_FORMS[FOLDER]} or {_FORMS[PAIRS]}"


def parse_data(data: str, argument: str = "data") -> list[tuple[str, str, str]]:
    """Split what names images into its parts.

    Args:
        data: parts joined by `+`. Names of folders cannot hold `+` (unless such a folder is the only part) or `,`.
        argument: where it was given, for messages.

    Returns:
        (part, name of its source, text for its source) of each.

    Raises:
        InputError: a part that is empty or named twice, or a text for a source that takes none.
    """
    parts = [data] if "+" in data and Path(data).is_dir() else data.split("+")
    if "" in parts or len(set(parts)) < len(parts):
        raise InputError(f"`{argument}` must name different things, joined by single `+`. Received: {data}.")
    sources = [(part, *_source_and_text(part)) for part in parts]
    for part, name, text in sources:
        if text and ":" not in _FORMS[name] and name not in (FOLDER, PAIRS):
            raise InputError(f"`{argument}={name}` must have nothing behind its name. Received: {part}.")
    return sources


def names_files_only(data: str) -> bool:
    """Whether every part is a folder or a pair of folders, for which TensorFlow is not needed."""
    return all(name in (FOLDER, PAIRS) for _, name, _ in parse_data(data))


def open_parts(data: str, request: Request) -> Iterator[Source | Files]:
    """Open every part in its order.

    Args:
        data: as `parse_data` takes it.
        request: what is asked of each; its `part` and `text` are filled in.

    Raises:
        InputError: as `parse_data`, and what an opener raises.
    """
    for part, name, text in parse_data(data, request.argument):
        yield from _OPENERS[name](replace(request, part=part, text=text))


def _source_and_text(part: str) -> tuple[str, str]:
    """A part's source, and what its opener reads."""
    name, _, text = part.partition(":")
    if name in _OPENERS:
        return name, text
    if part.startswith(("hr=", "lr=")) and not Path(part).is_dir():
        return PAIRS, part
    return RECORDS if is_records(part) else FOLDER, part
