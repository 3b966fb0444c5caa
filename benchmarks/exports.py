"""How fast exported files are: one image through each in turn, several rounds, so that all see the same machine.

    python benchmarks/exports.py exported/quickstart_x4/1 exported/*.tflite exported/*.onnx

Prints each file's best and median time for 128 x 128 px and its ratio to the first file's best; files that take another
size are passed over. Takes seconds for quickstart's network, two minutes for the full one.
"""

import statistics
import sys
import time

import numpy as np

from esrgan_tf.formats.registry import open_network

ROUNDS = 5
SIDE = 128  # px


def main(paths: list[str]) -> None:
    """Open all files, then time them by turns."""
    opened = {path: open_network([path]) for path in paths}
    networks = {path: network for path, network in opened.items() if network.metadata.tile in (None, SIDE)}
    image = np.random.default_rng(0).uniform(size=(SIDE, SIDE, 3)).astype(np.float32)
    seconds: dict[str, list[float]] = {path: [] for path in paths}
    for network in networks.values():
        network.run(image)
    for _ in range(ROUNDS):
        for path, network in networks.items():
            start = time.perf_counter()
            network.run(image)
            seconds[path].append(time.perf_counter() - start)
    first = min(seconds[paths[0]])
    for path, times in seconds.items():
        print(f"{path}: best {min(times):.3f} s, median {statistics.median(times):.3f} s, {min(times) / first:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
