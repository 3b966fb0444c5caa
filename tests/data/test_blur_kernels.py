"""Blur kernels against their formulas, and filtering against the convolution written out."""

import numpy as np
import pytest
import tensorflow as tf

from esrgan_tf.data.blur_kernels import filter_mirrored, gaussian_kernel, plateau_kernel, sinc_kernel

SUPPORT = 21


def quadratic_form(size, sigma_x, sigma_y, angle):
    """p^T S^-1 p with S = R diag(sigma^2) R^T, by matrices, row y and column x around the centre."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T)
    place = np.arange(size) - size // 2
    points = np.stack(np.meshgrid(place, place), -1)
    return np.einsum("yxi,ij,yxj->yx", points, inverse, points)


def padded(kernel):
    return np.pad(kernel / kernel.sum(), (SUPPORT - len(kernel)) // 2)


def bessel_j1(x):
    """Bessel's integral, (1 / pi) integral over [0, pi] of cos(t - x sin t), by the midpoint rule."""
    t = (np.arange(2000) + 0.5) * np.pi / 2000
    return np.cos(t - x[..., None] * np.sin(t)).mean(-1)


@pytest.mark.parametrize("size", [7, 13, 21])
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.5])
def test_gaussian_kernel_is_its_formula(size, beta):
    kernel = gaussian_kernel(size, 2.5, 1.2, 0.7, beta, SUPPORT)
    expected = padded(np.exp(-0.5 * quadratic_form(size, 2.5, 1.2, 0.7) ** beta))
    np.testing.assert_allclose(kernel, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("size", [7, 21])
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_plateau_kernel_is_its_formula(size, beta):
    kernel = plateau_kernel(size, 0.8, 2.0, -1.1, beta, SUPPORT)
    expected = padded(1 / (1 + quadratic_form(size, 0.8, 2.0, -1.1) ** beta))
    np.testing.assert_allclose(kernel, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("size", [7, 15, 21])
@pytest.mark.parametrize("cutoff", [np.pi / 5, np.pi / 2, np.pi])
def test_sinc_kernel_is_its_formula(size, cutoff):
    place = np.arange(size) - size // 2
    radius = np.hypot(place[:, None], place)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = cutoff * bessel_j1(cutoff * radius) / (2 * np.pi * radius)
    expected[size // 2, size // 2] = cutoff**2 / (4 * np.pi)
    np.testing.assert_allclose(sinc_kernel(size, cutoff, SUPPORT), padded(expected), rtol=1e-3, atol=1e-6)


def test_second_moments_of_a_gaussian_are_the_squares_of_its_sigmas():
    kernel = gaussian_kernel(41, 3.0, 1.5, 0.0, 1.0, 41).numpy().astype(np.float64)
    place = np.arange(41) - 20
    assert (kernel.sum(0) * place**2).sum() == pytest.approx(9, rel=1e-3)
    assert (kernel.sum(1) * place**2).sum() == pytest.approx(2.25, rel=1e-3)


def test_a_quarter_turn_swaps_the_sigmas():
    turned = gaussian_kernel(21, 3.0, 1.0, np.pi / 2, 1.0, SUPPORT)
    np.testing.assert_allclose(turned, gaussian_kernel(21, 1.0, 3.0, 0.0, 1.0, SUPPORT), rtol=1e-3, atol=1e-7)


def test_the_smallest_sigma_leaves_only_the_centre():
    kernel = gaussian_kernel(7, 0.2, 0.2, 0.0, 4.0, SUPPORT).numpy()
    assert kernel[10, 10] == 1 and kernel.sum() == 1


@pytest.mark.parametrize("shape", [(40, 30, 3), (64, 64, 1), (9, 5, 3), (1, 1, 3), (2, 60, 3)])
def test_filtering_is_the_convolution_with_mirrored_borders(shape):
    rng = np.random.default_rng(0)
    image = rng.random(shape).astype(np.float32)
    kernel = gaussian_kernel(11, 3.0, 0.7, 0.5, 1.0, 15).numpy()
    wide = np.pad(image, ((7, 7), (7, 7), (0, 0)), "reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (15, 15), axis=(0, 1))
    expected = np.einsum("yxcij,ij->yxc", windows, kernel)
    np.testing.assert_allclose(filter_mirrored(tf.constant(image), tf.constant(kernel)), expected, atol=2e-6)


def test_filtering_a_image_of_unknown_size_is_the_same():
    image = tf.random.stateless_uniform([37, 22, 3], [1, 2])
    kernel = sinc_kernel(21, 1.2, SUPPORT)
    signature = [tf.TensorSpec([None, None, 3]), tf.TensorSpec([SUPPORT, SUPPORT])]
    traced = tf.function(filter_mirrored, input_signature=signature)
    np.testing.assert_array_equal(traced(image, kernel), filter_mirrored(image, kernel))
