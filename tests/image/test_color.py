"""Colour drift of known casts, and colours that are kept while detail stays."""

import numpy as np
import pytest

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.image.color import color_drift, keep_colors
from esrgan_tf.image.resize import bicubic_upscale

SCALE = 4


@pytest.fixture(scope="module")
def lr_01():
    # Away from 0 and 1, so that a cast is not clipped.
    return (0.2 + 0.6 * dead_leaves(48, 3)[:40] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def upscaled(lr_01):
    return bicubic_upscale(lr_01, SCALE)


def checkerboard(like, amplitude):
    rows, columns = np.indices(like.shape[:2])
    return np.float32(amplitude) * (1 - 2 * ((rows + columns) % 2))[..., None].astype(np.float32)


def test_drift_of_a_cast_is_its_mean_over_channels(lr_01, upscaled):
    cast = np.float32([0.03, 0, -0.06])
    assert color_drift(upscaled, lr_01, SCALE) < 0.3
    assert color_drift(upscaled + cast, lr_01, SCALE) == pytest.approx(255 * 0.09 / 3, abs=0.3)
    flat = np.full((8, 8, 3), 0.5, np.float32)
    assert color_drift(bicubic_upscale(flat, 2) + cast, flat, 2) == pytest.approx(255 * 0.03, abs=1e-3)


def test_detail_is_no_drift(lr_01, upscaled):
    detailed = upscaled + checkerboard(upscaled, 0.1)
    assert color_drift(detailed, lr_01, SCALE) == pytest.approx(color_drift(upscaled, lr_01, SCALE), abs=0.01)


def test_keeping_colours_takes_a_slow_cast_away_and_leaves_the_detail(lr_01, upscaled):
    height, width = upscaled.shape[:2]
    slow = 0.1 * np.cos(np.linspace(0, np.pi, width))[None, :, None] * np.float32([1, 0.5, -0.5])
    detail = checkerboard(upscaled, 0.05)
    output = (upscaled + slow + detail).astype(np.float32)
    kept = keep_colors(output, lr_01, SCALE)
    assert kept.dtype == np.float32
    assert color_drift(output, lr_01, SCALE) > 5
    assert color_drift(kept, lr_01, SCALE) < 0.3
    np.testing.assert_allclose(kept, upscaled + detail, atol=0.01)


def test_bicubic_is_left_as_it_is(lr_01, upscaled):
    np.testing.assert_allclose(keep_colors(upscaled, lr_01, SCALE), upscaled, atol=1e-6)


def test_result_stays_in_the_range():
    lr_01 = np.ones((6, 5, 3), np.float32)
    rng = np.random.default_rng(0)
    kept = keep_colors(rng.random((12, 10, 3)).astype(np.float32), lr_01, 2)
    assert 0.0 <= kept.min() < kept.max() == 1.0


@pytest.mark.parametrize("function", [color_drift, keep_colors])
@pytest.mark.parametrize("shape", [(12, 11, 3), (12, 10), (12, 10, 4)])
def test_sizes_that_do_not_fit_are_refused(function, shape):
    with pytest.raises(ValueError, match="2 times as large"):
        function(np.zeros(shape, np.float32), np.zeros((6, 5, 3), np.float32), 2)
