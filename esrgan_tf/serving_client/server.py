"""Where a model is served, and how often a request is retried."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from esrgan_tf.errors import InputError

SCHEMES = ("grpc", "http", "https")
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between tries, twice as long each time

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Server:
    """Where a model is served, and how often a request is retried.

    Args:
        url: `grpc://host:8500`, `http://host:8501` or `https://...`.
        name: of the model.
        version: of the model, or its label; `None` leaves it to the server.
        alpha: 0 (psnr) to 1 (gan), for a SavedModel of two generators.
        deadline: seconds that the server may take for one request, its waiting for others included.
        tries: how often a request is sent while the server is away or full, waiting twice as long each time: with 6
            tries 8 to 16 s in all.

    Raises:
        InputError: a field is none of these.
    """

    url: str
    name: str
    version: str | None = None
    alpha: float | None = None
    deadline: float = 60.0
    tries: int = 6

    def __post_init__(self) -> None:
        """Raise for a server that cannot be asked."""
        parts = urlsplit(self.url)
        try:
            whole = parts.scheme in SCHEMES and parts.hostname and parts.port
        except ValueError:  # a port that is no number
            whole = False
        if not whole:
            raise InputError(f"`server` must be grpc://HOST:PORT or http://HOST:PORT. Received: {self.url}.")
        if not self.name:
            raise InputError("`name` must be the model's name on the server.")
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise InputError(f"`alpha` must be from 0 (psnr) to 1 (gan). Received: {self.alpha:g}.")
        if self.deadline <= 0 or self.tries < 1:
            raise InputError(f"`deadline` and `tries` must be positive. Received: {self.deadline:g}, {self.tries}.")


class Retry(Exception):
    """The server is away or full; the text is the error's when it stays so."""


def with_retries(server: Server, ask: Callable[[], Answer]) -> Answer:
    """Call `ask` again while it raises Retry, with longer waits each time, and return its answer.

    Raises:
        InputError: it raised Retry to the last.
    """
    for again in range(server.tries):
        if again:
            wait = min(FIRST_WAIT * 2 ** (again - 1), LONGEST_WAIT)
            time.sleep(wait * random.uniform(0.5, 1))  # so that those refused together do not come back together
        try:
            return ask()
        except Retry as error:
            last = error
    raise InputError(str(last)) from last.__cause__
