"""Upscaling: sizes, tiles, kinds of images, and files that are told and passed over."""

import time
from dataclasses import replace
from threading import Event

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import make_image, truncate, write_noise, write_photo
from support.jobs import planned

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.image.color import color_drift, keep_colors
from esrgan_tf.image.io import read_image, to_integers, to_uint8, write_image
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.inference.files import FileOptions, upscale_files
from esrgan_tf.inference.upscaler import Monitor, Upscaler
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    return build_generator(RRDBConfig(scale=2, blocks=1, features=8, growth=4, init_scale=1.0), "tiny")


@pytest.fixture(scope="module")
def upscaler(model):
    return Upscaler(keras_network(model), tile=0)


def test_output_is_the_models_clipped_to_the_range(model, upscaler):
    rgb = make_image(shape=(9, 7)).rgb
    expected = np.clip(np.array(model(rgb[None]))[0], 0, 1)
    np.testing.assert_allclose(upscaler.upscale(rgb), expected, atol=1e-6)
    assert (upscaler.recipe, upscaler.scale) == ("tiny", 2)


def test_tiles_are_the_whole_image_to_a_255th_beyond_the_overlap(model, upscaler):
    rgb = make_image(shape=(70, 90)).rgb
    tiled = Upscaler(keras_network(model), tile=48, overlap=16).upscale(rgb)
    assert np.abs(tiled - upscaler.upscale(rgb)).max() < 1 / 255


def test_self_ensemble_is_the_mean_of_eight_outputs_turned_back(model):
    rgb = make_image(shape=(9, 7)).rgb
    turned_and_back = [
        (lambda x: x, lambda y: y),
        (lambda x: x[::-1], lambda y: y[::-1]),
        (lambda x: x[:, ::-1], lambda y: y[:, ::-1]),
        (lambda x: x[::-1, ::-1], lambda y: y[::-1, ::-1]),
        (lambda x: x.swapaxes(0, 1), lambda y: y.swapaxes(0, 1)),
        (lambda x: x[::-1].swapaxes(0, 1), lambda y: y.swapaxes(0, 1)[::-1]),
        (lambda x: x[:, ::-1].swapaxes(0, 1), lambda y: y.swapaxes(0, 1)[:, ::-1]),
        (lambda x: x[::-1, ::-1].swapaxes(0, 1), lambda y: y.swapaxes(0, 1)[::-1, ::-1]),
    ]
    outputs = [back(np.array(model(turn(rgb)[None]))[0]) for turn, back in turned_and_back]
    assert np.ptp(outputs, axis=0).max() > 0.01  # the network alone is not the same in all directions
    got = Upscaler(keras_network(model), tile=0, self_ensemble=True).upscale(rgb)
    np.testing.assert_allclose(got, np.clip(np.mean(outputs, axis=0), 0, 1), atol=1e-6)


def test_self_ensemble_turns_with_the_image_through_tiles(model):
    upscaler = Upscaler(keras_network(model), tile=48, overlap=16, self_ensemble=True)
    rgb = make_image(shape=(50, 30)).rgb
    turned = upscaler.upscale(np.ascontiguousarray(np.rot90(rgb)))
    np.testing.assert_allclose(np.rot90(upscaler.upscale(rgb)), turned, atol=1e-5)


def test_kept_colours_are_those_of_the_input(model, upscaler):
    rgb = (0.3 + 0.4 * bicubic_upscale(make_image(shape=(10, 12)).rgb, 3)).astype(np.float32)
    drifted = upscaler.upscale(rgb)
    kept = Upscaler(keras_network(model), tile=0, keep_colors=True).upscale(rgb)
    np.testing.assert_array_equal(kept, keep_colors(drifted, rgb, 2))
    assert color_drift(kept, rgb, 2) < color_drift(drifted, rgb, 2) / 4


