"""Networks: parameter counts, shapes, initialisation, and files that plain Keras reads."""

import keras
import numpy as np
import pytest

from esrgan_tf.models import build_generator
from esrgan_tf.models.discriminators import vgg_discriminator
from esrgan_tf.models.features import vgg19_features
from esrgan_tf.models.rrdb import rrdb
from esrgan_tf.models.upsampling import nearest
from esrgan_tf.recipes import RECIPES, DiscriminatorConfig, GeneratorConfig

TINY = GeneratorConfig(blocks=1, features=8, growth=4)
GENERATOR_PARAMETERS = {"esrgan": 16_697_987, "esrgan_16": 11_662_019, "quickstart": 578_755}
DISCRIMINATOR_PARAMETERS = {("esrgan", 128): 14_499_401, ("esrgan", 64): 13_885_001, ("quickstart", 64): 907_817}


def trainable_parameters(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize("name", RECIPES)
def test_generator_has_the_pinned_number_of_parameters(name):
    assert build_generator(RECIPES[name].generator, name).count_params() == GENERATOR_PARAMETERS[name]


@pytest.mark.parametrize(("name", "patch"), DISCRIMINATOR_PARAMETERS)
def test_discriminator_has_the_pinned_number_of_trainable_parameters(name, patch):
    model = vgg_discriminator(RECIPES[name].discriminator, patch)
    assert trainable_parameters(model) == DISCRIMINATOR_PARAMETERS[name, patch]


@pytest.mark.parametrize("upsampling", ["nearest", "pixel_shuffle"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_rrdb_enlarges_by_its_scale(scale, upsampling):
    model = rrdb(GeneratorConfig(scale=scale, blocks=1, features=8, growth=4, upsampling=upsampling))
    assert model(np.zeros((2, 5, 7, 3), np.float32)).shape == (2, 5 * scale, 7 * scale, 3)


@pytest.mark.parametrize(("field", "value"), [("scale", 5), ("upsampling", "transposed")])
def test_rrdb_names_what_it_cannot_build(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be one of .* Received: {field}={value}"):
        rrdb(GeneratorConfig(blocks=1, features=8, growth=4, **{field: value}))


def test_generator_carries_its_recipe_and_scale():
    assert build_generator(TINY, "mine").name == "mine_x4"


def test_rrdb_starts_with_he_normal_times_a_tenth():
    model = rrdb(GeneratorConfig(blocks=1))
    kernel = model.get_layer("body_0_rdb1_conv5").kernel.numpy()
    he = np.sqrt(2 / (9 * (64 + 4 * 32)))
    assert kernel.std() == pytest.approx(0.1 * he, rel=0.02)
    assert not model.get_layer("body_0_rdb1_conv5").bias.numpy().any()


def test_dense_block_is_the_papers_formula():
    """One RRDB of one feature with hand-set weights against the formula written out in NumPy."""
    model = rrdb(GeneratorConfig(scale=1, blocks=1, features=1, growth=1))
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    x = rng.uniform(size=(1, 1, 1, 3))

    def conv(maps, name):  # 1 px: only the kernel's centre meets the picture
        layer = model.get_layer(name)
        return np.concatenate(maps, -1) @ layer.kernel.numpy()[1, 1] + layer.bias.numpy()

    def act(v):
        return np.where(v > 0, v, 0.2 * v)

    first = conv([x], "conv_first")
    y = first
    for block in (1, 2, 3):
        maps = [y]
        for index in (1, 2, 3, 4):
            maps.append(act(conv(maps, f"body_0_rdb{block}_conv{index}")))
        y = y + 0.2 * conv(maps, f"body_0_rdb{block}_conv5")
    trunk = first + 0.2 * y
    expected = conv([act(conv([first + conv([trunk], "conv_body")], "conv_hr"))], "conv_last")
    np.testing.assert_allclose(model(x.astype(np.float32)), expected, rtol=1e-5)


def test_nearest_repeats_every_value():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(nearest(x, 3), x.repeat(3, 1).repeat(3, 2))


def test_half_precision_generator_gives_float32_pictures_close_to_its_float32_twin():
    keras.utils.set_random_seed(1)
    full = build_generator(GeneratorConfig(blocks=1, features=8, growth=4, init_scale=1.0), "t")
    half = build_generator(GeneratorConfig(blocks=1, features=8, growth=4, init_scale=1.0), "t", "mixed_bfloat16")
    half.set_weights(full.get_weights())
    x = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype(np.float32)
    a, b = np.array(full(x)), np.array(half(x))
    assert b.dtype == np.float32
    assert 0 < np.abs(a - b).max() < 0.03 * np.abs(a).max()


def test_discriminator_sees_only_its_patch_size_and_gives_a_logit_each():
    model = vgg_discriminator(DiscriminatorConfig(features=4, dense_units=8), 32)
    assert model(np.zeros((3, 32, 32, 3), np.float32)).shape == (3, 1)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 9
    assert all((norm.momentum, norm.epsilon, norm.synchronized) == (0.9, 1e-5, True) for norm in norms)


@pytest.mark.parametrize("patch", [0, 48, -32])
def test_discriminator_names_a_patch_it_cannot_take(patch):
    with pytest.raises(ValueError, match=f"`patch` must be a positive multiple of 32. Received: patch={patch}"):
        vgg_discriminator(DiscriminatorConfig(), patch)


def test_vgg19_features_equal_kerasown_vgg19_before_and_after_activation(tmp_path):
    keras.utils.set_random_seed(5)
    own = keras.applications.VGG19(include_top=False, weights=None)
    file = tmp_path / "vgg19.weights.h5"
    own.save_weights(file)
    x = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype(np.float32)
    expected = keras.Model(own.input, own.get_layer("block2_conv2").output)(
        keras.applications.vgg19.preprocess_input(255 * x)
    )
    after = np.array(vgg19_features("block2_conv2", False, str(file))(x))
    before = np.array(vgg19_features("block2_conv2", True, str(file), caffe_feature_scale=0.5)(x))
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(np.maximum(before, 0), 0.5 * after, rtol=1e-4, atol=1e-4)
    assert before.min() < 0


def test_vgg19_random_weights_are_fixed_and_frozen():
    x = np.random.default_rng(0).uniform(size=(1, 16, 16, 3)).astype(np.float32)
    first, second = (vgg19_features("block2_conv1", weights="random") for _ in range(2))
    np.testing.assert_array_equal(first(x), second(x))
    assert not first.trainable_variables
    assert 0.5 < np.std(first(x)) < 5


def test_vgg19_conv5_4_is_a_sixteenth_of_the_picture_and_512_wide():
    assert vgg19_features("block5_conv4", weights="random")(np.zeros((1, 32, 48, 3), np.float32)).shape == (
        1,
        2,
        3,
        512,
    )


@pytest.mark.parametrize("layer", ["block1_conv3", "block6_conv1", "conv5_4"])
def test_vgg19_names_a_layer_it_has_not(layer):
    with pytest.raises(ValueError, match=f"`layer` must be block1_conv1 to block5_conv4.*Received: layer={layer}"):
        vgg19_features(layer, weights="random")
