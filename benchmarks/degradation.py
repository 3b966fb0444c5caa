"""How many LR crops a second one core makes by Real-ESRGAN's degradation, beside plain bicubic ones.

    python benchmarks/degradation.py        # about a minute

128 px crops of dead-leaves images at scale 4, inside `tf.data` with one thread. Both are measured in turn, in seconds
of processor time, which other programs on the machine disturb less than the clock on the wall.
"""

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.degradation import degrade
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes.degradation import DegradationConfig

CROP, SCALE, IMAGE = 128, 4, 512  # HR px, HR / LR, px
IMAGES, CROPS, ROUNDS = 4, 500, 7


def lr_crops(images: tf.Tensor, shrink: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.data.Dataset:
    """`CROPS` random crops of the images (uint8 [n, h, w, 3]) over and over, made LR by `shrink(crop, seed)`."""

    def load(number: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([number, 1])
        top, left = tf.unstack(tf.random.stateless_uniform([2], seed, 0, IMAGE - CROP, tf.int64))
        crop = images[number % IMAGES, top : top + CROP, left : left + CROP]
        return shrink(tf.ensure_shape(crop, [CROP, CROP, 3]), seed)

    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    return tf.data.Dataset.range(CROPS).repeat().map(load, num_parallel_calls=1).with_options(options)


def main() -> None:
    """Print each way's median and best crops a second and core, and the ratio of the medians."""
    config = DegradationConfig()
    images = tf.constant(np.stack([dead_leaves(IMAGE, 0, index) for index in range(IMAGES)]))
    ways = {
        "degraded": lr_crops(images, lambda hr, seed: degrade(hr, SCALE, config, seed)),
        "bicubic": lr_crops(images, lambda hr, seed: imresize_uint8(hr, 1 / SCALE)),
    }
    iterators = {way: iter(crops) for way, crops in ways.items()}  # made once, as in training
    rates = {way: [] for way in ways}
    for round_number in range(ROUNDS + 1):
        for way, crops in iterators.items():
            start = time.process_time()
            for _ in range(CROPS):
                next(crops)
            if round_number:  # the first one warms up
                rates[way].append(CROPS / (time.process_time() - start))
    for way, values in rates.items():
        print(f"{way}: median {statistics.median(values):.0f}, best {max(values):.0f} crops a second and core")
    print(f"degraded / bicubic: {statistics.median(rates['degraded']) / statistics.median(rates['bicubic']):.2f}")


if __name__ == "__main__":
    main()