def test_a_tile_without_a_middle_is_refused(model):
    with pytest.raises(InputError, match="tile.*Received: 32, 16"):
        Upscaler(keras_network(model), tile=32, overlap=16)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", {}),
        ("a.png", {"alpha": True}),
        ("a.png", {"grey": True}),
        ("a.png", {"grey": True, "alpha": True, "bits": 16}),
        ("a.png", {"bits": 16, "alpha": True}),
        ("a.tif", {"bits": 16}),
        ("a.webp", {"alpha": True}),
        ("a.jpg", {}),
        ("a.bmp", {}),
    ],
)
def test_alpha_grey_and_depth_are_kept(tmp_path, upscaler, name, kind):
    write_image(tmp_path / name, make_image(**kind))
    before = read_image(tmp_path / name)
    ((job, error),) = upscale_files(upscaler, planned(str(tmp_path / name), str(tmp_path / "out")))
    assert error is None
    after = read_image(job.target)
    assert job.target == tmp_path / "out" / name
    assert after.rgb.shape == (10, 14, 3)
    assert (after.grey, after.bits) == (before.grey, before.bits)
    if before.alpha is None:
        assert after.alpha is None
    else:
        levels = 2**after.bits - 1
        np.testing.assert_allclose(after.alpha, bicubic_upscale(before.alpha, 2), atol=0.51 / levels)


def test_one_unreadable_file_is_told_and_the_others_are_done(tmp_path, upscaler):
    for index, name in enumerate(("a.png", "b.png", "c.jpg")):
        write_noise(tmp_path / "in" / name, 12, 10, seed=index)
    truncate(tmp_path / "in/b.png")
    results = list(upscale_files(upscaler, planned(str(tmp_path / "in"), str(tmp_path / "out"))))
    assert [job.source.name for job, error in results if error] == ["b.png"]
    assert "b.png" in str(results[1][1])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.jpg"]


def test_comparison_is_written_beside_the_target_with_and_without_original(tmp_path, upscaler):
    write_photo(tmp_path / "lr/a.png", 24, 24)
    write_photo(tmp_path / "hr/a.png", 48, 48)
    jobs = planned(str(tmp_path / "lr/a.png"), str(tmp_path / "out/big.png"))
    widths = []
    for reference in (None, str(tmp_path / "hr")):
        ((_, error),) = upscale_files(upscaler, jobs, FileOptions(compare=True, reference=reference))
        assert error is None
        widths.append(Image.open(tmp_path / "out/big_compare.png").width)
    assert widths[1] > widths[0] > 3 * 48


def test_an_original_that_does_not_fit_is_named(tmp_path, upscaler):
    write_photo(tmp_path / "a.png", 24, 24)
    write_photo(tmp_path / "hr.png", 40, 48)
    jobs = planned(str(tmp_path / "a.png"), str(tmp_path / "out.png"))
    ((_, error),) = upscale_files(upscaler, jobs, FileOptions(compare=True, reference=str(tmp_path / "hr.png")))
    assert "must be 48 x 48 px. Received: 48 x 40" in str(error)


def test_memory_that_is_full_and_values_that_are_not_finite_are_told_for_their_image(tmp_path, model):
    write_noise(tmp_path / "a.png", 12, 10)
    jobs = planned(str(tmp_path / "a.png"), str(tmp_path / "out.png"))

    class Exhausted(keras.layers.Layer):
        def compute_output_spec(self, batch):
            return keras.KerasTensor(batch.shape)

        def call(self, batch):
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    inputs = keras.Input((None, None, 3))
    exhausted = keras.Model(inputs, Exhausted()(inputs), name="tiny_x2")
    nan = replace(keras_network(model), run=lambda x: np.full((24, 20, 3), np.nan))
    for network, message in ((keras_network(exhausted), "smaller `tile`"), (nan, "not finite")):
        ((_, error),) = upscale_files(Upscaler(network), jobs)
        assert message in str(error)
        assert "a.png" in str(error)
        assert not (tmp_path / "out.png").exists()


