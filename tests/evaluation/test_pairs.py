"""Originals and their LR images, as they are found and made for a measurement."""

import numpy as np
import pytest
from support.images import make_image, write_noise

from esrgan_tf.data.degradation import degrade
from esrgan_tf.data.source import Pair
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.pairs import find_pairs, load_pair
from esrgan_tf.image.io import read_image, to_uint8, write_image
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes import get_degradation


def test_pairs_are_found_by_name_whatever_the_suffix(tmp_path):
    write_noise(tmp_path / "hr/b.png")
    write_noise(tmp_path / "hr/a.bmp")
    write_noise(tmp_path / "lr/ax4.png")
    write_noise(tmp_path / "lr/b.png")
    assert find_pairs(str(tmp_path / "hr"), 4) == [
        Pair("a", tmp_path / "hr/a.bmp"),
        Pair("b", tmp_path / "hr/b.png"),
    ]
    assert find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr", 4) == [
        Pair("a", tmp_path / "hr/a.bmp", tmp_path / "lr/ax4.png"),
        Pair("b", tmp_path / "hr/b.png", tmp_path / "lr/b.png"),
    ]


def test_folders_that_do_not_pair_are_told_with_what_is_missing(tmp_path):
    write_noise(tmp_path / "hr/a.png")
    write_noise(tmp_path / "lr/b.png")
    write_noise(tmp_path / "both/a.png")
    write_noise(tmp_path / "both/b.png")
    write_noise(tmp_path / "twice/a.png")
    write_noise(tmp_path / "twice/a.bmp")
    (tmp_path / "empty").mkdir()
    cases = {
        f"hr={tmp_path}/hr,lr={tmp_path}/lr": f"Missing in lr={tmp_path}/lr: a.$",
        f"hr={tmp_path}/both,lr={tmp_path}/lr": f"Missing in lr={tmp_path}/lr: a.$",
        f"hr={tmp_path}/lr,lr={tmp_path}/both": f"Missing in hr={tmp_path}/lr: a.$",
        f"hr={tmp_path}/hr": "hr=FOLDER,lr=FOLDER. Received: hr=",
        f"{tmp_path}/none": "which is no folder",
        f"{tmp_path}/empty": "must hold images",
        f"{tmp_path}/twice": "each name once. Received: .*/a.bmp and .*/a.png",
    }
    for data, message in cases.items():
        with pytest.raises(InputError, match=message):
            find_pairs(data, 4)


def test_originals_are_cut_to_the_scale_and_lr_is_matlabs_bicubic_of_that(tmp_path):
    values = write_noise(tmp_path / "a.png", 50, 47)
    hr, lr = load_pair(Pair("a", tmp_path / "a.png"), 4)
    np.testing.assert_array_equal(hr, values[:48, :44])
    np.testing.assert_array_equal(lr, imresize_uint8(values[:48, :44], 0.25))


def test_grey_and_deep_originals_become_rgb_of_8_bits(tmp_path):
    write_image(tmp_path / "a.png", make_image(grey=True, alpha=True, bits=16, shape=(8, 8)))
    hr, lr = load_pair(Pair("a", tmp_path / "a.png"), 2)
    assert (hr.dtype, hr.shape, lr.shape) == (np.uint8, (8, 8, 3), (4, 4, 3))
    np.testing.assert_array_equal(hr, to_uint8(read_image(tmp_path / "a.png").rgb))
    assert np.ptp(hr, axis=2).max() == 0


def test_a_degradation_makes_each_images_lr_by_the_seed_of_its_place(tmp_path):
    values = {name: write_noise(tmp_path / f"{name}.png", 50, 47)[:48, :44] for name in "ab"}
    config = get_degradation("realesrgan")
    pairs = find_pairs(str(tmp_path), 4, config)
    assert [(pair.name, pair.hr, pair.lr) for pair in pairs] == [(n, tmp_path / f"{n}.png", None) for n in "ab"]
    for place, pair in enumerate(pairs):
        hr, lr = load_pair(pair, 4)
        np.testing.assert_array_equal(hr, values[pair.name])
        np.testing.assert_array_equal(lr, degrade(values[pair.name], 4, config, [0, place]))
        np.testing.assert_array_equal(load_pair(pair, 4)[1], lr)


def test_a_degradation_beside_given_lr_is_refused(tmp_path):
    write_noise(tmp_path / "hr/a.png")
    write_noise(tmp_path / "lr/a.png")
    with pytest.raises(InputError, match="`degradation` makes low-resolution images, but `data` gives them"):
        find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr", 4, get_degradation("realesrgan"))
