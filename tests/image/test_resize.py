"""MATLAB's imresize: against images made by MATLAB, against hand-worked numbers, arrays against tensors."""

import importlib.util
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from support.paths import SHARED

from esrgan_tf.image import resize
from esrgan_tf.image.resize import imresize, imresize_uint8

needs_shared = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="reference images are absent")


def _read(*parts):
    return np.asarray(Image.open(SHARED.joinpath("data", *parts)))


def _random_image(height, width, *channels):
    return np.random.default_rng(0).integers(0, 256, (height, width, *channels), dtype=np.uint8)


@needs_shared
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("name", ["baby", "bird", "butterfly", "head", "woman"])
def test_uint8_variant_reproduces_set5_exactly(factor, name):
    small = imresize_uint8(_read("set5", f"x{factor}", "HR", f"{name}.png"), 1 / factor)
    np.testing.assert_array_equal(small, _read("set5", f"x{factor}", "LR", f"{name}.png"))


@needs_shared
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("number", range(1, 15))
def test_uint8_variant_reproduces_set14_inside_its_border(factor, number):
    name = f"img_{number:03d}.png"
    small = imresize_uint8(_read("set14", f"x{factor}", "HR", name), 1 / factor)
    expected = _read("set14", f"x{factor}", "LR", name)
    assert small.shape == expected.shape
    # The published small images follow imresize everywhere but in a border of 2 pixels.
    np.testing.assert_array_equal(small[2:-2, 2:-2], expected[2:-2, 2:-2])


@needs_shared
def test_float_variant_rounded_once_reproduces_golden_baboon():
    small = imresize(_read("set14", "x4", "HR", "img_001.png"), 0.25)
    rounded = np.clip(np.floor(small + 0.5), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(rounded, _read("golden", "baboon_x4_matlab_float.png"))


def test_shrinking_by_two_weighs_eight_pixels():
    # 0.5 * cubic(d / 2) at the distances 0.5, 1.5, 2.5 and 3.5 of an output pixel from its inputs.
    half = [-0.01171875, -0.03515625, 0.11328125, 0.43359375]
    impulses = np.eye(16)
    # Output 4 lies between the inputs 8 and 9: its taps are the inputs 5 to 12.
    response = [imresize(np.repeat(row[:, None], 2, axis=1), 0.5)[4, 0] for row in impulses]
    assert response == [0] * 5 + half + half[::-1] + [0] * 3


def test_enlarging_by_two_matches_hand_worked_column():
    column = np.array([[10.0], [20.0], [30.0], [40.0]])
    large = imresize(column, 2)
    # cubic(0.25), cubic(0.75), cubic(1.25), cubic(1.75) = 0.8671875, 0.2265625, -0.0703125, -0.0234375;
    # the pixels above the first are the first and the second again.
    first_half = [9.0625, 11.796875, 17.265625]
    np.testing.assert_array_equal(large[:3], np.repeat(first_half, 2).reshape(3, 2))
    np.testing.assert_array_equal(large[-3:], 50 - np.repeat(first_half[::-1], 2).reshape(3, 2))


def test_enlarging_by_three_keeps_every_middle_pixel():
    image = _random_image(5, 7)
    np.testing.assert_array_equal(imresize_uint8(image, 3)[1::3, 1::3], image)


def test_uint8_variant_rounds_after_the_rows_and_again_after_the_columns():
    # Halving two pixels takes their mean. Rows first: 0.5 and 1.5 round to 1 and 2, whose mean rounds to 2.
    # Columns first, or one rounding at the end, would give 1.
    image = np.array([[1, 3], [0, 0]], np.uint8)
    np.testing.assert_array_equal(imresize_uint8(image, 0.5), [[2]])
    np.testing.assert_array_equal(imresize(image, 0.5), [[1.0]])


def test_overshoot_is_kept_by_float_variant_and_clipped_by_uint8_variant():
    edge = np.repeat(np.array([[0], [0], [255], [255]], np.uint8), 4, axis=1)
    large = imresize(edge, 2)
    assert large.min() < -5 and large.max() > 260
    clipped = imresize_uint8(edge, 2)
    assert clipped.min() == 0 and clipped.max() == 255
    np.testing.assert_array_equal(clipped, np.clip(np.floor(large + 0.5), 0, 255))


@pytest.mark.parametrize("scale", [1 / 8, 1 / 3, 0.4, 1, 1.5, 3, 8])
@pytest.mark.parametrize("shape", [(1, 1), (3, 10), (9, 4, 3)])
def test_constant_image_stays_constant(scale, shape):
    np.testing.assert_array_equal(np.unique(imresize_uint8(np.full(shape, 77, np.uint8), scale)), [77])
    np.testing.assert_allclose(imresize(np.full(shape, -0.3), scale), -0.3, rtol=1e-14)


def test_scale_one_returns_the_image():
    image = _random_image(6, 5, 3)
    np.testing.assert_array_equal(imresize(image, 1), image)


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [(10, 1 / 3, 4), (11, 0.25, 3), (30, 0.1, 3), (10, 1.1, 11), (3, 1.5, 5), (7, 8, 56)],
)
def test_output_size_is_the_exact_product_rounded_up(size, scale, expected):
    assert imresize(np.zeros((size, 1, 3)), scale).shape == (expected, np.ceil(scale), 3)


