"""User errors, apart from bugs of the package."""

import re
from collections.abc import Collection


class InputError(ValueError):
    """The user's input is wrong: one line that names the file, argument or field, what is allowed and the way out."""


class TrainingStopped(RuntimeError):
    """Training cannot continue (a loss is not finite, the disk is full): one line with where and why."""


def first_line(error: BaseException) -> str:
    """Shortens an exception's message to its first line; gives its type where it has none.

    Args:
        error: any exception; TensorFlow's names of graph nodes and operations are left out.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"^\{\{.*?\}\} | \[Op:.*\]$", "", lines[0])


def check_one_of(name: str, value: object, allowed: Collection) -> None:
    """Raise unless a value is one of those allowed.

    Raises:
        InputError: it is not.
    """
    if value not in allowed:
        raise InputError(f"`{name}` must be one of {', '.join(map(str, allowed))}. Received: {value}.")
