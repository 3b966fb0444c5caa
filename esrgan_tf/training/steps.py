"""One training step of either stage, under a tf.distribute strategy: generator, loss terms, gradients."""

from collections.abc import Callable

import tensorflow as tf

from esrgan_tf.training.distribution import replica_part
from esrgan_tf.training.networks import Networks, Trainee
from esrgan_tf.training.objective import reported_names
from esrgan_tf.training.record import StepRecord
from esrgan_tf.training.terms import Images, Term


def make_train_step(
    networks: Networks,
    terms: tuple[Term, ...],
    strategy: tf.distribute.Strategy,
    clip_norm: float | None = None,
    record: StepRecord | None = None,
) -> Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
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
        unweighted loss terms by name, float32 scalars, means over the whole batch.
    """
    trainees = _trainees(networks, terms)
    record = record or make_record(networks, terms)
    state = _replica_variables(trainees, terms, strategy)

    def gradients_of(hr: tf.Tensor, lr: tf.Tensor):
        hr, lr = (tf.cast(replica_part(batch), tf.float32) / 255 for batch in (hr, lr))
        return _forward_and_backward(networks, terms, hr, lr)

    def apply(gradients: list[list[tf.Tensor]]) -> None:
        for trainee, own in zip(trainees, gradients, strict=True):
            trainee.apply(own, clip_norm)

    @tf.function(autograph=False)
    def train_step(hr: tf.Tensor, lr: tf.Tensor) -> dict[str, tf.Tensor]:
        before = [variable.read_value() for variable in state]
        values, squares, gradients = strategy.run(gradients_of, args=(hr, lr))
        values = {name: strategy.reduce("mean", value, axis=None) for name, value in values.items()}
        norms = tf.sqrt([strategy.reduce("sum", square, axis=None) for square in squares])
        # A scaled gradient that overflows is the optimizer's to skip, with a smaller scale.
        checked = tf.where([trainee.is_scaled for trainee in trainees], 0.0, norms)
        is_finite = tf.math.is_finite(tf.concat([list(values.values()), checked], 0))
        finite = tf.reduce_all(is_finite)

        def train() -> None:
            strategy.run(apply, args=(gradients,))

        def skip() -> None:
            for variable, value in zip(state, before, strict=True):
                variable.assign(value)
            record.keep_batch(tf.argmin(tf.cast(is_finite, tf.int32)), hr, lr)

        tf.cond(finite, train, skip)
        record.add(tf.stack(list(values.values())), norms, finite)
        return values

    return train_step


def make_record(networks: Networks, terms: tuple[Term, ...]) -> StepRecord:
    """Make the record of a step's loss terms and gradients."""
    return StepRecord(reported_names(terms), tuple(trainee.name for trainee in _trainees(networks, terms)))


def _trainees(networks: Networks, terms: tuple[Term, ...]) -> list[Trainee]:
    """Every network that is trained, the generator first."""
    return [networks.trainee, *(term.trainee for term in terms if term.trainee)]


def _replica_variables(
    trainees: list[Trainee], terms: tuple[Term, ...], strategy: tf.distribute.Strategy
) -> list[tf.Variable]:
    """The variables that a forward pass itself changes, such as BatchNorm's statistics, each replica's own."""
    models = [*(trainee.model for trainee in trainees), *(model for term in terms for model in term.models)]
    variables = [variable for model in models if model.trainable for variable in model.non_trainable_variables]
    return [part for variable in variables for part in strategy.experimental_local_results(variable.value)]


def _forward_and_backward(networks: Networks, terms: tuple[Term, ...], hr: tf.Tensor, lr: tf.Tensor):
    """One replica's (values by name, squared norm of each trainee's gradients, those gradients); hr and lr in 0..1."""
    generator = networks.trainee
    with tf.GradientTape() as tape:
        sr = networks.generate(lr)
        results = [term.compute(Images(lr, hr, sr)) for term in terms]
        total = sum(term.weight * result.loss for term, result in zip(terms, results, strict=True))
        loss = generator.of_replica(total)
    gradients = [generator.gradients(tape, loss)] + [result.gradients() for result in results if result.gradients]
    values = {name: value for result in results for name, value in result.values.items()}
    squares = [2 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in own]) for own in gradients]
    return values, squares, gradients
