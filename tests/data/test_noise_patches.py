"""Noise from flat patches of photographs: what is taken, and what is added to LR images."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.paths import FIXTURES

from esrgan_tf.data.degradation import degrade
from esrgan_tf.data.noise_patches import MAX_PATCHES, SIDE, add_noise_patch, noise_patches
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.degradation import DegradationConfig

NOISY = str(FIXTURES / "noisy")  # flat.png: 120/255 with a standard deviation of 4/255


def write(path, sigma, level=120, texture=0, size=(128, 192)):
    """A photograph of one level, with noise, and stripes of so much contrast."""
    rng = np.random.default_rng(1)
    stripes = texture * np.sin(np.arange(size[1]))[None, :, None]
    image = level + stripes + rng.normal(0, sigma, (*size, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8)).save(path)


def test_flat_patches_are_taken_and_their_means_taken_off(tmp_path):
    write(tmp_path / "in/flat.png", sigma=3)
    write(tmp_path / "in/sub/textured.png", sigma=3, texture=40)
    write(tmp_path / "in/too_noisy.png", sigma=12)
    write(tmp_path / "in/white.png", sigma=3, level=252)
    write(tmp_path / "in/drawing.png", sigma=0)
    patches = noise_patches(str(tmp_path / "in")).numpy()
    assert patches.shape == (2 * 3, SIDE, SIDE, 3) and patches.dtype == np.float16
    np.testing.assert_allclose(patches.astype(float).mean((1, 2)), 0, atol=0.01)
    np.testing.assert_allclose(patches.astype(float).std((1, 2)), 3, rtol=0.05)


def test_of_many_patches_some_are_kept_evenly(tmp_path):
    write(tmp_path / "flat.png", sigma=3, size=(SIDE * 8, SIDE * (MAX_PATCHES // 8 + 10)))
    assert noise_patches(str(tmp_path)).shape[0] == MAX_PATCHES


@pytest.mark.parametrize("side", [1, 40, 3 * SIDE])
def test_noise_of_the_patches_is_added_to_images_of_any_size(side):
    image, seeds = tf.fill([side, side, 3], 0.5), [[0, 1], [0, 1], [0, 2]]
    one, same, other = ((add_noise_patch(image, NOISY, seed).numpy() - 0.5) * 255 for seed in seeds)
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    if side > 1:
        assert one.std() == pytest.approx(4, rel=0.1) and abs(one.mean()) < 0.6


def test_a_degradation_adds_it_last_and_is_otherwise_the_same():
    hr = tf.constant(np.full((64, 64, 3), 128, np.uint8))
    config = DegradationConfig()
    mild = replace(
        config,
        first=replace(config.first, noise=replace(config.first.noise, probability=0.0)),
        second=replace(config.second, noise=replace(config.second.noise, probability=0.0)),
    )
    clean = degrade(hr, 2, mild, tf.constant([0, 3]))
    noisy = tf.function(lambda x: degrade(x, 2, replace(mild, noise_patches=NOISY), tf.constant([0, 3])))(hr)
    difference = noisy.numpy().astype(int) - clean.numpy()
    assert difference.std() == pytest.approx(4, rel=0.15)


def test_a_folder_without_flat_patches_or_images_is_refused(tmp_path):
    write(tmp_path / "textured.png", sigma=3, texture=40)
    with pytest.raises(InputError, match=r"`noise_patches` must be a folder of photographs with flat parts, of 64 px"):
        noise_patches(str(tmp_path))
    with pytest.raises(InputError, match="noise_patches"):
        noise_patches(str(tmp_path / "missing"))
