"""Random degradation: seeds, sizes, and each of its steps by what it does to an image."""

import io
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from esrgan_tf.data import degradation as degradation_module
from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.degradation import degrade
from esrgan_tf.recipes.degradation import (
    BLUR_SHAPES,
    BlurConfig,
    DegradationConfig,
    FinalSincConfig,
    JpegConfig,
    NoiseConfig,
    ResizeConfig,
    RoundConfig,
)

PUBLISHED = DegradationConfig()
NOTHING = RoundConfig(
    blur=BlurConfig(probability=0.0),
    resize=ResizeConfig(direction_weights=(0.0, 0.0, 1.0), modes=("area",)),
    noise=NoiseConfig(probability=0.0),
    jpeg=JpegConfig(probability=0.0),
)
# Degrades by the last resize alone, so that one step can be switched on and looked at.
PLAIN = DegradationConfig(NOTHING, NOTHING, final_resize_modes=("area",), final_sinc=FinalSincConfig(probability=0.0))
IMAGE = dead_leaves(48, 1)
FLAT = np.full((96, 96, 3), 128, np.uint8)


def first(**parts):
    """The plain degradation with some steps of the first round exchanged."""
    return replace(PLAIN, first=replace(NOTHING, **parts))


def seed(number):
    return tf.constant([number, 7], tf.int64)


def degraded(image, config, number=0, scale=1):
    return degrade(image, scale, config, seed(number)).numpy()


def dataset(image, config, scale, count):
    return tf.data.Dataset.range(count).map(lambda i: degrade(image, scale, config, tf.stack([i, 7])))


