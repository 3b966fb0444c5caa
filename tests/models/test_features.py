"""Feature networks: Keras' own VGG, converted files, layers, preprocessing, fixed random weights."""

import keras
import numpy as np
import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.models.features import converted_network, vgg_features

X = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype(np.float32)


def weights_file(tmp_path, application):
    """A file of random weights as Keras writes them, and the network."""
    keras.utils.set_random_seed(5)
    own = application(include_top=False, weights=None)
    file = tmp_path / "vgg.weights.h5"
    own.save_weights(file)
    return own, str(file)


@pytest.mark.parametrize(
    ("network", "application", "preprocess"),
    [
        ("vgg19", keras.applications.VGG19, keras.applications.vgg19.preprocess_input),
        ("vgg16", keras.applications.VGG16, keras.applications.vgg16.preprocess_input),
    ],
)
def test_features_equal_kerasown_network_before_and_after_activation(network, application, preprocess, tmp_path):
    own, file = weights_file(tmp_path, application)
    expected = keras.Model(own.input, own.get_layer("block3_conv3").output)(preprocess(255 * X))
    after = np.array(vgg_features(["conv3_3"], False, network, file)(X)["conv3_3"])
    before = np.array(vgg_features(["conv3_3"], True, network, file, caffe_feature_scale=0.5)(X)["conv3_3"])
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(np.maximum(before, 0), 0.5 * after, rtol=1e-4, atol=1e-4)
    assert before.min() < 0


