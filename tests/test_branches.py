"""Convolutions in branches: one convolution to the border, with the branches' own gradients, wherever they are kept."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from esrgan_tf.exporting.graphs import upscale_function
from esrgan_tf.exporting.rewriting import fuse_branches
from esrgan_tf.models import build_generator
from esrgan_tf.models.branches import BranchedConv2D
from esrgan_tf.recipes.generators import EDSRConfig, SPANConfig
from esrgan_tf.weights.generators import load_generator, save_generator
from esrgan_tf.weights.interpolation import interpolate

X = np.random.default_rng(0).normal(size=(2, 7, 9, 5)).astype(np.float32)
IMAGES = np.random.default_rng(0).uniform(size=(2, 7, 9, 3)).astype(np.float32)
CONFIG = SPANConfig(scale=2, blocks=2, features=4, branches=2)


def branched(dtype="float32"):
    keras.utils.set_random_seed(1)
    layer = BranchedConv2D(6, 2, dtype=dtype)
    layer.build(X.shape)
    return layer


def one_by_one(layer, x):
    """The branches as the paper draws them: padding, 1x1, 3x3, 1x1; and 1x1 beside them."""
    padded = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    for branch in ("expand", "spatial", "project"):
        kernel, bias = getattr(layer, f"{branch}_kernel"), getattr(layer, f"{branch}_bias")
        padded = ops.conv(padded, kernel, padding="valid") + bias
    return padded + ops.conv(x, layer.skip_kernel) + layer.skip_bias


def test_branches_are_one_convolution_to_the_border():
    layer = branched()
    expected = np.array(one_by_one(layer, X))
    assert expected.std() > 0.1
    np.testing.assert_allclose(layer(X), expected, rtol=0, atol=1e-5)
    plain = layers.Conv2D(6, 3, padding="same")
    plain.build(X.shape)
    plain.set_weights([np.array(value) for value in layer.fused()])
    np.testing.assert_allclose(plain(X), expected, rtol=0, atol=1e-5)


def test_branches_get_the_gradients_that_they_have_one_by_one():
    layer = branched()
    gradients = []
    for apply in (layer, lambda x: one_by_one(layer, x)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(apply(X) - X[..., :1]))
        gradients.append(tape.gradient(loss, layer.trainable_variables))
    for variable, got, expected in zip(layer.trainable_variables, *gradients, strict=True):
        assert np.abs(expected).max() > 1e-4, variable.path
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_branches_start_as_pytorchs_convolutions():
    layer = BranchedConv2D(64, 2)
    layer.build((None, None, None, 32))
    for branch, fan_in in (("expand", 32), ("spatial", 9 * 64), ("project", 128), ("skip", 32)):
        for kind in ("kernel", "bias"):
            values = getattr(layer, f"{branch}_{kind}").numpy()
            assert 0.8 * fan_in**-0.5 < np.abs(values).max() <= fan_in**-0.5


def test_half_precision_multiplies_the_branches_in_float32():
    half, full = branched("mixed_bfloat16"), branched()
    assert half(X).dtype == "bfloat16"
    np.testing.assert_array_equal(half.fused()[0], full.fused()[0])
    np.testing.assert_allclose(half(X), full(X), atol=0.02)


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
def test_a_fused_generator_is_the_plain_configurations_network(dtype):
    keras.utils.set_random_seed(1)
    model = build_generator(CONFIG, "tiny", dtype)
    fused = fuse_branches(model)
    plain = build_generator(SPANConfig(scale=2, blocks=2, features=4), "tiny")
    assert fused.name == model.name
    assert [v.path for v in fused.variables] == [v.path for v in plain.variables]
    assert not any(isinstance(layer, BranchedConv2D) for layer in fused.layers)
    exact = build_generator(CONFIG, "tiny")
    exact.set_weights(model.get_weights())
    expected = np.array(exact(IMAGES))
    np.testing.assert_allclose(fused(IMAGES), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_generator_without_branches_stays_itself():
    model = build_generator(EDSRConfig(scale=2, blocks=1, features=4), "tiny")
    assert fuse_branches(model) is model


def test_between_two_generators_in_branches_a_graph_gives_what_keras_gives():
    models = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        models.append(build_generator(CONFIG, "tiny"))
    expected = np.array(interpolate(*models, 0.5)(IMAGES))
    output = upscale_function(models)(tf.constant(IMAGES), tf.constant(0.5))
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected - models[1](IMAGES)).max() > 0.01 * np.abs(expected).max()


def test_a_generator_in_branches_is_read_where_keras_does_not_know_the_layer_yet(monkeypatch, tmp_path):
    model = build_generator(CONFIG, "tiny")
    save_generator(model, tmp_path / "m.keras")
    monkeypatch.delitem(keras.saving.get_custom_objects(), "esrgan_tf>BranchedConv2D")
    np.testing.assert_array_equal(load_generator(tmp_path / "m.keras")(IMAGES), model(IMAGES))
