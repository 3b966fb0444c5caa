"""Generators against their papers' formulas and figures, written out in NumPy."""

import numpy as np
import pytest
from support.numpy_layers import Layers, image, pointwise, randomized, shuffled

from esrgan_tf.image.resize import imresize
from esrgan_tf.models import build_generator
from esrgan_tf.models.generators.rrdb import rrdb
from esrgan_tf.recipes.generators import (
    EDSRConfig,
    ENetConfig,
    MSRResNetConfig,
    PhoneConfig,
    RCANConfig,
    RRDBConfig,
    SPANConfig,
    SRCNNConfig,
    SRResNetConfig,
)


def test_dense_block_is_the_papers_formula():
    """One RRDB of one feature with hand-set weights against the formula written out in NumPy."""
    model = rrdb(RRDBConfig(scale=1, blocks=1, features=1, growth=1))
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    x = rng.uniform(size=(1, 1, 1, 3))

    def conv(maps, name):  # 1 px: only the kernel's centre meets the image
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


def test_the_ablations_residual_block_is_its_formula():
    model = randomized(
        rrdb(RRDBConfig(scale=1, block="residual", blocks=1, features=2, residual_scale=0.5, batch_norm=True))
    )
    x = image(1, 1)

    def conv(maps, name):
        layer = model.get_layer(name)
        return maps @ layer.kernel.numpy()[1, 1] + (layer.bias.numpy() if layer.use_bias else 0)

    def norm(maps, name):
        gamma, beta, mean, variance = (w.numpy() for w in model.get_layer(name).variables)
        return gamma * (maps - mean) / np.sqrt(variance + 1e-5) + beta

    def act(v):
        return np.where(v > 0, v, 0.2 * v)

    first = conv(x, "conv_first")
    y = act(norm(conv(first, "body_0_conv1"), "body_0_conv1_bn"))
    trunk = first + 0.5 * norm(conv(y, "body_0_conv2"), "body_0_conv2_bn")
    expected = conv(act(conv(first + conv(trunk, "conv_body"), "conv_hr")), "conv_last")
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)


def test_srresnet_is_the_papers_figure():
    model = pointwise(build_generator(SRResNetConfig(scale=2, blocks=2, features=3), "t"))
    net, x = Layers(model), image(2, 3)
    first = y = net.prelu(net.conv(x[0], "conv_first"), "prelu_first")
    for index in range(2):
        name = f"body_{index}"
        inner = net.prelu(net.norm(net.conv(y, f"{name}_conv1"), f"{name}_bn1"), f"{name}_prelu")
        y = y + net.norm(net.conv(inner, f"{name}_conv2"), f"{name}_bn2")
    y = first + net.norm(net.conv(y, "conv_body"), "bn_body")
    y = net.prelu(shuffled(net.conv(y, "conv_up1"), 2), "prelu_up1")
    expected = 0.5 * net.conv(y, "conv_last") + 0.5
    np.testing.assert_allclose(model(x)[0], expected, rtol=1e-4, atol=1e-4)


def test_edsr_is_the_papers_figure():
    model = pointwise(build_generator(EDSRConfig(scale=2, blocks=2, features=3, residual_scale=0.25), "t"))
    net, x, mean = Layers(model), image(2, 3), np.array([0.4488, 0.4371, 0.4040])
    first = y = net.conv(x[0] - mean, "conv_first")
    for index in range(2):
        inner = np.maximum(net.conv(y, f"body_{index}_conv1"), 0)
        y = y + 0.25 * net.conv(inner, f"body_{index}_conv2")
    y = shuffled(net.conv(first + net.conv(y, "conv_after_body"), "conv_up1"), 2)
    np.testing.assert_allclose(model(x)[0], net.conv(y, "conv_last") + mean, rtol=1e-4, atol=1e-4)


def test_msrresnet_is_basicsrs_formula():
    model = pointwise(build_generator(MSRResNetConfig(scale=2, blocks=2, features=3), "t"))
    net, x = Layers(model), np.full((1, 2, 3, 3), 0.3, np.float32)  # constant: its bilinear skip is itself

    def act(v):
        return np.where(v > 0, v, 0.1 * v)

    y = act(net.conv(x[0], "conv_first"))
    for index in range(2):
        y = y + net.conv(np.maximum(net.conv(y, f"body_{index}_conv1"), 0), f"body_{index}_conv2")
    y = act(shuffled(net.conv(y, "conv_up1"), 2))
    expected = net.conv(act(net.conv(y, "conv_hr")), "conv_last") + 0.3
    np.testing.assert_allclose(model(x)[0], expected, rtol=1e-4, atol=1e-4)


