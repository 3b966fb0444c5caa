"""The training step in parts: less memory, the same step.

A batch's images meet in two places. A relativistic loss compares each logit with the mean of all of them: the logits
of all parts are computed first, and the loss's gradient by them; then each part is computed again and continues from
that gradient (as in GradCache, arXiv:2101.06983). BatchNorm normalizes each part by the part's own statistics, which is
the one difference from the whole batch.
"""

import tensorflow as tf

from esrgan_tf.training.distribution import replica_part
from esrgan_tf.training.networks import Networks
from esrgan_tf.training.record import StepRecord
from esrgan_tf.training.steps import (
    Found,
    StepParts,
    TrainStep,
    assign_all,
    forward_and_backward,
    make_record,
    to_01,
)
from esrgan_tf.training.terms import Coupling, Images, Term


def make_accumulating_step(
    networks: Networks,
    terms: tuple[Term, ...],
    strategy: tf.distribute.Strategy,
    clip_norm: float | None = None,
    record: StepRecord | None = None,
    accumulate: int = 2,
) -> TrainStep:
    """Make the function that trains on one batch, of which each replica computes its images in equal parts.

    As `steps.make_train_step`, but for:

    Args:
        networks: see there.
        terms: see there; those that are no mean over images must be `coupled`.
        strategy: see there.
        clip_norm: see there.
        record: see there.
        accumulate: number of parts.
    """
    # Several functions, not a loop in one: a strategy's collectives cannot stand inside of TensorFlow's loops.
    parts = StepParts(networks, terms, strategy, clip_norm, record or make_record(networks, terms))
    return _AccumulatingStep(parts, accumulate)


class _AccumulatingStep:
    """Trains on one batch in parts."""

    def __init__(self, parts: StepParts, count: int):
        self._parts, self._count = parts, count
        self._coupled = [term for term in parts.terms if term.coupled]
        function = tf.function(autograph=False)
        self._begin, self._outputs, self._couple, self._add, self._conclude = map(
            function, (self._begin, self._outputs, self._couple, self._add, self._conclude)
        )

    def __call__(self, hr: tf.Tensor, lr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Train on one batch; see `make_train_step`."""
        before, total, after = self._begin()
        couplings = [{}] * self._count
        indices = [tf.constant(index) for index in range(self._count)]
        if self._coupled:
            couplings = self._couple([self._outputs(hr, lr, index, before) for index in indices])
        for index, coupling in zip(indices, couplings, strict=True):
            total, after = self._add(total, after, hr, lr, index, before, coupling)
        return self._conclude(total, before, after, hr, lr)

    def _begin(self):
        """(the state before, nothing found yet on each replica, a state of zeros)."""
        before = [variable.read_value() for variable in self._parts.state()]
        return before, self._parts.strategy.run(self._nothing), [tf.zeros_like(value) for value in before]

    def _nothing(self) -> Found:
        """Values and gradients of zero, on one replica."""
        names = [name for term in self._parts.terms for name in term.reports]
        models = [trainee.model for trainee in self._parts.trainees]
        zeros = [[tf.zeros(variable.shape, variable.dtype) for variable in m.trainable_variables] for m in models]
        return {name: tf.zeros([]) for name in names}, zeros

    def _outputs(self, hr: tf.Tensor, lr: tf.Tensor, index: tf.Tensor, before: list[tf.Tensor]):
        """What the coupled terms' networks make of one part, from the state before; on each replica."""
        assign_all(self._parts.state(), before)

        def outputs(hr: tf.Tensor, lr: tf.Tensor) -> dict[str, tuple[tf.Tensor, ...]]:
            hr, lr = self._part(hr, lr, index)
            images = Images(lr, hr, self._parts.networks.generate(lr))
            return {term.name: term.outputs(images) for term in self._coupled}

        return self._parts.strategy.run(outputs, args=(hr, lr))

    def _couple(self, outputs: list[dict[str, tuple[tf.Tensor, ...]]]) -> list[dict[str, Coupling]]:
        """The couplings of each part, on each replica."""

        def couple(outputs: list[dict[str, tuple[tf.Tensor, ...]]]) -> list[dict[str, Coupling]]:
            by_term = {term.name: term.couple([part[term.name] for part in outputs]) for term in self._coupled}
            return [{name: parts[index] for name, parts in by_term.items()} for index in range(self._count)]

        return self._parts.strategy.run(couple, args=(outputs,))

    def _add(self, total, after, hr: tf.Tensor, lr: tf.Tensor, index: tf.Tensor, before, couplings):
        """What is found so far, with one part's; the state likewise: its mean over the parts."""
        state = self._parts.state()
        assign_all(state, before)

        def add(total: Found, hr: tf.Tensor, lr: tf.Tensor, couplings: dict[str, Coupling]) -> Found:
            hr, lr = self._part(hr, lr, index)
            found = forward_and_backward(self._parts.networks, self._parts.terms, hr, lr, couplings)
            return tf.nest.map_structure(lambda old, new: old + new / self._count, total, found)

        total = self._parts.strategy.run(add, args=(total, hr, lr, couplings))
        return total, [old + variable.read_value() / self._count for old, variable in zip(after, state, strict=True)]

    def _conclude(self, total, before, after, hr: tf.Tensor, lr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Apply what was found."""
        assign_all(self._parts.state(), after)
        # A function's arguments are on no device, by which a strategy knows where to sum.
        total = self._parts.strategy.run(lambda found: tf.nest.map_structure(tf.identity, found), args=(total,))
        return self._parts.conclude(total, before, hr, lr)

    def _part(self, hr: tf.Tensor, lr: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """One part of a replica's images, in 0..1."""
        own = [replica_part(batch) for batch in (hr, lr)]
        return tuple(to_01(tf.reshape(batch, [self._count, -1, *batch.shape[1:]])[index]) for batch in own)
