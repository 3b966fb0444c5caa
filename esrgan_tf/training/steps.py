"""One training step of either stage, under a tf.distribute strategy: generator, loss terms, gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from esrgan_tf.training.distribution import replica_part
from esrgan_tf.training.networks import Networks, Trainee
from esrgan_tf.training.objective import reported_names
from esrgan_tf.training.record import StepRecord
from esrgan_tf.training.terms import Coupling, Images, Term

TrainStep = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
# One replica's (values by name, gradients of each trainee in turn).
Found = tuple[dict[str, tf.Tensor], list[list[tf.Tensor]]]


@dataclass(frozen=True)
class StepParts:
    """What a step is made of, and its beginning and end, which are called outside of the replicas.

    Args:
        networks: built under `strategy`.
        terms: what is minimised, built likewise.
        strategy: whose replicas share each batch evenly.
        clip_norm: of each network's gradients; see `apply_gradients`.
        record: of the steps.
    """

    networks: Networks
    terms: tuple[Term, ...]
    strategy: tf.distribute.Strategy
    clip_norm: float | None
    record: StepRecord

    @property
    def trainees(self) -> list[Trainee]:
        """Every network that is trained, the generator first."""
        return _trainees(self.networks, self.terms)

    def state(self) -> list[tf.Variable]:
        """The variables that a forward pass itself changes, such as BatchNorm's statistics, each replica's own."""
        models = [*(trainee.model for trainee in self.trainees), *(m for term in self.terms for m in term.models)]
        variables = [variable for model in models if model.trainable for variable in model.non_trainable_variables]
        return [part for variable in variables for part in self.strategy.experimental_local_results(variable.value)]

    def conclude(self, found: Found, before: list[tf.Tensor], hr: tf.Tensor, lr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Apply what the replicas found, or go back to `before` where it is not finite; record it, return its terms."""
        values, gradients = found
        strategy = self.strategy
        values = {name: strategy.reduce("mean", values[name], axis=None) for name in reported_names(self.terms)}
        squares = strategy.run(_squared_norms, args=(gradients,))
        norms = tf.sqrt([strategy.reduce("sum", square, axis=None) for square in squares])
        # A scaled gradient that overflows is the optimizer's to skip, with a smaller scale.
        checked = tf.where([trainee.is_scaled for trainee in self.trainees], 0.0, norms)
        is_finite = tf.math.is_finite(tf.concat([list(values.values()), checked], 0))
        finite = tf.reduce_all(is_finite)

        def train() -> None:
            strategy.run(self._apply, args=(gradients,))

        def skip() -> None:
            assign_all(self.state(), before)
            self.record.keep_batch(tf.argmin(tf.cast(is_finite, tf.int32)), hr, lr)

        tf.cond(finite, train, skip)
        self.record.add(tf.stack(list(values.values())), norms, finite)
        return values

    def _apply(self, gradients: list[list[tf.Tensor]]) -> None:
        """Apply one replica's gradients, in its context."""
        for trainee, own in zip(self.trainees, gradients, strict=True):
            trainee.apply(own, self.clip_norm)


def make_train_step(
    networks: Networks,
    terms: tuple[Term, ...],
    strategy: tf.distribute.Strategy,
    clip_norm: float | None = None,
    record: StepRecord | None = None,
) -> TrainStep:
    """Make the function that trains on one batch.

    Where a loss term, or a gradient that is not scaled for float16, is not finite on any replica, the step changes no
    variable of a network or an optimizer, and no sum of loss terms; it is counted in `record`.

    Args:
        networks: built under `strategy`.
        terms: what is minimised, built likewise.
        strategy: whose replicas share each batch evenly.
        clip_norm: of each network's gradients; see `apply_gradients`.
        record: of the steps, see `make_record`; `None` for one that nobody reads.

    Returns:
        tf.function (hr uint8 [batch, patch, patch, 3], lr uint8 [batch, patch / scale, patch / scale, 3]) -> the
        unweighted loss terms by name, float32 scalars, means over the whole batch. Of several workers, each gives
        its part of the batch.
    """
    parts = StepParts(networks, terms, strategy, clip_norm, record or make_record(networks, terms))

    def find(hr: tf.Tensor, lr: tf.Tensor) -> Found:
        return forward_and_backward(networks, terms, *(to_01(replica_part(batch)) for batch in (hr, lr)))

    @tf.function(autograph=False)
    def train_step(hr: tf.Tensor, lr: tf.Tensor) -> dict[str, tf.Tensor]:
        before = [variable.read_value() for variable in parts.state()]
        return parts.conclude(strategy.run(find, args=(hr, lr)), before, hr, lr)

    return train_step


def make_record(networks: Networks, terms: tuple[Term, ...]) -> StepRecord:
    """Make the record of a step's loss terms and gradients."""
    return StepRecord(reported_names(terms), tuple(trainee.name for trainee in _trainees(networks, terms)))


def forward_and_backward(
    networks: Networks,
    terms: tuple[Term, ...],
    hr: tf.Tensor,
    lr: tf.Tensor,
    couplings: dict[str, Coupling] | None = None,
) -> Found:
    """Generate, and differentiate every loss; in a replica's context.

    Args:
        networks: of the generator.
        terms: what is minimised.
        hr: float32 [n, patch, patch, 3] in 0..1.
        lr: likewise [n, patch / scale, patch / scale, 3].
        couplings: of terms by their names, where the images are a part of a larger batch.
    """
    generator, couplings = networks.trainee, couplings or {}
    with tf.GradientTape() as tape:
        images = Images(lr, hr, networks.generate(lr))
        results = [
            term.compute(images, couplings[term.name]) if term.name in couplings else term.compute(images)
            for term in terms
        ]
        total = sum(term.weight * result.loss for term, result in zip(terms, results, strict=True))
        loss = generator.of_replica(total)
    gradients = [generator.gradients(tape, loss)] + [result.gradients() for result in results if result.gradients]
    return {name: value for result in results for name, value in result.values.items()}, gradients


def to_01(batch: tf.Tensor) -> tf.Tensor:
    """Images, uint8 -> float32 in 0..1."""
    return tf.cast(batch, tf.float32) / 255


def assign_all(variables: list[tf.Variable], values: list[tf.Tensor]) -> None:
    """Set variables, one value each."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _trainees(networks: Networks, terms: tuple[Term, ...]) -> list[Trainee]:
    """Every network that is trained, the generator first."""
    return [networks.trainee, *(term.trainee for term in terms if term.trainee)]


def _squared_norms(gradients: list[list[tf.Tensor]]) -> list[tf.Tensor]:
    """Squared norm of each trainee's gradients, on one replica."""
    return [2 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in own]) for own in gradients]