def test_torchvision_preprocessing_shows_unit_variance_and_leaves_features_unscaled(tmp_path):
    own, file = weights_file(tmp_path, keras.applications.VGG16)
    layer = own.get_layer("block1_conv1")
    normalized = (X - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = keras.ops.conv(normalized.astype(np.float32), layer.kernel, padding="same") + layer.bias
    model = vgg_features(["conv1_1"], True, "vgg16", file, "torchvision", caffe_feature_scale=0.1)
    np.testing.assert_allclose(model(X)["conv1_1"], expected, rtol=1e-4, atol=1e-5)


def test_random_weights_are_fixed_and_frozen():
    first, second = (vgg_features(["conv2_1"], weights="random") for _ in range(2))
    np.testing.assert_array_equal(first(X)["conv2_1"], second(X)["conv2_1"])
    assert not first.trainable_variables
    assert 0.5 < np.std(first(X)["conv2_1"]) < 5


def test_several_layers_are_as_if_each_were_alone():
    shapes = {"conv3_1": (1, 8, 8, 256), "conv1_2": (1, 32, 32, 64), "conv2_2": (1, 16, 16, 128)}
    together = vgg_features(list(shapes), weights="random")(X)
    assert {name: tuple(features.shape) for name, features in together.items()} == shapes
    for name, features in together.items():
        alone = vgg_features([name], weights="random")(X)[name]
        np.testing.assert_allclose(features, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", ["pool1", "pool2", "pool5"])
def test_pooling_layers_are_kerasown(layer, tmp_path):
    own, file = weights_file(tmp_path, keras.applications.VGG19)
    expected = keras.Model(own.input, own.get_layer(f"block{layer[-1]}_pool").output)(
        keras.applications.vgg19.preprocess_input(255 * X)
    )
    found = np.array(vgg_features([layer, "conv1_1"], False, "vgg19", file)(X)[layer])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_conv5_4_is_a_sixteenth_of_the_image_and_512_wide():
    features = vgg_features(["conv5_4"], weights="random")(np.zeros((1, 32, 48, 3), np.float32))
    assert features["conv5_4"].shape == (1, 2, 3, 512)


@pytest.mark.parametrize(
    ("network", "layer"), [("vgg19", "conv1_3"), ("vgg19", "block5_conv4"), ("vgg16", "conv5_4"), ("vgg19", "conv6_1")]
)
def test_a_layer_that_the_network_has_not_is_named(network, layer):
    with pytest.raises(ValueError, match=f"conv5_. or pool1 to pool5 of {network}. Received: {layer}"):
        vgg_features([layer], network=network, weights="random")


@pytest.mark.parametrize(("field", "value"), [("network", "vgg11"), ("preprocessing", "caffee")])
def test_unknown_choices_are_named(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be one of .*Received: {field}={value}"):
        vgg_features(weights="random", **{field: value})
    with pytest.raises(ValueError, match="`layers` must name at least one"):
        vgg_features([], weights="random")


def converted_file(tmp_path, name):
    """A file as `esrgan convert` writes it, of random weights, and its first convolution."""
    keras.utils.set_random_seed(5)
    model = converted_network(name)
    layer = model.get_layer("conv1_1")
    layer.bias.assign(np.linspace(-1, 1, 64))
    model.save(tmp_path / "converted.keras")
    return str(tmp_path / "converted.keras"), layer


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("vgg19_torchvision", (X - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("vgg16_minc", X),
    ],
)
def test_a_converted_file_says_its_preprocessing_whatever_is_set(name, seen, tmp_path):
    file, layer = converted_file(tmp_path, name)
    expected = keras.ops.conv(seen.astype(np.float32), layer.kernel, padding="same") + layer.bias
    for preprocessing in ("caffe", "torchvision"):
        model = vgg_features(["conv1_1"], True, name[:5], file, preprocessing, caffe_feature_scale=0.1)
        np.testing.assert_allclose(model(X)["conv1_1"], expected, rtol=1e-4, atol=1e-5)
        assert not model.trainable_variables


def test_every_layer_of_a_converted_file_is_taken(tmp_path):
    file, _ = converted_file(tmp_path, "vgg16_minc")
    own = keras.saving.load_model(file)
    features = vgg_features(["conv5_3"], network="vgg16", weights=file)(X)["conv5_3"]
    np.testing.assert_allclose(features, own(X), rtol=1e-5, atol=1e-6)


def test_only_minc_pools_an_odd_last_row_by_itself(tmp_path):
    file, _ = converted_file(tmp_path, "vgg16_minc")
    odd = X[:, :31, :29]
    assert vgg_features(["conv2_1"], network="vgg16", weights=file)(odd)["conv2_1"].shape == (1, 16, 15, 128)
    assert vgg_features(["conv2_1"], network="vgg16", weights="random")(odd)["conv2_1"].shape == (1, 15, 14, 128)


def test_a_converted_file_of_another_network_is_named(tmp_path):
    file, _ = converted_file(tmp_path, "vgg16_minc")
    with pytest.raises(InputError, match=f"{file}` must hold vgg19.*Received: vgg16_minc"):
        vgg_features(["conv5_4"], weights=file)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_pytorch_says_how_to_convert_it(suffix, tmp_path):
    with pytest.raises(InputError, match=f"must be converted first: esrgan convert --input={tmp_path}/vgg{suffix}"):
        vgg_features(["conv5_4"], weights=f"{tmp_path}/vgg{suffix}")


def test_keras_files_are_still_read_as_keras_weights(tmp_path):
    own, file = weights_file(tmp_path, keras.applications.VGG16)
    own.save(tmp_path / "vgg16.keras")
    expected = np.array(vgg_features(["conv1_2"], network="vgg16", weights=file)(X)["conv1_2"])
    features = vgg_features(["conv1_2"], network="vgg16", weights=str(tmp_path / "vgg16.keras"))
    np.testing.assert_array_equal(features(X)["conv1_2"], expected)


def test_damaged_files_are_an_os_error_as_missing_ones_are(tmp_path):
    file, _ = converted_file(tmp_path, "vgg16_minc")
    content = (tmp_path / "converted.keras").read_bytes()
    (tmp_path / "converted.keras").write_bytes(content[: len(content) // 2])
    for path in (file, str(tmp_path / "missing.keras")):
        with pytest.raises(OSError):
            vgg_features(["conv1_1"], network="vgg16", weights=path)
