"""Ctrl-C and SIGTERM as a request to save and stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(Exception):
    """Training was stopped from outside (Ctrl-C, SIGTERM) and saved."""


@contextmanager
def stop_request() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a request that is asked for; the second one acts as it always does."""
    requests = []

    def request(number, frame):
        requests.append(number)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(requests)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
