"""Animated files: every frame as it is shown, its timing, what a format can hold."""

import numpy as np
import pytest
from PIL import Image
from support.images import SRGB, make_image, truncate, write_noise
from support.jobs import planned

from esrgan_tf.errors import InputError
from esrgan_tf.formats.network import Network
from esrgan_tf.image.animation import open_animation, write_animation
from esrgan_tf.image.io import read_image, to_uint8, write_image
from esrgan_tf.inference.files import FileOptions, upscale_files
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata

DURATIONS = [40, 70, 110, 50]
COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (200, 200, 10)]


def write_clip(path, alpha=False, **options):
    """Four frames, each of one colour with a square of another; half of it transparent where `alpha`."""
    frames = []
    for number, colour in enumerate(COLOURS):
        frame = Image.new("RGB", (16, 12), colour)
        frame.paste((0, 0, 0), (number, 2, number + 3, 5))
        if alpha:
            mask = Image.new("L", frame.size, 255)
            mask.paste(0, (8, 0, 16, 12))
            frame.putalpha(mask)
        frames.append(frame)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".webp":
        options |= {"lossless": True, "exact": True}
    repeated = 2 if path.suffix == ".gif" else 3  # a GIF says how often it is repeated, the others how often shown
    options = {"duration": DURATIONS, "loop": repeated, "disposal": 2 if alpha else 0} | options
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return [np.asarray(frame.convert("RGBA")) for frame in frames]


def doubling():
    return Upscaler(Network(GeneratorMetadata.named("nearest", 2), lambda lr: lr.repeat(2, 0).repeat(2, 1)))


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_are_read_as_they_are_shown_with_their_timing(tmp_path, suffix, alpha):
    expected = write_clip(tmp_path / f"a{suffix}", alpha)
    animation = open_animation(tmp_path / f"a{suffix}")
    assert (animation.frames, animation.plays) == (4, 3)
    frames = list(animation.read())
    assert [milliseconds for _, milliseconds in frames] == DURATIONS
    for (frame, _), rgba in zip(frames, expected, strict=True):
        shown = rgba[..., 3] > 0
        np.testing.assert_array_equal(to_uint8(frame.rgb)[shown], rgba[..., :3][shown])
        assert alpha == (frame.alpha is not None)
        assert frame.alpha is None or ((frame.alpha > 0) == shown).all()


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("target", [".gif", ".webp", ".png"])
def test_every_frame_is_upscaled_and_keeps_its_time(tmp_path, target, alpha):
    expected = write_clip(tmp_path / "a.png", alpha)
    ((job, error),) = upscale_files(doubling(), planned(tmp_path / "a.png", tmp_path / f"b{target}"))
    assert error is None
    animation = open_animation(job.target)
    assert (animation.frames, animation.plays) == (4, 3)
    frames = list(animation.read())
    assert [milliseconds for _, milliseconds in frames] == DURATIONS
    for (frame, _), rgba in zip(frames, expected, strict=True):
        large = rgba.repeat(2, 0).repeat(2, 1)
        shown = large[..., 3] > 128
        assert np.abs(to_uint8(frame.rgb)[shown].astype(int) - large[..., :3][shown]).max() <= 2
        if alpha:  # bicubic at its edge
            inner = np.abs(np.arange(32) - 15.5) > 4
            np.testing.assert_array_equal((frame.alpha > 0.5)[:, inner], shown[:, inner])


def test_an_image_for_programs_without_animation_is_no_frame(tmp_path):
    write_clip(tmp_path / "a.png", default_image=True, duration=DURATIONS[1:])
    animation = open_animation(tmp_path / "a.png")
    frames = [to_uint8(frame.rgb)[-1, -1].tolist() for frame, _ in animation.read()]
    assert frames == [list(colour) for colour in COLOURS[1:]]


def test_files_of_one_image_are_no_animations(tmp_path):
    write_noise(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.gif")
    (tmp_path / "c.gif").write_bytes(b"GIF89a")
    for name in ("a.png", "b.gif", "c.gif", "none.gif"):
        assert open_animation(tmp_path / name) is None


@pytest.mark.parametrize("target", [".gif", ".webp", ".png"])
@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (1, 2)])
def test_a_gif_is_shown_as_often_in_every_format(tmp_path, target, loop, plays):
    frames = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
    options = {} if loop is None else {"loop": loop}
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40, **options)
    assert open_animation(tmp_path / "a.gif").plays == plays
    ((job, error),) = upscale_files(doubling(), planned(tmp_path / "a.gif", tmp_path / f"b{target}"))
    assert error is None and open_animation(job.target).plays == plays


