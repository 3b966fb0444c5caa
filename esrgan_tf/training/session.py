"""What a training stage consists of while it runs: handed to every callback."""

from dataclasses import dataclass

from esrgan_tf.log import Log, print_line
from esrgan_tf.recipes.configs import Recipe, StageConfig
from esrgan_tf.training.cluster import ALONE, Worker
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.progress import Progress
from esrgan_tf.training.terms import Term
from esrgan_tf.training.workdir import StageFolder


@dataclass
class Session:
    """One stage's recipe, folder, networks, loss terms and progress, and the function that takes its lines.

    `worker` is this process among those that train together; files are the chief's to write.
    """

    recipe: Recipe
    folder: StageFolder
    networks: Networks
    terms: tuple[Term, ...]
    progress: Progress
    log: Log = print_line
    worker: Worker = ALONE
    stop: bool = False  # set by a callback: training ends after this step, saved

    @property
    def stage(self) -> StageConfig:
        """The stage's part of the recipe."""
        return self.recipe.stage(self.folder.stage)

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.progress.step
