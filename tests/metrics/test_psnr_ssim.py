"""PSNR and SSIM against hand-worked values and scikit-image."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from esrgan_tf.metrics.psnr_ssim import luma, psnr, smallest_side, ssim


def noisy_pair(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    return image, np.clip(image + rng.normal(0, 20, image.shape), 0, 255).astype(np.uint8)


def test_luma_of_black_and_white_is_16_and_235():
    assert luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)).tolist() == [[16.0, pytest.approx(235.0)]]


def test_psnr_of_a_known_error():
    a = np.full((20, 20, 3), 100, np.uint8)
    assert psnr(a + 5, a, channel="rgb") == pytest.approx(10 * np.log10(255**2 / 25))
    assert psnr(a + 5, a) == pytest.approx(10 * np.log10(255**2 / (5 * 219 / 255) ** 2))
    assert psnr(a, a) == float("inf")


def test_a_grey_image_counts_as_equal_channels_which_narrows_its_range_to_219():
    rng = np.random.default_rng(0)
    a, b = (np.repeat(rng.integers(0, 256, (20, 20, 1)), 3, axis=2).astype(np.uint8) for _ in range(2))
    raw = 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))
    assert psnr(a, b, channel="rgb") == pytest.approx(raw)
    assert psnr(a, b) == pytest.approx(raw + 20 * np.log10(255 / 219))


def test_crop_leaves_the_border_out():
    a = np.full((20, 20, 3), 100, np.uint8)
    b = a.copy()
    b[:4] = 0
    assert psnr(a, b, crop=4) == float("inf")
    assert psnr(a, b, crop=3) < 30


@pytest.mark.parametrize("crop", [0, 4])
@pytest.mark.parametrize("channel", ["y", "rgb"])
def test_ssim_agrees_with_scikit_image(channel, crop):
    a, b = noisy_pair()
    whole, inner = (a, b), slice(crop, -crop or None)
    a, b = a[inner, inner], b[inner, inner]
    x, y = (luma(a), luma(b)) if channel == "y" else (a.astype(float), b.astype(float))
    expected = structural_similarity(
        x,
        y,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=None if channel == "y" else 2,
    )
    assert ssim(*whole, crop=crop, channel=channel) == pytest.approx(expected, abs=1e-10)


def test_ssim_of_equal_images_is_one():
    a, _ = noisy_pair()
    assert ssim(a, a) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)), "alike"),
        ((np.zeros((9, 9, 3)), np.zeros((9, 9, 3))), "uint8"),
        ((np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 3), np.uint8), 5), "crop"),
        ((np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9, 3), np.uint8), 0, "v"), "channel"),
    ],
)
def test_psnr_refuses_what_it_cannot_compare(arguments, message):
    with pytest.raises(ValueError, match=message):
        psnr(*arguments)


def test_a_image_of_the_smallest_side_can_be_measured():
    image = np.zeros((smallest_side(4), 40, 3), np.uint8)
    assert ssim(image, image, crop=4) == pytest.approx(1)
    with pytest.raises(ValueError, match="11 px"):
        ssim(image[1:], image[1:], crop=4)


def test_ssim_refuses_a_image_smaller_than_its_window():
    with pytest.raises(ValueError, match="11 px"):
        ssim(np.zeros((10, 40, 3), np.uint8), np.zeros((10, 40, 3), np.uint8))
