"""What training does about steps whose loss or gradient is not finite: skip, go back to a checkpoint, stop.

The step itself skips (see `steps`). Here the skipped ones are named, and where there are too many in a row training
goes back to its last checkpoint with other data, and at last stops with a report.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import TrainingStopped
from esrgan_tf.image.io import to_float
from esrgan_tf.image.panels import side_by_side, stack_rows, upscale_nearest
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.record import StepSummary
from esrgan_tf.training.session import Session

SHOWN_PAIRS = 16  # of the offending batch, in the PNG; the NPZ has all


class NonFinitePolicy:
    """Decides after each fetch whether training continues, goes back or stops."""

    def __init__(self, session: Session, checkpoints: Checkpoints):
        self._session, self._checkpoints = session, checkpoints
        self._in_a_row, self._max_returns = session.stage.max_nonfinite_steps, session.stage.max_rollbacks
        self._returns = 0  # since the last checkpoint that was saved

    def report(self, summary: StepSummary) -> None:
        """Log and count the steps that were skipped since the last fetch."""
        if not summary.skipped:
            return
        session = self._session
        session.progress.skipped_steps += summary.skipped
        named = [f"{session.step - skipped.steps_ago} ({skipped.cause})" for skipped in summary.named]
        omitted = ["..."] if summary.skipped > len(named) else []
        session.log(
            f"skipped {summary.skipped} steps, whose loss or gradient was not finite: "
            f"{', '.join([*named[:-1], *omitted, named[-1]])}"
        )

    def sets_back(self, summary: StepSummary, validates: bool) -> bool:
        """Report, and set training back where too many steps in a row were skipped.

        Args:
            summary: just fetched.
            validates: whether a validation is due: it needs a step that was applied since the one before.

        Returns:
            Whether training stands at its last checkpoint again.

        Raises:
            TrainingStopped: going back has not helped, or there is nothing to go back to.
        """
        self.report(summary)
        session = self._session
        hopeless = validates and summary.in_a_row and not summary.finite_steps
        if summary.in_a_row < self._in_a_row and not hopeless:
            return False
        step, cause = session.step, summary.named[-1].cause
        if self._returns >= self._max_returns or not self._checkpoints.roll_back():
            self._stop(step, cause, summary)
        self._returns += 1
        session.log(
            f"{summary.in_a_row} steps in a row were skipped: back from step {step} to the checkpoint of step "
            f"{session.step}, with other data (return {self._returns} of {self._max_returns})"
        )
        return True

    def saved(self) -> None:
        """Count anew: training has come as far as a new checkpoint."""
        self._returns = 0

    def _stop(self, step: int, cause: str, summary: StepSummary) -> None:
        """Leave a report, and raise."""
        first = step - summary.in_a_row + 1
        stem = self._session.folder.nonfinite / f"step_{step:07d}"
        if self._session.worker.is_chief:
            self._write_batch(stem)
            self._write_report(stem, step, cause, summary)
        value = (summary.terms | {f"gradient of the {name}": norm for name, norm in summary.gradient_norms.items()})[
            cause
        ]
        what = f"`{cause}`" if cause.startswith("gradient") else f"loss term `{cause}`"
        raise TrainingStopped(
            f"{what} is {value} at step {first}, and nothing was finite up to step {step} ({stem}.json, .png and .npz "
            "have the report and the batch): lower `learning_rate` (the run resumes from its last checkpoint, if "
            "there is one), or use `precision=float32` in a new `workdir`."
        )

    def _write_batch(self, stem: Path) -> None:
        """Write the offending batch, of several workers the chief's part of it, as numbers and as an image."""
        hr, lr = self._session.progress.record.offending_batch()
        scale = self._session.recipe.generator.scale
        with replacing(stem.with_suffix(".npz")) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, hr=hr, lr=lr)
        pairs = [
            side_by_side([("LR", upscale_nearest(to_float(small), scale)), ("HR", to_float(large))])
            for large, small in zip(hr[:SHOWN_PAIRS], lr, strict=False)
        ]
        with replacing(stem.with_suffix(".png")) as temporary:
            Image.fromarray(stack_rows(pairs)).save(temporary)

    def _write_report(self, stem: Path, step: int, cause: str, summary: StepSummary) -> None:
        """Write what is known of the step."""
        report = {
            "step": step,
            "in_a_row": summary.in_a_row,
            "cause": cause,
            "learning_rate": self._session.networks.learning_rate,
            "loss_terms": summary.terms,
            "gradient_norms": summary.gradient_norms,
        }
        with replacing(stem.with_suffix(".json")) as temporary, open(temporary, "w") as file:
            json.dump({key: _as_json(value) for key, value in report.items()}, file, indent=2)


def _as_json(value):
    """A value of the report; numbers that JSON has not are text."""
    if isinstance(value, dict):
        return {name: _as_json(number) for name, number in value.items()}
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)