def test_a_format_that_would_lose_alpha_is_refused_before_the_work(tmp_path, upscaler):
    write_image(tmp_path / "a.png", make_image(alpha=True))
    ((_, error),) = upscale_files(upscaler, planned(str(tmp_path / "a.png"), str(tmp_path / "a.jpg")))
    assert "cannot hold an alpha channel" in str(error)
    assert not (tmp_path / "a.jpg").exists()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_network_on_the_unshuffled_image_takes_any_size_whole_or_in_tiles(scale):
    keras.utils.set_random_seed(2)
    config = RRDBConfig(scale=scale, blocks=1, features=4, growth=2, init_scale=1.0, pixel_unshuffle=True)
    model = build_generator(config, "unshuffled")
    image = np.random.default_rng(0).uniform(size=(45, 71, 3)).astype(np.float32)
    whole = Upscaler(keras_network(model), tile=0).upscale(image)
    assert whole.shape == (45 * scale, 71 * scale, 3)
    multiple = 4 // scale
    even = image[: 45 // multiple * multiple, : 71 // multiple * multiple]
    plain = np.clip(model(even[None])[0], 0, 1)
    inner = np.s_[: plain.shape[0] - 60, : plain.shape[1] - 60] if scale == 2 else np.s_[:4, :20]
    np.testing.assert_allclose(whole[: plain.shape[0], : plain.shape[1]][inner], plain[inner], atol=1e-3)
    np.testing.assert_allclose(Upscaler(keras_network(model), tile=64, overlap=28).upscale(image), whole, atol=0.02)
    with pytest.raises(InputError, match=f"`tile` and `overlap` must be multiples of {multiple}"):
        Upscaler(keras_network(model), tile=41, overlap=8)


def test_tiles_are_halved_where_memory_is_too_little_and_it_is_said_once(model):
    def run(rgb_01):
        if max(rgb_01.shape[:2]) > 80:
            raise MemoryError
        return np.array(model(rgb_01[None]))[0]

    lines = []
    small_memory = Upscaler(replace(keras_network(model), run=run), tile=300, overlap=8, monitor=Monitor(lines.append))
    rgb = make_image(shape=(300, 150)).rgb
    whole = Upscaler(keras_network(model), tile=0).upscale(rgb)
    for _ in range(2):
        assert np.abs(small_memory.upscale(rgb) - whole).max() < 1 / 255
    assert lines == [
        "out of memory with tiles of 300 px: continues with 150 px",
        "out of memory with tiles of 150 px: continues with 75 px",
    ]


def test_integers_are_the_floats_rounded_once(model, upscaler):
    image = make_image(bits=16, shape=(20, 30))
    floats = upscaler.upscale(image.rgb)
    np.testing.assert_array_equal(upscaler.upscale_image(image).rgb, to_integers(floats, np.uint16))
    np.testing.assert_array_equal(upscaler.upscale_image(replace(image, bits=8)).rgb, to_uint8(floats))
    grey = upscaler.upscale_image(make_image(grey=True)).rgb
    assert grey.dtype == np.float32  # the mean of its channels is rounded, not each of them


def test_files_are_written_while_the_next_one_is_upscaled(tmp_path, model, monkeypatch):
    for name in "abc":
        write_noise(tmp_path / f"in/{name}.png", 12, 10)
    written, running = Event(), []

    def run(rgb_01):
        running.append(1)
        assert len(running) == 1 or written.wait(10)  # the second image, while the first one is written
        return rgb_01.repeat(2, 0).repeat(2, 1)

    def write(path, image, quality):
        while len(running) < 2:
            time.sleep(0.01)
        written.set()
        write_image(path, image, quality)

    monkeypatch.setattr("esrgan_tf.inference.files.write_image", write)
    done = upscale_files(
        Upscaler(replace(keras_network(model), run=run)), planned(str(tmp_path / "in"), str(tmp_path / "out"))
    )
    assert [(job.source.stem, error) for job, error in done] == [("a", None), ("b", None), ("c", None)]


def test_what_is_being_upscaled_is_given_up_when_the_caller_stops(tmp_path, model):
    for name in "ab":
        write_noise(tmp_path / f"in/{name}.png", 12, 10)
    upscaler = Upscaler(keras_network(model))
    done = upscale_files(upscaler, planned(str(tmp_path / "in"), str(tmp_path / "out")))
    next(done)
    done.close()
    with pytest.raises(InputError, match="given up"):
        upscaler.upscale(make_image().rgb)
