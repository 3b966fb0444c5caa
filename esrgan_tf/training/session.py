"""What a run is asked for, and what a stage consists of while it runs: the latter is handed to every callback."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.terms import Term
from esrgan_tf.training.workdir import StageFolder

Log = Callable[[str], None]


def print_line(line: str) -> None:
    """Print a line at once, also where the output is a file."""
    print(line, flush=True)


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


@dataclass
class Session:
    """One stage's recipe, folder, networks, loss terms and progress, and the function that takes its lines."""

    recipe: Recipe
    folder: StageFolder
    networks: Networks
    terms: tuple[Term, ...]
    progress: Progress
    log: Log = print_line
    stop: bool = False  # set by a callback: training ends after this step, saved

    @property
    def stage(self) -> StageConfig:
        """The stage's part of the recipe."""
        return self.recipe.stage(self.folder.stage)

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.progress.step
