"""Peak memory of a SavedModel while it upscales images of growing size: tiles inside the graph keep it bounded.

    python benchmarks/saved_model_memory.py exported/quickstart_x4/1

Prints the process' peak after each size; the last is 4096 x 4096 px of output at x4. Takes half a minute with
quickstart's network, several minutes with the full one.
"""

import resource
import sys
import time

import numpy as np
import tensorflow as tf

from esrgan_tf.formats.saved_model.versions import find_version

SIDES = (64, 256, 512, 1024)  # px of the input


def peak() -> float:
    """Of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(path: str) -> None:
    """Upscale an image of each size by the endpoint `uint8`, then the same as a PNG file by `image_bytes`."""
    loaded = tf.saved_model.load(str(find_version(path)))
    print(f"loaded: {peak():.0f} MiB")
    for side in SIDES:
        image = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        start = time.perf_counter()
        height, width = loaded.signatures["uint8"](image=tf.constant(image))["sr"].shape[1:3]
        line = f"{side} px -> {width} x {height}: {time.perf_counter() - start:.1f} s, peak {peak():.0f} MiB"
        loaded.signatures["image_bytes"](image_bytes=tf.io.encode_png(image[0])[None])
        print(f"{line}, {peak():.0f} MiB after image_bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
