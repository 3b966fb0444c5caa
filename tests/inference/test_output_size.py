"""Outputs of sizes that are no whole multiple of the generator's: passes, exact sizes, what is kept."""

import numpy as np
import pytest
from PIL import Image
from support.images import make_image, write_noise, write_photo
from support.jobs import planned

from esrgan_tf.errors import InputError
from esrgan_tf.formats.network import Network
from esrgan_tf.image.io import DecodedImage, read_image
from esrgan_tf.inference.files import FileOptions, total_pixels, upscale_files
from esrgan_tf.inference.output_size import OutputSize, passes, resized, upscale_to
from esrgan_tf.inference.upscaler import Monitor, Upscaler
from esrgan_tf.metadata import GeneratorMetadata


def nearest(**options):
    """An upscaler by two that repeats pixels, and the sizes that it was given."""
    runs = []

    def run(lr_01):
        runs.append(lr_01.shape[:2])
        return lr_01.repeat(2, 0).repeat(2, 1)

    return Upscaler(Network(GeneratorMetadata.named("nearest", 2), run), **options), runs


def sized(upscaler, image, size):
    """An image upscaled to a size."""
    return upscale_to(upscaler, image, size.of(*image.rgb.shape[:2], upscaler.scale))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (OutputSize(), (60, 80)),
        (OutputSize(scale=1.5), (45, 60)),
        (OutputSize(scale=8), (240, 320)),
        (OutputSize(width=100), (75, 100)),
        (OutputSize(height=31), (31, 41)),
        (OutputSize(width=101, height=76), (76, 101)),
        (OutputSize(width=20), (15, 20)),
    ],
)
def test_outputs_have_the_size_that_is_asked_for(size, expected):
    upscaler, _ = nearest()
    assert sized(upscaler, make_image(shape=(30, 40)), size).rgb.shape == (*expected, 3)


def test_a_generator_runs_as_often_as_the_size_takes():
    for scale, sizes in ((2, [(10, 12)]), (1.5, [(10, 12)]), (3, [(10, 12), (20, 24)]), (0.5, [])):
        upscaler, runs = nearest()
        sized(upscaler, make_image(shape=(10, 12)), OutputSize(scale=scale))
        assert runs == sizes
    assert passes((10, 10), (40, 41), 2) == 3


def test_a_flat_image_stays_flat_and_a_ramp_keeps_its_ends():
    flat = DecodedImage(np.full((10, 10, 3), 0.25, np.float32))
    np.testing.assert_allclose(sized(nearest()[0], flat, OutputSize(scale=1.3)).rgb, 0.25, atol=1e-6)
    ramp = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[None, :, None], 3, axis=2).repeat(8, axis=0)
    smaller = resized(DecodedImage(ramp), 4, 32).rgb[2, :, 0]
    np.testing.assert_allclose(smaller, ramp[0].reshape(32, 2, 3).mean(axis=1)[:, 0], atol=0.01)


def test_alpha_depth_and_grey_are_kept_at_any_size(tmp_path):
    for name, kind in (("a.png", {"alpha": True, "bits": 16}), ("b.png", {"grey": True}), ("c.png", {"alpha": True})):
        image = make_image(shape=(20, 30), **kind)
        output = sized(nearest()[0], image, OutputSize(scale=2.5))
        assert output.rgb.shape == (50, 75, 3), name
        assert (output.grey, output.bits, output.alpha is None) == (image.grey, image.bits, image.alpha is None)
        assert output.alpha is None or output.alpha.shape == (50, 75)


def test_alpha_by_the_network_is_what_the_network_makes_of_it():
    image = make_image(shape=(6, 7), alpha=True)
    by_network = nearest(alpha_channel="network")[0].upscale_image(image)
    np.testing.assert_allclose(by_network.alpha, image.alpha.repeat(2, 0).repeat(2, 1), atol=1e-6)
    assert np.abs(nearest()[0].upscale_image(image).alpha - by_network.alpha).max() > 0.05
    with pytest.raises(InputError, match="`alpha_channel` must be one of bicubic, network"):
        nearest(alpha_channel="none")


def test_sizes_that_cannot_be_are_refused():
    for arguments, message in (
        ({"scale": 0.0}, "`scale` must be above 0"),
        ({"scale": 65.0}, "`scale` must be above 0, at most 64"),
        ({"scale": 2.0, "width": 10}, "`scale` must be given alone"),
    ):
        with pytest.raises(InputError, match=message):
            OutputSize(**arguments)
    with pytest.raises(InputError, match="must have the proportions of the image, 40 x 30 px"):
        OutputSize(width=80, height=70).of(30, 40, 2)


def test_labels_name_the_size():
    sizes = [{}, {"scale": 1.5}, {"scale": 3.0}, {"width": 640}, {"height": 480}, {"width": 640, "height": 480}]
    labels = [OutputSize(**size).label(4) for size in sizes]
    assert labels == ["_x4", "_x1.5", "_x3", "_w640", "_h480", "_640x480"]


def test_a_comparison_needs_the_generators_own_scale(tmp_path):
    write_photo(tmp_path / "a.png", 24, 24)
    jobs, options = planned(tmp_path / "a.png", tmp_path / "b.png"), FileOptions(OutputSize(scale=1.5), compare=True)
    ((_, error),) = upscale_files(nearest()[0], jobs, options)
    assert "`compare` must go with the generator's own scale, 2" in str(error)


def test_the_work_that_is_announced_is_the_work_that_is_reported(tmp_path):
    write_noise(tmp_path / "in/a.png", 40, 30)
    write_noise(tmp_path / "in/b.png", 100, 70)
    (tmp_path / "in/c.png").write_bytes(b"no image")
    frames = [Image.new("RGB", (16, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "in/d.gif", save_all=True, append_images=frames[1:])
    jobs = planned(tmp_path / "in", tmp_path / "out")
    for size, ensemble in ((OutputSize(), False), (OutputSize(scale=4), False), (OutputSize(scale=1.5), True)):
        reported = []
        upscaler, _ = nearest(tile=32, overlap=4, self_ensemble=ensemble, monitor=Monitor(on_pixels=reported.append))
        assert [error is None for _, error in upscale_files(upscaler, jobs, FileOptions(size))] == [
            True,
            True,
            False,
            True,
        ]
        assert sum(reported) == total_pixels(jobs, upscaler, size) > 0


def test_quality_is_that_of_lossy_formats(tmp_path):
    write_photo(tmp_path / "a.png", 64, 64)
    sizes = {}
    for quality in (20, None):
        for suffix in (".jpg", ".webp", ".avif", ".png"):
            jobs = planned(tmp_path / "a.png", tmp_path / f"{quality}{suffix}")
            ((job, error),) = upscale_files(nearest()[0], jobs, FileOptions(quality=quality))
            assert error is None
            sizes[suffix, quality] = job.target.stat().st_size
            assert read_image(job.target).rgb.shape == (128, 128, 3)
    for suffix in (".jpg", ".webp", ".avif"):
        assert sizes[suffix, 20] < sizes[suffix, None] / 2
    assert sizes[".png", 20] == sizes[".png", None]
