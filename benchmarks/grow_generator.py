"""Grow a trained network for phones into a wider and deeper one of the same function, or into an SRVGG, to train it.

    python benchmarks/grow_generator.py --model=phone_x4 --family=srvgg --convs=16 --features=64 --output=start.keras

Channels that are new read random weights and are read by zeros; convolutions that are new pass on what they get (a ReLU
of a ReLU changes nothing, and PReLU starts as one). A plain network without skips starts where the small one has come
to, instead of on the plateau on which it otherwise begins.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from esrgan_tf import build_generator, load_generator
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.metadata import metadata_of
from esrgan_tf.recipes.generators import PhoneConfig, SRVGGConfig

FAMILIES = {"srvgg": (SRVGGConfig, "compact"), "phone": (PhoneConfig, "phone")}  # and the name of what is grown
SIX = 6.0  # white inside a network for phones
SIDE = 24  # px of the image on which both are compared


def main() -> None:
    """Read, grow, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--family", default="srvgg", choices=sorted(FAMILIES))
    parser.add_argument("--convs", type=int, default=16)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    small = load_generator(arguments.model)
    kind, name = FAMILIES[arguments.family]
    config = kind(scale=metadata_of(small).scale, convs=arguments.convs, features=arguments.features)
    large = grown(small, config, name)
    image_01 = np.random.default_rng(0).uniform(0.2, 0.8, size=(1, SIDE, SIDE, 3)).astype(np.float32)
    apart = np.abs(np.asarray(small(image_01)) - np.clip(large(image_01), 0, 1)).max()  # the small one clips itself
    print(f"{apart:.2g} apart")
    save_generator(large, arguments.output)


def grown(small: keras.Model, config: PhoneConfig | SRVGGConfig, name: str) -> keras.Model:
    """A large network with the small one's weights, zeros and identities.

    Args:
        small: a network for phones.
        config: of the large one, of the same scale and at least as wide and deep.
        name: of its recipe.
    """
    large, names = build_generator(config, name), _body(small)
    for index, layer in enumerate(_body(large)):
        conv = large.get_layer(layer)
        kernel, bias = (np.array(value) for value in conv.get_weights())
        if index < len(names):
            old_kernel, old_bias = small.get_layer(names[index]).get_weights()
        else:
            width = small.get_layer(names[-1]).kernel.shape[-1]
            old_kernel, old_bias = np.zeros((3, 3, width, width), np.float32), np.zeros(width, np.float32)
            old_kernel[1, 1] = np.eye(width)
        read, written = old_kernel.shape[2:]
        kernel[:, :, read:, :written] = 0
        kernel[:, :, :read, :written] = old_kernel
        bias[:written] = old_bias
        conv.set_weights([kernel, bias])
    activations = [layer for layer in large.layers if isinstance(layer, keras.layers.PReLU)]
    for prelu in activations:
        prelu.set_weights([np.zeros_like(weight) for weight in prelu.get_weights()])
    white = SIX if activations else 1.0  # an SRVGG computes in 0..1
    kernel, bias = small.get_layer("conv_last").get_weights()
    last = np.zeros_like(large.get_layer("conv_last").get_weights()[0])
    last[:, :, : kernel.shape[2]] = kernel / white
    large.get_layer("conv_last").set_weights([last, bias / white])
    return large


def _body(model: keras.Model) -> list[str]:
    """The names of all convolutions but the last."""
    names = [layer.name for layer in model.layers if layer.name.startswith(("conv_first", "body_"))]
    return [name for name in names if isinstance(model.get_layer(name), keras.layers.Conv2D)]


if __name__ == "__main__":
    main()