def test_hundredths_of_a_second_keep_the_whole_time(tmp_path):
    write_clip(tmp_path / "a.png", duration=[33, 33, 34, 25])
    upscale = list(upscale_files(doubling(), planned(tmp_path / "a.png", tmp_path / "b.gif")))
    milliseconds = [time for _, time in open_animation(upscale[0][0].target).read()]
    assert milliseconds == [30, 40, 30, 20] and sum(milliseconds) == 120  # of 125


def test_grey_frames_with_and_without_alpha_go_together(tmp_path):
    frames = [Image.new("LA", (16, 12), (90 * number, 255)) for number in range(3)]
    frames[1].putalpha(Image.new("L", (16, 12), 60))
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=40)
    ((job, _),) = upscale_files(doubling(), planned(tmp_path / "a.png", tmp_path / "b.png"))
    alphas = [1.0 if frame.alpha is None else frame.alpha.mean() for frame, _ in open_animation(job.target).read()]
    np.testing.assert_allclose(alphas, [1, 60 / 255, 1], atol=0.01)


def test_a_still_gif_has_its_colours_and_its_transparent_pixels(tmp_path):
    image = make_image(alpha=True, shape=(8, 8))
    image.alpha[:] = 1
    image.alpha[:, :3] = 0.2
    write_image(tmp_path / "a.gif", image)
    read = read_image(tmp_path / "a.gif")
    np.testing.assert_array_equal(read.alpha, image.alpha == 1)
    assert np.abs(read.rgb - image.rgb)[image.alpha == 1].max() < 0.1  # 40 colours, each its own


def test_what_a_format_cannot_hold_is_refused_before_the_work(tmp_path):
    write_clip(tmp_path / "a.gif")
    ((job, error),) = upscale_files(doubling(), planned(tmp_path / "a.gif", tmp_path / "b.jpg"))
    assert "cannot hold several frames" in str(error) and ".webp" in str(error)
    ((_, error),) = upscale_files(
        doubling(), planned(tmp_path / "a.gif", tmp_path / "b.gif"), FileOptions(compare=True)
    )
    assert "`compare` must be left out for an animation" in str(error)
    assert not job.target.exists()


def test_a_damaged_animation_is_named_and_nothing_is_written(tmp_path):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)) for _ in range(4)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    truncate(tmp_path / "a.png")
    ((job, error),) = upscale_files(doubling(), planned(tmp_path / "a.png", tmp_path / "b.png"))
    assert str(error).startswith(f"`{tmp_path / 'a.png'}` ") and "\n" not in str(error)
    assert not job.target.exists()


def test_profile_and_metadata_of_an_animation_are_kept(tmp_path):
    exif = Image.Exif()
    exif[271] = "A camera"
    write_clip(tmp_path / "a.webp", icc_profile=SRGB, exif=exif)
    for options, kept in ((FileOptions(), {271: "A camera"}), (FileOptions(strip_metadata=True), {})):
        ((job, _),) = upscale_files(doubling(), planned(tmp_path / "a.webp", tmp_path / "b.png"), options)
        with Image.open(job.target) as image:
            assert dict(image.getexif()) == kept
            assert image.info["icc_profile"] == SRGB


def test_frames_are_written_as_lossy_webp_where_a_quality_is_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    animation = open_animation(tmp_path / "a.png")
    sizes = []
    for quality in (None, 30):
        write_animation(tmp_path / "b.webp", animation, animation.read(), quality)
        sizes.append((tmp_path / "b.webp").stat().st_size)
    assert sizes[1] < sizes[0] / 2


def test_an_animation_that_goes_while_it_is_read_is_named(tmp_path):
    write_clip(tmp_path / "a.gif")
    animation = open_animation(tmp_path / "a.gif")
    (tmp_path / "a.gif").unlink()
    with pytest.raises(InputError, match="a.gif` cannot be read"):
        next(animation.read())
