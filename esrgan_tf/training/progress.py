"""How far a run is, and telling it: terminal, metrics.csv, TensorBoard."""

import csv
import json
import sys
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import TrainingStopped, first_line

DAY = 24 * 60 * 60  # s
UNITS = ((DAY, "days"), (60 * 60, "hours"), (60, "minutes"), (1, "seconds"))
MEASURED_STEPS, MEASURED_SECONDS = 5, 10  # both, for an estimate
LONGEST_MEASUREMENT = 60  # s, by however few steps
LONG_ON_CPU = 2 * DAY


class Progress(tf.train.experimental.PythonState):
    """Step, mean loss terms since the last validation, and the best score; saved with every checkpoint."""

    def __init__(self):
        super().__init__()
        self.step = 0
        self.best: float | None = None
        self.sums: dict[str, float] = {}
        self.count = 0

    def add(self, terms: dict[str, float]) -> None:
        """Count one step with its loss terms."""
        self.step += 1
        self.count += 1
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take_means(self) -> dict[str, float]:
        """Mean of every term since this was last called."""
        means = {name: total / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means

    def serialize(self) -> str:
        """The state as text, for tf.train.Checkpoint."""
        return json.dumps({"step": self.step, "best": self.best, "sums": self.sums, "count": self.count})

    def deserialize(self, string_value: str) -> None:
        """The state from text."""
        for name, value in json.loads(string_value).items():
            setattr(self, name, value)


class Terminal:
    """A bar with loss, steps/s and ETA on a terminal, plain lines elsewhere."""

    def __init__(self, total_steps: int, first_step: int, log_every: int):
        self._total, self._log_every = total_steps, log_every
        self._since, self._since_step = time.monotonic(), first_step
        on_terminal = sys.stdout.isatty()
        self._bar = tqdm(total=total_steps, initial=first_step, unit="step", file=sys.stdout) if on_terminal else None

    def step(self, step: int, terms: dict[str, float]) -> None:
        """Show one step's loss terms, on a plain output only every `log_every` steps."""
        shown = "  ".join(f"{name} {value:.4g}" for name, value in terms.items())
        if self._bar is not None:
            self._bar.set_postfix_str(shown, refresh=False)
            self._bar.update(1)
        elif step % self._log_every == 0 or step == self._total:
            now = time.monotonic()
            rate = (step - self._since_step) / (now - self._since)
            self._since, self._since_step = now, step
            left = timedelta(seconds=round((self._total - step) / rate))
            self.say(f"step {step}/{self._total}  {shown}  {rate:.2f} steps/s  ETA {left}")

    def say(self, line: str) -> None:
        """Print a line, above the bar where there is one."""
        if self._bar is not None:
            self._bar.write(line)
        else:
            print(line, flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


class Estimate:
    """How long the rest of a run takes, from its first steps: said once, so that nobody waits for days unknowingly.

    The very first step does not count: it is traced and compiled. Validation does not count either.
    """

    def __init__(self, total_steps: int, on_cpu: bool):
        self._total, self._on_cpu = total_steps, on_cpu
        self._steps, self._seconds = -1, 0.0
        self._said = False

    def lines(self, step: int, seconds: float) -> list[str]:
        """Count a step, and say what is to be said after it.

        Args:
            step: its number, from 1.
            seconds: that it took, its data included.

        Returns:
            Nothing, but after the step that completes the measurement: the time left, and on a CPU that would be
            busy for days the alternatives.
        """
        self._steps += 1
        self._seconds += seconds if self._steps else 0
        long_enough = self._steps >= MEASURED_STEPS and self._seconds >= MEASURED_SECONDS
        if self._said or not (long_enough or self._seconds >= LONGEST_MEASUREMENT):
            return []
        self._said = True
        each = self._seconds / self._steps
        left = each * (self._total - step)
        lines = [f"about {_duration(left)} left: {self._total - step:,} steps of {each:.2g} s, and the validations"]
        if self._on_cpu and left > LONG_ON_CPU:
            lines.append(
                "*** That is long for a CPU. Alternatives: `recipe=quickstart` (minutes), a smaller family or fewer "
                "blocks (`esrgan recipes` lists the families), fewer `steps`, or a GPU. ***"
            )
        return lines


def _duration(seconds: float) -> str:
    """A time in the unit in which it is at least 2, up to days."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= 2 * size or size == 1)
    return f"{seconds / size:,.0f} {unit}"


class MetricsFile:
    """`metrics.csv`: a row a validation, rewritten whole so that it is never half a row."""

    def __init__(self, path: Path, up_to_step: int):
        self._path = path
        rows = list(csv.DictReader(path.open(newline=""))) if path.exists() else []
        self._rows = [row for row in rows if int(row["step"]) <= up_to_step]

    def add(self, row: dict[str, float]) -> None:
        """Append one row; `step` is one of its columns."""
        self._rows.append({key: f"{value:.8g}" for key, value in row.items()})
        with replacing(self._path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self._rows[-1]))
            writer.writeheader()
            writer.writerows(self._rows)


class TensorBoard:
    """Scalars and panels for TensorBoard."""

    def __init__(self, folder: Path):
        self._writer = tf.summary.create_file_writer(str(folder))

    def add(self, step: int, scalars: dict[str, float], images: Iterable[tuple[str, np.ndarray]]) -> None:
        """Write scalars, and images as (name, uint8 [h, w, 3]), of one step.

        Raises:
            TrainingStopped: they cannot be written, such as on a full disk.
        """
        try:
            with self._writer.as_default(step=step):
                for name, value in scalars.items():
                    tf.summary.scalar(name, value)
                for name, image in images:
                    tf.summary.image(name, image[None])
            self._writer.flush()
        except tf.errors.OpError as error:
            raise TrainingStopped(f"TensorBoard's logs cannot be written: {first_line(error)}") from error
