"""Comparison panels: their cells, captions and crops."""

import numpy as np
import pytest
from support.images import make_image

from esrgan_tf.image.io import to_uint8
from esrgan_tf.image.resize import bicubic_upscale, imresize
from esrgan_tf.metrics import comparison
from esrgan_tf.metrics.comparison import comparison_panel
from esrgan_tf.metrics.psnr_ssim import psnr, ssim


@pytest.fixture
def cells(monkeypatch):
    """What a panel was asked to show."""
    seen = []
    side_by_side = comparison.side_by_side
    monkeypatch.setattr(comparison, "side_by_side", lambda given: seen.extend(given) or side_by_side(given))
    return seen


def test_bicubic_is_matlabs_clipped_to_the_range():
    lr = make_image().rgb
    np.testing.assert_allclose(bicubic_upscale(lr, 3), np.clip(imresize(lr, 3), 0, 1), atol=1e-7)


def test_cells_are_input_bicubic_outputs_original_with_their_quality(cells):
    lr, hr, sr = (make_image(shape=shape).rgb for shape in ((20, 20), (40, 40), (40, 40)))
    sr = 1 - sr
    comparison_panel(lr, [("mine", sr)], 2, hr, crop=16)
    names = [caption.splitlines()[0] for caption, _ in cells]
    assert names == ["input", "bicubic", "mine", "original"]
    a, b = to_uint8(sr), to_uint8(hr)
    assert cells[2][0] == f"mine\n{psnr(a, b, 2):.2f} / {ssim(a, b, 2):.4f}"
    assert {image.shape for _, image in cells} == {(16, 16, 3)}


def test_without_an_original_there_are_no_numbers_and_a_small_image_is_whole(cells):
    comparison_panel(make_image().rgb, [("mine", make_image(shape=(10, 14)).rgb)], 2, zoom=3)
    assert [caption for caption, _ in cells] == ["input", "bicubic", "mine"]
    assert cells[0][1].shape == (30, 30, 3)


def test_a_image_too_small_to_be_measured_says_so(cells):
    hr = make_image(shape=(10, 14)).rgb
    comparison_panel(make_image().rgb, [("mine", hr)], 2, hr)
    assert cells[2][0] == "mine\ntoo small"
