"""Adam with one operation a variable."""

import keras
import tensorflow as tf
from keras import ops


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam by TensorFlow's own kernel: the same function, state and checkpoints.

    Keras writes the update out in about thirty operations a variable, bias correction included, which TensorFlow then
    traces, optimizes and places: with 702 variables they are most of the training step's graph.
    """

    def _backend_update_step(self, grads, trainable_variables, learning_rate) -> None:
        """Correct the bias once for all variables: `update_step` gets the corrected learning rate."""
        step = ops.cast(self.iterations + 1, "float32")
        correction = ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        super()._backend_update_step(grads, trainable_variables, learning_rate * correction)

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Update one variable, on one device."""
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=0.0,  # the bias is corrected
            beta2_power=0.0,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
