"""Callbacks that report how training goes: terminal, estimate of its duration, metrics.csv, TensorBoard."""

import csv
import sys
import time
from datetime import timedelta

import tensorflow as tf
from tqdm import tqdm

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import TrainingStopped, first_line
from esrgan_tf.log import Log
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.record import StepSummary
from esrgan_tf.training.session import Session
from esrgan_tf.training.validation import Validation

DAY = 24 * 60 * 60  # s
UNITS = ((DAY, "days"), (60 * 60, "hours"), (60, "minutes"), (1, "seconds"))
MEASURED_STEPS, MEASURED_SECONDS = 5, 10  # both, for an estimate
LONGEST_MEASUREMENT = 60  # s, by however few steps
LONG_ON_CPU = 2 * DAY


class Terminal(Callback):
    """A bar with loss, steps/s and ETA on a terminal, plain lines elsewhere.

    The bar moves at every step, its loss terms only where they are fetched.
    """

    def __init__(self, held_out: str = ""):
        """Keep what is validated on, for the lines about validations."""
        self._held_out, self._bar = held_out, None

    def on_train_begin(self, session: Session) -> None:
        """Start the clock, and the bar where there is a terminal."""
        self._since, self._since_step = time.monotonic(), session.step
        if sys.stdout.isatty():
            total = session.stage.steps
            self._bar = tqdm(total=total, initial=session.step, unit="step", file=sys.stdout)
            session.log = _above(self._bar, session.log)

    def on_step_end(self, session: Session, batch: dict[str, tf.Tensor], terms: dict[str, tf.Tensor]) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(1)

    def on_log(self, session: Session, summary: StepSummary) -> None:
        """Show the loss terms, with the speed on a plain output."""
        step, total = session.step, session.stage.steps
        shown = "  ".join(f"{name} {value:.4g}" for name, value in summary.terms.items())
        if self._bar is not None:
            self._bar.set_postfix_str(shown)
        elif step % session.stage.log_every == 0 or step == total:
            now = time.monotonic()
            rate = (step - self._since_step) / (now - self._since)
            self._since, self._since_step = now, step
            left = timedelta(seconds=round((total - step) / rate))
            session.log(f"step {step}/{total}  {shown}  {rate:.2f} steps/s  ETA {left}")

    def on_validation_end(self, session: Session, validation: Validation, scalars: dict[str, float]) -> None:
        """Log PSNR and SSIM."""
        session.log(
            f"step {session.step}: validation PSNR {validation.metrics['psnr_y']:.2f} dB, "
            f"SSIM {validation.metrics['ssim_y']:.4f} (Y, {self._held_out})"
        )

    def on_rollback(self, session: Session) -> None:
        """Set the bar and the clock back."""
        self._since, self._since_step = time.monotonic(), session.step
        if self._bar is not None:
            self._bar.n = session.step
            self._bar.refresh()

    def on_train_end(self, session: Session) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


class Estimate:
    """How long the rest of a run takes, from its first steps.

    The very first step does not count: it is traced and compiled. Validation does not count either.
    """

    def __init__(self, total_steps: int, on_cpu: bool):
        self._total, self._on_cpu = total_steps, on_cpu
        self._steps, self._seconds = -1, 0.0
        self.done = False

    def lines(self, step: int, seconds: float) -> list[str]:
        """Count a step, and estimate after the one that completes the measurement.

        Args:
            step: its number, from 1.
            seconds: that it took, its data included.

        Returns:
            Nothing, but once: the time left, and on a CPU that would be busy for days the alternatives.
        """
        self._steps += 1
        self._seconds += seconds if self._steps else 0
        long_enough = self._steps >= MEASURED_STEPS and self._seconds >= MEASURED_SECONDS
        if self.done or not (long_enough or self._seconds >= LONGEST_MEASUREMENT):
            return []
        self.done = True
        each = self._seconds / self._steps
        left = each * (self._total - step)
        lines = [f"about {_duration(left)} left: {self._total - step:,} steps of {each:.2g} s, and the validations"]
        if self._on_cpu and left > LONG_ON_CPU:
            lines.append(
                "*** That is long for a CPU. Alternatives: `recipe=quickstart` (minutes), a smaller family or fewer "
                "blocks (`esrgan recipes` lists the families), fewer `steps`, or a GPU. ***"
            )
        return lines


class LogEstimate(Callback):
    """Logs the estimate once, so that nobody waits for days unknowingly."""

    def on_train_begin(self, session: Session) -> None:
        """Start without a measurement."""
        self._estimate = Estimate(session.stage.steps, session.networks.on_cpu)

    def on_step_begin(self, session: Session) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_step_end(self, session: Session, batch: dict[str, tf.Tensor], terms: dict[str, tf.Tensor]) -> None:
        """Measure a step; the device is waited for until there is an estimate, and not any more from then on."""
        if self._estimate.done:
            return
        for term in terms.values():
            term.numpy()
        for line in self._estimate.lines(session.step, time.monotonic() - self._started):
            session.log(line)


class WriteMetrics(Callback):
    """Writes `metrics.csv`: a row a validation, the file rewritten whole so that it is never half a row."""

    def on_train_begin(self, session: Session) -> None:
        """Read the rows up to the step that training resumes from."""
        path = session.folder.metrics
        rows = list(csv.DictReader(path.open(newline=""))) if path.exists() else []
        self._rows = [row for row in rows if int(row["step"]) <= session.step]

    def on_validation_end(self, session: Session, validation: Validation, scalars: dict[str, float]) -> None:
        """Append a row."""
        self._rows.append({key: f"{value:.8g}" for key, value in {"step": session.step, **scalars}.items()})
        with replacing(session.folder.metrics) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self._rows[-1]), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self._rows)

    def on_rollback(self, session: Session) -> None:
        """Drop the rows of steps that will be trained once more."""
        self._rows = [row for row in self._rows if int(row["step"]) <= session.step]


class WriteTensorBoard(Callback):
    """Writes scalars and panels for TensorBoard."""

    def on_train_begin(self, session: Session) -> None:
        """Open the log."""
        self._writer = tf.summary.create_file_writer(str(session.folder.logs))

    def on_validation_end(self, session: Session, validation: Validation, scalars: dict[str, float]) -> None:
        """Write one validation.

        Raises:
            TrainingStopped: it cannot be written, such as on a full disk.
        """
        try:
            with self._writer.as_default(step=session.step):
                for name, value in scalars.items():
                    tf.summary.scalar(name, value)
                tf.summary.image("validation", validation.panel[None])
            self._writer.flush()
        except tf.errors.OpError as error:
            raise TrainingStopped(f"TensorBoard's logs cannot be written: {first_line(error)}") from error


def _above(bar: tqdm, log: Log) -> Log:
    """The same `log`, whose lines stand above a bar."""

    def above(line: str) -> None:
        with bar.external_write_mode(file=sys.stdout):
            log(line)

    return above


def _duration(seconds: float) -> str:
    """A time in the unit in which it is at least 2, up to days."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= 2 * size or size == 1)
    return f"{seconds / size:,.0f} {unit}"
