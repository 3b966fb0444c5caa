"""Generator files: they come back bit for bit, in plain Keras too, and bad ones are named."""

import keras
import numpy as np
import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import copy_weights, load_generator, save_generator
from esrgan_tf.formats.keras_file.locate import find_generator
from esrgan_tf.metadata import metadata_of
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import EDSRConfig, RRDBConfig

CONFIG = RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0)
X = np.random.default_rng(0).uniform(size=(1, 6, 5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return build_generator(CONFIG, "my_recipe")


def test_a_generator_comes_back_the_same_here_and_in_plain_keras(model, tmp_path):
    save_generator(model, tmp_path / "generator.keras")
    for loaded in (load_generator(tmp_path / "generator.keras"), keras.saving.load_model(tmp_path / "generator.keras")):
        np.testing.assert_array_equal(loaded(X), model(X))
        assert (metadata_of(loaded).recipe, metadata_of(loaded).scale) == ("my_recipe", 2)


def test_a_work_directory_gives_the_gan_stages_generator_then_the_psnr_stages(model, tmp_path):
    save_generator(model, tmp_path / "psnr/generator.keras")
    assert find_generator(tmp_path) == tmp_path / "psnr/generator.keras"
    save_generator(model, tmp_path / "gan/generator.keras")
    assert find_generator(tmp_path) == tmp_path / "gan/generator.keras"
    assert find_generator(tmp_path / "psnr") == tmp_path / "psnr/generator.keras"


def test_no_generator_there_is_said(tmp_path):
    with pytest.raises(InputError, match=f"model.*Received: {tmp_path}"):
        find_generator(tmp_path)


def test_files_that_are_no_generators_are_named(model, tmp_path):
    save_generator(model, tmp_path / "cut.keras")
    cut = tmp_path / "cut.keras"
    cut.write_bytes(cut.read_bytes()[:-500])
    other = tmp_path / "other.keras"
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="other").save(other)
    for file, message in ((cut, "truncated"), (other, "named <recipe>_x<scale>")):
        with pytest.raises(InputError, match=message):
            load_generator(file)


def test_a_model_without_recipe_and_scale_is_not_saved(tmp_path):
    plain = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="plain")
    with pytest.raises(InputError, match="<recipe>_x<scale>"):
        save_generator(plain, tmp_path / "plain.keras")
    assert not list(tmp_path.iterdir())


def test_weights_are_copied_between_equal_networks_and_refused_between_others(model):
    twin = build_generator(CONFIG, "twin")
    copy_weights(model, twin, "a file")
    np.testing.assert_array_equal(twin(X), model(X))
    other = build_generator(RRDBConfig(scale=2, blocks=2, features=4, growth=2), "other")
    with pytest.raises(InputError, match="a file.*same network as the recipe's generator other_x2.*tensors differ"):
        copy_weights(model, other, "a file")


def test_weights_of_another_scale_are_copied_where_they_fit():
    double, quadruple = (build_generator(EDSRConfig(scale=s, blocks=1, features=4), f"edsr_{s}") for s in (2, 4))
    before = {variable.path: variable.numpy() for variable in quadruple.variables}
    said = copy_weights(double, quadruple, "a file")
    assert said == "12 of 14 tensors of edsr_2_x2; new: conv_up2/kernel, conv_up2/bias"
    have = {variable.path: variable.numpy() for variable in double.variables}
    for variable in quadruple.variables:
        np.testing.assert_array_equal(variable, have.get(variable.path, before[variable.path]))
    triple = build_generator(EDSRConfig(scale=3, blocks=1, features=4), "edsr")
    assert copy_weights(double, triple, "a file").endswith(
        "new: conv_up1/kernel, conv_up1/bias; not used: conv_up1/kernel, conv_up1/bias"
    )


def test_another_network_of_another_scale_is_refused_though_a_bias_fits(model):
    other = build_generator(EDSRConfig(scale=4, blocks=1, features=4), "edsr")
    with pytest.raises(InputError, match="same network as the recipe's generator edsr_x4"):
        copy_weights(model, other, "a file")
