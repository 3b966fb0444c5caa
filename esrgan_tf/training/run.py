"""Runs one stage: from a recipe and a work directory to its generator file."""

import hashlib
import json
import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from esrgan_tf.atomic import remove_partial
from esrgan_tf.data.datasets import describe
from esrgan_tf.data.records.random_access import RandomAccess
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import copy_weights
from esrgan_tf.formats.registry import find_file, load_generator
from esrgan_tf.lock import held
from esrgan_tf.log import Log, ignore_line, print_line
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.training.accumulation import make_accumulating_step
from esrgan_tf.training.callbacks import Callback, KeepGenerators, NameSkippedImages, SaveCheckpoints, SavePanels
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.cluster import check_agreement, lost_workers_named, worker_of
from esrgan_tf.training.cores import claim_cores
from esrgan_tf.training.distribution import make_strategy, resolve_precision
from esrgan_tf.training.gpus import announce_unseen_gpu
from esrgan_tf.training.inputs import batches_of_round, open_inputs
from esrgan_tf.training.logs import LogEstimate, Terminal, WriteMetrics, WriteTensorBoard
from esrgan_tf.training.lost_terminal import survives_lost_terminal
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.options import RunOptions
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.session import Session
from esrgan_tf.training.steps import make_record, make_train_step
from esrgan_tf.training.terms import PerceptualTerm
from esrgan_tf.training.trainer import Trainer
from esrgan_tf.training.validation import Validator
from esrgan_tf.training.workdir import StageFolder, start_record

