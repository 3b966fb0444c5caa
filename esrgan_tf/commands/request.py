"""Upscale images by a generator that TF Serving runs.

    esrgan request --server=grpc://localhost:8500 --name=quickstart_x4 photos/ --output=upscaled/
    esrgan request --server=http://localhost:8501 --name=quickstart_x4 photo.png

Images larger than --tile are cut here and put together again, alpha, grey and ICC profile are kept, 16 bits by gRPC
alone (REST carries 8). gRPC needs pip install 'esrgan_tf[serving]'.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import (
    check_given,
    define_alpha,
    import_tensorflow,
    run_command,
)
from esrgan_tf.commands.image_flags import ImageFlags
from esrgan_tf.errors import InputError

FLAGS = flags.FlagValues()
_SERVER = flags.DEFINE_string("server", None, "grpc://HOST:8500 or http://HOST:8501.", flag_values=FLAGS)
_NAME = flags.DEFINE_string("name", None, "The model's name on the server.", flag_values=FLAGS)
_VERSION = flags.DEFINE_string("version", None, "A version or a label, such as 3 or canary.", flag_values=FLAGS)
_ALPHA = define_alpha("0 (psnr) to 1 (gan), where the server has a model of two.", FLAGS)
_IMAGES = ImageFlags(FLAGS)
_TILE = flags.DEFINE_integer(
    "tile", 256, "Input px; larger images are sent in tiles. 0 sends them whole.", lower_bound=0, flag_values=FLAGS
)
_OVERLAP = flags.DEFINE_integer(
    "overlap", 32, "Input px around what is kept of a tile.", lower_bound=0, flag_values=FLAGS
)
_EQUAL_SIZES = flags.DEFINE_bool(
    "equal_sizes",
    False,
    "Send nothing but tiles of --tile px squared (smaller images are padded by reflection): for a server that batches.",
    flag_values=FLAGS,
)
_CONCURRENCY = flags.DEFINE_integer(
    "concurrency",
    4,
    "Concurrent requests, and images in memory.",
    lower_bound=1,
    upper_bound=64,
    flag_values=FLAGS,
)
_DEADLINE = flags.DEFINE_float(
    "deadline", 60.0, "Seconds that the server may take for one request, others before it included.", flag_values=FLAGS
)
_TRIES = flags.DEFINE_integer(
    "tries", 6, "How often a request is sent while the server is away or full.", lower_bound=1, flag_values=FLAGS
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_request, FLAGS, __doc__, sys.argv if argv is None else argv, positional=None)


def _request(*inputs: str) -> int:
    """Flags to files."""
    check_given(_SERVER, _NAME)
    from esrgan_tf.inference.upscaler import Monitor, Upscaler
    from esrgan_tf.serving_client.client import server_network
    from esrgan_tf.serving_client.server import Server

    server = Server(_SERVER.value, _NAME.value, _VERSION.value, _ALPHA.value, _DEADLINE.value, _TRIES.value)
    progress, options = _IMAGES.progress(), _IMAGES.options()
    sources = _IMAGES.sources(inputs, options)
    if _EQUAL_SIZES.value and not _TILE.value:
        raise InputError("`--equal_sizes` must have a `--tile`. Received: 0.")
    if server.url.startswith("grpc:"):
        import_tensorflow()  # the protocol's messages come with it
    network = server_network(server, _TILE.value if _EQUAL_SIZES.value else None, _CONCURRENCY.value)
    upscaler = Upscaler(network, _TILE.value, _OVERLAP.value, monitor=Monitor(progress.log, progress.advance))
    progress.log(f"{upscaler.origin}: x{upscaler.scale}")
    return _IMAGES.upscale(upscaler, sources, options, progress)