def test_enet_is_the_papers_table_and_adds_bicubic():
    model = pointwise(build_generator(ENetConfig(scale=2, blocks=2, features=3), "t"))
    net, x = Layers(model), np.full((1, 2, 3, 3), 0.3, np.float32)  # constant: its bicubic is itself
    y = np.maximum(net.conv(x[0], "conv_first"), 0)
    for index in range(2):
        y = y + net.conv(np.maximum(net.conv(y, f"body_{index}_conv1"), 0), f"body_{index}_conv2")
    y = y.repeat(2, 0).repeat(2, 1)
    for name in ("conv_up1", "conv_hr"):
        y = np.maximum(net.conv(y, name), 0)
    np.testing.assert_allclose(model(x)[0], net.conv(y, "conv_last") + 0.3, rtol=1e-4, atol=1e-4)


def test_rcan_is_the_papers_figure():
    model = pointwise(build_generator(RCANConfig(scale=2, groups=2, blocks=2, features=4, reduction=2), "t"))
    net, x, mean = Layers(model), image(2, 3), np.array([0.4488, 0.4371, 0.4040])
    first = y = net.conv(x[0] - mean, "conv_first")
    for group in range(2):
        before = y
        for block in range(2):
            name = f"body_{group}_{block}"
            residual = net.conv(np.maximum(net.conv(y, f"{name}_conv1"), 0), f"{name}_conv2")
            squeezed = np.maximum(net.conv(residual.mean((0, 1)), f"{name}_squeeze"), 0)
            y = y + residual / (1 + np.exp(-net.conv(squeezed, f"{name}_excite")))
        y = before + net.conv(y, f"body_{group}_conv")
    y = shuffled(net.conv(first + net.conv(y, "conv_after_body"), "conv_up1"), 2)
    np.testing.assert_allclose(model(x)[0], net.conv(y, "conv_last") + mean, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_phone_adds_the_repeated_input_before_the_shuffle_and_clips(scale):
    model = pointwise(build_generator(PhoneConfig(scale=scale, convs=2, features=5), "t"))
    net, x = Layers(model), image(3, 4)
    y = x[0]
    for name in ("conv_first", "body_0_conv", "body_1_conv"):
        y = np.maximum(net.conv(y, name), 0)
    total = net.conv(y, "conv_last") / 6 + np.tile(x[0], scale**2)
    assert (total < 0).any() and (total > 1).any()
    np.testing.assert_allclose(model(x)[0], shuffled(np.clip(total, 0, 1), scale), rtol=1e-4, atol=1e-4)


def test_phone_with_skips_adds_every_two_convolutions_to_what_they_were_given():
    model = pointwise(build_generator(PhoneConfig(scale=2, convs=4, features=5, skips=True), "t"))
    net, x = Layers(model), image(3, 4)
    y = net.conv(x[0], "conv_first")
    for first, second in (("body_0_conv", "body_1_conv"), ("body_2_conv", "body_3_conv")):
        y = y + net.conv(np.maximum(net.conv(y, first), 0), second)
    total = net.conv(y, "conv_last") / 6 + np.tile(x[0], 4)
    assert (y < 0).any() and (total < 0).any() and (total > 1).any()
    np.testing.assert_allclose(model(x)[0], shuffled(np.clip(total, 0, 1), 2), rtol=1e-4, atol=1e-4)


def test_srcnn_works_on_the_bicubic_enlargement():
    model = pointwise(build_generator(SRCNNConfig(scale=2, features=(4, 3)), "t"))
    net, x = Layers(model), image(3, 3)
    y = imresize(x[0], 2)
    for name in ("conv1", "conv2"):
        y = np.maximum(net.conv(y, name), 0)
    np.testing.assert_allclose(model(x)[0], net.conv(y, "conv_last"), rtol=1e-4, atol=1e-4)


def test_span_is_the_papers_figure():
    model = pointwise(build_generator(SPANConfig(scale=2, blocks=2, features=3, input_range=10.0), "t"))
    net, x, mean = Layers(model), image(2, 3), np.array([0.4488, 0.4371, 0.4040])

    def silu(v):
        return v / (1 + np.exp(-v))

    first = y = net.conv(10 * (x[0] - mean), "conv_first")
    outputs = []
    for index in range(2):
        inner = net.conv(y, f"body_{index}_conv1")
        residual = net.conv(silu(net.conv(silu(inner), f"body_{index}_conv2")), f"body_{index}_conv3")
        y = (y + residual) * (1 / (1 + np.exp(-residual)) - 0.5)
        outputs.append(y)
    joined = np.concatenate([first, net.conv(y, "conv_after_body"), outputs[0], inner], axis=-1)
    y = shuffled(net.conv(net.conv(joined, "conv_cat"), "conv_last"), 2)
    np.testing.assert_allclose(model(x)[0], y, rtol=1e-4, atol=1e-4)
