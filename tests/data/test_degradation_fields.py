"""The degradation's fields: each changes the images, and what is out of range is refused."""

import dataclasses
from dataclasses import replace

import pytest
import tensorflow as tf
from support.paths import FIXTURES

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.degradation import degrade
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.degradation import (
    BlurConfig,
    DegradationConfig,
    FinalSincConfig,
    JpegConfig,
    NoiseConfig,
    ResizeConfig,
    SecondRoundConfig,
)

PUBLISHED = DegradationConfig()
IMAGE = dead_leaves(48, 1)
# What each field is changed to; the busy degradation draws every branch often, so that a few seeds show the change.
OTHER = {
    "probability": 0.0,
    "kernel_sizes": (3,),
    "sinc_probability": 0.0,
    "shape_weights": (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    "sigma_range": (4.0, 4.0),
    "angle_range": (0.3, 0.3),
    "generalized_beta_range": (1.0, 1.0),
    "plateau_beta_range": (1.0, 8.0),
    "sinc_cutoff_range": (0.9, 0.9),
    "large_sinc_cutoff_range": (0.5, 0.5),
    "large_sinc_size": 99,
    "direction_weights": (1.0, 0.0, 0.0),
    "scale_range": (0.9, 1.1),
    "modes": ("bilinear",),
    "gaussian_probability": 0.0,
    "gaussian_range": (60.0, 60.0),
    "poisson_range": (5.0, 5.0),
    "grey_probability": 0.0,
    "quality_range": (5, 5),
    "resize_before_jpeg_probability": 0.0,
    "final_resize_modes": ("bilinear",),
    "cutoff_range": (0.5, 0.5),
    "noise_patches": str(FIXTURES / "noisy"),
}
BUSY_BLUR = BlurConfig(sinc_probability=0.4, shape_weights=(1.0, 1.0, 1.0, 2.0, 1.0, 2.0))
BUSY = replace(
    PUBLISHED,
    first=replace(PUBLISHED.first, blur=BUSY_BLUR),
    second=replace(PUBLISHED.second, blur=BUSY_BLUR),
    final_sinc=FinalSincConfig(probability=1.0),
)


def degraded(config, number):
    return degrade(IMAGE, 2, config, tf.constant([number, 7], tf.int64)).numpy()


def variants(config, name=""):
    """Every leaf field's dotted name, with the configuration in which that field alone is another."""
    for field in dataclasses.fields(config):
        value, path = getattr(config, field.name), f"{name}{field.name}"
        inner = variants(value, f"{path}.") if dataclasses.is_dataclass(value) else [(path, OTHER[field.name])]
        yield from ((leaf, replace(config, **{field.name: changed})) for leaf, changed in inner)


VARIANTS = dict(variants(BUSY))


@pytest.fixture(scope="module")
def busy_images():
    return [degraded(BUSY, number) for number in range(24)]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_field_changes_the_images(name, busy_images):
    pairs = ((degraded(VARIANTS[name], number), lr) for number, lr in enumerate(busy_images))
    assert any((changed != lr).any() for changed, lr in pairs)


def test_changing_one_step_of_the_second_round_keeps_its_other_values():
    changed = SecondRoundConfig(jpeg=JpegConfig(probability=0.0))
    assert replace(changed, jpeg=JpegConfig()) == PUBLISHED.second != PUBLISHED.first


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NoiseConfig(grey_probability=1.2), "`grey_probability` must be a probability from 0 to 1"),
        (lambda: NoiseConfig(gaussian_range=(30.0, 1.0)), r"`gaussian_range` must be .smallest, largest."),
        (lambda: BlurConfig(kernel_sizes=(7, 8)), "`kernel_sizes` must be odd"),
        (lambda: BlurConfig(shape_weights=(1.0, 1.0)), "`shape_weights` must be 6 relative chances of isotropic"),
        (lambda: BlurConfig(plateau_beta_range=(2.0, 3.0)), "`plateau_beta_range` must be"),
        (lambda: ResizeConfig(modes=("nearest",)), "`modes` must be some of area, bilinear, bicubic"),
        (lambda: ResizeConfig(scale_range=(0.0, 1.5)), "`scale_range` must be"),
        (lambda: JpegConfig(quality_range=(30, 101)), "`quality_range` must be .*, both from 1 to 100"),
        (lambda: FinalSincConfig(cutoff_range=(1.0, 4.0)), "`cutoff_range` must be"),
        (lambda: DegradationConfig(final_resize_modes=()), "`final_resize_modes` must be some of"),
    ],
)
def test_values_out_of_range_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
