"""What is found wrong with images before training."""

import numpy as np
import pytest
from PIL import Image
from support.images import make_image, truncate, write_photo

from esrgan_tf.data.diagnosis import ERROR, FACT, WARNING, diagnose_images, find_kernel, lr_kernels
from esrgan_tf.data.folders import find_images, find_pairs
from esrgan_tf.image.io import read_rgb, write_image

SCALE = 4


def texts(findings, level):
    return [finding.text for finding in findings if finding.level == level]


@pytest.fixture
def pairs(tmp_path):
    """A function that writes HR images and, by a kernel, LR images, and gives the pairs."""

    def write(kernel, count=3):
        for seed in range(count):
            write_photo(tmp_path / f"hr/{seed}.png", 128, 160, seed)
            (tmp_path / "lr").mkdir(exist_ok=True)
            lr = kernel(read_rgb(tmp_path / f"hr/{seed}.png"), SCALE)
            Image.fromarray(lr).save(tmp_path / f"lr/{seed}.png")
        return find_pairs(f"hr={tmp_path / 'hr'},lr={tmp_path / 'lr'}")

    return write


@pytest.mark.parametrize("name", list(lr_kernels()))
def test_the_kernel_that_made_lr_images_is_named(pairs, name):
    findings = diagnose_images(pairs(lr_kernels()[name]), SCALE, 64)
    assert texts(findings, FACT)[0] == f"LR images are made 3 by {name} (of 3 tried)"
    assert not texts(findings, ERROR) and not texts(findings, WARNING)


def test_another_kernel_is_a_warning(pairs):
    found = pairs(lambda hr, scale: hr[1::scale, 1::scale])
    (warning,) = [text for text in texts(diagnose_images(found, SCALE, 64), WARNING) if "another kernel" in text]
    assert "by another kernel" in warning
    hr = read_rgb(found[0].hr)
    assert find_kernel(hr, hr[1::SCALE, 1::SCALE], SCALE)[0] is None


def test_lr_images_that_are_shifted_or_of_other_images_are_found(pairs):
    shrink = next(iter(lr_kernels().values()))
    shifted = pairs(lambda hr, scale: shrink(np.roll(hr, (0, 2), (0, 1)), scale))
    (warning,) = [text for text in texts(diagnose_images(shifted, SCALE, 64), WARNING) if "shifted" in text]
    assert "by about 2, 0 px of HR" in warning
    strangers = pairs(lambda hr, scale: shrink(255 - hr, scale))
    assert "3 LR images do not look like their HR images" in texts(diagnose_images(strangers, SCALE, 64), ERROR)[0]


def test_lr_images_of_the_wrong_size_are_an_error(pairs):
    found = pairs(lambda hr, scale: hr[::2, ::2])
    assert (
        "3 LR images have not the size of their HR images at scale 4"
        in texts(diagnose_images(found, SCALE, 64), ERROR)[0]
    )


def test_what_is_broken_small_twice_there_or_with_alpha_is_named(tmp_path):
    write_photo(tmp_path / "a.png", 96, 96, 1)
    Image.open(tmp_path / "a.png").save(tmp_path / "again.jpg", quality=90)
    write_photo(tmp_path / "small.png", 40, 40, 2)
    write_photo(tmp_path / "broken.png", 96, 96, 3)
    truncate(tmp_path / "broken.png")
    write_image(tmp_path / "alpha.png", make_image(alpha=True, shape=(70, 70)))
    findings = diagnose_images(find_images(str(tmp_path)), SCALE, 64)
    warnings = " | ".join(texts(findings, WARNING))
    for part in (
        "1 cannot be read, and will be left out",
        "1 smaller than 64 x 64 px",
        "1 images have alpha",
        "1 pairs of images are nearly the same",
    ):
        assert part in warnings
    assert "4 HR images that can be read: 3 in colour, 1 in colour with alpha" in texts(findings, FACT)[0]
    assert not texts(findings, ERROR)


def test_nothing_to_train_on_is_an_error(tmp_path):
    write_photo(tmp_path / "small.png", 40, 40)
    assert texts(diagnose_images(find_images(str(tmp_path)), SCALE, 64), ERROR) == ["no image is left to train on"]
