"""Runs one stage: from a recipe and a work directory to its generator file."""

import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from esrgan_tf.data.datasets import describe
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import copy_weights
from esrgan_tf.formats.registry import find_file, load_generator
from esrgan_tf.lock import held
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.training.callbacks import Callback, KeepGenerators, NameSkippedImages, SaveCheckpoints, SavePanels
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.distribution import make_strategy, resolve_precision
from esrgan_tf.training.gpus import announce_unseen_gpu
from esrgan_tf.training.inputs import batches_of_round, open_inputs
from esrgan_tf.training.logs import LogEstimate, Terminal, WriteMetrics, WriteTensorBoard
from esrgan_tf.training.lost_terminal import survives_lost_terminal
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.options import RunOptions
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.session import Log, Session, print_line
from esrgan_tf.training.steps import make_record, make_train_step
from esrgan_tf.training.terms import PerceptualTerm
from esrgan_tf.training.trainer import Trainer
from esrgan_tf.training.validation import Validator
from esrgan_tf.training.workdir import StageFolder, start_record


@survives_lost_terminal()
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
        InputError: something that the user gave cannot be used, or another process trains there.
        TrainingStopped: losses stay not finite, the disk is full, or too many images cannot be read.
        Interrupted: Ctrl-C or SIGTERM, saved. A terminal that is closed (SIGHUP) does not end a run.
    """
    stage = recipe.stage(stage_name)
    scale = recipe.generator.scale
    folder = StageFolder(Path(options.workdir or f"runs/{recipe.name}_x{scale}"), stage_name)
    init_from = _initial_generator(folder, options.init_from)
    announce_unseen_gpu(options.strategy, log)
    strategy = make_strategy(options.strategy)
    _check_batch(stage.batch_size, strategy.num_replicas_in_sync)
    _check_patch(stage.hr_patch, scale, recipe.generator.lr_multiple)
    precision = resolve_precision(options.precision, strategy)
    keras.utils.set_random_seed(options.seed)
    networks = build_networks(recipe, stage, precision, strategy, options.remat)
    terms = build_terms(recipe, stage, networks, precision, strategy)
    copied = None
    if init_from:
        copied = copy_weights(load_generator(init_from), networks.generator, origin=str(init_from))
    inputs = open_inputs(recipe, stage.hr_patch, options, log)
    make_batches = batches_of_round(inputs.sources, recipe, stage_name, options.seed)
    make_batches(0)  # raises for data that cannot be used, before anything is written
    validator = Validator(inputs.held_out.images, networks, terms, scale)
    run = {
        **inputs.record(),
        "val_data": describe(options.val_data),
        "validation_crop": recipe.data.validation_crop,
        "init_from": str(init_from) if init_from else None,
        "copied": copied,
        "perceptual_weights": next((t.weights_origin for t in terms if isinstance(t, PerceptualTerm)), None),
        "precision": precision,
        "remat": options.remat,
        "devices": [device.rpartition("device:")[2] for device in strategy.extended.worker_devices],
        "seed": options.seed,
    }
    with held(folder.path, f"`workdir` {folder.path}"):
        start_record(folder, recipe, run)
        _introduce(recipe, folder, networks.generator, run, log)

        record = make_record(networks, terms)
        session = Session(recipe, folder, networks, terms, Progress(record), log)
        state = networks.trainee.state | {
            key: value for t in terms if t.trainee for key, value in t.trainee.state.items()
        }
        checkpoints = Checkpoints(folder.checkpoints, state, session.progress, make_batches, log)
        if checkpoints.restore():
            log(f"resumed at step {session.step} of {stage.steps}")
        train_step = make_train_step(networks, terms, strategy, stage.clip_norm, record)
        own = (KeepGenerators(), WriteMetrics(), WriteTensorBoard(), SavePanels(), Terminal(validator.what))
        skipped = NameSkippedImages(sum(source.count for source in inputs.sources), checkpoints)
        own += (LogEstimate(), skipped)
        Trainer(session, train_step, validator, checkpoints, (*own, *callbacks, SaveCheckpoints(checkpoints))).run()
        skipped.check()
        _conclude(folder, log)
        return folder.best


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
