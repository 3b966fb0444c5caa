"""Records as a source: what is trained on, what is held out, and what is refused."""

import dataclasses

import numpy as np
import pytest
from support.records import make_records

from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.registry import known_sources, parse_data
from esrgan_tf.data.sources import open_sources, open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS
from esrgan_tf.recipes.configs import DataConfig

CONFIG = DataConfig(validation_pictures=8)
DEGRADED = dataclasses.replace(CONFIG, degradation=DEGRADATIONS["realesrgan"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records of twenty images."""
    return str(make_records(tmp_path_factory.mktemp("records"), images=20).folder)


def image_of(source, number):
    """Number of the image that a sub-image was cut from: its first channel."""
    return int(source.records.read("hr", int(number))[0, 0, 0])


def test_a_folder_of_records_is_recognised(folder):
    assert parse_data(f"{folder}+sample") == [(folder, "records", folder), ("sample", "sample", "")]
    assert parse_data(f"records:{folder}") == [(f"records:{folder}", "records", folder)]
    assert "records:FOLDER" in known_sources()


def test_whole_images_are_held_out_the_same_as_of_a_folder(folder):
    (source,) = open_sources(folder, CONFIG, 4, 16, 0)
    held_out = [element["name"].numpy().decode()[-6:] for element in source.held_out]
    assert held_out == ["05.png", "15.png"]
    assert source.count == len(source.names) == 18
    assert len(source.numbers) == 18 * 6
    assert {image_of(source, number) for number in source.numbers} == set(range(20)) - {5, 15}


def test_each_held_out_image_is_validated_by_its_middle_sub_image(folder):
    (source,) = open_sources(folder, CONFIG, 4, 16, 0)
    (name, hr, lr), _ = load_held_out([source], 24, 4).images
    assert name == "05"
    np.testing.assert_array_equal(hr, source.records.read("hr", 5 * 6 + 3))
    np.testing.assert_array_equal(lr, source.records.read("x4", 5 * 6 + 3))


def test_a_degradation_makes_lr_of_what_is_held_out(folder):
    sources = open_sources(folder, DEGRADED, 4, 16, 0)
    ((_, hr, lr), _), ((_, same, bicubic), _) = (
        load_held_out(sources, 24, 4, degradation).images for degradation in (DEGRADED.degradation, None)
    )
    np.testing.assert_array_equal(hr, same)
    assert (lr.numpy() != bicubic.numpy()).mean() > 0.5


def test_val_data_is_what_training_on_them_holds_out(folder):
    (validated,), (trained,) = open_validation(folder, 4, CONFIG), open_sources(folder, CONFIG, 4, 16, 0)
    assert (validated.count, len(validated.numbers)) == (0, 0)
    names = [[element["name"].numpy() for element in source.held_out] for source in (validated, trained)]
    assert names[0] == names[1]


def test_a_single_image_is_trained_on_and_held_out(tmp_path):
    (source,) = open_sources(str(make_records(tmp_path, images=1).folder), CONFIG, 4, 16, 0)
    assert (source.count, len(source.numbers), len(source.held_out)) == (1, 6, 1)


def test_the_stream_has_one_sub_image_of_each_image(folder):
    (source,) = open_sources(folder, CONFIG, 2, 16, 0)
    elements = list(source.stream(0).take(36))
    names = [element["name"].numpy().decode() for element in elements]
    assert set(names[:18]) == set(names[18:]) == set(source.names)
    assert names[:18] != names[18:]
    hr, lr = source.load(elements[0])
    assert (hr.shape, lr.shape) == ((24, 24, 3), (12, 12, 3))
    assert int(names[0][-6:-4]) == hr[0, 0, 0]


def test_what_is_made_otherwise_of_the_same_images_is_another_run(folder, tmp_path):
    (first,), (again,) = (open_sources(folder, CONFIG, 4, 16, 0) for _ in range(2))
    assert first.identity == again.identity
    other = dataclasses.replace(first, records=make_records(tmp_path, images=2))
    assert other.names == first.names and other.identity != first.identity


def test_only_test_images_that_are_trained_on_are_named(folder):
    (source,) = open_sources(folder, CONFIG, 4, 16, 0)
    shard = source.records.shards[0]
    images = tuple(dataclasses.replace(image, test_image=f"set {image.name[-6:]}") for image in shard.images)
    records = dataclasses.replace(source.records, shards=(dataclasses.replace(shard, images=images),))
    found = dataclasses.replace(source, records=records).test_images
    assert len(found) == 18 and "set 05.png" not in found.values() and "set 04.png" in found.values()


@pytest.mark.parametrize(
    ("scale", "hr_patch", "config", "message"),
    [
        (3, 12, CONFIG, "holds LR sub-images for the scales 2, 4: prepare .* Received: `scale=3`"),
        (5, 20, DEGRADED, "holds LR sub-images for the scales 2, 4"),
        (4, 32, CONFIG, "must hold sub-images of at least 32 px: use a smaller `hr_patch`.* Received: 24 px"),
    ],
)
def test_records_that_do_not_fit_are_refused(folder, scale, hr_patch, config, message):
    with pytest.raises(InputError, match=f"`data=.*records` {message}"):
        open_sources(folder, config, scale, hr_patch, 0)


def test_a_degradation_needs_no_lr_sub_images(folder):
    (source,) = open_sources(folder, DEGRADED, 3, 12, 0)
    assert source.load_hr(source.held_out[0]).shape == (24, 24, 3)
