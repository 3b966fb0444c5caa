"""Seconds of one training step in float32 and in bfloat16, measured in turn in one run.

    python benchmarks/training_step.py esrgan gan 4        # recipe, stage, batch size

Random images and weights. Prints each precision's best and median seconds, and the ratio of the medians.
"""

import statistics
import sys
import time

import numpy as np
import tensorflow as tf

from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.steps import make_train_step

ROUNDS = 5


def main() -> None:
    """Time both precisions alternately."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    name, stage, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
    recipe = override(get_recipe(name), {f"{stage}.batch_size": batch, "perceptual.weights": "random"})
    config, strategy = recipe.stage(stage), make_strategy("auto")
    rng = np.random.default_rng(0)
    sizes = (config.hr_patch, config.hr_patch // recipe.generator.scale)
    images = [tf.constant(rng.integers(0, 256, (batch, size, size, 3)).astype(np.uint8)) for size in sizes]
    steps = {}
    for precision in ("float32", "mixed_bfloat16"):
        networks = build_networks(recipe, config, precision, strategy)
        terms = build_terms(recipe, config, networks, precision, strategy)
        steps[precision] = make_train_step(networks, terms, strategy, config.clip_norm)
    seconds = {precision: [] for precision in steps}
    for round_number in range(ROUNDS + 1):
        for precision, step in steps.items():
            start = time.perf_counter()
            [float(term) for term in step(*images).values()]
            if round_number:  # the first one traces
                seconds[precision].append(time.perf_counter() - start)
    for precision, times in seconds.items():
        print(f"{precision}: best {min(times):.3f} s, median {statistics.median(times):.3f} s")
    ratio = statistics.median(seconds["mixed_bfloat16"]) / statistics.median(seconds["float32"])
    print(f"bfloat16 / float32: {ratio:.2f}")


if __name__ == "__main__":
    main()
