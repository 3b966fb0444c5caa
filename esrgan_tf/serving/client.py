"""A generator that TF Serving runs, as a network like any other."""

from dataclasses import dataclass
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.inference.network import Network

SCHEMES = ("grpc", "http", "https")
PROBE_SIDE = 16  # px of the picture that the scale is found by


@dataclass(frozen=True)
class Server:
    """Where a model is served, and how patiently it is asked.

    Args:
        url: `grpc://host:8500`, `http://host:8501` or `https://...`.
        name: of the model.
        version: of the model, or its label; `None` leaves it to the server.
        alpha: 0 (psnr) to 1 (gan), for a SavedModel of two generators.
        deadline: seconds that one request may take, all its tries together (gRPC) or each (REST).
        tries: how often a request is sent while the server is away or full, waiting twice as long each time.

    Raises:
        InputError: a field is none of these.
    """

    url: str
    name: str
    version: str | None = None
    alpha: float | None = None
    deadline: float = 60.0
    tries: int = 5

    def __post_init__(self) -> None:
        """Raise for what cannot be asked."""
        parts = urlsplit(self.url)
        try:
            whole = parts.scheme in SCHEMES and parts.hostname and parts.port
        except ValueError:  # a port that is no number
            whole = False
        if not whole:
            raise InputError(f"`--server` must be grpc://HOST:PORT or http://HOST:PORT. Received: {self.url}.")
        if not self.name:
            raise InputError("`--name` must be the model's name on the server.")
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise InputError(f"`--alpha` must be from 0 (psnr) to 1 (gan). Received: {self.alpha:g}.")
        if self.deadline <= 0 or self.tries < 1:
            raise InputError(f"`--deadline` and `--tries` must be positive. Received: {self.deadline:g}, {self.tries}.")


def server_network(server: Server, tile: int | None = None, at_once: int = 1) -> Network:
    """A served generator as a network; safe to run from several threads.

    By gRPC pictures travel as float32 (`serving_default`), by REST as PNG of 8 bits (`image_bytes`).

    Args:
        server: where.
        tile: px, the only size of picture that is ever sent, for a server that batches; `None` sends any.
        at_once: requests under way at once, whoever runs it.

    Raises:
        InputError: the server cannot be reached, or does not serve the model.
    """
    if urlsplit(server.url).scheme == "grpc":
        from esrgan_tf.serving.grpc_client import grpc_upscale

        upscale = grpc_upscale(server)
    else:
        from esrgan_tf.serving.rest_client import rest_upscale

        upscale = rest_upscale(server)
    slots = BoundedSemaphore(at_once)

    def run(rgb_01: np.ndarray) -> np.ndarray:
        with slots:
            return upscale(rgb_01)

    side = tile or PROBE_SIDE
    scale = run(np.full((side, side, 3), 0.5, np.float32)).shape[0] // side
    return Network(server.name, scale, run, tile=tile, origin=f"{server.url} {server.name}", at_once=at_once)
