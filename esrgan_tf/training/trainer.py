"""The loop of either stage: step, tell, validate, save, stop."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import TrainingStopped, first_line
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.recipes.configs import StageConfig
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.networks import Networks, learning_rate_schedule
from esrgan_tf.training.progress import Estimate, MetricsFile, Progress, TensorBoard, Terminal
from esrgan_tf.training.validation import Validation, Validator
from esrgan_tf.training.workdir import StageFolder

# What a stage's best generator is chosen by: (metric, 1 where more is better and -1 where less is).
SCORES = {"psnr": ("psnr_y", 1), "perceptual": ("perceptual", -1), "last": None}


class Interrupted(Exception):
    """Training was stopped from outside (Ctrl-C, SIGTERM) and saved."""


class Loop:
    """Trains one stage from where `progress` stands to its last step."""

    def __init__(
        self,
        stage: StageConfig,
        folder: StageFolder,
        networks: Networks,
        train_step: Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]],
        batches: Iterator[dict[str, tf.Tensor]],
        validator: Validator,
        progress: Progress,
        checkpoints: Checkpoints,
    ):
        self._stage, self._folder, self._networks = stage, folder, networks
        self._train_step, self._batches, self._validator = train_step, batches, validator
        self._progress, self._checkpoints = progress, checkpoints
        self._schedule = learning_rate_schedule(stage)
        self._terminal = Terminal(stage.steps, progress.step, stage.log_every)
        self._estimate = Estimate(stage.steps, _on_cpu(networks))
        self._metrics = MetricsFile(folder.metrics, progress.step)
        self._tensorboard = TensorBoard(folder.logs)
        self.skipped: dict[str, int] = {}  # images that could not be read, and how often

    def run(self) -> None:
        """Train to the end.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; everything is saved.
            TrainingStopped: a loss term is not finite, the memory or the disk is full, or no image can be read.
        """
        try:
            with _stop_request() as requested:
                while self._progress.step < self._stage.steps:
                    self._step()
                    if requested():
                        self._checkpoints.save()
                        raise Interrupted(f"stopped and saved at step {self._progress.step} of {self._stage.steps}")
        finally:
            self._terminal.close()

    def _step(self) -> None:
        """One step: train, tell, and at its time validate and save."""
        started = time.monotonic()
        try:
            batch = self._next_batch()
            self._tell_skipped(batch["skipped"])
            terms = {name: float(value) for name, value in self._train_step(batch["hr"], batch["lr"]).items()}
        except tf.errors.ResourceExhaustedError as error:
            raise TrainingStopped(
                f"out of memory at step {self._progress.step + 1} ({first_line(error)}): lower `batch_size` or "
                "`hr_patch`, in a new `workdir`."
            ) from error
        _check_finite(terms, self._progress.step + 1)
        self._progress.add(terms)
        step = self._progress.step
        self._terminal.step(step, terms)
        for line in self._estimate.lines(step, time.monotonic() - started):
            self._terminal.say(line)
        if step % self._stage.validate_every == 0 or step == self._stage.steps:
            self._validate_and_save()

    def _validate_and_save(self) -> None:
        """Measure, keep the generator (as best where it is), then the checkpoint: it marks the step as done."""
        step = self._progress.step
        self._networks.update_evaluated()
        found = self._validator()
        save_generator(self._networks.evaluated, self._folder.last)
        score = SCORES[self._stage.best_by]
        value = found.metrics[score[0]] * score[1] if score else None
        if value is None or self._progress.best is None or value > self._progress.best:
            self._progress.best = value
            save_generator(self._networks.evaluated, self._folder.best)
        self._report(step, found)
        self._checkpoints.save()

    def _report(self, step: int, found: Validation) -> None:
        """Tell one validation to the terminal, metrics.csv, TensorBoard, and as a panel."""
        scalars = {"learning_rate": float(self._schedule(step - 1))}
        scalars |= {f"train/{name}": value for name, value in self._progress.take_means().items()}
        scalars |= {f"validation/{name}": value for name, value in found.metrics.items()}
        self._metrics.add({"step": step, **scalars})
        self._tensorboard.add(step, scalars, [("validation", found.panel)])
        with replacing(self._folder.images / f"step_{step:07d}.png") as temporary:
            Image.fromarray(found.panel).save(temporary)
        self._terminal.say(
            f"step {step}: validation PSNR {found.metrics['psnr_y']:.2f} dB, SSIM {found.metrics['ssim_y']:.4f} "
            f"(Y, {self._validator.what})"
        )

    def _next_batch(self) -> dict[str, tf.Tensor]:
        """The next batch, as long as there are images that can be read."""
        try:
            return next(self._batches)
        except tf.errors.InvalidArgumentError as error:
            raise TrainingStopped(f"`data` gives no more batches: {first_line(error)}") from error

    def _tell_skipped(self, skipped: tf.Tensor) -> None:
        """Name each unreadable image once, and count every time it was met."""
        for name in "".join(value.decode() for value in skipped.numpy()).splitlines():
            if name not in self.skipped:
                self._terminal.say(f"skipped `{name}`: it cannot be read")
            self.skipped[name] = self.skipped.get(name, 0) + 1


def _on_cpu(networks: Networks) -> bool:
    """Whether the networks' weights lie on a CPU."""
    return "CPU" in networks.generator.trainable_variables[0].value.device


def _check_finite(terms: dict[str, float], step: int) -> None:
    """Raise if a loss term is not a number any more."""
    for name, value in terms.items():
        if not math.isfinite(value):
            raise TrainingStopped(
                f"loss term `{name}` is {value} at step {step}: lower `learning_rate` (the run goes on from its last "
                "checkpoint, if there is one), or use `precision=float32` in a new `workdir`."
            )


@contextmanager
def _stop_request() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a wish that is asked for; the second one acts as it always does."""
    wishes = []

    def wish(number, frame):
        wishes.append(number)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(wishes)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
