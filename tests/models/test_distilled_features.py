"""The distilled VGG19: its published description in NumPy against the network, and how a recipe chooses it."""

import numpy as np
import pytest
from support.paths import SHARED
from support.tiny import TINY
from support.training import built, features_of, term_of

from esrgan_tf.errors import InputError
from esrgan_tf.models import build_features
from esrgan_tf.models.distilled_features import SHIPPED, VGG19_WIDTHS, distilled_vgg19_features
from esrgan_tf.recipes.configs import PerceptualConfig
from esrgan_tf.recipes.overrides import override

PUBLISHED = SHARED / "data/weights/vgg19_distilled_16x.npz"
X = np.random.default_rng(0).uniform(size=(1, 32, 48, 3)).astype(np.float32)


def conv(x, weight, bias):
    """[h, w, c] -> [h, w, out]: reflected border, kernels [out, in, height, width]."""
    border = weight.shape[-1] // 2
    padded = np.pad(x, ((border, border), (border, border), (0, 0)), "reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(0, 1))
    return np.einsum("hwcij,ocij->hwo", windows, weight, optimize=True) + bias


def described(tensors, image):
    """Every convK_1_aux before its activation, as the weights' own description has it."""

    def apply(x, name):
        return conv(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    x, found = apply(image, "conv0"), {}
    for block, convs in enumerate((2, 2, 4, 4, 1), start=1):
        if block > 1:
            height, width, channels = x.shape
            x = x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))
        for number in range(1, convs + 1):
            x = np.maximum(apply(x, f"conv{block}{number}"), 0)
            if number == 1:
                found[f"conv{block}_1"] = apply(x, f"conv{block}1_aux")
    return found


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published weights are absent")
def test_shipped_half_precision_features_are_those_of_the_published_weights_to_two_thousandths():
    with np.load(PUBLISHED) as tensors:
        expected = described({name: tensors[name].astype(np.float64) for name in tensors}, X[0])
    found = distilled_vgg19_features(list(VGG19_WIDTHS))(X)
    for name, features in expected.items():
        assert np.abs(found[name][0] - features).mean() < 2e-3 * np.abs(features).mean(), name


def test_the_network_computes_its_description_with_the_shipped_weights():
    tensors = {}
    with np.load(SHIPPED) as shipped:
        for name in shipped:
            layer, _, part = name.partition(".")
            layer = layer.replace("bgr", "conv0").replace("_1", "1").replace("_2", "2").replace("_3", "3")
            value = shipped[name].astype(np.float64)
            tensors[f"{layer.replace('_4', '4')}.{part.replace('kernel', 'weight')}"] = (
                value.transpose(3, 2, 0, 1) if part == "kernel" else value
            )
    expected = described(tensors, X[0])
    before, after = (distilled_vgg19_features(list(VGG19_WIDTHS), activation)(X) for activation in (True, False))
    for name, features in expected.items():
        scale = np.abs(features).max()
        np.testing.assert_allclose(before[name][0], features, atol=1e-5 * scale, err_msg=name)
        np.testing.assert_allclose(after[name][0], np.maximum(features, 0), atol=1e-5 * scale, err_msg=name)


def test_it_has_the_published_number_of_parameters_in_two_megabytes_with_their_licence():
    assert distilled_vgg19_features(list(VGG19_WIDTHS)).count_params() == 964_188
    assert SHIPPED.stat().st_size < 2e6
    assert "Copyright (c) 2020 Huan Wang" in (SHIPPED.parent / "LICENSE.vgg19_distilled").read_text()


def test_shapes_and_widths_are_vgg19s_and_a_layer_alone_builds_no_more_than_it_needs():
    found = distilled_vgg19_features(["conv3_1", "conv1_1"])(X)
    assert {name: tuple(f.shape) for name, f in found.items()} == {
        "conv1_1": (1, 32, 48, 64),
        "conv3_1": (1, 8, 12, 256),
    }
    names = [layer.name for layer in distilled_vgg19_features(["conv3_1"]).layers]
    assert "conv3_1" in names and "conv3_2" not in names and "conv1_1_aux" not in names


def test_random_weights_are_fixed_frozen_and_carry_the_signal():
    first, second = (distilled_vgg19_features(["conv5_1"], weights="random") for _ in range(2))
    np.testing.assert_array_equal(first(X)["conv5_1"], second(X)["conv5_1"])
    assert not first.trainable_variables
    assert 0.2 < np.std(first(X)["conv5_1"]) < 5


@pytest.mark.parametrize("layers", [["conv5_4"], ["conv2_1", "conv1_2"]])
def test_a_layer_without_an_estimate_is_named_with_those_that_have_one(layers):
    with pytest.raises(InputError, match=f"`layers` must be one of conv1_1, .*conv5_1. Received: {layers[-1]}"):
        distilled_vgg19_features(layers)
    with pytest.raises(InputError, match="`layers` must name at least one"):
        distilled_vgg19_features([])


def perceptual(**changes):
    chosen = {"network": "vgg19_distilled", "layers": (("conv2_1", 1.0),), "weights": "shipped"}
    return override(TINY, {f"perceptual.{name}": value for name, value in (chosen | changes).items()})


def test_a_recipe_chooses_it_and_the_run_says_so():
    recipe = perceptual()
    _, terms, _ = built(recipe, recipe.gan)
    assert term_of(terms, "perceptual").weights_origin == "shipped"
    np.testing.assert_allclose(features_of(terms)(X)["conv2_1"], distilled_vgg19_features(["conv2_1"])(X)["conv2_1"])


@pytest.mark.parametrize("weights", ["imagenet", "minc", "vgg19.keras"])
def test_weights_of_another_network_are_refused_with_the_way_out_and_never_replaced_by_random_ones(weights):
    recipe = perceptual(weights=weights, download=False, random_if_missing=True)
    with pytest.raises(InputError, match=f"shipped, random.*perceptual.network=vgg19.*Received: {weights}"):
        built(recipe, recipe.gan)


def test_vgg19_itself_has_no_shipped_weights():
    with pytest.raises(InputError, match="imagenet, random or a file.*vgg19: only vgg19_distilled's are shipped"):
        build_features(PerceptualConfig(), "shipped")


def test_an_unknown_network_is_named_with_all_three():
    with pytest.raises(InputError, match="`network` must be one of vgg16, vgg19, vgg19_distilled. Received: vgg11"):
        build_features(PerceptualConfig(network="vgg11"), "random")


def test_half_precision_rounds_features_and_not_the_pixels():
    full = distilled_vgg19_features(["conv1_1"])(X)["conv1_1"]
    half = distilled_vgg19_features(["conv1_1"], dtype="mixed_bfloat16")
    assert half.get_layer("bgr").compute_dtype == "float32"
    assert half(X)["conv1_1"].dtype == "float32"
    assert np.abs(half(X)["conv1_1"] - full).mean() < 0.01 * np.abs(full).mean()
