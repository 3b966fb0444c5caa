"""What training calls at its events: the base class, and the callbacks that keep what a stage leaves behind."""

from typing import TYPE_CHECKING

import tensorflow as tf
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import TrainingStopped
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.record import StepSummary
from esrgan_tf.training.validation import Validation

if TYPE_CHECKING:
    from esrgan_tf.training.session import Session

# What a stage's best generator is chosen by: (metric, 1 where more is better and -1 where less is).
SCORES = {"psnr": ("psnr_y", 1), "perceptual": ("perceptual", -1), "last": None}
SHOWN_IMAGES = 3  # unreadable ones that a message names


class Callback:
    """Methods that the trainer calls; override those that are needed.

    Every one gets the `session`: recipe, folder, networks, loss terms, progress and `log`. `session.stop = True` ends
    training after the step, saved. The package's own callbacks come first, a user's next, the checkpoint last.
    """

    def on_train_begin(self, session: "Session") -> None:
        """Called once, when everything is built and restored."""

    def on_step_begin(self, session: "Session") -> None:
        """Called before a batch is read."""

    def on_step_end(self, session: "Session", batch: dict[str, tf.Tensor], terms: dict[str, tf.Tensor]) -> None:
        """Called after a step; `session.step` is its number, from 1.

        Args:
            session: as above.
            batch: "hr" and "lr", uint8 [batch, height, width, 3], and "skipped", names of unreadable images.
            terms: the unweighted loss terms on the device. Reading one waits for the device: `on_log` does not.
        """

    def on_log(self, session: "Session", summary: StepSummary) -> None:
        """Called every `log_every` steps and before a validation, with the last step's terms as numbers."""

    def on_validation_end(self, session: "Session", validation: Validation, scalars: dict[str, float]) -> None:
        """Called after a validation.

        Args:
            session: as above.
            validation: metrics and panel of the held-out images.
            scalars: a row of metrics.csv: "learning_rate", "train/TERM", "validation/METRIC".
        """

    def on_checkpoint(self, session: "Session") -> None:
        """Called when the state is to be saved: after a validation, and where training is interrupted."""

    def on_rollback(self, session: "Session") -> None:
        """Called when training has been set back to its last checkpoint, `session.step`."""

    def on_train_end(self, session: "Session") -> None:
        """Called once at the end, also where training was interrupted or stopped by an error."""


class KeepGenerators(Callback):
    """Keeps the generator of the last validation, and the best one by the stage's `best_by`."""

    def on_validation_end(self, session: "Session", validation: Validation, scalars: dict[str, float]) -> None:
        """Save the generator as last, and as best where its score is."""
        generator, progress = session.networks.evaluated, session.progress
        save_generator(generator, session.folder.last)
        score = SCORES[session.stage.best_by]
        value = validation.metrics[score[0]] * score[1] if score else None
        if value is None or progress.best is None or value > progress.best:
            progress.best = value
            save_generator(generator, session.folder.best)


class SavePanels(Callback):
    """Saves each validation's panel as a PNG."""

    def on_validation_end(self, session: "Session", validation: Validation, scalars: dict[str, float]) -> None:
        """Write `step_NNNNNNN.png`."""
        with replacing(session.folder.images / f"step_{session.step:07d}.png") as temporary:
            Image.fromarray(validation.panel).save(temporary)


class NameSkippedImages(Callback):
    """Names each unreadable image once, counts them, and stops training, saved, where they are too many.

    The count is a part of the progress, and survives a resume; only after such a stop it begins again, and so does the
    data, by another seed: the images may have been repaired since, and what was read ahead does not know of it.
    """

    def __init__(self, images: int, checkpoints: Checkpoints) -> None:
        """Keep how many images are trained on, which the share is of, and what draws the data."""
        self._images, self._checkpoints, self._too_many = images, checkpoints, None

    def on_train_begin(self, session: "Session") -> None:
        """Keep the share, and what has been named before."""
        self._share = session.recipe.data.max_skipped_share
        self._named = set(session.progress.skipped_images)

    def on_step_end(self, session: "Session", batch: dict[str, tf.Tensor], terms: dict[str, tf.Tensor]) -> None:
        """Log the names that this batch brings for the first time, and stop where there are too many."""
        met = session.progress.skipped_images
        names = b"".join(batch["skipped"].numpy()).decode().splitlines()
        for name in names:
            if name not in self._named:
                session.log(f"skipped `{name}`: it cannot be read, or is not of the size that it was")
            self._named.add(name)
            met[name] = met.get(name, 0) + 1
        # One image alone does not end a run on few, unless none is to be skipped.
        if names and len(met) > (max(1, self._share * self._images) if self._share else 0):
            shown = ", ".join(list(met)[:SHOWN_IMAGES]) + (", ..." if len(met) > SHOWN_IMAGES else "")
            self._too_many = (
                f"{len(met)} of {self._images} images cannot be read any more ({shown}): put them back (the run is "
                f"saved at step {session.step} and resumes), or raise `data.max_skipped_share`, which is {self._share}."
            )
            met.clear()
            self._checkpoints.draw_anew()
            session.stop = True

    def on_train_end(self, session: "Session") -> None:
        """Log how many there were."""
        if met := session.progress.skipped_images:
            session.log(f"skipped {len(met)} images that cannot be read, {sum(met.values())} times in all")

    def check(self) -> None:
        """Raise TrainingStopped where training was stopped by them."""
        if self._too_many:
            raise TrainingStopped(self._too_many)


class SaveCheckpoints(Callback):
    """Saves everything that training resumes from; the last of all callbacks, for a checkpoint marks a step as done."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def on_checkpoint(self, session: "Session") -> None:
        """Save."""
        self._checkpoints.save()
