"""Grow a trained EDSR, or a network for phones, into a larger one of the same function, to train that on from it.

    python benchmarks/grow_generator.py --model=compact_x4 --recipe=compact --set generator.blocks=20 --output=s.keras
    python benchmarks/grow_generator.py --model=phone_x4 --recipe=phone_x4 --set generator.features=48 --output=s.keras

An EDSR gets blocks, evenly spread, whose second convolution writes zeros. In a plain network for phones, channels that
are new read random weights and are read by zeros; convolutions that are new pass on what they get (a ReLU of a ReLU
changes nothing; one with skips cannot be grown so, and is refused). Either starts where the small one has come to.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from esrgan_tf import build_generator, get_recipe, load_generator
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.generators import EDSRConfig, PhoneConfig
from esrgan_tf.recipes.overrides import override, parse_assignment

SIDE = 24  # px of the image on which both are compared
SAME = 1e-4  # at most so far apart, 1 being white


def main() -> None:
    """Read, grow, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--recipe", required=True, help="of the large generator")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of `esrgan train`")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    recipe = override(get_recipe(arguments.recipe), [parse_assignment(text) for text in arguments.set])
    save_generator(grown(load_generator(arguments.model), recipe), arguments.output)


def grown(small: keras.Model, recipe: Recipe) -> keras.Model:
    """A large network with the small one's weights and its function.

    Args:
        small: an EDSR, or a plain network for phones.
        recipe: of the large one, of the same family and scale: a deeper EDSR as wide, or a network for phones at least
            as wide and deep.

    Raises:
        SystemExit: another family, or the function is another.
    """
    keras.utils.set_random_seed(0)
    large = build_generator(recipe.generator, recipe.name)
    if type(recipe.generator) not in FILL:
        raise SystemExit(f"error: {recipe.name} is of a family that cannot be grown.")
    FILL[type(recipe.generator)](large, small)
    image_01 = np.random.default_rng(0).uniform(0.2, 0.8, size=(1, SIDE, SIDE, 3)).astype(np.float32)
    apart = np.abs(np.asarray(small(image_01)) - large(image_01)).max()
    if apart > SAME:
        raise SystemExit(f"error: the grown network is another function: {apart:.2g} apart.")
    print(f"{apart:.2g} apart")
    return large


def _fill_residual(large: keras.Model, small: keras.Model) -> None:
    """Give each block of the small network its place among those of the large one; the others add nothing."""
    more, fewer = _blocks(large), _blocks(small)
    places = {more * index // fewer: index for index in range(fewer)}
    for layer in large.layers:
        if not layer.weights:
            continue
        block, _, conv = layer.name.removeprefix("body_").partition("_")
        if not layer.name.startswith("body_"):
            layer.set_weights(small.get_layer(layer.name).get_weights())
        elif int(block) in places:
            layer.set_weights(small.get_layer(f"body_{places[int(block)]}_{conv}").get_weights())
        elif conv == "conv2":
            layer.set_weights([np.zeros_like(value) for value in layer.get_weights()])


def _blocks(model: keras.Model) -> int:
    """How many residual blocks a network has."""
    return sum(layer.name.startswith("body_") and layer.name.endswith("_conv2") for layer in model.layers)


def _fill_plain(large: keras.Model, small: keras.Model) -> None:
    """Give the small network's channels to the large one's first ones, and make its other convolutions identities."""
    names = _convolutions(small)
    width = small.get_layer(names[-1]).kernel.shape[-1]
    for index, layer in enumerate(_convolutions(large)):
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


def _convolutions(model: keras.Model) -> list[str]:
    """The names of all convolutions of a plain network but the last."""
    names = [layer.name for layer in model.layers if layer.name.startswith(("conv_first", "body_"))]
    return [name for name in names if isinstance(model.get_layer(name), keras.layers.Conv2D)]


FILL = {EDSRConfig: _fill_residual, PhoneConfig: _fill_plain}

if __name__ == "__main__":
    main()
