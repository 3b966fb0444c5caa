"""What training steps leave on the device until it is fetched: sums of loss terms, and steps that were not finite."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

NAMED = 8  # non-finite steps that a summary names, at most


@dataclass(frozen=True)
class NonFiniteStep:
    """A step that was skipped: how many steps before the fetch it was, and what was not finite."""

    steps_ago: int
    cause: str


@dataclass(frozen=True)
class StepSummary:
    """The last step's loss terms, and the steps since the last fetch whose loss or gradient was not finite."""

    terms: dict[str, float]
    gradient_norms: dict[str, float]
    in_a_row: int  # non-finite steps up to now
    finite_steps: int  # since the means were last taken
    skipped: int  # since the last fetch
    named: tuple[NonFiniteStep, ...]  # the first of those, and the last


class StepRecord:
    """Variables that a training step updates without the host waiting for any of them.

    They are one set, on one device, however many replicas train: a step updates them outside of the replicas.
    """

    def __init__(self, terms: tuple[str, ...] = (), networks: tuple[str, ...] = ()):
        """Start with nothing.

        Args:
            terms: names of the loss terms.
            networks: names of the networks that are trained.
        """
        self._terms, self._networks = terms, networks
        self._sums = _variable(np.zeros(len(terms)))
        self._last = _variable(np.zeros(len(terms) + len(networks), np.float32))
        # Finite steps since the means were taken; then non-finite ones in a row, and since the last fetch: all, bad.
        self._counts = _variable(np.zeros(4, np.int64))
        self._named = _variable(np.zeros((NAMED, 2), np.int64))
        with tf.device("CPU:0"):  # a copy of the last batch that was skipped
            nothing = np.zeros((0, 0, 0, 3), np.uint8)
            self._hr, self._lr = (_variable(nothing, shape=[None, None, None, 3]) for _ in range(2))

    def add(self, values: tf.Tensor, norms: tf.Tensor, finite: tf.Tensor) -> None:
        """Count a step, outside of the replicas.

        Args:
            values: of the terms, float32 [terms].
            norms: of the gradients, float32 [networks].
            finite: scalar bool.
        """
        self._last.assign(tf.concat([values, norms], 0))
        self._sums.assign_add(tf.where(finite, tf.cast(values, tf.float64), tf.zeros([], tf.float64)))
        good = tf.cast(finite, tf.int64)
        total, in_a_row, steps, bad = tf.unstack(tf.identity(self._counts))
        self._counts.assign(tf.stack([total + good, (1 - good) * (in_a_row + 1), steps + 1, bad + 1 - good]))

    def keep_batch(self, cause: tf.Tensor, hr: tf.Tensor, lr: tf.Tensor) -> None:
        """Remember a step that is skipped, before `add` counts it.

        Args:
            cause: index of what is not finite, among terms and then networks; int64.
            hr: uint8 [batch, height, width, 3].
            lr: likewise.
        """
        _, _, steps, bad = tf.unstack(tf.identity(self._counts))
        place = tf.minimum(bad, NAMED - 1)
        self._named.scatter_nd_update([[place]], [tf.stack([steps, cause])])
        self._hr.assign(hr)
        self._lr.assign(lr)

    def fetch(self) -> StepSummary:
        """What has happened since this was last called; waits for the device."""
        finite, in_a_row, steps, bad = (int(count) for count in self._counts.numpy())
        last = [float(value) for value in self._last.numpy()]
        causes = [*self._terms, *(f"gradient of the {name}" for name in self._networks)]
        named = self._named.numpy()[: min(bad, NAMED)]
        self._counts.assign([finite, in_a_row, 0, 0])
        return StepSummary(
            dict(zip(self._terms, last, strict=False)),
            dict(zip(self._networks, last[len(self._terms) :], strict=True)),
            in_a_row,
            finite,
            bad,
            tuple(NonFiniteStep(steps - 1 - int(index), causes[cause]) for index, cause in named),
        )

    def take_means(self) -> dict[str, float]:
        """Mean of every term over the finite steps since this was last called."""
        count, in_a_row = (int(count) for count in self._counts.numpy()[:2])
        means = {
            name: float(total) / max(count, 1) for name, total in zip(self._terms, self._sums.numpy(), strict=True)
        }
        self.restore({}, 0, in_a_row)
        return means

    def offending_batch(self) -> tuple[np.ndarray, np.ndarray]:
        """(hr, lr) of the last step that was skipped, uint8 [batch, height, width, 3]."""
        return self._hr.numpy(), self._lr.numpy()

    def state(self) -> dict[str, dict[str, float] | int]:
        """What a checkpoint keeps: `sums`, `count` and `in_a_row`."""
        finite, in_a_row, _, _ = (int(count) for count in self._counts.numpy())
        sums = dict(zip(self._terms, map(float, self._sums.numpy()), strict=True)) if finite else {}
        return {"sums": sums, "count": finite, "in_a_row": in_a_row}

    def restore(self, sums: dict[str, float], count: int, in_a_row: int = 0) -> None:
        """Set what `state` gives; terms that are not in it start from 0."""
        self._sums.assign([sums.get(name, 0.0) for name in self._terms])
        self._counts.assign([count, in_a_row, 0, 0])


def _variable(value: np.ndarray, shape: list | None = None) -> tf.Variable:
    """A variable that is not trained."""
    return tf.Variable(value, trainable=False, shape=shape)
