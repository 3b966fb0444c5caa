"""Families of generators and discriminators: which builder makes a network, and what is deployed of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.metadata import GeneratorMetadata, metadata_of, set_metadata
from esrgan_tf.models.fusion import fuse_branches, merge_upsampling
from esrgan_tf.recipes.families import DiscriminatorConfig, GeneratorConfig

Rewrite = Callable[[keras.Model], keras.Model]
PROBE = 8  # px, in multiples of what a generator takes: the image on which a deployed form is compared
TOLERANCE = 1e-4  # of values in 0..1, and relative to larger ones


@dataclass(frozen=True)
class GeneratorFamily:
    """A family's builder and its deployed form.

    Args:
        build: (config, name, dtype) -> functional model [batch, height, width, 3] in 0..1 ->
            [batch, scale * height, scale * width, 3] float32.
        rewrites: applied in turn before a generator is deployed: each gives a model of the same function that takes
            fewer multiply-accumulates, or the given one.
    """

    build: Callable[..., keras.Model]
    rewrites: tuple[Rewrite, ...]


GENERATORS: dict[str, GeneratorFamily] = {}
DISCRIMINATORS: dict[str, Callable[..., keras.Model]] = {}
# Of any family. Between two generators parameters are interpolated: then only what is linear in them may be rewritten,
# which a product of branches is not.
REWRITES = (fuse_branches, merge_upsampling)
LINEAR_REWRITES = (merge_upsampling,)


def register_generator(
    config: type[GeneratorConfig], build: Callable[..., keras.Model], rewrites: Sequence[Rewrite] = REWRITES
) -> None:
    """Register a family of generators, so that recipes can name it.

    Args:
        config: frozen dataclass, whose `family` is the family's name.
        build: as `GeneratorFamily`.
        rewrites: as `GeneratorFamily`.

    Raises:
        InputError: the name is missing or taken.
    """
    GeneratorConfig.register(config)
    GENERATORS[config.family] = GeneratorFamily(build, tuple(rewrites))


def register_discriminator(config: type[DiscriminatorConfig], build: Callable[..., keras.Model]) -> None:
    """Register a family of discriminators, so that recipes can name it.

    Args:
        config: frozen dataclass, whose `family` is the family's name.
        build: (config, patch, dtype) -> model [batch, patch, patch, 3] in 0..1 -> raw logits float32, [batch, 1] or a
            map [batch, h, w, 1].

    Raises:
        InputError: the name is missing or taken.
    """
    DiscriminatorConfig.register(config)
    DISCRIMINATORS[config.family] = build


def build_generator(config: GeneratorConfig, recipe: str, dtype: str | None = None) -> keras.Model:
    """Builds a recipe's generator, which carries its metadata.

    Args:
        config: of any registered family.
        recipe: the recipe's name.
        dtype: Keras dtype policy, `None` for float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32.
    """
    precision = dtype or "float32"
    metadata = GeneratorMetadata.named(
        recipe, config.scale, family=config.family, precision=precision, lr_multiple=config.lr_multiple
    )
    model = GENERATORS[config.family].build(config, name=metadata.name, dtype=precision)
    return set_metadata(model, metadata)


def build_discriminator(config: DiscriminatorConfig, patch: int, dtype: str = "float32") -> keras.Model:
    """Builds a recipe's discriminator.

    Args:
        config: of any registered family.
        patch: height and width of the images in px.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> raw logits float32, [batch, 1] or a map [batch, h, w, 1].

    Raises:
        InputError: `patch` is not a multiple of what the family's halvings need.
    """
    return DISCRIMINATORS[config.family](config, patch, dtype=dtype)


def deployed_form(model: keras.Model, interpolated: bool = False) -> keras.Model:
    """Rewrites a generator into what is deployed of it, and verifies that its function is the same.

    Args:
        model: a float32 generator; where its metadata does not name a registered family, every rewrite is tried.
        interpolated: whether its parameters will be interpolated with another generator's.

    Returns:
        A generator of the same metadata and, but for rounding, the same function.

    Raises:
        InputError: the two give different values.
    """
    metadata, deployed = metadata_of(model), model
    for rewrite in GENERATORS[metadata.family].rewrites if metadata.family in GENERATORS else REWRITES:
        if rewrite in LINEAR_REWRITES or not interpolated:
            deployed = rewrite(deployed)
    if deployed is not model:
        _verify_same(model, deployed, PROBE * metadata.lr_multiple)
    return deployed


def _verify_same(model: keras.Model, deployed: keras.Model, side: int) -> None:
    """Raise unless both give the same values of a random image [1, side, side, 3]."""
    image = np.random.default_rng(0).uniform(size=(1, side, side, 3)).astype(np.float32)
    expected, got = (np.array(m(image, training=False)) for m in (model, deployed))
    if not np.allclose(got, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        apart = np.abs(got - expected).max()
        raise InputError(f"`{model.name}` must be rewritten into the same function. Received: {apart:.2g} apart.")
