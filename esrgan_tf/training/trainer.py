"""The trainer of either stage: it knows when to call whom."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tensorflow as tf

from esrgan_tf.errors import TrainingStopped, first_line
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.checkpoints import Checkpoints
from esrgan_tf.training.cluster import StopAgreement
from esrgan_tf.training.interrupts import Interrupted, stop_request
from esrgan_tf.training.nonfinite import NonFinitePolicy
from esrgan_tf.training.session import Session
from esrgan_tf.training.steps import TrainStep
from esrgan_tf.training.validation import Validator


class Trainer:
    """Trains one stage from where its progress stands to its last step."""

    def __init__(
        self,
        session: Session,
        train_step: TrainStep,
        validator: Validator,
        checkpoints: Checkpoints,
        callbacks: Sequence[Callback],
        strategy: tf.distribute.Strategy,
    ):
        self._session, self._train_step, self._validator = session, train_step, validator
        self._checkpoints, self._callbacks = checkpoints, callbacks
        self._agreed = StopAgreement(strategy)
        self._policy = NonFinitePolicy(session, checkpoints)

    def run(self) -> None:
        """Train to the end.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; everything is saved.
            TrainingStopped: losses stay not finite, the memory or the disk is full, or no image can be read.
        """
        session = self._session
        try:
            self._call("on_train_begin")
            with stop_request() as requested:
                while session.step < session.stage.steps:
                    self._step()
                    interrupted, stopped = self._agreed(requested(), session.stop)
                    if interrupted or stopped:
                        self._policy.report(session.progress.record.fetch())
                        self._call("on_checkpoint")
                        if stopped:
                            break
                        raise Interrupted(f"stopped and saved at step {session.step} of {session.stage.steps}")
        finally:
            self._call("on_train_end")

    def _step(self) -> None:
        """One step, and what is due after it."""
        session = self._session
        with _memory_named(session.step + 1):
            self._call("on_step_begin")
            batch = self._next_batch()
            terms = self._train_step(batch["hr"], batch["lr"])
            session.progress.step += 1
            self._call("on_step_end", batch, terms)
            validates = session.step % session.stage.validate_every == 0 or session.step == session.stage.steps
            if validates or session.step % session.stage.log_every == 0:
                summary = session.progress.record.fetch()
                self._call("on_log", summary)
                if self._policy.sets_back(summary, validates):
                    self._call("on_rollback")
                    return
        if validates:
            self._validate()

    def _validate(self) -> None:
        """Validate, report, then save: a checkpoint marks the step as done."""
        networks, progress = self._session.networks, self._session.progress
        networks.update_evaluated()
        validation = self._validator()
        scalars = {"learning_rate": networks.learning_rate}
        scalars |= {f"train/{name}": value for name, value in progress.record.take_means().items()}
        scalars |= {f"validation/{name}": value for name, value in validation.metrics.items()}
        self._call("on_validation_end", validation, scalars)
        self._call("on_checkpoint")
        self._policy.saved()

    def _next_batch(self) -> dict[str, tf.Tensor]:
        """The next batch, as long as there are images that can be read."""
        try:
            return self._checkpoints.next_batch()
        except StopIteration as error:
            raise TrainingStopped("`data` gives no more batches: it holds no image.") from error
        except tf.errors.InvalidArgumentError as error:
            raise TrainingStopped(f"`data` gives no more batches: {first_line(error)}") from error

    def _call(self, event: str, *arguments) -> None:
        """Call every callback's method of that name."""
        for callback in self._callbacks:
            getattr(callback, event)(self._session, *arguments)


@contextmanager
def _memory_named(step: int) -> Iterator[None]:
    """Turn a lack of memory, which may show only where the device is waited for, into one line."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise TrainingStopped(
            f"out of memory at step {step} ({first_line(error)}): use `remat=true` (the run resumes), or lower "
            "`batch_size` or `hr_patch` in a new `workdir`."
        ) from error
