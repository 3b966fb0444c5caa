"""Held-out images: cut to a bounded size, and those that cannot be used told."""

import numpy as np
import pytest
from support.images import truncate, write_noise, write_photo

from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.sources import open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes import DEGRADATIONS


def test_images_are_cut_around_their_centre_hr_and_lr_alike(tmp_path):
    hr = write_noise(tmp_path / "a.png", 100, 80)
    ((name, cut_hr, cut_lr),) = load_held_out(open_validation(str(tmp_path), 4), 32, 4).images
    assert name == "a"
    np.testing.assert_array_equal(cut_hr, hr[32:64, 24:56])
    np.testing.assert_array_equal(cut_lr, imresize_uint8(hr, 1 / 4)[8:16, 6:14])


def test_a_broken_one_is_left_out_and_told_and_none_at_all_is_refused(tmp_path):
    for name in ("a.png", "b.png"):
        write_noise(tmp_path / name)
    sources = open_validation(str(tmp_path), 4)
    truncate(tmp_path / "a.png")
    held_out = load_held_out(sources, 32, 4)
    assert [name for name, _, _ in held_out.images] == ["b"]
    assert held_out.left_out[0].startswith(f"{tmp_path}/a.png: cannot be read")
    truncate(tmp_path / "b.png")
    with pytest.raises(InputError, match="val_data.*a.png: cannot be read"):
        load_held_out(sources, 32, 4)


def test_without_held_out_images_val_data_is_asked_for():
    with pytest.raises(InputError, match="val_data.*none held out"):
        load_held_out([], 32, 4)


def test_a_degradation_makes_lr_where_none_is_given_and_always_the_same(tmp_path):
    write_photo(tmp_path / "photos/a.png")
    sources = open_validation(str(tmp_path / "photos"), 4)
    (first,), (again,) = (load_held_out(sources, 64, 4, DEGRADATIONS["realesrgan"]).images for _ in range(2))
    ((_, hr, bicubic),) = load_held_out(sources, 64, 4).images
    np.testing.assert_array_equal(first[1], hr)
    assert first[2].shape == bicubic.shape == (16, 16, 3)
    np.testing.assert_array_equal(first[2], again[2])
    assert (first[2].numpy() != bicubic.numpy()).mean() > 0.5


def test_given_lr_images_are_validated_on_as_they_are(tmp_path):
    write_photo(tmp_path / "hr/a.png")
    lr = write_noise(tmp_path / "lr/a.png", 24, 24)
    sources = open_validation(f"hr={tmp_path}/hr,lr={tmp_path}/lr", 4)
    ((_, _, found),) = load_held_out(sources, 96, 4, DEGRADATIONS["realesrgan"]).images
    np.testing.assert_array_equal(found, lr)


def test_sides_are_cut_to_multiples_that_the_generator_takes(tmp_path):
    hr = write_noise(tmp_path / "a.png", 50, 43)
    ((_, cut_hr, cut_lr),) = load_held_out(open_validation(str(tmp_path), 2), 480, 2, lr_multiple=2).images
    assert (cut_hr.shape[:2], cut_lr.shape[:2]) == ((48, 40), (24, 20))
    np.testing.assert_array_equal(cut_hr, hr[:48, :40])


def test_a_crop_too_small_to_be_measured_is_named(tmp_path):
    write_noise(tmp_path / "a.png", 64, 64)
    with pytest.raises(InputError, match="`data.validation_crop` must be at least 23. Received: 16"):
        load_held_out(open_validation(str(tmp_path), 4), 16, 4)
