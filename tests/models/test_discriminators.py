"""Discriminators: parameter counts derived by hand, shapes, and spectral normalization."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from esrgan_tf.models import build_discriminator
from esrgan_tf.models.discriminators.unet import SpectralConv2D
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.discriminators import (
    ENetDiscriminatorConfig,
    PatchDiscriminatorConfig,
    SRGANDiscriminatorConfig,
    UNetDiscriminatorConfig,
    VGGDiscriminatorConfig,
)

# 3x3 convolutions 3-64-64-128-128-256-256-512-512, a bias in the first, BatchNorm's gamma and beta after the others.
SRGAN_WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512)
SRGAN_CONVS = (9 * 3 * 64 + 64) + sum(
    9 * before * after + 2 * after for before, after in zip(SRGAN_WIDTHS, SRGAN_WIDTHS[1:], strict=False)
)
# 3x3 convolutions 3-32-32-64-64-128-128-256-256-512-512, each with its bias.
ENET_WIDTHS = (3, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512)
ENET_CONVS = sum(9 * before * after + after for before, after in zip(ENET_WIDTHS, ENET_WIDTHS[1:], strict=False))
PARAMETERS = [
    (VGGDiscriminatorConfig(), 128, 14_499_401),
    (VGGDiscriminatorConfig(), 64, 13_885_001),
    (RECIPES["quickstart"].discriminator, 64, 907_817),
    (SRGANDiscriminatorConfig(), 96, SRGAN_CONVS + (6 * 6 * 512 * 1024 + 1024) + (1024 + 1)),
    (ENetDiscriminatorConfig(), 128, ENET_CONVS + (4 * 4 * 512 * 1024 + 1024) + (1024 + 1)),
    (PatchDiscriminatorConfig(), 128, SRGAN_CONVS + 9 * 512 + 1),
    (UNetDiscriminatorConfig(), 128, 4_376_897),
]
TINY = [
    (VGGDiscriminatorConfig(features=4, dense_units=8), 32, (3, 1), 9),
    (SRGANDiscriminatorConfig(features=4, dense_units=8), 16, (3, 1), 7),
    (ENetDiscriminatorConfig(features=2, dense_units=8), 32, (3, 1), 0),
    (PatchDiscriminatorConfig(features=4), 16, (3, 1, 1, 1), 7),
    (UNetDiscriminatorConfig(features=4), 8, (3, 8, 8, 1), 0),
]


@pytest.mark.parametrize(("config", "patch", "count"), PARAMETERS)
def test_discriminator_has_the_pinned_number_of_trainable_parameters(config, patch, count):
    model = build_discriminator(config, patch)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == count


@pytest.mark.parametrize(("config", "multiple", "shape", "norms"), TINY)
def test_discriminator_gives_logits_and_normalizes_all_but_the_first(config, multiple, shape, norms):
    model = build_discriminator(config, multiple, "mixed_bfloat16")
    logits = model(np.zeros((3, multiple, multiple, 3), np.float32))
    assert (logits.shape, logits.dtype) == (shape, tf.float32)
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(found) == norms
    assert all((norm.momentum, norm.epsilon, norm.synchronized) == (0.9, 1e-5, True) for norm in found)


@pytest.mark.parametrize(("config", "multiple", "shape", "norms"), TINY)
def test_discriminator_names_a_patch_it_cannot_take(config, multiple, shape, norms):
    for patch in (0, multiple + 4, -multiple):
        with pytest.raises(ValueError, match=f"`patch`.* must be a multiple of {multiple} .*Received: {patch}"):
            build_discriminator(config, patch)


def spectral_layer(training_calls):
    """A layer after some training calls, and its kernel as a matrix [inputs, outputs]."""
    keras.utils.set_random_seed(3)
    layer = SpectralConv2D(6, 3, padding="valid", use_bias=False, kernel_initializer="he_normal")
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 4)).astype(np.float32)
    layer.build(x.shape)
    for _ in range(training_calls):
        layer(x, training=True)
    return layer, x, layer.kernel.numpy().reshape(-1, 6)


def test_spectral_convolution_divides_by_the_largest_singular_value():
    layer, x, matrix = spectral_layer(training_calls=50)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    expected = x.reshape(1, -1) @ matrix / largest
    np.testing.assert_allclose(np.array(layer(x)).reshape(1, 6), expected, rtol=1e-4)


def test_spectral_convolution_keeps_its_kernel_and_learns_its_vector_in_training_alone():
    layer, x, matrix = spectral_layer(training_calls=0)
    vector = layer.vector.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.vector.numpy(), vector)
    layer(x, training=True)
    assert np.abs(layer.vector.numpy() - vector).max() > 0
    np.testing.assert_array_equal(layer.kernel.numpy().reshape(-1, 6), matrix)
    assert np.linalg.norm(layer.vector.numpy()) == pytest.approx(1, rel=1e-5)


def test_spectral_convolutions_gradient_flows_through_the_division():
    """The output does not change with the kernel's length, so that the gradient is at right angles to the kernel."""
    layer, x, _ = spectral_layer(training_calls=50)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    gradient, kernel = tape.gradient(loss, layer.kernel.value).numpy(), layer.kernel.numpy()
    cosine = np.sum(gradient * kernel) / np.linalg.norm(gradient) / np.linalg.norm(kernel)
    assert np.linalg.norm(gradient) > 1e-3
    assert abs(cosine) < 1e-3


def test_unet_is_real_esrgans_wiring():
    """The whole network against TensorFlow's own operations, its kernels divided by NumPy's singular values."""
    keras.utils.set_random_seed(5)
    model = build_discriminator(UNetDiscriminatorConfig(features=3), 16)
    x = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype(np.float32)
    for _ in range(60):  # the power iteration settles
        model(x, training=True)

    def conv(maps, number, stride=1):
        layer = model.get_layer(f"conv{number}")
        kernel = layer.kernel.numpy()
        if isinstance(layer, SpectralConv2D):
            return tf.nn.conv2d(maps, kernel / np.linalg.svd(kernel.reshape(-1, layer.filters))[1][0], stride, "SAME")
        return tf.nn.conv2d(maps, kernel, stride, "SAME") + layer.bias

    def act(maps):
        return tf.nn.leaky_relu(maps, 0.2)

    def doubled(maps):
        return tf.image.resize(maps, 2 * np.array(maps.shape[1:3]), "bilinear")

    x0 = act(conv(x, 0))
    x1 = act(conv(x0, 1, 2))
    x2 = act(conv(x1, 2, 2))
    x3 = act(conv(x2, 3, 2))
    x4 = act(conv(doubled(x3), 4)) + x2
    x5 = act(conv(doubled(x4), 5)) + x1
    x6 = act(conv(doubled(x5), 6)) + x0
    expected = conv(act(conv(act(conv(x6, 7)), 8)), 9)
    np.testing.assert_allclose(model(x), expected, rtol=2e-3, atol=1e-4)
