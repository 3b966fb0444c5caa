"""ncnn's files of every family, opened again by ncnn, and exported by the command."""

import json
import sys

import keras
import numpy as np
import pytest
from support.exports import copy_with_parts, request_for, write
from support.families import FAMILIES, built, metadata
from support.images import make_image, write_photo

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.ncnn_files import FORMAT
from esrgan_tf.formats.ncnn_files.translation import translate
from esrgan_tf.formats.registry import describe, open_network
from esrgan_tf.image.io import read_image

ncnn = pytest.importorskip("ncnn")
REFUSED = ("srcnn", "enet")  # their bicubic mirrors two pixels at the border


@pytest.fixture(scope="module")
def model():
    return built(FAMILIES["rrdb"])


@pytest.fixture(scope="module")
def file(tmp_path_factory, model):
    return write(FORMAT, model, tmp_path_factory.mktemp("exported"))


@pytest.fixture
def copied(file, tmp_path):
    return copy_with_parts(file, tmp_path)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in REFUSED])
def test_every_other_family_becomes_ncnns_files_that_take_any_size(tmp_path, family):
    model = built(FAMILIES[family])
    network = open_network([write(FORMAT, model, tmp_path)])
    multiple = keras_network(model).metadata.lr_multiple
    for height, width in ((8, 20), (19, 7)):
        image = make_image(shape=(height // multiple * multiple, width // multiple * multiple)).rgb
        wanted = np.array(model(image[None]))[0]
        np.testing.assert_allclose(network.run(image), wanted, atol=2e-5 * max(1, np.abs(wanted).max()))


def test_an_operation_that_ncnn_lacks_is_refused_before_anything_is_written(tmp_path):
    model = built(FAMILIES[REFUSED[0]])
    with pytest.raises(InputError, match="`format=ncnn` cannot hold pad.*: ncnn has no Pad like it"):
        FORMAT.check(request_for(model, tmp_path))
    with pytest.raises(InputError, match="`precision` must be one of float32, float16. Received: int8"):
        FORMAT.check(request_for(built(FAMILIES["srvgg"]), tmp_path, precision="int8"))


@pytest.mark.parametrize(
    "options",
    [{"strides": 2}, {"dilation_rate": 2}, {"groups": 3}, {"activation": "relu"}],
    ids=lambda o: next(iter(o)),
)
def test_a_convolution_of_another_kind_is_refused(options):
    x = keras.Input((None, None, 3))
    model = keras.Model(x, keras.layers.Conv2D(3, 3, padding="same", **options)(x))
    with pytest.raises(InputError, match="ncnn has no Conv2D like it"):
        translate(model)


def test_constants_on_either_side_of_an_operation_are_kept(tmp_path):
    x = keras.Input((None, None, 3), name="lr")
    colours = np.array([0.1, 0.2, 0.3], np.float32)
    y = (1 - x) * colours + 2 / (x + 3) - colours
    model = keras.Model(x, y / 2 - 0.5, name="tiny_x1")
    image = make_image(shape=(9, 13)).rgb
    got = open_network([write(FORMAT, model, tmp_path)]).run(image)
    wanted = ((1 - image) * colours + 2 / (image + 3) - colours) / 2 - 0.5
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_half_precision_halves_the_weights(file, model, tmp_path):
    half = write(FORMAT, model, tmp_path, precision="float16")
    image = make_image(shape=(12, 20)).rgb
    wanted, got = (open_network([path]).run(image) for path in (file, half))
    assert 0 < np.abs(got - wanted).max() < 2e-3
    sizes = [path.with_suffix(".bin").stat().st_size for path in (half, file)]
    assert 0.5 < sizes[0] / sizes[1] < 0.7  # biases stay as they are


def layers_of(file):
    lines = file.read_text().splitlines()
    count, _ = map(int, lines[1].split())
    return [line.split() for line in lines[2 : 2 + count]]


def test_maps_are_named_as_other_programs_expect(file):
    layers = layers_of(file)
    assert layers[0][0] == "Input" and layers[0][4] == "data"
    assert "output" in layers[-1]


def test_what_ncnn_computes_in_one_is_one_layer(file, tmp_path):
    layers = layers_of(file)
    assert any(layer[0] == "Convolution" and {"9=2", "-23310=1,0.2"} <= set(layer) for layer in layers)
    assert [layer[0] for layer in layers].count("ReLU") == 2  # after the upsamplings, whose convolutions are before
    kinds = [layer[0] for layer in layers_of(write(FORMAT, built(FAMILIES["srvgg"]), tmp_path))]
    assert kinds.count("Interp") == kinds.count("PixelShuffle") == 1 and "Concat" not in kinds


def test_an_image_that_is_no_whole_array_is_taken_and_stays_as_it_is(model, tmp_path):
    edsr = built(FAMILIES["edsr"])  # whose first layer computes in place
    image = make_image(shape=(12, 20)).rgb[::-1, ::2]
    before = image.copy()
    network = open_network([write(FORMAT, edsr, tmp_path)])
    kept = network.run(image)
    np.testing.assert_allclose(kept, np.array(edsr(before[None]))[0], atol=1e-5)
    np.testing.assert_array_equal(image, before)
    expected = kept.copy()
    network.run(1 - image)
    np.testing.assert_array_equal(kept, expected)


def test_its_metadata_is_read_from_the_file(file):
    described = describe(file)
    assert (described["recipe"], described["scale"], described["precision"]) == ("tiny", 4, "float32")


def test_a_damaged_file_is_told(copied):
    weights = copied.with_suffix(".bin")
    whole = weights.read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        weights.write_bytes(damaged)
        with pytest.raises(InputError, match=f"`{weights}` must be what was written with {copied.name}"):
            open_network([copied])
    weights.write_bytes(whole)
    text = copied.read_text()
    copied.write_text(text.replace("Convolution", "Convulsion"))
    with pytest.raises(InputError, match=f"`{copied}` cannot be loaded by ncnn"):
        open_network([copied])
    copied.write_text(text)
    weights.unlink()
    with pytest.raises(InputError, match=f"`{copied}` needs its weights beside it, {weights.name}: no such file"):
        open_network([copied])
    copied.write_bytes(copied.read_bytes()[:500])
    with pytest.raises(InputError, match=f"`{copied}` must hold a description written by `esrgan export`"):
        open_network([copied])
    copied.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=f"`{copied}` must be a text file of ncnn"):
        open_network([copied])
    copied.unlink()
    with pytest.raises(InputError, match=f"`{copied}` cannot be read: No such file"):
        open_network([copied])


def test_without_ncnn_the_way_out_is_told_and_the_metadata_still_read(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    assert describe(file)["scale"] == 4
    with pytest.raises(InputError, match=r"needs ncnn: pip install 'esrgan_tf\[ncnn\]'"):
        open_network([file])


def test_a_generator_is_exported_verified_and_upscales(tmp_path, capsys, model):
    save_generator(model, tmp_path / "g.keras", metadata(model))
    photos, exported = tmp_path / "photos", tmp_path / "exported"
    photos.mkdir()
    for index in range(4):
        write_photo(photos / f"{index}.png", 200, 160, seed=index)
    flags = ["--format=ncnn,openvino", f"--calibration={photos}", f"--output={exported}"]
    assert main(["esrgan", "export", f"--model={tmp_path / 'g.keras'}", *flags]) == 0
    rows = {row["path"]: row for row in json.loads((exported / "report.json").read_text())["artifacts"]}
    written, other = exported / "tiny_x4_float32.ncnn.param", exported / "tiny_x4_float32.xml"
    assert rows.keys() == {written.name, other.name}
    assert rows[written.name]["proof"]["max_difference"] < 1e-4
    assert rows[written.name]["size"] == sum(path.stat().st_size for path in (written, written.with_suffix(".bin")))
    capsys.readouterr()
    images = []
    for path in (tmp_path / "g.keras", written, other):
        flags = [f"--input={photos / '0.png'}", f"--output={tmp_path / 'upscaled.png'}", "--tile=100"]
        assert main(["esrgan", "upscale", f"--model={path}", *flags]) == 0, capsys.readouterr().err
        images.append(read_image(tmp_path / "upscaled.png").rgb)
    for image in images[1:]:
        assert image.shape == (800, 640, 3)
        np.testing.assert_allclose(image, images[0], atol=1.01 / 255)
