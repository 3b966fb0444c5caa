"""What an output pixel sees: as counted by hand, and as changing the input shows."""

import keras
import numpy as np
import pytest
from keras import ops
from support.families import FAMILIES, built

from esrgan_tf.metadata import GeneratorMetadata, set_metadata
from esrgan_tf.models import build_generator, deployed_form
from esrgan_tf.models.receptive_field import preferred_tiling, receptive_radius
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.generators import EDSRConfig, PhoneConfig, RCANConfig, RRDBConfig, SRVGGConfig


def radius(config):
    return receptive_radius(build_generator(config, "t"))


def test_radii_are_those_counted_by_hand():
    assert radius(SRVGGConfig(convs=16)) == 18
    assert radius(PhoneConfig(convs=5, scale=3)) == 7
    assert radius(PhoneConfig(convs=6, features=4, skips=True)) == 8
    assert radius(EDSRConfig(scale=4, blocks=2, features=4)) == 1 + 2 * 2 + 1 + 1 + 1  # 1 + 1/2 + 1/4 of the shuffles
    assert radius(RRDBConfig(scale=4, blocks=1, features=4, growth=2)) == 1 + 15 + 1 + 2  # 1/2 + 3/4 above x1
    unshuffled = RRDBConfig(scale=2, blocks=1, features=4, growth=2, pixel_unshuffle=True)
    assert radius(unshuffled) == 2 * (1 + 15 + 1) + 1 + 2  # and 3/2


@pytest.mark.parametrize("family", ["rcan", "msrresnet", "srcnn", "reflect"])
def test_what_more_than_convolutions_see_is_not_known(family):
    assert receptive_radius(built(FAMILIES[family])) is None


def test_an_operation_that_is_not_known_is_not_taken_for_one_of_a_pixel():
    image = keras.Input((None, None, 3))
    assert receptive_radius(keras.Model(image, ops.max(image, axis=1, keepdims=True) + image)) is None


def test_a_layer_that_is_called_twice_counts_twice():
    image = keras.Input((None, None, 3))
    conv = keras.layers.Conv2D(3, 5, padding="same")
    assert receptive_radius(keras.Model(image, conv(conv(image)) + image)) == 4


def test_dilation_widens_and_strides_are_not_known():
    image = keras.Input((None, None, 3))
    dilated = keras.layers.Conv2D(3, 3, dilation_rate=4, padding="same")(image)
    assert receptive_radius(keras.Model(image, dilated)) == 4
    transposed = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(image)
    assert receptive_radius(keras.Model(image, transposed)) is None


def test_a_network_of_several_maps_and_strange_layers_is_tiled_as_ever():
    image = keras.Input((None, None, 3))
    maps = ops.split(image, 3, axis=-1)
    model = keras.Model(image, ops.concatenate([maps[1], ops.sort(maps[0], axis=1), maps[2]], axis=-1), name="t_x1")
    assert receptive_radius(model) is None
    assert preferred_tiling(model).overlap == 32


@pytest.mark.parametrize(
    "family", ["rrdb", "rrdb_x3", "unshuffled", "edsr", "edsr_direct", "srvgg", "span", "phone", "srresnet"]
)
def test_no_pixel_outside_the_radius_changes_an_output(family):
    """With random weights, whole and in the form that is deployed."""
    model = built(FAMILIES[family])
    scale, seen = int(model.name.rsplit("_x")[-1]), receptive_radius(model)
    side = 2 * seen + 12
    image = np.random.default_rng(0).uniform(size=(side, side, 3)).astype(np.float32)
    changed = image.copy()
    middle = side // 2 // 4 * 4
    changed[: middle - seen] += 0.5
    changed[:, : middle - seen] += 0.5
    for network in (model, deployed_form(model)):
        before, after = (np.array(network(x[None]))[0][scale * middle :, scale * middle :] for x in (image, changed))
        np.testing.assert_array_equal(before[1:-1], after[1:-1])


def test_tiles_of_a_compact_network_cost_little_and_of_a_deep_one_fit_into_memory():
    tile, overlap = preferred_tiling(build_generator(SRVGGConfig(convs=16), "t"))
    assert overlap == 18 and (tile / (tile - 2 * overlap)) ** 2 < 1.12
    deep = preferred_tiling(build_generator(get_recipe("esrgan").generator, "t"))
    assert deep == (256, 32)
    tile, overlap = preferred_tiling(built(FAMILIES["unshuffled"]))
    assert tile % 2 == overlap % 2 == 0


def test_a_network_that_sees_the_whole_image_has_the_default_overlap():
    model = build_generator(RCANConfig(groups=1, blocks=1, features=4, reduction=2), "t")
    assert preferred_tiling(model).overlap == 32
    set_metadata(model, GeneratorMetadata.named("t", 4, lr_multiple=3))
    assert preferred_tiling(model).overlap == 33
