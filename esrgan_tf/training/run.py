"""Runs one stage: from a recipe and a work directory to its generator file."""

import functools
import hashlib
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from esrgan_tf.data.datasets import dataset_sources, describe, validation_sources
from esrgan_tf.data.frozen import frozen_images
from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.source import Source
from esrgan_tf.data.sources import default_data, open_sources, open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import copy_weights
from esrgan_tf.formats.registry import find_file, load_generator
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.training.callbacks import Callback, KeepGenerators, NameSkippedImages, SaveCheckpoints, SavePanels
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.distribution import make_strategy, resolve_precision
from esrgan_tf.training.gpus import announce_unseen_gpu
from esrgan_tf.training.logs import LogEstimate, Terminal, WriteMetrics, WriteTensorBoard
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.session import Log, Session, print_line
from esrgan_tf.training.steps import make_record, make_train_step
from esrgan_tf.training.terms import PerceptualTerm
from esrgan_tf.training.trainer import Trainer
from esrgan_tf.training.validation import Validator
from esrgan_tf.training.workdir import StageFolder, start_record

ROUND_SEEDS = 2**32  # above every seed of a user


@dataclass(frozen=True)
class RunOptions:
    """What a run needs besides its recipe. `None`: chosen here, and logged."""

    workdir: str | None = None
    data: str | tf.data.Dataset | None = None  # a dataset of images, or of (HR, LR) pairs; see `data.datasets`
    val_data: str | tf.data.Dataset | None = None
    init_from: str | None = None
    precision: str = "auto"
    strategy: str = "auto"
    seed: int = 0
    refuse_test_images: bool = False  # where weights are made to be measured, rather than announce them


def train_stage(
    recipe: Recipe, stage_name: str, options: RunOptions, callbacks: Sequence[Callback] = (), log: Log = print_line
) -> Path:
    """Train one stage, or resume it where its work directory holds a checkpoint.

    Args:
        recipe: complete, overrides applied.
        stage_name: "psnr" or "gan".
        options: data, work directory, devices, precision, seed.
        callbacks: called after the package's own, before a checkpoint is saved.
        log: takes every line that training reports.

    Returns:
        The stage's best generator, `<workdir>/<stage>/generator.keras`.

    Raises:
        InputError: something that the user gave cannot be used.
        TrainingStopped: losses stay not finite, or the disk is full.
        Interrupted: Ctrl-C or SIGTERM, saved.
    """
    stage = recipe.stage(stage_name)
    scale = recipe.generator.scale
    folder = StageFolder(Path(options.workdir or f"runs/{recipe.name}_x{scale}"), stage_name)
    init_from = _initial_generator(folder, options.init_from)
    announce_unseen_gpu(options.strategy, log)
    strategy = make_strategy(options.strategy)
    _check_batch(stage.batch_size, strategy.num_replicas_in_sync)
    multiple = recipe.generator.lr_multiple
    _check_patch(stage.hr_patch, scale, multiple)
    precision = resolve_precision(options.precision, strategy)
    keras.utils.set_random_seed(options.seed)
    networks = build_networks(recipe, stage, precision, strategy)
    terms = build_terms(recipe, stage, networks, precision, strategy)
    copied = None
    if init_from:
        copied = copy_weights(load_generator(init_from), networks.generator, origin=str(init_from))
    data = options.data if options.data is not None else _announced_default_data(scale, log)
    sources, validated = _open(data, options, recipe, stage.hr_patch)
    make_batches = _batches_of_round(sources, recipe, stage_name, options.seed)
    make_batches(0)  # raises for data that cannot be used, before anything is written
    held_out = load_held_out(validated, recipe.data.validation_crop, scale, recipe.data.degradation, multiple)
    validator = Validator(held_out.images, networks, terms, scale)
    run = {
        "data": describe(data),
        "val_data": describe(options.val_data),
        "training_pictures": {source.name: source.count for source in sources},
        "training_pictures_digest": _digest(sources),
        "frozen_training_images": _frozen(sources, options.refuse_test_images, log),
        "validation_pictures": [name for name, _, _ in held_out.images],
        "validated_on_training_pictures": _overlap(sources, validated),
        "validation_crop": recipe.data.validation_crop,
        "left_out_pictures": sorted({line for source in (*sources, *validated) for line in source.left_out})
        + list(held_out.left_out),
        "init_from": str(init_from) if init_from else None,
        "copied": copied,
        "perceptual_weights": next((t.weights_origin for t in terms if isinstance(t, PerceptualTerm)), None),
        "precision": precision,
        "devices": [device.rpartition("device:")[2] for device in strategy.extended.worker_devices],
        "seed": options.seed,
    }
    start_record(folder, recipe, run)
    _introduce(recipe, folder, networks.generator, run, log)

    record = make_record(networks, terms)
    session = Session(recipe, folder, networks, terms, Progress(record), log)
    state = networks.trainee.state | {key: value for t in terms if t.trainee for key, value in t.trainee.state.items()}
    checkpoints = Checkpoints(folder.checkpoints, state, session.progress, make_batches, log)
    if checkpoints.restore():
        log(f"resumed at step {session.step} of {stage.steps}")
    train_step = make_train_step(networks, terms, strategy, stage.clip_norm, record)
    own = (KeepGenerators(), WriteMetrics(), WriteTensorBoard(), SavePanels(), Terminal(validator.what))
    own += (LogEstimate(), NameSkippedImages())
    Trainer(session, train_step, validator, checkpoints, (*own, *callbacks, SaveCheckpoints(checkpoints))).run()
    _conclude(folder, log)
    return folder.best


