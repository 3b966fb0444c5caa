"""Models and losses give on JAX, another Keras backend, what they give on TensorFlow, and can be trained there."""

import importlib.util
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from support import backend_values
from support.paths import ROOT, TESTS

from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.steps import make_train_step


@pytest.fixture(scope="module")
def jax_values(tmp_path_factory):
    """What `backend_values` gives on JAX, by name."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    file = tmp_path_factory.mktemp("jax") / "values.npz"
    folders = [str(TESTS), str(ROOT), str(ROOT / "benchmarks"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(folders)}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiled in a third of the time, and run once
    script = TESTS / "support" / "backend_values.py"
    subprocess.run([sys.executable, str(script), str(file)], env=environment, check=True)
    with np.load(file) as values:
        return dict(values)


def test_images_and_losses_on_jax_are_those_on_tensorflow(jax_values):
    expected = backend_values.outputs()
    assert len(expected) == 10 + 3 + 6 + 2 + 2
    for name, value in expected.items():
        assert np.ptp(value) > 0 or value.ndim == 0, name
        np.testing.assert_allclose(jax_values[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", backend_values.TRAINED)
def test_loss_and_gradients_on_jax_are_those_on_tensorflow(jax_values, name):
    """In bfloat16, whose steps are 2^-8."""
    loss, weights = backend_values.training_loss(name)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = loss(weights)
    assert jax_values[f"loss of {name}"] == pytest.approx(float(value), rel=1e-2)
    found = [jax_values[key] for key in sorted(jax_values) if key.startswith(f"gradient {name} ")]
    assert all(abs(gradient).max() > 0 for gradient in found)
    # As one vector: a bias before BatchNorm has a gradient of rounding noise alone.
    expected = np.concatenate([gradient.numpy().ravel() for gradient in tape.gradient(value, weights)])
    error = np.linalg.norm(np.concatenate([gradient.ravel() for gradient in found]) - expected)
    assert error < 0.1 * np.linalg.norm(expected)


def test_training_steps_on_jax_are_those_on_tensorflow(jax_values):
    """Those that `benchmarks/train_on_jax.py` takes."""
    recipe, strategy = backend_values.GAN, make_strategy("cpu")
    networks = build_networks(recipe, recipe.gan, "float32", strategy)
    terms = build_terms(recipe, recipe.gan, networks, "float32", strategy)
    for model in (networks.generator, *(term.trainee.model for term in terms if term.trainee)):
        backend_values.draw_weights(model)
    step = make_train_step(networks, terms, strategy)
    hr, lr = (tf.constant((255 * images).round().astype("uint8")) for images in (backend_values.HR, backend_values.LR))
    for number in range(backend_values.STEPS):
        values = {name: float(value) for name, value in step(hr, lr).items()}
        assert set(values) == {"pixel", "perceptual", "ldl", "adversarial", "discriminator", "logit_margin"}
        for name, value in values.items():
            assert jax_values[f"step {number} {name}"] == pytest.approx(value, rel=5e-3, abs=1e-5), (number, name)
    networks.update_evaluated()
    for index, weight in enumerate(networks.evaluated.get_weights()):
        np.testing.assert_allclose(jax_values[f"trained {index:02}"], weight, atol=1e-6)


def test_crops_on_jax_are_all_windows_in_all_positions_and_colours(jax_values):
    hr, lr = (np.round(255 * jax_values[f"crops of {kind}"]) for kind in ("hr", "lr"))
    np.testing.assert_array_equal(hr, lr.repeat(2, 1).repeat(2, 2))
    images = [jax_values["image 0"], jax_values["image 1"]]
    windows = [images[0][:, left : left + 8] for left in range(2)] + [images[1][top : top + 8] for top in range(4)]
    seen = set()
    for crop in lr:
        found = [
            (number, flipped, turns, order)
            for number, window in enumerate(windows)
            for flipped in (False, True)
            for turns in range(4)
            for order in itertools.permutations(range(3))
            if np.array_equal(np.rot90(window[:, ::-1] if flipped else window, turns)[..., order], crop)
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert [len({place[axis] for place in seen}) for axis in range(4)] == [6, 2, 4, 6]
