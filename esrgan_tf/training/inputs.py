"""What a stage is trained and validated on, as its recipe and options name it."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from esrgan_tf.data.datasets import dataset_sources, describe, validation_sources
from esrgan_tf.data.frozen import frozen_images
from esrgan_tf.data.held_out import HeldOut, load_held_out
from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.records.random_access import RandomAccess, are_records
from esrgan_tf.data.source import Source
from esrgan_tf.data.sources import default_data, open_sources, open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.log import Log
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.training.options import RunOptions

ROUND_SEEDS = 2**32  # above every seed of a user


@dataclass(frozen=True)
class Inputs:
    """Sources to train on and to validate on, the latter's held-out images, and test images among the former."""

    data: str | tf.data.Dataset
    sources: list[Source]
    validated: list[Source]
    held_out: HeldOut
    frozen: list[str]

    def record(self) -> dict[str, Any]:
        """What `recipe.json` holds of it."""
        left_out = {line for source in (*self.sources, *self.validated) for line in source.left_out}
        return {
            "data": describe(self.data),
            "training_pictures": {source.name: source.count for source in self.sources},
            "training_pictures_digest": _digest(self.sources),
            "frozen_training_images": self.frozen,
            "validation_pictures": [name for name, _, _ in self.held_out.images],
            "validated_on_training_pictures": _overlap(self.sources, self.validated),
            "left_out_pictures": sorted(left_out) + list(self.held_out.left_out),
        }


def open_inputs(recipe: Recipe, hr_patch: int, options: RunOptions, log: Log) -> Inputs:
    """Open what a run names, and load the held-out images.

    Args:
        recipe: of the run.
        hr_patch: px of the stage's patches.
        options: of the run.
        log: takes what is to be announced.

    Raises:
        InputError: data that cannot be used, or test images among it where they are refused.
    """
    scale, multiple = recipe.generator.scale, recipe.generator.lr_multiple
    data = options.data if options.data is not None else _announced_default_data(scale, log)
    sources, validated = _open(data, options, recipe, hr_patch, log)
    held_out = load_held_out(validated, recipe.data.validation_crop, scale, recipe.data.degradation, multiple)
    return Inputs(data, sources, validated, held_out, _frozen(sources, options.refuse_test_images, log))


def batches_of_round(
    sources: list[Source], recipe: Recipe, stage_name: str, seed: int
) -> Callable[[int], tf.data.Dataset | RandomAccess]:
    """The training data by round: each is drawn by a seed of its own, and made once.

    Raises (when called):
        InputError: data that cannot be used.
    """
    stage = recipe.stage(stage_name)

    @functools.cache
    def make_batches(data_round: int) -> tf.data.Dataset | RandomAccess:
        make = RandomAccess if are_records(sources) else training_batches
        round_seed = seed + data_round * ROUND_SEEDS
        return make(sources, recipe.data, recipe.generator.scale, stage.hr_patch, stage.batch_size, round_seed)

    return make_batches


def _open(
    data: str | tf.data.Dataset, options: RunOptions, recipe: Recipe, hr_patch: int, log: Log
) -> tuple[list[Source], list[Source]]:
    """(what is trained on, what is validated on); the latter is what the former hold out where nothing is given."""
    scale, val_data = recipe.generator.scale, options.val_data
    if isinstance(data, tf.data.Dataset):
        sources = dataset_sources(data, recipe.data, scale, hold_out=val_data is None)
    else:
        sources = open_sources(data, recipe.data, scale, hr_patch, options.seed, log=log)
    if val_data is None:
        return sources, sources
    if isinstance(val_data, tf.data.Dataset):
        return sources, validation_sources(val_data, scale)
    return sources, open_validation(val_data, scale, recipe.data, options.seed, log)


def _digest(sources: list[Source]) -> str:
    """A short name for which images are trained on: a run cannot be resumed with others."""
    names = "\n".join(name for source in sources for name in source.identity)
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _overlap(sources: list[Source], validated: list[Source]) -> bool:
    """Whether an image is both trained on and held out."""
    trained = {name for source in sources for name in source.names}
    return any(element["name"].numpy().decode() in trained for source in validated for element in source.held_out)


def _frozen(sources: list[Source], refuse: bool, log: Log) -> list[str]:
    """The test images that are trained on, announced or refused: "test set and file: path"."""
    known = {name: found for source in sources for name, found in source.test_images.items()}
    found = frozen_images(name for source in sources for name in source.names if name not in known) | known
    if found:
        shown = ", ".join(list(found.values())[:3]) + (", ..." if len(found) > 3 else "")
        if refuse:
            raise InputError(f"`data` must hold no test image. Received: {len(found)} ({shown}).")
        log(
            f"*** {len(found)} of the training images are test images ({shown}): figures measured on these sets mean "
            "nothing. ***"
        )
    return [f"{name}: {path}" for path, name in found.items()]


def _announced_default_data(scale: int, log: Log) -> str:
    """The data where none is named; the sample is announced, for it is a toy."""
    data = default_data(scale)
    if data == "sample":
        log(
            "*** No `data` given and DIV2K is not prepared here: training on the small embedded SAMPLE. "
            "Give `data=FOLDER` of your images, or `data=div2k` to download DIV2K. ***"
        )
    return data
