"""OpenVINO files of every family, opened again by OpenVINO, and exported by the command."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.cpu import has_bfloat16
from support.exports import copy_with_parts, write
from support.families import FAMILIES, built, metadata
from support.images import make_image, write_photo
from support.paths import ROOT

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.openvino_ir import FORMAT, runtime
from esrgan_tf.formats.openvino_ir.writer import convert
from esrgan_tf.formats.registry import describe, open_network
from esrgan_tf.image.io import read_image
from esrgan_tf.metadata import metadata_of
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def model():
    return built(FAMILIES["rrdb"])


@pytest.fixture(scope="module")
def file(tmp_path_factory, model):
    return write(FORMAT, model, tmp_path_factory.mktemp("exported"))


@pytest.fixture
def copied(file, tmp_path):
    return copy_with_parts(file, tmp_path)


@pytest.mark.parametrize(
    "family", [f if f in ("unshuffled", "span", "phone") else pytest.param(f, marks=pytest.mark.slow) for f in FAMILIES]
)
def test_every_family_becomes_an_openvino_file_that_takes_any_size(tmp_path, family):
    model = built(FAMILIES[family])
    network = open_network([write(FORMAT, model, tmp_path)])
    multiple = keras_network(model).metadata.lr_multiple
    for height, width in ((8, 20), (18, 6)):
        image = make_image(shape=(height // multiple * multiple, width // multiple * multiple)).rgb
        wanted = np.array(model(image[None]))[0]
        np.testing.assert_allclose(network.run(image), wanted, atol=1e-4 * max(1, np.abs(wanted).max()))


def test_an_image_is_shuffled_by_a_transposition_and_maps_are_not(model):
    kinds = Counter(operation.get_type_name() for operation in convert(model).get_ops())
    assert kinds["DepthToSpace"] == 2  # of RRDB's 8 channels, twice as large
    phone = convert(built(FAMILIES["phone"]))
    assert "DepthToSpace" not in {operation.get_type_name() for operation in phone.get_ops()}


def test_what_is_returned_stays_when_the_next_image_is_run(file):
    network = open_network([file])
    dark, bright = (np.full((8, 8, 3), value, np.float32) for value in (0.1, 0.9))
    kept = network.run(dark)
    before = kept.copy()
    assert not np.allclose(network.run(bright), before)
    np.testing.assert_array_equal(kept, before)


# Opens two files, closes the first one first, and is sent a Ctrl-C, which Python handles on a stack of its own.
INTERRUPTED = """
import faulthandler, os, signal, sys
from esrgan_tf.formats.openvino_ir.runtime import openvino_network

faulthandler.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
first = openvino_network(sys.argv[1])
second = openvino_network(sys.argv[1])
del first
del second
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_is_handled_after_networks_are_closed(file):
    command = [sys.executable, "-c", INTERRUPTED, file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


def test_an_image_that_is_no_whole_array_is_taken(file, model):
    image = make_image(shape=(12, 20)).rgb
    wanted = np.array(model(np.ascontiguousarray(image[::-1, ::2])[None]))[0]
    np.testing.assert_allclose(open_network([file]).run(image[::-1, ::2]), wanted, atol=1e-4)


def test_its_metadata_is_read_from_the_file(file, model):
    described = describe(file)
    assert described["recipe"] == metadata_of(model).recipe == "tiny"
    assert (described["scale"], described["precision"], described["tile"]) == (4, "float32", None)


@pytest.mark.parametrize(("precision", "tile"), [("float32", 352), pytest.param("bfloat16", 496, marks=has_bfloat16)])
def test_tiles_are_as_large_as_memory_allows(tmp_path, precision, tile):
    file = write(FORMAT, build_generator(RRDBConfig(blocks=1), "wide"), tmp_path, precision=precision)
    assert describe(file)["preferred_tile"] == tile


def test_a_cpu_without_bfloat16_takes_the_tiles_of_any_network(file, monkeypatch):
    described = replace(runtime.read_metadata(file), precision="bfloat16", preferred_tile=496)
    monkeypatch.setattr(runtime, "read_metadata", lambda path: described)
    for has_it, tile in ((True, 496), (False, None)):
        monkeypatch.setattr(runtime, "has_bfloat16", lambda has_it=has_it: has_it)
        assert open_network([file]).metadata.preferred_tile == tile


def test_a_damaged_file_is_told(copied):
    copied.with_suffix(".bin").unlink()
    with pytest.raises(InputError, match=f"`{copied}` cannot be loaded by OpenVINO: "):
        open_network([copied])
    copied.write_bytes(copied.read_bytes()[:5000])
    with pytest.raises(InputError, match=f"`{copied}` must be a whole .xml file of OpenVINO: "):
        open_network([copied])
    copied.write_text("<net/>")
    with pytest.raises(InputError, match=f"`{copied}` must hold a description written by `esrgan export`"):
        open_network([copied])
    copied.unlink()
    with pytest.raises(InputError, match=f"`{copied}` cannot be read: No such file"):
        open_network([copied])


def test_without_openvino_the_way_out_is_told_and_the_metadata_still_read(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(runtime, "core", runtime.core.__wrapped__)  # none is kept
    assert describe(file)["scale"] == 4
    with pytest.raises(InputError, match=r"needs OpenVINO: pip install 'esrgan_tf\[openvino\]'"):
        open_network([file])


def test_a_generator_is_exported_verified_and_upscales(tmp_path, capsys, model):
    save_generator(model, tmp_path / "g.keras", metadata(model))
    photos, exported = tmp_path / "photos", tmp_path / "exported"
    photos.mkdir()
    for index in range(4):
        write_photo(photos / f"{index}.png", 200, 160, seed=index)
    flags = ["--format=openvino", f"--calibration={photos}", f"--output={exported}"]
    assert main(["esrgan", "export", f"--model={tmp_path / 'g.keras'}", *flags]) == 0
    flags += ["--precision=int8", "--max_psnr_drop=0.3"]  # its weights are random: flat areas suffer most
    assert main(["esrgan", "export", f"--model={tmp_path / 'g.keras'}", *flags]) == 0
    whole, small = exported / "tiny_x4_float32.xml", exported / "tiny_x4_int8.xml"
    rows = {row["path"]: row for row in json.loads((exported / "report.json").read_text())["artifacts"]}
    assert rows.keys() == {whole.name, small.name}
    assert rows[whole.name]["proof"]["max_difference"] < 1e-4 < rows[small.name]["proof"]["max_difference"]
    sizes = [path.stat().st_size for path in (small, small.with_suffix(".bin"))]
    assert rows[small.name]["size"] == sum(sizes)
    assert sizes[1] < whole.with_suffix(".bin").stat().st_size / 2
    capsys.readouterr()
    for path in (whole, small):
        flags = [f"--input={photos / '0.png'}", f"--output={tmp_path / 'upscaled.png'}"]
        assert main(["esrgan", "upscale", f"--model={path}", *flags]) == 0, capsys.readouterr().err
        assert read_image(tmp_path / "upscaled.png").rgb.shape == (800, 640, 3)
