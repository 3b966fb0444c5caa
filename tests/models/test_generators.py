"""Generators: shapes, initialisation, every field, and files that plain Keras reads."""

from dataclasses import fields, replace

import keras
import numpy as np
import pytest
from support.numpy_layers import image, randomized
from support.tiny import narrowed

from esrgan_tf.models import build_generator
from esrgan_tf.models.generators.rrdb import rrdb
from esrgan_tf.recipes import RECIPES
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
    SRVGGConfig,
)

TINY = RRDBConfig(blocks=1, features=8, growth=4)
FAMILIES = {
    "rrdb": TINY,
    "srresnet": SRResNetConfig(blocks=1, features=4),
    "msrresnet": MSRResNetConfig(blocks=1, features=4),
    "edsr": EDSRConfig(blocks=1, features=4),
    "enet": ENetConfig(blocks=1, features=4),
    "rcan": RCANConfig(groups=2, blocks=1, features=4, reduction=2),
    "srcnn": SRCNNConfig(features=(4, 2)),
    "srvgg": SRVGGConfig(convs=2, features=4),
    "span": SPANConfig(blocks=1, features=4, branches=2),
    "phone": PhoneConfig(convs=2, features=4),
}
NO_SUCH_SCALE = [("edsr", 1), ("enet", 1), ("srresnet", 1), ("phone", 1), ("phone", 8)]
# Trainable ones: BatchNorm's gamma and beta are counted, its moving statistics are not.


@pytest.mark.parametrize(
    ("family", "scale"), [(f, s) for f in FAMILIES for s in (2, 3, 4, 8) if (f, s) not in NO_SUCH_SCALE]
)
def test_every_family_enlarges_by_its_scale_and_in_float32(family, scale):
    model = build_generator(replace(FAMILIES[family], scale=scale), "mine", "mixed_bfloat16")
    assert model.name == f"mine_x{scale}"
    upscaled = model(image(batch=2))
    assert upscaled.shape == (2, 5 * scale, 7 * scale, 3)
    assert upscaled.dtype == "float32"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_comes_back_from_a_file_that_plain_keras_reads(family, tmp_path):
    model = randomized(build_generator(FAMILIES[family], "mine"))
    model.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")  # safe mode
    np.testing.assert_array_equal(loaded(image()), model(image()))


@pytest.mark.parametrize(("family", "scale"), [*((family, 5) for family in FAMILIES), *NO_SUCH_SCALE])
def test_every_family_names_a_scale_it_has_not(family, scale):
    with pytest.raises(ValueError, match=f"`scale` must be one of .* Received: {scale}"):
        replace(FAMILIES[family], scale=scale)


@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_gives_images_close_to_the_float32_twins(family):
    keras.utils.set_random_seed(1)
    full = build_generator(FAMILIES[family], "t")
    half = build_generator(FAMILIES[family], "t", "mixed_bfloat16")
    half.set_weights(full.get_weights())
    a, b = np.array(full(image(8, 8))), np.array(half(image(8, 8)))
    assert np.abs(a - b).max() < 0.03 * np.abs(a).max()


