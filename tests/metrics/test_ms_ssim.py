"""MS-SSIM against TensorFlow's own and against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from esrgan_tf.errors import InputError
from esrgan_tf.metrics.ms_ssim import C1, SCALE_WEIGHTS, ms_ssim_loss, ms_ssim_scales, smallest_side


def images(side, seed=0):
    """A smooth image with some noise, and a blurred, noisier and darker one: [1, side, side, 3] in 0..1."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.arange(side)[:, None, None] / 5) * np.cos(np.arange(side)[None, :, None] / 9)
    x = 0.5 + 0.3 * waves + rng.normal(0, 0.05, (side, side, 3))
    y = 0.9 * (x + np.roll(x, 1, 0)) / 2 + rng.normal(0, 0.05, x.shape)
    return np.clip(x, 0, 1)[None].astype(np.float32), np.clip(y, 0, 1)[None].astype(np.float32)


@pytest.mark.parametrize(("side", "scales"), [(192, 5), (128, 4), (64, 3), (32, 2), (16, 1)])
def test_loss_is_one_minus_tensorflows_ms_ssim_with_the_weights_of_the_scales_that_fit(side, scales):
    x, y = images(side)
    assert ms_ssim_scales(side) == scales
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    expected = 1 - tf.image.ssim_multiscale(x, y, 1.0, power_factors=list(weights))[0]
    found = float(ms_ssim_loss(x, y, scales))
    assert found == pytest.approx(float(expected), abs=1e-4)
    assert found > 0.02


def test_flat_images_differ_in_luminance_at_the_coarsest_scale_alone():
    x, y = (np.full((2, 176, 176, 3), value, np.float32) for value in (0.2, 0.6))
    luminance = (2 * 0.2 * 0.6 + C1) / (0.2**2 + 0.6**2 + C1)  # contrast and structure are (0 + C2) / (0 + C2)
    assert float(ms_ssim_loss(x, y, 5)) == pytest.approx(1 - luminance**0.1333, abs=1e-4)
    renormalized = 0.2363 / (0.0448 + 0.2856 + 0.3001 + 0.2363)
    assert float(ms_ssim_loss(x, y, 4)) == pytest.approx(1 - luminance**renormalized, abs=1e-4)


def test_equal_images_have_no_loss_and_unlike_ones_a_finite_gradient():
    x, _ = images(64)
    assert float(ms_ssim_loss(x, x, 3)) == pytest.approx(0, abs=1e-5)
    negative = tf.constant(1 - x)  # structures are opposite: every scale's similarity is below 0
    with tf.GradientTape() as tape:
        tape.watch(negative)
        loss = ms_ssim_loss(negative, x, 3)
    assert float(loss) == pytest.approx(1 - 1e-4, abs=1e-5)
    assert np.isfinite(tape.gradient(loss, negative)).all()


def test_descending_its_gradient_brings_an_image_back():
    x, y = images(44)
    y = tf.Variable(y)
    first = float(ms_ssim_loss(y, x, 3))
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = ms_ssim_loss(y, x, 3)
        y.assign_sub(20 * tape.gradient(loss, y))
    assert float(ms_ssim_loss(y, x, 3)) < first / 2


def test_scales_are_as_many_as_the_window_fits_on():
    assert [ms_ssim_scales(side) for side in (11, 21, 22, 44, 88, 175, 176, 1000)] == [1, 1, 2, 3, 4, 4, 5, 5]
    assert [smallest_side(scales) for scales in (1, 2, 5)] == [11, 22, 176]
    with pytest.raises(InputError, match="`hr_patch` must be 11 or more where ms_ssim_weight.*Received: 10"):
        ms_ssim_scales(10)
