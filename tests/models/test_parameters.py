"""Every generator has the number of parameters that its paper, or its released code, gives."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest

from esrgan_tf.models import build_generator
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.generators import PhoneConfig, SRVGGConfig

CONV = 9 * 64 * 64 + 64  # 3x3, 64 to 64 channels
EDSR_LIKE = (3 * 9 * 64 + 64) + 16 * 2 * CONV + CONV + 2 * (9 * 64 * 256 + 256) + (9 * 64 * 3 + 3)
SRRESNET = (
    (81 * 3 * 64 + 64)  # first
    + 16 * (2 * CONV + 2 * 2 * 64 + 1)  # blocks: two BatchNorms' gamma and beta, one PReLU slope
    + (CONV + 2 * 64)  # after the blocks
    + 2 * (9 * 64 * 256 + 256)  # pixel shuffles
    + (81 * 64 * 3 + 3)  # last
    + 3  # the other PReLUs
)
RESIDUAL_BLOCKS = (3 * 9 * 64 + 64) + 16 * 2 * CONV + 4 * CONV + (9 * 64 * 3 + 3)  # body's, up1, up2, HR
GENERATOR_PARAMETERS = {
    "quickstart": 578_755,
    "esrgan": 16_697_987,
    "esrgan_16": 11_662_019,
    "esrgan_2022": 16_697_987,
    "esrgan_minc": 16_697_987,
    "ablation_1": RESIDUAL_BLOCKS - 32 * 64 + 32 * 2 * 64,  # gamma and beta in place of a bias
    "ablation_2": RESIDUAL_BLOCKS,
    "ablation_3": RESIDUAL_BLOCKS,
    "ablation_4": RESIDUAL_BLOCKS,
    "ablation_5": 16_697_987,
    "srresnet": 1_549_462,
    "srgan": 1_549_462,
    "enhancenet": (27 * 64 + 64) + (20 + 3) * CONV + (9 * 64 * 3 + 3),  # up1, up2 and HR
    "msrresnet": 1_517_571,
    "edsr_baseline": 1_517_571,
    "edsr": 43_089_923,
    "rcan": 15_592_379 - 2 * (9 + 3),  # the released code counts its two fixed mean shifts
    "srcnn": (81 * 3 * 64 + 64) + (25 * 64 * 32 + 32) + (25 * 32 * 3 + 3),
    "srvgg": 1_213_296,
    "span": 1_840_488,  # in three branches; 426,288 as it is deployed
    "span_52": 2_157_136,
    "phone": (27 * 32 + 32) + 6 * (9 * 32 * 32 + 32) + (9 * 32 * 48 + 48),
    "zoo_phone": (27 * 32 + 32) + 6 * (9 * 32 * 32 + 32) + (9 * 32 * 48 + 48),
    "phone_x4": (27 * 32 + 32) + 10 * (9 * 32 * 32 + 32) + (9 * 32 * 48 + 48),
    "phone_x3": (27 * 32 + 32) + 10 * (9 * 32 * 32 + 32) + (9 * 32 * 27 + 27),
    "phone_x2": (27 * 32 + 32) + 10 * (9 * 32 * 32 + 32) + (9 * 32 * 12 + 12),
    "compact_x2": (27 * 64 + 64) + 33 * (9 * 64 * 64 + 64) + (9 * 64 * 12 + 12),
    "compact": (27 * 64 + 64) + 33 * (9 * 64 * 64 + 64) + (9 * 64 * 48 + 48),
    "photo": (27 * 64 + 64) + 33 * (9 * 64 * 64 + 64) + (9 * 64 * 48 + 48),
}


@functools.cache
def parameters_of(config) -> int:
    """Of recipes that train the same generator, it is built once."""
    return trainable_parameters(build_generator(config, "counted"))


def trainable_parameters(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in ("rcan", "esrgan_2022") else name for name in RECIPES],
)
def test_generator_has_the_pinned_number_of_parameters(name):
    assert parameters_of(RECIPES[name].generator) == GENERATOR_PARAMETERS[name]


def test_counts_derived_by_hand_are_the_published_ones():
    assert EDSR_LIKE == 1_517_571  # MSRResNet's HR convolution takes the place of EDSR's after the body
    assert SRRESNET == 1_549_462


def test_animevideov3_has_the_published_number_of_parameters():
    assert build_generator(SRVGGConfig(convs=16), "anime").count_params() == 621_424


@pytest.mark.parametrize(("name", "published"), [("span", 426_288), ("span_52", 498_208)])
def test_span_without_branches_has_the_published_number_of_parameters(name, published):
    assert build_generator(replace(RECIPES[name].generator, branches=None), name).count_params() == published


@pytest.mark.parametrize(
    ("scale", "parameters", "macs"), [(2, 59_852, 976_748_544), (3, 64_187, 1_047_527_424), (4, 70_256, 1_146_617_856)]
)
def test_phone_is_small_enough_for_phones(scale, parameters, macs):
    """Multiply-accumulates of a tile of 128 px: every convolution works at that size."""
    model = build_generator(PhoneConfig(scale=scale), "t")
    convs = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert model.count_params() == parameters <= 100_000
    assert sum(128 * 128 * int(np.prod(layer.kernel.shape)) for layer in convs) == macs <= 1.7e9
    assert {layer.kernel.shape[:2] for layer in convs} == {(3, 3)}
