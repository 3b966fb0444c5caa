"""Functions that take lines for people: what takes long, what was left out, how far it is."""

from collections.abc import Callable

Log = Callable[[str], None]


def print_line(line: str) -> None:
    """Print a line at once, also where the output is a file."""
    print(line, flush=True)


def ignore_line(line: str) -> None:
    """Leave a line out."""
