"""Seconds that an engine's first use takes: written, opened, and verified against Keras.

    python benchmarks/verification.py [--networks=srvgg16,rrdb23] [--engines=ncnn,openvino]

Each twice: the first of a process prepares Keras and the libraries too. Random weights, float32.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

from engines import NETWORKS

from esrgan_tf.export.deployment import write_request
from esrgan_tf.formats.format import WriteOptions
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.registry import open_network, writable_format
from esrgan_tf.inference.engines.checks import refusal
from esrgan_tf.models import build_generator


def main() -> None:
    """Write and verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="srvgg16,rrdb23")
    parser.add_argument("--engines", default="ncnn,openvino", help="whose format has the engine's name")
    arguments = parser.parse_args()
    for name in arguments.networks.split(","):
        generator = build_generator(NETWORKS[name], f"{name}_x4")
        by_keras = keras_network(generator)
        for engine in 2 * arguments.engines.split(","):
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                options = WriteOptions(precision="float32")
                (artifact,) = writable_format(engine).write(write_request([generator], options, Path(folder)))
                written = time.perf_counter()
                network = open_network([artifact.path])
                opened = time.perf_counter()
                refusal(network, by_keras.run, "float32")
                verified = time.perf_counter()
            seconds = [end - begin for begin, end in itertools.pairwise((start, written, opened, verified))]
            print(
                f"{name}, {engine}: written, opened, verified in", *(f"{part:.1f}" for part in seconds), "s", flush=True
            )


if __name__ == "__main__":
    main()
