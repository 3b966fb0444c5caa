import numpy as np
import pytest

from esrgan_tf.data.dead_leaves import (
    DISC,
    ELLIPSE,
    TRIANGLE,
    _blur,
    _front,
    _leaves,
    dead_leaves,
    sample_radii,
)


def _luma(image):
    """Rec. 601 luma of uint8 [n, n, 3]: float64 [n, n]."""
    return image @ np.array([0.299, 0.587, 0.114])


def _amplitude_slope(luma):
    """Log-log slope of the radially averaged amplitude spectrum of [n, n]."""
    n = len(luma)
    window = np.hanning(n)
    spectrum = np.abs(np.fft.fft2((luma - luma.mean()) * np.outer(window, window)))
    f = np.fft.fftfreq(n, 1 / n)
    radius = np.hypot(f[:, None], f).round().astype(int).ravel()
    mean = np.bincount(radius, spectrum.ravel()) / np.bincount(radius)
    band = np.arange(4, n // 3)
    return np.polyfit(np.log(band), np.log(mean[band]), 1)[0]


@pytest.fixture(scope="module")
def images():
    return [dead_leaves(128, seed=7, index=i) for i in range(16)]


def test_a_image_depends_on_seed_and_index_alone(images):
    np.testing.assert_array_equal(dead_leaves(128, seed=7, index=3), images[3])
    assert images[0].shape == (128, 128, 3) and images[0].dtype == np.uint8
    # Independent images differ by tens of grey levels, not by a few.
    for other in (images[4], dead_leaves(128, seed=8, index=3)):
        assert np.abs(_luma(other) - _luma(images[3])).mean() > 8


def test_amplitude_spectrum_falls_like_one_over_f(images):
    slopes = [_amplitude_slope(_luma(p)) for p in images]
    assert -1.6 < np.mean(slopes) < -0.8
    assert min(slopes) > -2.2 and max(slopes) < -0.5


def test_contrast_and_colour_are_those_of_photographs(images):
    stack = np.stack(images).astype(np.float64)
    assert 20 < np.mean([_luma(p).std() for p in images]) < 60
    assert stack.min() < 30 and stack.max() > 225
    assert np.mean((stack == 0).all(-1)) < 0.01  # a hole in the painting would be black
    saturation = (stack.max(-1) - stack.min(-1)) / np.maximum(stack.max(-1), 1)
    assert 0.05 < saturation.mean() < 0.35


@pytest.mark.parametrize("alpha", [2.0, 3.0])
def test_radii_follow_the_power_law(alpha):
    r_min, r_max = 1.5, 60.0
    radii = sample_radii(np.random.default_rng(0), 200_000, r_min, r_max, alpha)
    assert r_min <= radii.min() and radii.max() <= r_max
    tail = r_max ** (1 - alpha)
    for r in (2.0, 4.0, 10.0, 30.0):
        expected = (r ** (1 - alpha) - tail) / (r_min ** (1 - alpha) - tail)
        assert np.mean(radii > r) == pytest.approx(expected, abs=4 * np.sqrt(expected / len(radii)))


def test_the_last_leaf_painted_is_in_front():
    rng = np.random.default_rng(5)
    side = 96
    leaves = _leaves(rng, side, 1.0, side / 2)
    centre = np.arange(side) + 0.5
    expected = np.zeros((side, side), np.int32)
    for i in range(1, len(leaves)):
        x, y, a, b, cos, sin, shape = leaves[i].astype(np.float64)
        u = ((centre - x) * cos + (centre[:, None] - y) * sin) / a
        v = ((centre[:, None] - y) * cos - (centre - x) * sin) / b
        if shape in (DISC, ELLIPSE):
            hit = u**2 + v**2 < 1
        else:
            hit = np.maximum(abs(u), abs(v)) < 1
            if shape == TRIANGLE:
                hit &= u + v < 0
        expected[hit] = i
    # Samples on an edge may fall to either side in float32.
    assert np.mean(_front(leaves, side) == expected) > 0.999


def test_leaves_cover_nearly_all_of_the_image():
    bare = []
    for i in range(12):
        leaves = _leaves(np.random.default_rng(i), 128, 4.0, 64.0)
        bare.append(np.mean(_front(leaves, 128) == 0))
    assert 0.01 < np.mean(bare) < 0.12


def test_a_blur_of_one_colour_changes_nothing_and_keeps_a_mean():
    np.testing.assert_allclose(_blur(np.full((20, 20, 2), 0.3, np.float32), 2.0), 0.3, atol=1e-6)
    point = np.zeros((41, 41, 1), np.float32)
    point[20, 20] = 1
    blurred = _blur(point, 2.0)[..., 0]
    offset = np.arange(41) - 20
    assert blurred.sum() == pytest.approx(1, abs=1e-4)
    assert (blurred.sum(0) * offset**2).sum() == pytest.approx(4, abs=0.01)  # the variance, sigma^2


@pytest.mark.parametrize("index", range(4))
def test_the_smallest_image_is_whole(index):
    image = dead_leaves(16, seed=0, index=index)
    assert image.shape == (16, 16, 3) and image.std() > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 3, "seed": 0}, "`size` must be at least 16. Received: size=3."),
        ({"size": 32, "seed": -1}, "`seed` must be at least 0. Received: seed=-1."),
        ({"size": 32, "seed": 0, "index": -2}, "`index` must be at least 0. Received: index=-2."),
        ({"size": 32, "seed": 0, "r_min": 5.0}, "at most size / 8 = 4.0. Received: r_min=5.0."),
        ({"size": 32, "seed": 0, "r_min": 0.0}, "`r_min` must be above 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError) as error:
        dead_leaves(**arguments)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("r_min", "alpha", "message"),
    [
        (4.0, 3.0, "`r_min` must be above 0 and below `r_max`=4.0. Received: r_min=4.0."),
        (1.0, 1.0, "`alpha` must be above 1. Received: alpha=1.0."),
    ],
)
def test_radii_of_an_empty_range_are_refused(r_min, alpha, message):
    with pytest.raises(ValueError) as error:
        sample_radii(np.random.default_rng(0), 3, r_min, 4.0, alpha)
    assert message in str(error.value)
