"""Doing several things at once, where somebody else does the work."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def concurrent_map(function: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> Iterator[Result]:
    """Results in the items' order; with `at_once` 1 nothing but `map`. After an error no further item is begun."""
    if at_once == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(at_once)
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)
