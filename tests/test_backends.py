"""Models and losses run, and can be trained, on a Keras backend other than TensorFlow."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CODE = """
    import jax
    import numpy as np
    from esrgan_tf import losses
    from esrgan_tf.models import build_discriminator, build_generator
    from esrgan_tf.models.features import vgg_features
    from tiny import narrowed

    def values(variables):
        return [variable.value for variable in variables]

    hr = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")
    features = vgg_features(["conv1_1", "conv1_2"], weights="random")

    def trained(name):
        # The loss of one step of a recipe at toy width, and whether every weight of the generator feels it.
        recipe = narrowed(name, 1)
        generator = build_generator(recipe.generator, name, "mixed_bfloat16")
        discriminator = build_discriminator(recipe.discriminator, 32)
        generator_loss, discriminator_loss = losses.ADVERSARIAL_LOSSES[recipe.gan.adversarial_loss]

        def loss(weights):
            state = values(generator.non_trainable_variables)
            sr, _ = generator.stateless_call(weights, state, hr[:, ::2, ::2], training=True)
            trained, state = values(discriminator.trainable_variables), values(discriminator.non_trainable_variables)
            real, fake = (discriminator.stateless_call(trained, state, x, training=True)[0] for x in (hr, sr))
            return (
                losses.PIXEL_LOSSES[recipe.psnr.pixel_loss](sr, hr)
                + losses.perceptual_loss(features, {"conv1_1": 0.1, "conv1_2": 1.0}, sr, hr)
                + generator_loss(real, fake)
                + discriminator_loss(real, fake)
            )

        value, gradients = jax.jit(jax.value_and_grad(loss))(values(generator.trainable_variables))
        return float(value), all(float(abs(gradient).max()) > 0 for gradient in gradients)

    for name in ("esrgan", "srgan", "srvgg"):
        print(*trained(name))
    for name in ("msrresnet", "edsr", "rcan", "srcnn", "span"):
        generator = build_generator(narrowed(name, 1).generator, name)
        print(float(abs(generator(hr)).mean()), generator(hr).shape == (2, 64, 64, 3))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_models_and_losses_train_on_jax():
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiled in a third of the time, and run once
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CODE)], capture_output=True, text=True, env=environment, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 8
    for value, every_weight_has_a_gradient_or_the_shape_is_right in rows:
        assert 0 < float(value) < 100
        assert every_weight_has_a_gradient_or_the_shape_is_right == "True"


TERMS = """
    import numpy as np
    from keras import ops
    from esrgan_tf.losses import ldl_loss
    from esrgan_tf.models.distilled_features import distilled_vgg19_features
    from esrgan_tf.ms_ssim import ms_ssim_loss

    sr, reference, hr = np.random.default_rng(0).uniform(size=(3, 1, 48, 48, 3)).astype("float32")
    features = distilled_vgg19_features(["conv1_1", "conv5_1"])(sr).values()
    values = [ms_ssim_loss(sr, hr, 3), ldl_loss(sr, reference, hr), *(ops.mean(ops.abs(x)) for x in features)]
    values = [float(value) for value in values]
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_distilled_features_ms_ssim_and_ldl_have_the_same_values_on_jax():
    code = textwrap.dedent(TERMS)
    here = {}
    exec(code, here)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", f"{code}print(*values)"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert [float(value) for value in done.stdout.split()] == pytest.approx(here["values"], rel=1e-4)
    assert all(value > 0 for value in here["values"])
