"""Enlarging by a whole factor, against NumPy and MATLAB's resize."""

import numpy as np
import pytest

from esrgan_tf.image.resize import imresize
from esrgan_tf.models.layers.upsampling import bicubic, bilinear, nearest

X = np.random.default_rng(0).uniform(size=(2, 6, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_nearest_repeats_every_value(factor):
    np.testing.assert_array_equal(nearest(X, factor), X.repeat(factor, 1).repeat(factor, 2))


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_bicubic_is_matlabs_imresize(factor):
    expected = np.stack([imresize(image, factor) for image in X])
    np.testing.assert_allclose(bicubic(X, factor), expected, atol=1e-6)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_bilinear_interpolates_between_pixel_centres_and_repeats_the_border(factor):
    ramp = np.broadcast_to(np.arange(6, dtype=np.float32)[None, :, None, None], (1, 6, 5, 2))
    rows = np.clip((np.arange(6 * factor) + 0.5) / factor - 0.5, 0, 5)
    expected = np.broadcast_to(rows[None, :, None, None], (1, 6 * factor, 5 * factor, 2))
    np.testing.assert_allclose(bilinear(ramp, factor), expected, atol=1e-5)
    turned = np.array(bilinear(ramp.transpose(0, 2, 1, 3), factor)).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(turned, expected, atol=1e-5)
