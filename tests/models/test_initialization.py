"""How networks start: kernels and biases as their sources have them, and maps that neither vanish nor explode."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.errors import InputError
from esrgan_tf.models import build_discriminator, build_generator
from esrgan_tf.models.layers.upsampling import nearest
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.discriminators import PatchDiscriminatorConfig, UNetDiscriminatorConfig, VGGDiscriminatorConfig
from esrgan_tf.recipes.generators import (
    EDSRConfig,
    ENetConfig,
    MSRResNetConfig,
    PhoneConfig,
    RCANConfig,
    RRDBConfig,
    SRCNNConfig,
    SRResNetConfig,
    SRVGGConfig,
)

TORCH = {  # networks whose source leaves PyTorch's default, all or some of their layers
    "srresnet": (SRResNetConfig(blocks=2), ""),
    "edsr": (EDSRConfig(blocks=2), ""),
    "rcan": (RCANConfig(groups=1, blocks=2), ""),
    "srvgg": (SRVGGConfig(convs=3, init="torch"), ""),
    "rrdb": (RRDBConfig(blocks=1, init_convs="body"), "conv_"),
    "vgg": (VGGDiscriminatorConfig(features=16, init="torch"), ""),
    "unet": (UNetDiscriminatorConfig(features=16), ""),
}
ZERO_BIASES = {
    "rrdb": (RRDBConfig(blocks=1), ""),
    "rrdb_body": (RRDBConfig(blocks=1, init_convs="body"), "body_"),
    "msrresnet": (MSRResNetConfig(blocks=1), ""),
    "enet": (ENetConfig(blocks=1), ""),
    "srcnn": (SRCNNConfig(), ""),
    "srvgg": (SRVGGConfig(convs=1), ""),
    "phone": (PhoneConfig(), ""),
    "vgg": (VGGDiscriminatorConfig(features=4), ""),
    "patch": (PatchDiscriminatorConfig(features=4), ""),
}


def built(config):
    keras.utils.set_random_seed(2)
    return build_generator(config, "t") if hasattr(config, "scale") else build_discriminator(config, 32)


def layers_of(config, prefix):
    """Convolutions and dense layers by name."""
    return [x for x in built(config).layers if hasattr(x, "kernel") and x.name.startswith(prefix)]


def assert_uniform_of_variance_one(values):
    """Fail unless the values are within sqrt(3), reach it nearly, and have variance 1 within six standard errors."""
    assert np.abs(values).max() <= np.sqrt(3) * (1 + 1e-6)
    assert np.mean(values**2) == pytest.approx(1, abs=6 * np.sqrt(0.8 / values.size))


@pytest.mark.parametrize("name", TORCH)
def test_kernels_and_biases_are_uniform_within_the_root_of_the_fan_in_as_pytorchs(name):
    biases = []
    for layer in layers_of(*TORCH[name]):
        kernel = layer.kernel.numpy()
        fan_in = kernel[..., 0].size
        assert_uniform_of_variance_one(kernel.ravel() * np.sqrt(3 * fan_in))
        if layer.bias is not None:
            biases.append(layer.bias.numpy() * np.sqrt(3 * fan_in))
    assert_uniform_of_variance_one(np.concatenate(biases))
    assert len({bias.tobytes() for bias in biases}) == len(biases)


@pytest.mark.parametrize("name", ZERO_BIASES)
def test_sources_that_start_biases_at_zero_are_followed(name):
    biases = [layer.bias.numpy() for layer in layers_of(*ZERO_BIASES[name]) if layer.bias is not None]
    assert biases and not np.concatenate(biases).any()


def test_srcnn_starts_with_its_papers_deviation():
    for layer in layers_of(SRCNNConfig(), ""):
        assert layer.kernel.numpy().std() == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("config", [SRVGGConfig(convs=2), PhoneConfig(convs=2)])
def test_chains_without_skips_keep_the_size_of_their_maps(config):
    """He's deviation: sqrt(2 / ((1 + slope^2) fan in)), a tenth of it in the last convolution; phone's gives 0..6."""
    slope, last = (0.25, 0.1) if config.family == "srvgg" else (0.0, 0.6)
    for layer in layers_of(config, ""):
        kernel = layer.kernel.numpy()
        he = np.sqrt(2 / ((1 + slope**2) * kernel[..., 0].size))
        assert kernel.std() == pytest.approx(he * (last if layer.name == "conv_last" else 1), rel=0.05)


def test_residual_blocks_for_phones_start_close_to_what_they_are_given():
    """He's deviation, a tenth of it in a block's second convolution."""
    for index, layer in enumerate(layers_of(PhoneConfig(convs=4, skips=True), "body_")):
        kernel = layer.kernel.numpy()
        expected = np.sqrt(2 / kernel[..., 0].size) * (0.1 if index % 2 else 1)
        assert kernel.std() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("init", ["he_normal", "torch"])
def test_srvgg_of_published_depth_starts_with_a_residual_that_can_be_seen(init):
    """PyTorch's own network starts at 0.027, with its biases at 0 it would at 1e-12."""
    image_01 = dead_leaves(32, 0)[None].astype(np.float32) / 255
    model = built(replace(RECIPES["srvgg"].generator, init=init))
    residual = np.array(model(image_01)) - np.array(nearest(image_01, 4))
    assert 0.01 < residual.std() < 0.15


@pytest.mark.parametrize("config", [SRVGGConfig, VGGDiscriminatorConfig])
def test_an_initialisation_that_there_is_not_is_named(config):
    with pytest.raises(InputError, match="`init` must be one of he_normal, torch. Received: glorot"):
        config(init="glorot")


def test_basicsrs_recipe_starts_its_discriminator_as_pytorch_and_that_of_2018_does_not():
    assert RECIPES["esrgan_2022"].discriminator.init == "torch"
    assert RECIPES["esrgan"].discriminator.init == "he_normal"
