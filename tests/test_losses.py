"""Losses against numbers worked out by hand."""

import math

import numpy as np
import pytest

from esrgan_tf import losses


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_l1_is_the_mean_absolute_difference():
    assert float(losses.l1_loss(column(1, 2, 4), column(0, 4, 4))) == pytest.approx(1.0)


def test_mse_is_the_mean_squared_difference():
    assert float(losses.mse_loss(column(1, 2, 4), column(0, 4, 4))) == pytest.approx(5 / 3)


def test_charbonnier_is_a_smooth_absolute_difference():
    expected = (math.sqrt(1 + 1e-6) + 1e-3) / 2
    assert float(losses.charbonnier_loss(column(1, 2), column(0, 2))) == pytest.approx(expected, rel=1e-6)


def test_perceptual_compares_weighted_features_not_images():
    def features(x):
        return {"a": 3 * x, "b": x**2}

    l1 = losses.perceptual_loss(features, {"a": 1.0, "b": 0.5}, column(1, 2), column(0, 4))
    assert float(l1) == pytest.approx((3 + 6) / 2 + 0.5 * (1 + 12) / 2)
    mse = losses.perceptual_loss(features, {"b": 2.0}, column(1, 2), column(0, 4), losses.mse_loss)
    assert float(mse) == pytest.approx(2 * (1 + 144) / 2)


def test_texture_compares_gram_matrices_of_patches_not_places():
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(2, 40, 33, 3)).astype(np.float32) for _ in range(2))

    def grams(maps):
        places = [(y, x) for y in (0, 16) for x in (0, 16)]  # what the border cuts off is left out
        patches = [maps[:, y : y + 16, x : x + 16].reshape(2, 256, 3) for y, x in places]
        return np.stack([patch.transpose(0, 2, 1) @ patch for patch in patches])

    wanted = ((grams(first) - grams(second)) ** 2).mean()
    assert float(losses.texture_loss(first, second)) == pytest.approx(wanted, rel=1e-4)
    turned = first.copy()
    turned[:, :16, :16] = turned[:, 15::-1, 15::-1]  # the same texture, every pixel elsewhere
    assert float(losses.texture_loss(first, turned)) == pytest.approx(0, abs=1e-3)
    small = rng.normal(size=(1, 5, 20, 2)).astype(np.float32)
    assert float(losses.texture_loss(small, 2 * small)) > 0  # patches of 5 x 16


def test_perceptual_adds_textures_of_the_layers_that_have_a_weight():
    def features(x):
        return {"a": x, "b": 2 * x}

    images = [np.full((1, 16, 16, 1), value, np.float32) for value in (1, 3)]
    loss = losses.perceptual_loss(features, {"a": 1.0}, *images, losses.mse_loss, {"b": 0.5})
    assert float(loss) == pytest.approx(4 + 0.5 * (256 * (36 - 4)) ** 2)


def test_relativistic_losses_are_the_halved_form():
    real, fake = column(2, 4), column(-1, 1)  # means 3 and 0
    generator = 0.5 * ((softplus(2) + softplus(4)) / 2 + (softplus(4) + softplus(2)) / 2)
    discriminator = 0.5 * ((softplus(-2) + softplus(-4)) / 2 + (softplus(-4) + softplus(-2)) / 2)
    assert float(losses.relativistic_generator_loss(real, fake)) == pytest.approx(generator, rel=1e-6)
    assert float(losses.relativistic_discriminator_loss(real, fake)) == pytest.approx(discriminator, rel=1e-6)


def test_relativistic_loss_takes_the_mean_from_its_caller():
    real, fake = column(2.0), column(1.0)
    expected = 0.5 * (softplus(-(2 - 10)) + softplus(1 - 10))
    assert float(losses.relativistic_discriminator_loss(real, fake, lambda x: 10.0)) == pytest.approx(expected)


def test_relativistic_generator_loss_has_no_gradient_to_real_logits():
    import tensorflow as tf

    real, fake = tf.constant(column(2, 4)), tf.constant(column(-1, 1))
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = losses.relativistic_generator_loss(real, fake)
    to_real, to_fake = tape.gradient(loss, [real, fake])
    assert to_real is None
    assert np.abs(to_fake).min() > 0


