"""How much cheaper the distilled VGG19 is than VGG19: CPU seconds of one loss and its gradient to the images.

    python benchmarks/feature_networks.py [BATCH] [PATCH]

Default 4 patches of 128 px. VGG19 is built up to conv5_4 (with random weights, which cost the same), the distilled
network up to conv5_1; their turns alternate and the median counts. Minutes.
"""

import statistics
import sys
import time

import numpy as np
import tensorflow as tf

from esrgan_tf.losses import perceptual_loss
from esrgan_tf.models import build_features
from esrgan_tf.recipes.configs import PerceptualConfig

ROUNDS = 5
NETWORKS = {
    "vgg19, conv5_4": PerceptualConfig(weights="random"),
    "vgg19_distilled, conv5_1": PerceptualConfig("vgg19_distilled", (("conv5_1", 1.0),), weights="shipped"),
}


def gradient_step(config: PerceptualConfig):
    """The function (sr, hr) -> gradient of the perceptual loss to sr."""
    features, weights = build_features(config, config.weights), dict(config.layers)

    @tf.function
    def step(sr: tf.Tensor, hr: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(sr)
            loss = perceptual_loss(features, weights, sr, hr)
        return tape.gradient(loss, sr)

    return step


def main(batch: int = 4, patch: int = 128) -> None:
    """Measure both in turn and print the ratio."""
    sr, hr = tf.constant(np.random.default_rng(0).uniform(size=(2, batch, patch, patch, 3)), tf.float32)
    steps = {name: gradient_step(config) for name, config in NETWORKS.items()}
    seconds = {name: [] for name in steps}
    for turn in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.process_time()
            step(sr, hr).numpy()
            if turn:  # the first traces
                seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.3f} CPU s for {batch} patches of {patch} px")
    print(f"ratio {max(medians.values()) / min(medians.values()):.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
