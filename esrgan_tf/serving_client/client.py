"""A generator that TF Serving runs, as a network like any other."""

from urllib.parse import urlsplit

import numpy as np

from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.serving_client.server import Server

PROBE_SIDE = 16  # px of the image that the scale is found by


def server_network(server: Server, tile: int | None = None, concurrency: int = 1) -> Network:
    """A served generator as a network; safe to run from several threads.

    By gRPC images travel as float32 (`serving_default`), by REST as PNG of 8 bits (`image_bytes`).

    Args:
        server: where.
        tile: px, the only size of image that is ever sent, for a server that batches; `None` sends any.
        concurrency: requests worth having in flight.

    Raises:
        InputError: the server cannot be reached, or does not serve the model.
    """
    if urlsplit(server.url).scheme == "grpc":
        from esrgan_tf.serving_client.grpc_client import grpc_upscale

        upscale = grpc_upscale(server)
    else:
        from esrgan_tf.serving_client.rest_client import rest_upscale

        upscale = rest_upscale(server)
    side = tile or PROBE_SIDE
    scale = upscale(np.full((side, side, 3), 0.5, np.float32)).shape[0] // side
    metadata = GeneratorMetadata(server.name, server.name, scale, tile=tile)
    return Network(metadata, upscale, f"{server.url} {server.name}", concurrency)
