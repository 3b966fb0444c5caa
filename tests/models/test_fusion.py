"""Rebuilt generators compute the same function."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from esrgan_tf.models import build_generator
from esrgan_tf.models.fusion import MERGED, in_float32, merge_upsampling
from esrgan_tf.models.layers.upsampling import nearest
from esrgan_tf.recipes.generators import EDSRConfig, RRDBConfig

X = np.random.default_rng(0).uniform(size=(2, 7, 9, 3)).astype(np.float32)


def rrdb(scale=2, dtype=None, **changes):
    keras.utils.set_random_seed(3)
    config = RRDBConfig(scale=scale, blocks=1, features=4, growth=2, init_scale=1.0, **changes)
    model = build_generator(config, "tiny", dtype)
    for layer in model.layers:  # from 0, a bias that is put in the wrong place would not show
        if isinstance(layer, keras.layers.Conv2D):
            layer.bias.assign(np.random.default_rng(1).normal(0, 0.1, layer.bias.shape))
    return model


def merged_layers(model):
    return [layer for layer in model.layers if MERGED in layer.name and isinstance(layer, keras.layers.Conv2D)]


@pytest.mark.parametrize("scale, phases", [(2, 4), (3, 9), (4, 8), (8, 12)])
def test_merged_upsampling_is_the_same_function_to_the_border(scale, phases):
    model = rrdb(scale)
    merged = merge_upsampling(model)
    wanted = np.array(model(X))
    np.testing.assert_allclose(merged(X), wanted, atol=2e-6 * np.abs(wanted).max())
    assert len(merged_layers(merged)) == phases
    assert merged.name == model.name


def test_merging_saves_five_ninths_of_the_multiplications_at_x2():
    shapes = {conv.kernel.shape for conv in merged_layers(merge_upsampling(rrdb(2)))}
    assert shapes == {(2, 2, 4, 4)}  # 16 multiplications for a pixel and a channel, in place of 36


def test_what_is_no_nearest_neighbour_before_a_3x3_convolution_is_left_alone():
    edsr = build_generator(EDSRConfig(scale=2, blocks=1, features=4), "tiny")
    assert not merged_layers(merge_upsampling(edsr))
    assert not merged_layers(merge_upsampling(rrdb(2, padding="reflect")))
    np.testing.assert_array_equal(merge_upsampling(edsr)(X), edsr(X))
    inputs = keras.Input((None, None, 3))
    for layer in (
        keras.layers.Conv2D(4, 5, padding="same"),
        keras.layers.Conv2D(4, 3, padding="valid"),
        keras.layers.Conv2D(4, 3, strides=2, padding="same"),
        keras.layers.Conv2D(3, 3, padding="same", groups=3),
    ):
        model = keras.Model(inputs, layer(nearest(inputs, 2)))
        np.testing.assert_array_equal(merge_upsampling(model)(X), model(X))


def test_an_activation_inside_the_convolution_stays():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3, padding="same", activation="relu")(nearest(inputs, 2)))
    merged = merge_upsampling(model)
    assert merged_layers(merged)
    np.testing.assert_allclose(merged(X), model(X), atol=1e-6)
    assert np.array(model(X)).min() == 0


def test_a_generator_of_half_precision_becomes_one_of_float32_with_the_same_weights():
    half = rrdb(2, dtype="mixed_bfloat16")
    whole = in_float32(half)
    assert {layer.compute_dtype for layer in whole.layers} == {"float32"}
    exact = rrdb(2)
    exact.set_weights(half.get_weights())
    np.testing.assert_array_equal(whole(X), exact(X))
    assert np.abs(np.array(half(X)) - exact(X)).max() > 1e-4


@pytest.mark.slow
def test_a_generator_built_by_another_process_is_merged_without_names_that_collide(tmp_path):
    rrdb(4).save(tmp_path / "m.keras")
    script = (
        "import sys, keras; from esrgan_tf.models.fusion import merge_upsampling;"
        "model = merge_upsampling(keras.saving.load_model(sys.argv[1])); model.save(sys.argv[2])"
    )
    paths = [str(tmp_path / name) for name in ("m.keras", "merged.keras")]
    subprocess.run([sys.executable, "-c", script, *paths], check=True)
    np.testing.assert_allclose(keras.saving.load_model(paths[1])(X), rrdb(4)(X), atol=1e-4)