def test_standard_losses_are_binary_cross_entropy():
    real, fake = column(2.0), column(-1.0)
    assert float(losses.standard_generator_loss(real, fake)) == pytest.approx(softplus(1))
    assert float(losses.standard_discriminator_loss(real, fake)) == pytest.approx(softplus(-2) + softplus(-1))


def test_adversarial_losses_stay_finite_at_large_logits():
    assert float(losses.relativistic_generator_loss(column(1e4), column(-1e4))) == pytest.approx(2e4)


def test_least_squares_losses_are_half_the_squared_distance_to_the_labels():
    real, fake = column(3, 1), column(-1, 2)
    assert float(losses.least_squares_generator_loss(real, fake)) == pytest.approx((4 + 1) / 4)
    assert float(losses.least_squares_discriminator_loss(real, fake)) == pytest.approx((4 + 0) / 4 + (1 + 4) / 4)


@pytest.mark.parametrize("name", losses.ADVERSARIAL_LOSSES)
def test_adversarial_losses_take_maps_of_logits_and_pull_apart_what_the_other_pushes_together(name):
    generator, discriminator = losses.ADVERSARIAL_LOSSES[name]
    good, bad = np.full((2, 3, 3, 1), 1.0, np.float32), np.full((2, 3, 3, 1), -1.0, np.float32)
    assert float(discriminator(good, bad)) < float(discriminator(bad, good))
    assert float(generator(good, bad)) > float(generator(bad, good))


def test_an_unknown_loss_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="`pixel_loss` must be one of l1, mse, charbonnier. Received: l3"):
        losses.named_loss(losses.PIXEL_LOSSES, "l3", "pixel_loss")


def impulse(size=16, height=0.3):
    """A grey image that differs from black in one pixel."""
    image = np.zeros((1, size, size, 3), np.float32)
    image[0, 8, 8] = height
    return image


def test_ldl_weighs_a_residual_by_its_variance_in_the_patch_and_around_the_pixel():
    target = np.zeros((1, 16, 16, 3), np.float32)
    # R is 0.9 in one of 256 pixels: its unbiased variance is 0.81 / 256 in the patch and 0.81 / 49 in the window.
    artifact = (0.81 / 256) ** 0.2 * 0.81 / 49
    expected = artifact * 0.3 / 256
    assert float(losses.ldl_loss(impulse(), target, target)) == pytest.approx(expected, rel=1e-4)


def test_ldl_of_a_batch_is_the_mean_of_its_patches():
    target = np.zeros((2, 16, 16, 3), np.float32)
    both = np.concatenate([impulse(), impulse(height=0.5)])
    alone = [float(losses.ldl_loss(image[None], target[:1], target[:1])) for image in both]
    assert float(losses.ldl_loss(both, target, target)) == pytest.approx(sum(alone) / 2, rel=1e-5)


def test_ldl_spares_pixels_where_the_moving_average_is_worse():
    target = np.zeros((1, 16, 16, 3), np.float32)
    assert float(losses.ldl_loss(impulse(), impulse(height=0.31), target)) == 0
    assert float(losses.ldl_loss(impulse(), impulse(height=0.29), target)) > 0


def test_ldl_follows_its_equations_on_noise():
    rng = np.random.default_rng(0)
    sr, reference, hr = rng.uniform(size=(3, 1, 12, 10, 3))
    residual, stable = (np.abs(hr - x).sum(-1)[0] for x in (sr, reference))
    padded = np.pad(residual, 3, "reflect")
    local = np.lib.stride_tricks.sliding_window_view(padded, (7, 7)).var(axis=(2, 3), ddof=1)
    artifacts = np.where(residual < stable, 0, residual.var(ddof=1) ** 0.2 * local)
    expected = (artifacts[..., None] * np.abs(hr - sr)[0]).mean()
    found = losses.ldl_loss(*(x.astype(np.float32) for x in (sr, reference, hr)))
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_ldl_has_finite_gradients_to_the_generated_images_alone():
    import tensorflow as tf

    target = np.zeros((1, 16, 16, 3), np.float32)
    for image in (target, impulse()):  # the first without any residual
        sr, reference = tf.constant(image), tf.constant(impulse(height=0.1))
        with tf.GradientTape() as tape:
            tape.watch([sr, reference])
            loss = losses.ldl_loss(sr, reference, target)
        to_sr, to_reference = tape.gradient(loss, [sr, reference])
        assert to_reference is None
        assert np.isfinite(to_sr).all()
    assert float(to_sr[0, 8, 8, 0]) > 0