def _open(
    data: str | tf.data.Dataset, options: RunOptions, recipe: Recipe, hr_patch: int
) -> tuple[list[Source], list[Source]]:
    """(what is trained on, what is validated on); the latter is what the former hold out where nothing is given."""
    scale, val_data = recipe.generator.scale, options.val_data
    if isinstance(data, tf.data.Dataset):
        sources = dataset_sources(data, recipe.data, scale, hold_out=val_data is None)
    else:
        sources = open_sources(data, recipe.data, scale, hr_patch, options.seed)
    if val_data is None:
        return sources, sources
    if isinstance(val_data, tf.data.Dataset):
        return sources, validation_sources(val_data, scale)
    return sources, open_validation(val_data, scale, recipe.data, options.seed)


def _batches_of_round(sources: list[Source], recipe: Recipe, stage_name: str, seed: int):
    """The training data by round: each is drawn by a seed of its own, and made once."""
    stage = recipe.stage(stage_name)

    @functools.cache
    def make_batches(data_round: int) -> tf.data.Dataset:
        round_seed = seed + data_round * ROUND_SEEDS
        return training_batches(
            sources, recipe.data, recipe.generator.scale, stage.hr_patch, stage.batch_size, round_seed
        )

    return make_batches


def _initial_generator(folder: StageFolder, init_from: str | None) -> Path | None:
    """Where the generator's first weights come from; the gan stage needs some."""
    if init_from:
        return find_file(init_from, "init_from")
    if folder.stage == "psnr":
        return None
    before = StageFolder(folder.workdir, "psnr").best
    if not before.is_file():
        raise InputError(
            f"`stage=gan` starts from {before}, which is not there: run `stage=psnr` with the same `recipe` and "
            "`workdir` first, or give a generator with `init_from=FILE`."
        )
    return before


def _check_batch(batch_size: int, replicas: int) -> None:
    """Raise unless every replica gets the same number of patches."""
    if batch_size < 1 or batch_size % replicas:
        raise InputError(f"`batch_size` must be a multiple of the {replicas} devices. Received: {batch_size}.")


def _check_patch(hr_patch: int, scale: int, multiple: int) -> None:
    """Raise unless the generator takes the patch's LR image."""
    if hr_patch // scale % multiple:
        raise InputError(
            f"`hr_patch` must be a multiple of {scale * multiple} for this generator. Received: {hr_patch}."
        )


def _digest(sources: list[Source]) -> str:
    """A short name for which images are trained on: a run cannot be resumed with others."""
    names = "\n".join(name for source in sources for name in source.names)
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _overlap(sources: list[Source], validated: list[Source]) -> bool:
    """Whether an image is both trained on and held out."""
    trained = {name for source in sources for name in source.names}
    return any(element["name"].numpy().decode() in trained for source in validated for element in source.held_out)


def _frozen(sources: list[Source], refuse: bool, log: Log) -> list[str]:
    """The test images that are trained on, announced or refused: "test set and file: path"."""
    found = frozen_images(name for source in sources for name in source.names)
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


def _introduce(recipe: Recipe, folder: StageFolder, generator: keras.Model, run: dict[str, Any], log: Log) -> None:
    """Log what will run, and which images are left out."""
    stage = recipe.stage(folder.stage)
    log(
        f"{recipe.name} x{recipe.generator.scale}, {folder.stage} stage: {generator.count_params():,} parameters, "
        f"{stage.steps} steps of {stage.batch_size} patches of {stage.hr_patch} px, "
        f"{run['precision']} on {', '.join(run['devices'])}"
    )
    counts = ", ".join(f"{count} of {name}" for name, count in run["training_pictures"].items())
    log(f"data: {counts}; {len(run['validation_pictures'])} held out")
    if run["validated_on_training_pictures"]:
        log("*** Some of the held-out images are trained on as well: their scores are too high. Give `val_data`. ***")
    if run["left_out_pictures"]:
        first = run["left_out_pictures"][0]
        log(f"left out {len(run['left_out_pictures'])} images (recipe.json lists them), such as {first}")
    if run["init_from"]:
        log(f"generator from {run['init_from']}: {run['copied']}")
    if run["perceptual_weights"]:
        log(f"{recipe.perceptual.network.upper()} weights: {run['perceptual_weights']}")
    log(f"writing to {folder.path}")


def _conclude(folder: StageFolder, log: Log) -> None:
    """Log the peak of memory and the generator's file."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "linux" else 2**30)
    log(f"peak memory {peak:.1f} GiB")
    log(f"generator: {folder.best}")
