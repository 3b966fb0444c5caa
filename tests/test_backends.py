"""Models and losses run, and can be trained, on a Keras backend other than TensorFlow."""

import importlib.util
import os
import subprocess
import sys
import textwrap

import pytest

CODE = """
    import jax
    import numpy as np
    from esrgan_tf import losses
    from esrgan_tf.models import build_generator
    from esrgan_tf.models.discriminators import vgg_discriminator
    from esrgan_tf.models.features import vgg19_features
    from esrgan_tf.recipes import DiscriminatorConfig, GeneratorConfig

    def values(variables):
        return [variable.value for variable in variables]

    hr = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")
    generator = build_generator(GeneratorConfig(blocks=1, features=4, growth=2), "t", "mixed_bfloat16")
    discriminator = vgg_discriminator(DiscriminatorConfig(features=2, dense_units=4), 32)
    features = vgg19_features("block1_conv2", weights="random")

    def loss(weights):
        sr, _ = generator.stateless_call(weights, values(generator.non_trainable_variables), hr[:, ::4, ::4])
        trained, state = values(discriminator.trainable_variables), values(discriminator.non_trainable_variables)
        real, fake = (discriminator.stateless_call(trained, state, x, training=True)[0] for x in (hr, sr))
        return (
            losses.l1_loss(sr, hr)
            + losses.perceptual_loss(features, sr, hr)
            + losses.relativistic_generator_loss(real, fake)
            + losses.relativistic_discriminator_loss(real, fake)
        )

    value, gradients = jax.value_and_grad(loss)(values(generator.trainable_variables))
    print(float(value), all(float(abs(gradient).max()) > 0 for gradient in gradients))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_models_and_losses_train_on_jax():
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CODE)], capture_output=True, text=True, env=environment, check=True
    )
    value, every_weight_has_a_gradient = done.stdout.split()
    assert 0 < float(value) < 100
    assert every_weight_has_a_gradient == "True"