def impulse_response(blur, number):
    """What a single white pixel becomes: uint8 [31, 31]."""
    image = np.zeros((31, 31, 3), np.uint8)
    image[15, 15] = 255
    return degraded(image, first(blur=blur), number)[..., 0]


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_lr_images_have_the_lr_size(scale):
    lr = degraded(IMAGE[:24], PUBLISHED, scale=scale)
    assert lr.shape == (24 // scale, 48 // scale, 3) and lr.dtype == np.uint8


def test_a_seed_gives_one_image_bare_in_a_function_and_in_a_dataset():
    lr_images = dataset(IMAGE, PUBLISHED, 4, 16)
    assert lr_images.element_spec == tf.TensorSpec([12, 12, 3], tf.uint8)
    inside = [lr.numpy() for lr in lr_images]
    traced = tf.function(lambda number: degrade(IMAGE, 4, PUBLISHED, tf.stack([number, 7])))
    for number, lr in enumerate(inside):
        np.testing.assert_array_equal(degraded(IMAGE, PUBLISHED, number, 4), lr)
        np.testing.assert_array_equal(traced(tf.constant(number, tf.int64)), lr)
    assert len({lr.tobytes() for lr in inside}) == 16


def test_a_image_of_unknown_size_is_degraded_alike():
    signature = [tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([2], tf.int64)]
    traced = tf.function(lambda hr, seed: degrade(hr, 2, PUBLISHED, seed), input_signature=signature)
    for number in range(6):
        lr = traced(IMAGE[:40], seed(number))
        np.testing.assert_array_equal(lr, degraded(IMAGE[:40], PUBLISHED, number, 2))
    with pytest.raises(tf.errors.InvalidArgumentError, match="multiples of the scale 2"):
        traced(IMAGE[:41], seed(0))


@pytest.mark.slow
def test_an_iterator_from_a_checkpoint_goes_on_where_it_was(tmp_path):
    lr_images = dataset(IMAGE, PUBLISHED, 4, 12)
    iterator = iter(lr_images)
    for _ in range(4):
        next(iterator)
    path = tf.train.Checkpoint(images=iterator).save(str(tmp_path / "ckpt"))
    expected = [lr.numpy() for lr in iterator]
    restored = iter(lr_images)
    tf.train.Checkpoint(images=restored).restore(path)
    rest = [lr.numpy() for lr in restored]
    assert len(rest) == len(expected) == 8
    np.testing.assert_array_equal(rest, expected)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_with_all_steps_off_only_the_resize_to_the_lr_size_is_left(scale):
    blocks = IMAGE.reshape(48 // scale, scale, 48 // scale, scale, 3).astype(np.float64).mean((1, 3))
    assert np.abs(degraded(IMAGE, PLAIN, scale=scale) - blocks).max() < 0.501


@pytest.mark.parametrize(("mode", "taps"), [("area", [4] * 4), ("bilinear", [0, 8, 8, 0]), ("bicubic", [-1, 9, 9, -1])])
def test_interpolation_weighs_the_pixels_of_a_block(mode, taps):
    resize = ResizeConfig(direction_weights=(0.0, 0.0, 1.0), modes=(mode,))
    lr = degraded(IMAGE, replace(PLAIN, second=replace(NOTHING, resize=resize)), scale=4)
    blocks = IMAGE.reshape(12, 4, 12, 4, 3).astype(np.float64)
    expected = np.einsum("yixjc,i,j->yxc", blocks, np.array(taps) / 16, np.array(taps) / 16)
    assert np.abs(lr - np.clip(expected, 0, 255)).max() < 0.501


def test_jpeg_alters_the_more_the_lower_the_quality():
    errors = []
    for quality in (100, 80, 30):
        second = replace(NOTHING, jpeg=JpegConfig(quality_range=(quality, quality)))
        errors.append(np.abs(degraded(IMAGE, replace(PLAIN, second=second)).astype(int) - IMAGE).mean())
    assert 0 < errors[0] < errors[1] < errors[2]


def test_jpeg_is_pillows_pixel_for_pixel():
    second = replace(NOTHING, jpeg=JpegConfig(quality_range=(70, 70)))
    encoded = io.BytesIO()
    Image.fromarray(IMAGE).save(encoded, "JPEG", quality=70)
    np.testing.assert_array_equal(degraded(IMAGE, replace(PLAIN, second=second)), np.asarray(Image.open(encoded)))


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_gaussian_noise_has_the_strength_asked_for(grey):
    noise = NoiseConfig(gaussian_probability=1.0, gaussian_range=(20.0, 20.0), grey_probability=grey)
    out = degraded(FLAT, first(noise=noise)).astype(np.float64)
    assert out.std() == pytest.approx(20, rel=0.03)
    assert out.mean() == pytest.approx(128, abs=1)
    between_channels = np.corrcoef(out.reshape(-1, 3).T)[0, 1]
    assert abs(between_channels - grey) < 0.05
    assert (out[..., :1] == out).all() == bool(grey)


@pytest.mark.parametrize("grey", [0.0, 1.0])
@pytest.mark.parametrize(("levels", "photons"), [(256, 256), (33, 64), (3, 4), (1, 1)])
def test_poisson_noise_counts_photons_by_the_number_of_levels(levels, photons, grey):
    image = FLAT.copy()
    image[0] = np.resize(np.linspace(128, 128 - levels // 2, (levels + 1) // 2).astype(np.uint8), 96)[:, None]
    image[1] = np.resize(np.linspace(128, 128 + (levels - 1) // 2, levels // 2 + 1).astype(np.uint8), 96)[:, None]
    if levels == 256:
        image[:3] = np.resize(np.arange(256, dtype=np.uint8), 288).reshape(3, 96, 1)
    noise = NoiseConfig(gaussian_probability=0.0, poisson_range=(0.2, 0.2), grey_probability=grey)
    out = degraded(image, first(noise=noise))[3:].astype(np.float64)
    assert out.std() == pytest.approx(0.2 * 255 * np.sqrt(128 / 255 / photons), rel=0.04)
    assert out.mean() == pytest.approx(128, abs=1)
    assert (out[..., :1] == out).all() == bool(grey)


@pytest.mark.parametrize("mean", [1.0, 3.0, 20.0, 200.0])
def test_poisson_counts_have_poissons_mean_and_variance(mean):
    counts = degradation_module._poisson(tf.fill([400_000], tf.constant(mean)), tf.constant([1, 2])).numpy()
    assert (counts == np.round(counts)).all() and counts.min() >= 0
    assert counts.mean() == pytest.approx(mean, rel=0.02)
    assert counts.var() == pytest.approx(mean, rel=0.02)
    assert (counts == 0).mean() == pytest.approx(np.exp(-mean), abs=0.02)


def test_normal_numbers_have_normal_moments_and_any_shape():
    numbers = degradation_module._normal(tf.constant([301, 997]), tf.constant([1, 2])).numpy()
    assert numbers.shape == (301, 997)
    moments = [(numbers.astype(np.float64) ** power).mean() for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.03)
    assert np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("shape", range(6), ids=BLUR_SHAPES)
def test_blur_shapes_are_round_or_not_as_named(shape):
    weights = tuple(float(index == shape) for index in range(6))
    blur = BlurConfig(sinc_probability=0.0, shape_weights=weights, sigma_range=(0.6, 3.0), angle_range=(0.0, 0.0))
    responses = [impulse_response(blur, number) for number in range(4)]
    assert len({response.tobytes() for response in responses}) == 4
    for response in responses:
        np.testing.assert_array_equal(response, response[::-1, ::-1])
    is_round = [np.array_equal(response, response.T) for response in responses]
    assert is_round == [shape % 2 == 0] * 4


def test_kernels_reach_as_far_as_their_drawn_size():
    wide = BlurConfig(kernel_sizes=(7, 15), sinc_probability=0.0, sigma_range=(9.0, 9.0))
    reaches = {np.ptp(np.nonzero(impulse_response(wide, number))[0]) + 1 for number in range(12)}
    assert reaches == {7, 15}


def test_a_sinc_overshoots_at_an_edge_where_a_gaussian_does_not():
    edge = np.full((32, 32, 3), 60, np.uint8)
    edge[:, 16:] = 180
    sinc = degraded(edge, replace(PLAIN, final_sinc=FinalSincConfig(1.0, (21,), (1.1, 1.1))))
    gaussian = degraded(edge, first(blur=BlurConfig(sinc_probability=0.0)))
    assert sinc.max() > 185 and sinc.min() < 55
    assert gaussian.max() == 180 and gaussian.min() == 60


def test_resizing_up_keeps_detail_and_resizing_down_loses_it():
    def error(weights):
        resize = ResizeConfig(direction_weights=weights, modes=("bilinear",))
        outs = [degraded(IMAGE, first(resize=resize), number).astype(int) for number in range(6)]
        return np.mean([np.abs(out - IMAGE).mean() for out in outs])

    up, down, keep = (error(weights) for weights in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    assert keep == 0 < up < down / 2


def test_the_mean_colour_is_roughly_kept():
    image = (IMAGE // 2 + 64).astype(np.uint8)  # away from black and white, where clipping moves the mean
    means = [lr.numpy().mean((0, 1)) for lr in dataset(image, PUBLISHED, 4, 120)]
    np.testing.assert_allclose(np.mean(means, 0), image.mean((0, 1)), atol=1)


@pytest.mark.parametrize(
    ("image", "scale", "message"),
    [
        (FLAT, 0, "`scale` must be a whole number above 0. Received: scale=0"),
        (FLAT, 2.0, "`scale` must be a whole number"),
        (FLAT[:95], 4, r"multiples of the scale 4. Received: uint8 \[95, 96, 3\]"),
        (FLAT.astype(np.float32), 4, "`hr` must be uint8"),
        (FLAT[..., :1], 4, r"`hr` must be uint8 \[h, w, 3\]"),
        (FLAT[0], 4, r"`hr` must be uint8 \[h, w, 3\]"),
    ],
)
def test_images_without_an_lr_image_are_refused(image, scale, message):
    with pytest.raises(ValueError, match=message):
        degraded(image, PUBLISHED, scale=scale)
