"""Grow a trained network for phones into a wider or deeper one of the same function, to train that on from it.

    python benchmarks/grow_generator.py --model=phone_x4 --convs=14 --features=48 --output=start.keras

Channels that are new read random weights and are read by zeros; convolutions that are new pass on what they get (a ReLU
of a ReLU changes nothing; one with skips cannot be grown so, and is refused). A plain network starts where the small
one has come to, instead of on the plateau on which it otherwise begins.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from esrgan_tf import build_generator, load_generator
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.metadata import metadata_of
from esrgan_tf.recipes.generators import PhoneConfig

SIDE = 24  # px of the image on which both are compared
SAME = 1e-4  # at most so far apart, 1 being white


def main() -> None:
    """Read, grow, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--convs", type=int, default=10)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    small = load_generator(arguments.model)
    config = PhoneConfig(scale=metadata_of(small).scale, convs=arguments.convs, features=arguments.features)
    large = grown(small, config, "phone")
    image_01 = np.random.default_rng(0).uniform(0.2, 0.8, size=(1, SIDE, SIDE, 3)).astype(np.float32)
    apart = np.abs(np.asarray(small(image_01)) - large(image_01)).max()
    if apart > SAME:
        raise SystemExit(f"error: grown, {arguments.model} is another function: {apart:.2g} apart.")
    print(f"{apart:.2g} apart")
    save_generator(large, arguments.output)


def grown(small: keras.Model, config: PhoneConfig, name: str) -> keras.Model:
    """A large network with the small one's weights, zeros and identities.

    Args:
        small: a network for phones.
        config: of the large one, of the same scale and at least as wide and deep.
        name: of its recipe.
    """
    large, names = build_generator(config, name), _body(small)
    width = small.get_layer(names[-1]).kernel.shape[-1]
    for index, layer in enumerate(_body(large)):
        conv = large.get_layer(layer)
        kernel, bias = (np.array(value) for value in conv.get_weights())
        if index < len(names):
            old_kernel, old_bias = small.get_layer(names[index]).get_weights()
        else:
            old_kernel, old_bias = np.zeros((3, 3, width, width), np.float32), np.zeros(width, np.float32)
            old_kernel[1, 1] = np.eye(width)
        read, written = old_kernel.shape[2:]
        kernel[:, :, read:, :written] = 0
        kernel[:, :, :read, :written] = old_kernel
        bias[:written] = old_bias
        conv.set_weights([kernel, bias])
    kernel, bias = small.get_layer("conv_last").get_weights()
    last = np.zeros_like(large.get_layer("conv_last").get_weights()[0])
    last[:, :, : kernel.shape[2]] = kernel
    large.get_layer("conv_last").set_weights([last, bias])
    return large


def _body(model: keras.Model) -> list[str]:
    """The names of all convolutions but the last."""
    names = [layer.name for layer in model.layers if layer.name.startswith(("conv_first", "body_"))]
    return [name for name in names if isinstance(model.get_layer(name), keras.layers.Conv2D)]


if __name__ == "__main__":
    main()
