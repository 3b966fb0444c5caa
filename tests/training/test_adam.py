"""FusedAdam is Keras' Adam: the same steps, the same state."""

import keras
import numpy as np
import tensorflow as tf

from esrgan_tf.training.adam import FusedAdam

SHAPES = ((3, 3, 4, 5), (5,))
STEPS = 30


def after_steps(kind):
    """Variables of the network and of the optimizer after steps on random gradients, from 1e-9 to 1."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in SHAPES]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([10], [1e-2, 1e-3])
    optimizer = kind(schedule, beta_1=0.8, beta_2=0.99, epsilon=1e-6, use_ema=True, ema_momentum=0.9)
    optimizer.build(variables)
    step = tf.function(lambda gradients: optimizer.apply(gradients, variables))
    for _ in range(STEPS):
        scale = 10.0 ** rng.uniform(-9, 0)
        step([tf.constant(rng.normal(0, scale, size=shape).astype(np.float32)) for shape in SHAPES])
    operations = step.get_concrete_function([tf.zeros(shape) for shape in SHAPES]).graph.get_operations()
    return variables, optimizer.variables, len(operations)


def test_steps_and_state_are_those_of_keras():
    own, own_state, own_operations = after_steps(FusedAdam)
    wanted, wanted_state, operations = after_steps(keras.optimizers.Adam)
    for variables, wanted_ones in ((own, wanted), (own_state, wanted_state)):
        for variable, other in zip(variables, wanted_ones, strict=True):
            np.testing.assert_allclose(np.array(variable), np.array(other), rtol=2e-5, atol=1e-7)
    assert own_operations < 0.7 * operations