def test_output_size_is_exact_for_every_multiple():
    for factor in (3, 5, 6, 7, 9):
        for multiple in range(1, 60):
            assert imresize(np.zeros((factor * multiple, 1)), 1 / factor).shape == (multiple, 1)


def test_fraction_equals_its_float():
    image = _random_image(20, 17)
    np.testing.assert_array_equal(imresize(image, Fraction(1, 3)), imresize(image, 1 / 3))


def test_float_variant_returns_float64_for_every_real_dtype():
    image = _random_image(12, 12)
    expected = imresize(image, 0.5)
    for dtype in (np.uint16, np.int32, np.float32, np.float64):
        small = imresize(image.astype(dtype), 0.5)
        assert small.dtype == np.float64
        np.testing.assert_array_equal(small, expected)


def test_arrays_are_resized_without_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    spec = importlib.util.spec_from_file_location("resize_alone", resize.__file__)
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    image = _random_image(8, 8, 3)
    np.testing.assert_array_equal(alone.imresize_uint8(image, 2), imresize_uint8(image, 2))


def _mapped(tf, images, shape, function):
    """Maps `function` over `images`, declared to be of `shape`, inside tf.data."""
    signature = tf.TensorSpec(shape, images[0].dtype)
    return tf.data.Dataset.from_generator(lambda: iter(images), output_signature=signature).map(function)


@pytest.mark.parametrize("scale", [1 / 4, 1 / 3, 0.4, 2, 3])
def test_tensors_of_unknown_size_give_the_bits_of_arrays(scale):
    tf = pytest.importorskip("tensorflow")
    images = [_random_image(31, 22, 3), _random_image(5, 40, 3)]

    def both(image):
        as_float = tf.cast(image, tf.float32) / 255
        return imresize(image, scale), imresize(as_float, scale), imresize_uint8(image, scale), as_float

    dataset = _mapped(tf, images, [None, None, 3], both)
    assert [tuple(spec.shape) for spec in dataset.element_spec] == [(None, None, 3)] * 4
    for image, found in zip(images, dataset.as_numpy_iterator(), strict=True):
        expected = imresize(image, scale), imresize(found[3], scale), imresize_uint8(image, scale)
        for tensor, array in zip(found, expected, strict=False):
            assert tensor.dtype == array.dtype
            np.testing.assert_array_equal(tensor, array)


def test_tensors_of_known_size_and_grey_tensors_give_the_bits_of_arrays():
    tf = pytest.importorskip("tensorflow")
    grey = _random_image(31, 22)
    for shape in ((31, 22), (None, None)):
        dataset = _mapped(tf, [grey], shape, lambda image: imresize(image, 1 / 3))
        np.testing.assert_array_equal(next(dataset.as_numpy_iterator()), imresize(grey, 1 / 3))
    known = _mapped(tf, [grey], (31, 22), lambda image: imresize_uint8(image, 1 / 3))
    assert known.element_spec == tf.TensorSpec((11, 8), tf.uint8)


def test_eager_tensor_comes_back_as_tensor():
    tf = pytest.importorskip("tensorflow")
    image = _random_image(9, 8, 3)
    large = imresize_uint8(tf.constant(image), 2)
    assert tf.is_tensor(large)
    np.testing.assert_array_equal(large.numpy(), imresize_uint8(image, 2))


@pytest.mark.parametrize("function", [imresize, imresize_uint8])
def test_bad_arguments_are_refused(function):
    image = _random_image(4, 4)
    for scale in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=rf"`scale` must be positive\. Received: scale={scale}\."):
            function(image, scale)
    for scale in (float("inf"), 2**0.5, 1e-6, 0.3333333):
        with pytest.raises(ValueError, match=r"`scale` must be a ratio of whole numbers"):
            function(image, scale)
    with pytest.raises(ValueError, match=r"shape \[height, width\].*Received: shape=\(1, 4, 4, 3\)\."):
        function(np.zeros((1, 4, 4, 3), np.uint8), 2)
    with pytest.raises(ValueError, match="`image` must be a NumPy array or a TensorFlow tensor"):
        function([[1, 2], [3, 4]], 2)
    with pytest.raises(ValueError, match=r"`image` must hold real numbers\. Received: dtype=complex128\."):
        function(image.astype(complex), 2)


def test_uint8_variant_refuses_other_dtypes():
    with pytest.raises(ValueError, match=r"`image` must be of dtype uint8\. Received: dtype=float32\."):
        imresize_uint8(np.zeros((4, 4), np.float32), 2)


def test_tensors_are_checked_like_arrays():
    tf = pytest.importorskip("tensorflow")
    with pytest.raises(ValueError, match=r"dtype=float16\."):
        imresize_uint8(tf.zeros((4, 4), tf.float16), 2)
    with pytest.raises(ValueError, match=r"Received: shape=<unknown>\."):
        _mapped(tf, [np.zeros((4, 4))], None, lambda image: imresize(image, 2))
