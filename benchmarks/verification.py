"""Seconds that an engine's first use takes: written, and verified against Keras.

    python benchmarks/verification.py [--networks=srvgg16,rrdb23] [--engines=ncnn,openvino]

Each twice: the first of a process prepares Keras and the libraries too. Random weights, float32.
"""

import argparse
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
    for network in arguments.networks.split(","):
        generator = build_generator(NETWORKS[network], f"{network}_x4")
        by_keras = keras_network(generator)
        for engine in 2 * arguments.engines.split(","):
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                options = WriteOptions(precision="float32")
                (artifact,) = writable_format(engine).write(write_request([generator], options, Path(folder)))
                written = time.perf_counter()
                refusal(open_network([artifact.path]), by_keras.run, "float32")
                verified = time.perf_counter() - written
            print(f"{network}, {engine}: written in {written - start:.1f} s, verified in {verified:.1f} s", flush=True)


if __name__ == "__main__":
    main()
