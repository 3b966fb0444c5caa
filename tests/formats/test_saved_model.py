"""The SavedModel's endpoints, loaded again: what they give, what they refuse, what lies beside them."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import write_photo
from tensorflow_serving.apis import prediction_log_pb2

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.systems import _names
from esrgan_tf.formats.graphs import upscale_function
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.registry import describe, open_network
from esrgan_tf.formats.saved_model.servable import Servable
from esrgan_tf.formats.saved_model.versions import find_version, next_version
from esrgan_tf.formats.saved_model.warm_up import RECORDS, write_warm_up
from esrgan_tf.formats.saved_model.writer import write_saved_model
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.image.resize import bicubic_upscale
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models import build_generator
from esrgan_tf.models.interpolation import interpolate
from esrgan_tf.recipes.generators import RRDBConfig

CONFIG = RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0)
ONE = GeneratorMetadata("tiny_x2", "tiny", 2)
TWO = replace(ONE, takes_alpha=True)
MAX_PIXELS = 300 * 300


def generator(seed, **changes):
    keras.utils.set_random_seed(seed)
    return build_generator(replace(CONFIG, **changes), "tiny")


def write(folder, generators, description):
    write_saved_model(Servable(upscale_function(generators), description, MAX_PIXELS, generators), description, folder)
    return tf.saved_model.load(str(folder))


@pytest.fixture(scope="module")
def pair():
    return [generator(1), generator(2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def one(folder, pair):
    return write(folder / "one" / "1", pair[:1], ONE)


@pytest.fixture(scope="module")
def two(folder, pair):
    loaded = write(folder / "two" / "1", pair, TWO)
    assert write_warm_up(folder / "two" / "1", TWO)
    return loaded


def random_image(height=9, width=7, batch=2, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), np.uint8)


def png(samples):
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


def opened(data):
    return np.array(Image.open(io.BytesIO(data.numpy())))


def test_the_float_endpoint_is_the_default_and_gives_the_generators_values(one, pair):
    image = to_float(random_image())
    sr = one.signatures["serving_default"](image=image)["sr"]
    np.testing.assert_allclose(sr, pair[0](image), atol=1e-5)


def test_the_uint8_endpoint_rounds_and_clips_once(one, pair):
    sr = one.signatures["uint8"](image=random_image())["sr"]
    assert sr.dtype == tf.uint8
    wanted = np.array(pair[0](to_float(random_image())))
    assert wanted.min() < 0 or wanted.max() > 1
    assert np.abs(sr.numpy().astype(int) - to_uint8(wanted)).max() <= 1  # of values on the edge between two
    assert np.mean(sr.numpy() != to_uint8(wanted)) < 0.01


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_bytes_come_back_as_png_of_the_same_kind(one, channels):
    samples = np.random.default_rng(0).integers(0, 256, (9, 7, channels), np.uint8)
    (data,) = one.signatures["image_bytes"](image_bytes=tf.constant([png(samples.squeeze())]))["sr_bytes"]
    got = np.atleast_3d(opened(data))
    assert got.shape == (18, 14, channels)
    rgb = np.repeat(samples[..., :1], 3, -1) if channels <= 2 else samples[..., :3]
    sr = one.signatures["serving_default"](image=to_float(rgb)[None])["sr"][0].numpy().clip(0, 1)
    wanted = to_uint8(sr.mean(-1, keepdims=True) if channels <= 2 else sr)
    off = np.abs(got[..., : wanted.shape[-1]].astype(int) - wanted)
    assert off.max() <= 1 and off.mean() < 0.01  # of values between two integers
    if channels in (2, 4):
        alpha = to_uint8(bicubic_upscale(to_float(samples[..., -1]), 2))
        assert np.abs(got[..., -1].astype(int) - alpha).max() <= 1


@pytest.mark.parametrize("height, width", [(1, 65000), (2000, 1), (1, 1), (2, 3)])
def test_images_of_a_single_row_or_pixel_are_served_as_well(one, height, width):
    samples = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    (data,) = one.signatures["image_bytes"](image_bytes=tf.constant([png(samples)]))["sr_bytes"]
    alpha = to_uint8(bicubic_upscale(to_float(samples[..., 3]), 2))
    assert np.abs(opened(data)[..., 3].astype(int) - alpha).max() <= 1


@pytest.mark.parametrize("endpoint", ["serving_default", "uint8", "image_bytes"])
def test_each_image_has_its_own_alpha(two, pair, endpoint):
    samples = random_image(batch=3)
    alphas = np.array([0.0, 0.4, 1.0], np.float32)
    images = {
        "serving_default": {"image": tf.constant(to_float(samples))},
        "uint8": {"image": tf.constant(samples)},
        "image_bytes": {"image_bytes": tf.constant([png(s) for s in samples])},
    }
    output = two.signatures[endpoint](**images[endpoint], alpha=tf.constant(alphas))
    got = [opened(data) for data in output["sr_bytes"]] if endpoint == "image_bytes" else output["sr"].numpy()
    for alpha, sample, sr in zip(alphas, samples, got, strict=True):
        wanted = np.array(interpolate(*pair, float(alpha))(to_float(sample)[None]))[0]
        if endpoint == "serving_default":
            np.testing.assert_allclose(sr, wanted, atol=1e-5)
        else:
            assert np.abs(sr.astype(int) - to_uint8(wanted)).max() <= 1


def test_large_images_are_cut_inside_the_graph_as_the_upscaler_cuts_them(one, pair):
    large = to_float(random_image(280, 300, batch=1))
    sr = one.signatures["serving_default"](image=large)["sr"][0]
    by_tiles = Upscaler(keras_network(pair[0]), tile=256, overlap=32).upscale(large[0])
    np.testing.assert_allclose(np.clip(sr, 0, 1), by_tiles, atol=1e-5)


def refused(endpoint, message, **inputs):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        endpoint(**inputs)


def test_requests_that_cannot_be_served_are_refused_with_the_limit(one, two):
    default, uint8 = one.signatures["serving_default"], one.signatures["uint8"]
    refused(default, "1 to 90000 pixels.*1 301 300 3", image=tf.zeros([1, 301, 300, 3]))
    refused(default, "1 to 90000 pixels.*10 100 91 3", image=tf.zeros([10, 100, 91, 3]))
    refused(uint8, "1 to 90000 pixels.*1 65000 2 3", image=tf.zeros([1, 65000, 2, 3], tf.uint8))
    refused(default, "1 to 90000 pixels.*0 4 4 3", image=tf.zeros([0, 4, 4, 3]))
    refused(default, "1 to 90000 pixels.*1 0 4 3", image=tf.zeros([1, 0, 4, 3]))
    alpha = two.signatures["serving_default"]
    for wrong in ([1.1], [-0.1], [float("nan")], [0.5, 0.5], []):
        refused(alpha, "`alpha` must be from 0", image=tf.zeros([1, 4, 4, 3]), alpha=tf.constant(wrong, tf.float32))
    assert default(image=tf.zeros([1, 4, 4, 3]))["sr"].shape == (1, 8, 8, 3)  # it goes on serving


def test_a_network_that_takes_multiples_takes_any_size(tmp_path):
    model = generator(1, pixel_unshuffle=True)
    description = replace(ONE, lr_multiple=2)
    image = to_float(random_image(9, 7, batch=1))
    got = write(tmp_path / "1", [model], description).signatures["serving_default"](image=image)["sr"][0]
    np.testing.assert_allclose(np.clip(got, 0, 1), Upscaler(keras_network(model)).upscale(image[0]), atol=1e-5)


@pytest.mark.slow
def test_saved_model_cli_shows_every_endpoint_with_named_inputs(folder, two):
    command = [Path(sys.executable).parent / "saved_model_cli", "show", "--dir", folder / "two" / "1", "--all"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for endpoint in ("serving_default", "uint8", "image_bytes"):
        assert f"signature_def['{endpoint}']" in shown
    for name in ("inputs['image']", "inputs['image_bytes']", "inputs['alpha']", "outputs['sr']", "outputs['sr_bytes']"):
        assert name in shown


def test_what_it_is_stands_inside(folder, two):
    assert json.loads((folder / "two/1/assets/generator.json").read_text())["takes_alpha"] is True
    assert describe(folder / "two")["recipe"] == "tiny"


def test_it_is_opened_like_any_model(folder, one, pair):
    rgb = to_float(random_image()[0])
    wanted = np.array(pair[0](rgb[None]))[0]
    np.testing.assert_allclose(open_network([folder / "one"]).run(rgb), wanted, atol=1e-5)
    np.testing.assert_allclose(open_network([folder / "one" / "1"]).run(rgb), wanted, atol=1e-5)
    with pytest.raises(InputError, match="alpha.*alpha 0.5"):
        open_network([folder / "one"], 0.5)


def test_the_highest_version_counts(tmp_path):
    for version in ("2", "10", "9"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()  # being written
    (tmp_path / "12.old").mkdir()
    (tmp_path / "12.old" / "saved_model.pb").touch()
    assert find_version(tmp_path) == tmp_path / "10"
    assert find_version(tmp_path / "11") is None


def test_a_image_over_the_limit_is_told_by_upscale_too(folder, one):
    with pytest.raises(InputError, match="refused an image.*1 to 90000 pixels"):
        Upscaler(open_network([folder / "one"]), tile=0).upscale(np.zeros((301, 300, 3), np.float32))


def test_a_saved_model_of_two_needs_alpha(folder, one, two, pair):
    rgb = to_float(random_image()[0])
    got = open_network([folder / "two"], 0.25).run(rgb)
    np.testing.assert_allclose(got, interpolate(*pair, 0.25)(rgb[None])[0], atol=1e-5)
    for name, alpha, message in (
        ("two", None, "must be given for two"),
        ("two", 1.5, "from 0 .* to 1 .* 1.5"),
        ("one", 0.5, "must go with two"),
    ):
        with pytest.raises(InputError, match=f"`alpha`.*{message}"):
            open_network([folder / name], alpha)


def test_versions_and_one_alpha_are_evaluated(tmp_path, capsys, folder, one, two):
    write_photo(tmp_path / "HR" / "a.png", 96, 96)
    models = [f"--model={folder / name}" for name in ("one", "two")]
    flags = [f"--data={tmp_path / 'HR'}", f"--output={tmp_path / 'o.csv'}", "--alpha=0.5"]
    assert main(["esrgan", "evaluate", *models, *flags]) == 0
    assert "alpha" not in capsys.readouterr().err
    assert main(["esrgan", "evaluate", *models, *flags[:-1]]) == 1
    assert "`--alpha`" in capsys.readouterr().err


def test_a_version_is_not_a_name():
    assert _names(["exported/m/1", "exported/m/2"]) == ["m/1", "m/2"]
    assert _names(["bicubic", "exported/m/1"]) == ["bicubic", "m/1"]


def test_a_saved_model_of_others_or_a_damaged_one_is_told(tmp_path, folder, one):
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(InputError, match="description written by `esrgan export`"):
        open_network([tmp_path / "other"])
    shutil.copytree(folder / "one", tmp_path / "damaged")
    (tmp_path / "damaged/1/saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be loaded as a SavedModel"):
        open_network([tmp_path / "damaged"])


def test_versions_count_up_and_are_never_written_over(tmp_path):
    assert next_version(tmp_path / "m") == tmp_path / "m" / "1"
    for name in ("3", "9", "10", ".11-half", "notes"):
        (tmp_path / "m" / name).mkdir(parents=True)
    assert next_version(tmp_path / "m").name == "11"
    assert next_version(tmp_path / "m", 4).name == "4"
    for taken in (3, 0):
        with pytest.raises(InputError, match=rf"`version` must be 1 or more and not yet in .*3, 9, 10.*{taken}"):
            next_version(tmp_path / "m", taken)


def test_warm_up_requests_name_every_endpoint_and_are_answered(folder, two):
    answered = []
    for record in tf.data.TFRecordDataset(str(folder / "two" / "1" / RECORDS)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        (output,) = two.signatures[request.model_spec.signature_name](**inputs).values()
        answered.append((request.model_spec.name, request.model_spec.signature_name, output.shape[0]))
    assert answered == [("tiny_x2", "serving_default", 1), ("tiny_x2", "uint8", 1), ("tiny_x2", "image_bytes", 1)]
