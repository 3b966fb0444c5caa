"""Convolutions in branches: one convolution to the border, with the branches' own gradients, wherever they are kept."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from esrgan_tf.errors import InputError
from esrgan_tf.formats.graphs import upscale_function
from esrgan_tf.formats.keras_file.generators import copy_weights, load_generator, save_generator
from esrgan_tf.formats.pytorch.conversion import export_generator, import_weights
from esrgan_tf.models import build_generator
from esrgan_tf.models.fusion import fuse_branches
from esrgan_tf.models.interpolation import interpolate
from esrgan_tf.models.layers.branches import BranchedConv2D
from esrgan_tf.recipes.generators import EDSRConfig, PhoneConfig, SPANConfig, SRVGGConfig

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


def test_branches_become_a_given_convolution_and_all_of_them_train_on_from_there():
    layer = branched()
    rng = np.random.default_rng(2)
    kernel, bias = rng.normal(size=(3, 3, 5, 6)).astype(np.float32), rng.normal(size=6).astype(np.float32)
    layer.assign_fused(kernel, bias)
    for value, expected in zip(layer.fused(), (kernel, bias), strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(layer(X)))
    assert all(np.abs(gradient).min() > 0 for gradient in tape.gradient(loss, layer.trainable_variables))


@pytest.mark.parametrize("config", [SRVGGConfig(scale=2, convs=2, features=4), PhoneConfig(convs=1, features=4)])
def test_plain_and_branched_generators_start_from_each_other_as_the_same_function(config):
    keras.utils.set_random_seed(3)
    plain, trained, deployed = (
        build_generator(replace(config, branches=branches), "mine") for branches in (None, 2, None)
    )
    copy_weights(plain, trained, "plain")
    np.testing.assert_allclose(trained(IMAGES), plain(IMAGES), rtol=0, atol=1e-5)
    for variable in trained.trainable_variables:
        variable.assign_add(0.01 * np.random.default_rng(4).normal(size=variable.shape).astype(np.float32))
    assert np.abs(np.array(trained(IMAGES)) - plain(IMAGES)).max() > 1e-3
    copy_weights(trained, deployed, "trained")
    np.testing.assert_allclose(deployed(IMAGES), trained(IMAGES), rtol=0, atol=1e-5)


def test_a_branched_generator_starts_as_its_family_does():
    keras.utils.set_random_seed(5)
    layer = build_generator(SRVGGConfig(branches=2, convs=1), "mine").get_layer("body_1_conv")
    kernel, bias = layer.fused()
    assert np.std(kernel) == pytest.approx(np.sqrt(2 / (1 + 0.25**2) / (9 * 64)), rel=0.03)
    assert np.abs(bias).max() < 1e-5


def test_a_wider_plain_generator_is_not_copied_into_branches():
    wide, narrow = (
        build_generator(SRVGGConfig(convs=1, features=f, branches=b), "mine") for f, b in ((8, None), (4, 2))
    )
    with pytest.raises(InputError, match="must be the same network"):
        copy_weights(wide, narrow, "wide.keras")


def test_a_branched_srvgg_is_written_in_its_published_layout(tmp_path):
    model = build_generator(SRVGGConfig(scale=2, convs=1, features=4, branches=2), "mine")
    save_generator(model, tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / "mine.safetensors")
    import_weights(tmp_path / "mine.safetensors", tmp_path / "read.keras")
    read = load_generator(tmp_path / "read.keras")
    assert not any(isinstance(layer, BranchedConv2D) for layer in read.layers)
    np.testing.assert_allclose(read(IMAGES), model(IMAGES), rtol=0, atol=1e-5)