SAME_ON_WORKERS = ("training_pictures_digest", "validation_pictures", "precision", "remat", "accumulate", "seed")


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
        TrainingStopped: losses stay not finite, the disk is full, too many images cannot be read, or another worker is
            lost.
        Interrupted: Ctrl-C or SIGTERM, saved. A terminal that is closed (SIGHUP) does not end a run.
    """
    recipe.stage(stage_name)
    folder = StageFolder(Path(options.workdir or f"runs/{recipe.name}_x{recipe.generator.scale}"), stage_name)
    init_from = _initial_generator(folder, options.init_from)
    parts = claim_cores(recipe, recipe.stage(stage_name), options)
    strategy = make_strategy(options.strategy, log)
    worker = worker_of(strategy)
    log = log if worker.is_chief else ignore_line
    announce_unseen_gpu(options.strategy, log)
    with lost_workers_named(worker):
        prepared = _prepare(recipe, folder, init_from, options, strategy, parts, log)
        with held(folder.path, f"`workdir` {folder.path}") if worker.is_chief else nullcontext():
            if worker.is_chief:
                remove_partial(folder.path, "*")
            start_record(folder, recipe, prepared.run, write=worker.is_chief)
            _introduce(prepared.session, prepared.run)
            _train(prepared, options.accumulate, strategy, callbacks)
            _conclude(folder, log)
    return folder.best


@dataclass(frozen=True)
class _Prepared:
    """A stage that is ready to train on so many images; nothing is written yet. `recipe.json` will hold `run`."""

    session: Session
    images: int
    make_batches: Callable[[int], tf.data.Dataset | RandomAccess]
    validator: Validator
    run: dict[str, Any]


def _prepare(
    recipe: Recipe,
    folder: StageFolder,
    init_from: Path | None,
    options: RunOptions,
    strategy: tf.distribute.Strategy,
    parts: int,
    log: Log,
) -> _Prepared:
    """Build networks and loss terms, and open the data."""
    stage, scale = recipe.stage(folder.stage), recipe.generator.scale
    _check_batch(stage.batch_size, strategy.num_replicas_in_sync, options.accumulate)
    _check_patch(stage.hr_patch, scale, recipe.generator.lr_multiple)
    precision = resolve_precision(options.precision, strategy)
    keras.utils.set_random_seed(options.seed)
    networks = build_networks(recipe, stage, precision, strategy, options.remat, parts)
    terms = build_terms(recipe, stage, networks, precision, strategy)
    copied = None
    if init_from:
        copied = copy_weights(load_generator(init_from), networks.generator, origin=str(init_from))
    inputs = open_inputs(recipe, stage.hr_patch, options, log)
    make_batches = batches_of_round(inputs.sources, recipe, folder.stage, options.seed)
    make_batches(0)  # raises for data that cannot be used
    validator = Validator(inputs.held_out.images, networks, terms, scale, strategy, parts)
    run = {
        **inputs.record(),
        "val_data": describe(options.val_data),
        "validation_crop": recipe.data.validation_crop,
        "init_from": str(init_from) if init_from else None,
        "copied": copied,
        "perceptual_weights": next((t.weights_origin for t in terms if isinstance(t, PerceptualTerm)), None),
        "precision": precision,
        "remat": options.remat,
        "accumulate": options.accumulate,
        "parts": parts,
        "devices": [device.rpartition("device:")[2] for device in strategy.extended.worker_devices],
        "workers": worker_of(strategy).count,
        "seed": options.seed,
    }
    progress = Progress(make_record(networks, terms))
    session = Session(recipe, folder, networks, terms, progress, log, worker_of(strategy))
    images = sum(source.count for source in inputs.sources)
    return _Prepared(session, images, make_batches, validator, run)


def _train(
    prepared: _Prepared, accumulate: int, strategy: tf.distribute.Strategy, callbacks: Sequence[Callback]
) -> None:
    """Train from the last checkpoint, or from the beginning, to the end."""
    session, validator = prepared.session, prepared.validator
    networks, terms, progress, worker = session.networks, session.terms, session.progress, session.worker
    state = networks.trainee.state | {key: value for t in terms if t.trainee for key, value in t.trainee.state.items()}
    checkpoints = Checkpoints(session.folder.checkpoints, state, progress, prepared.make_batches, session.log, worker)
    if checkpoints.restore():
        session.log(f"resumed at step {session.step} of {session.stage.steps}")
    check_agreement(strategy, _digest(session.recipe, prepared.run), session.step)
    parts = (networks, terms, strategy, session.stage.clip_norm, progress.record)
    step = make_accumulating_step(*parts, accumulate=accumulate) if accumulate > 1 else make_train_step(*parts)
    own = (KeepGenerators(), WriteMetrics(), WriteTensorBoard(), SavePanels(), Terminal(validator.what))
    own = (*own, LogEstimate()) if worker.is_chief else ()
    skipped = NameSkippedImages(prepared.images, checkpoints)
    every = (*own, skipped, *callbacks, SaveCheckpoints(checkpoints))
    Trainer(session, step, validator, checkpoints, every, strategy).run()
    skipped.check()


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


def _check_batch(batch_size: int, replicas: int, accumulate: int) -> None:
    """Raise unless every replica gets the same number of patches, in equal parts."""
    multiple = replicas * accumulate
    if accumulate < 1:
        raise InputError(f"`accumulate` must be at least 1. Received: {accumulate}.")
    if batch_size < 1 or batch_size % multiple:
        below = max(batch_size // multiple, 0) * multiple
        nearest = f"{below} or {below + multiple}" if below else f"{multiple}"
        parts = f" in {accumulate} parts" if accumulate > 1 else ""
        raise InputError(
            f"`batch_size` must be a multiple of {multiple}, for {replicas} devices{parts}: the nearest is {nearest}. "
            f"Received: {batch_size}."
        )


def _check_patch(hr_patch: int, scale: int, multiple: int) -> None:
    """Raise unless the generator takes the patch's LR image."""
    if hr_patch // scale % multiple:
        raise InputError(
            f"`hr_patch` must be a multiple of {scale * multiple} for this generator. Received: {hr_patch}."
        )


def _digest(recipe: Recipe, run: dict[str, Any]) -> str:
    """Of what every worker must do alike; where the images lie may differ."""
    alike = {name: run[name] for name in SAME_ON_WORKERS}
    return hashlib.sha256(json.dumps([asdict(recipe), alike]).encode()).hexdigest()


def _introduce(session: Session, run: dict[str, Any]) -> None:
    """Log what will run, and which images are left out."""
    recipe, stage, folder, log = session.recipe, session.stage, session.folder, session.log
    workers = f" of each of {run['workers']} workers" if run["workers"] > 1 else ""
    parts = f", in {run['accumulate']} parts" if run["accumulate"] > 1 else ""
    log(
        f"{recipe.name} x{recipe.generator.scale}, {folder.stage} stage: "
        f"{session.networks.generator.count_params():,} parameters, "
        f"{stage.steps} steps of {stage.batch_size} patches of {stage.hr_patch} px{parts}, "
        f"{run['precision']} on {', '.join(run['devices'])}{workers}"
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
