"""Generators as TensorFlow functions: interpolated, frozen, in bfloat16, in tiles."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.cpu import has_bfloat16

from esrgan_tf.formats.graphs import freeze, upscale_function
from esrgan_tf.formats.saved_model.tiles import upscale_in_tiles
from esrgan_tf.image.tiling import upscale_by_tiles
from esrgan_tf.models import build_generator
from esrgan_tf.models.interpolation import interpolate
from esrgan_tf.recipes.generators import RRDBConfig

CONFIG = RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0)
X = np.random.default_rng(0).uniform(size=(2, 9, 7, 3)).astype(np.float32)


def generator(seed):
    keras.utils.set_random_seed(seed)
    return build_generator(CONFIG, "tiny")


@pytest.fixture(scope="module")
def pair():
    return generator(1), generator(2)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_every_call_chooses_between_two_networks(pair, alpha):
    upscale = upscale_function(pair)
    np.testing.assert_allclose(upscale(X, alpha), interpolate(*pair, alpha)(X), atol=1e-5)


def test_calls_leave_no_trace(pair):
    upscale = upscale_function(pair)
    first = upscale(X, 0.5).numpy()
    upscale(X, 1.0)
    np.testing.assert_allclose(upscale(X, 0.5), first, atol=1e-5)
    np.testing.assert_allclose(upscale(X, 0.0), pair[0](X), atol=1e-5)


def test_a_frozen_function_has_no_variables(pair):
    frozen = freeze(upscale_function(pair[:1]))
    assert not [op.name for op in frozen.graph.get_operations() if "Variable" in op.type]
    np.testing.assert_allclose(frozen(tf.constant(X))[0], pair[0](X), atol=1e-5)


@has_bfloat16
def test_bfloat16_is_inside_alone(pair):
    upscale = upscale_function(pair[:1], "bfloat16")
    convolutions = [op for op in upscale.graph.get_operations() if op.type == "Conv2D"]
    assert len(convolutions) == 20
    assert {op.outputs[0].dtype for op in convolutions} == {tf.bfloat16}
    output = upscale(tf.constant(X))
    assert output.dtype == tf.float32
    difference = np.abs(output - pair[0](X)).max()
    assert 1e-5 < difference < 0.1


@has_bfloat16
def test_bfloat16_between_two_networks(pair):
    upscale = upscale_function(pair, "bfloat16")
    np.testing.assert_allclose(upscale(tf.constant(X), tf.constant(0.3)), interpolate(*pair, 0.3)(X), atol=0.1)


@pytest.mark.parametrize("height, width", [(5, 6), (16, 16), (17, 16), (40, 31), (1, 50)])
def test_tiles_in_the_graph_are_those_of_the_upscaler(height, width):
    model = generator(1)
    tile, overlap = 16, 4
    images = np.random.default_rng(0).uniform(size=(2, height, width, 3)).astype(np.float32)
    signature = [tf.TensorSpec([None, None, None, 3])]
    tiled = tf.function(lambda image: upscale_in_tiles(model, image, 2, tile, overlap), input_signature=signature)
    by_hand = [upscale_by_tiles(p, lambda t: np.array(model(t[None]))[0], 2, tile, overlap) for p in images]
    np.testing.assert_allclose(tiled(images), by_hand, atol=1e-5)


def test_no_more_than_a_tiles_pixels_go_through_at_once():
    seen = []

    def upscale(image):
        tf.py_function(lambda shape: seen.append(tuple(shape.numpy())), [tf.shape(image)], [])
        return tf.repeat(tf.repeat(image, 2, 1), 2, 2)

    tiled = tf.function(lambda image: upscale_in_tiles(upscale, image, 2, 16, 4))
    for shape in ((5, 10, 12, 3), (2, 20, 10, 3)):
        image = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
        np.testing.assert_array_equal(tiled(tf.constant(image)), image.repeat(2, 1).repeat(2, 2))
    assert seen == [(2, 10, 12, 3)] * 2 + [(1, 10, 12, 3)] + 4 * [(1, 16, 10, 3)]