@pytest.mark.parametrize("upsampling", ["nearest", "pixel_shuffle"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_rrdb_enlarges_by_its_scale(scale, upsampling):
    model = rrdb(RRDBConfig(scale=scale, blocks=1, features=8, growth=4, upsampling=upsampling))
    assert model(image()).shape == (1, 5 * scale, 7 * scale, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [("scale", 5), ("upsampling", "transposed"), ("padding", "circular"), ("block", "dense"), ("init_convs", "none")],
)
def test_rrdb_names_what_it_cannot_build(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be one of .* Received: {value}"):
        RRDBConfig(**{field: value})


@pytest.mark.parametrize("config", [RRDBConfig, MSRResNetConfig])
def test_kernels_that_start_at_zero_are_refused(config):
    with pytest.raises(ValueError, match="`init_scale` must be above 0. Received: 0"):
        config(init_scale=0.0)


def test_rrdb_starts_with_he_normal_times_a_tenth():
    model = rrdb(RRDBConfig(blocks=1))
    kernel = model.get_layer("body_0_rdb1_conv5").kernel.numpy()
    he = np.sqrt(2 / (9 * (64 + 4 * 32)))
    assert kernel.std() == pytest.approx(0.1 * he, rel=0.02)
    assert not model.get_layer("body_0_rdb1_conv5").bias.numpy().any()


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_of_the_same_shape_start_with_different_numbers(family):
    kernels = [v for v in build_generator(FAMILIES[family], "t").trainable_variables if v.path.endswith("kernel")]
    assert len({kernel.numpy().tobytes() for kernel in kernels}) == len(kernels)


def test_init_convs_body_leaves_the_others_as_pytorch_starts_them():
    model = rrdb(RRDBConfig(blocks=1, init_convs="body"))
    inside, outside = model.get_layer("body_0_rdb1_conv1").kernel.numpy(), model.get_layer("conv_hr").kernel.numpy()
    assert inside.std() == pytest.approx(0.1 * np.sqrt(2 / (9 * 64)), rel=0.05)
    limit = 1 / np.sqrt(9 * 64)
    assert 0.98 * limit < np.abs(outside).max() <= limit
    assert outside.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)


@pytest.mark.parametrize("padding", ["zero", "reflect", "replicate"])
def test_padding_decides_what_is_seen_beyond_the_border(padding):
    """A constant image stays constant under any weights unless zeros are seen beyond its border."""
    model = randomized(rrdb(RRDBConfig(scale=2, blocks=1, features=4, growth=2, padding=padding)))
    upscaled = np.array(model(np.full((1, 6, 6, 3), 0.5, np.float32)))
    assert (np.ptp(upscaled, axis=(1, 2)).max() < 1e-4 * np.abs(upscaled).max()) == (padding != "zero")


def test_replicate_padding_repeats_the_outermost_pixel():
    model = rrdb(RRDBConfig(scale=1, blocks=1, features=3, growth=1, padding="replicate"))
    layer = keras.Model(model.input, model.get_layer("conv_first").output)
    randomized(layer)
    x = image(4, 4)
    kernel, bias = (w.numpy() for w in model.get_layer("conv_first").variables)
    padded = np.pad(x[0], ((1, 1), (1, 1), (0, 0)), "edge")
    corner = np.einsum("hwc,hwcf->f", padded[:3, :3], kernel) + bias
    np.testing.assert_allclose(np.array(layer(x))[0, 0, 0], corner, rtol=1e-5)


@pytest.mark.parametrize("scale", [1, 2])
def test_pixel_unshuffle_works_on_the_smaller_image(scale):
    model = rrdb(RRDBConfig(scale=scale, blocks=1, features=4, growth=2, pixel_unshuffle=True))
    assert model.get_layer("conv_first").kernel.shape[2] == 3 * (4 // scale) ** 2
    assert model(image(8, 12)).shape == (1, 8 * scale, 12 * scale, 3)


def test_pixel_unshuffle_is_refused_at_other_scales():
    with pytest.raises(ValueError, match="`pixel_unshuffle` must be false unless the scale is 1 or 2. Received: 4"):
        RRDBConfig(pixel_unshuffle=True)


def test_edsr_keeps_the_mean_colour_with_silent_weights():
    """With the last convolution at zero only the mean shift is left."""
    model = build_generator(FAMILIES["edsr"], "t")
    for variable in model.get_layer("conv_last").variables:
        variable.assign(np.zeros(variable.shape))
    np.testing.assert_allclose(np.array(model(image()))[0, 3, 3], [0.4488, 0.4371, 0.4040], rtol=1e-6)


@pytest.mark.parametrize(("family", "skip"), [("srvgg", "nearest"), ("msrresnet", "bilinear")])
def test_compact_networks_add_to_the_enlarged_input(family, skip):
    model = build_generator(FAMILIES[family], "t")
    for variable in model.get_layer("conv_last").variables:
        variable.assign(np.zeros(variable.shape))
    x = image()
    rows, columns = ((np.arange(4 * size) + 0.5) / 4 - 0.5 for size in x.shape[1:3])
    if skip == "nearest":
        expected = x[0].repeat(4, 0).repeat(4, 1)
    else:
        columnwise = [np.interp(columns, np.arange(7), row) for row in x[0].transpose(0, 2, 1).reshape(-1, 7)]
        wide = np.array(columnwise).reshape(5, 3, 28)
        expected = np.stack([[np.interp(rows, np.arange(5), wide[:, c, i]) for i in range(28)] for c in range(3)])
        expected = expected.transpose(2, 1, 0)
    np.testing.assert_allclose(np.array(model(x))[0], expected, atol=1e-6)


@pytest.mark.parametrize(("field", "value"), [("blocks", 0), ("branches", -1)])
def test_span_names_what_it_cannot_build(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be .* Received: {value}"):
        SPANConfig(**{field: value})


def test_phone_refuses_half_a_residual_block():
    with pytest.raises(ValueError, match="`convs` must be even where there are `skips`. Received: 3"):
        PhoneConfig(convs=3, skips=True)


# What each field is changed to; every change must change the network or how it starts.
OTHER = {
    "block": "residual",
    "blocks": 2,
    "features": 6,
    "growth": 3,
    "residual_scale": 0.5,
    "batch_norm": True,
    "padding": "reflect",
    "upsampling": "pixel_shuffle",
    "pixel_unshuffle": True,
    "init_scale": 1.0,
    "init_convs": "body",
    "init": "torch",
    "outer_kernel": 7,
    "mean_rgb_01": (0.5, 0.5, 0.5),
    "groups": 3,
    "reduction": 1,
    "kernels": (9, 1, 5),
    "convs": 3,
    "skips": True,
    "branches": 3,
    "input_range": 1.0,
}
OTHER_OF_FAMILY = {("srcnn", "features"): (5, 3), ("edsr", "upsampling"): "direct"}


@pytest.mark.parametrize(
    ("family", "field"),
    [(family, field.name) for family, config in FAMILIES.items() for field in fields(config) if field.name in OTHER],
)
def test_every_field_of_a_family_changes_its_network(family, field):
    value = OTHER_OF_FAMILY.get((family, field), OTHER[field])
    outputs = []
    for changes in ({}, {field: value}):
        keras.utils.set_random_seed(1)
        model = build_generator(replace(FAMILIES[family], scale=2, **changes), "t")
        outputs.append((model.count_params(), np.array(model(image(8, 8))).round(7).tobytes()))
    assert outputs[0] != outputs[1]


def test_every_field_of_every_family_is_among_those_tried():
    named = {field.name for config in FAMILIES.values() for field in fields(config)}
    assert named == {*OTHER, "family", "scale"}


def test_the_narrow_twin_of_a_recipe_keeps_its_family():
    assert {narrowed(name, 1).generator.family for name in RECIPES} == set(FAMILIES)
