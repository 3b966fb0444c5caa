"""A few steps of a stage as a run would make them, to know what a run takes before it is begun."""

import resource
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.configs import Recipe
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.checkpoints import KEPT
from esrgan_tf.training.options import RunOptions
from esrgan_tf.training.record import StepSummary
from esrgan_tf.training.run import train_stage
from esrgan_tf.training.session import Session
from esrgan_tf.training.workdir import StageFolder


@dataclass(frozen=True)
class Trial:
    """What a few steps have shown.

    Args:
        first: seconds until the first step is done, the graph's tracing included.
        step: seconds of a further step, the median.
        validation: seconds of a validation, and of saving.
        memory: bytes at the process's peak.
        disk: bytes that a run will fill: checkpoints, one more while it is written, and generators.
        lines: what the run has reported, such as devices, precision, images that are left out.
    """

    first: float
    step: float
    validation: float
    memory: int
    disk: int
    lines: tuple[str, ...]

    def hours(self, steps: int, validations: int) -> float:
        """How long a run of so many steps and validations will take."""
        return (self.first + steps * self.step + validations * self.validation) / 3600


class _Clock(Callback):
    """Notes when steps are done, which reading their losses waits for."""

    def __init__(self):
        self.times = [time.perf_counter()]

    def on_log(self, session: Session, summary: StepSummary) -> None:
        """A step is done."""
        self.times.append(time.perf_counter())


def try_stage(recipe: Recipe, stage_name: str, options: RunOptions, steps: int = 4) -> Trial:
    """Train a few steps in a folder of its own, validate, and save.

    Args:
        recipe: complete, overrides applied.
        stage_name: "psnr" or "gan"; the latter starts from random weights where no generator is given.
        options: of the run; its work directory is not touched.
        steps: at least 2, of which the first is not counted.

    Raises:
        InputError: what would end the run at its beginning.
        TrainingStopped: what would end it soon, such as too little memory.
    """
    few = override(recipe, [(f"{stage_name}.{name}", steps) for name in ("steps", "validate_every")])
    few = override(few, [(f"{stage_name}.log_every", 1)])
    clock, lines = _Clock(), []
    with TemporaryDirectory(prefix="esrgan-trial-") as folder:
        if stage_name == "gan" and not options.init_from:
            start = Path(folder, "start.keras")
            save_generator(build_generator(recipe.generator, recipe.name), start)
            options = replace(options, init_from=str(start))
        begun = time.perf_counter()
        train_stage(few, stage_name, replace(options, workdir=folder), [clock], lines.append)
        ended = time.perf_counter()
        files = StageFolder(Path(folder), stage_name)
        checkpoint = sum(path.stat().st_size for path in files.checkpoints.rglob("*") if path.is_file())
        generators = sum(path.stat().st_size for path in files.path.glob("*.keras"))
    took = [later - earlier for earlier, later in zip(clock.times[1:], clock.times[2:], strict=False)]
    unit = 1 if sys.platform == "darwin" else 1024
    return Trial(
        first=clock.times[1] - begun,
        step=statistics.median(took),
        validation=ended - clock.times[-1],
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        disk=(KEPT + 1) * checkpoint + generators,
        lines=tuple(lines),
    )
