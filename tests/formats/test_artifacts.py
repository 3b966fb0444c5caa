"""LiteRT and ONNX files of every family, opened again by their own runtimes."""

import builtins
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from ai_edge_litert.compiled_model import CompiledModel
from PIL import Image
from support.exports import write_tflite
from support.families import FAMILIES, TILE, built, metadata
from support.images import make_image, write_noise

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.onnx_file.writer import write_onnx
from esrgan_tf.formats.registry import describe, open_network
from esrgan_tf.formats.tflite.converter import convert
from esrgan_tf.formats.tflite.xnnpack import xnnpack_share
from esrgan_tf.image.io import read_image, to_float, to_uint8, write_image
from esrgan_tf.image.tiling import upscale_by_tiles
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.models.fusion import fuse_branches, merge_upsampling


@pytest.fixture(scope="module")
def model():
    return built(FAMILIES["rrdb"])


@pytest.fixture(scope="module")
def tflite(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("exported") / "tiny.tflite"
    return write_tflite(path, model, convert(merge_upsampling(model), TILE, "float32"), licence="CC0")


@pytest.fixture(scope="module")
def onnx(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    write_onnx(merge_upsampling(model), metadata(model), path)
    return path


def tiles(count=1, size=TILE, seed=0):
    return np.random.default_rng(seed).uniform(size=(count, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_becomes_a_litert_file_of_builtin_operators(tmp_path, family):
    model = built(FAMILIES[family])
    path = write_tflite(tmp_path / "m.tflite", model, convert(merge_upsampling(fuse_branches(model)), TILE, "float32"))
    (tile,) = tiles()
    wanted = np.array(model(tile[None]))[0]
    np.testing.assert_allclose(open_network([path]).run(tile), wanted, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_becomes_an_onnx_file_that_takes_any_size(tmp_path, family):
    model = built(FAMILIES[family])
    multiple = keras_network(model).metadata.lr_multiple
    deployed = merge_upsampling(fuse_branches(model))
    write_onnx(deployed, metadata(model, lr_multiple=multiple), tmp_path / "m.onnx")
    network = open_network([tmp_path / "m.onnx"])
    assert network.metadata.lr_multiple == multiple
    for height, width in ((8, 20), (18, 6)):
        image = make_image(shape=(height, width)).rgb
        wanted = np.array(model(image[None]))[0]
        np.testing.assert_allclose(network.run(image), wanted, atol=1e-4 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("kind, most", [("float16", 2e-3), ("dynamic", 0.1)])
def test_smaller_weights_cost_little(tmp_path, kind, most):
    model = built(replace(FAMILIES["rrdb"], features=16, growth=8))
    whole, path = (
        write_tflite(tmp_path / f"{k}.tflite", model, convert(merge_upsampling(model), TILE, k))
        for k in ("float32", kind)
    )
    (tile,) = tiles()
    wanted = np.array(model(tile[None]))[0]
    assert 0 < np.abs(open_network([path]).run(tile) - wanted).max() < most
    assert path.stat().st_size < 0.7 * whole.stat().st_size


@pytest.mark.parametrize("family", ["edsr_direct", "phone"])  # with a mean, with white at 6
def test_float16_rounds_weights_alone(tmp_path, family):
    model = fuse_branches(built(FAMILIES[family]))
    for variable in model.variables:
        variable.assign(np.asarray(variable.value, np.float16))
    path = write_tflite(tmp_path / "m.tflite", model, convert(model, TILE, "float16"))
    (tile,) = tiles()
    wanted = np.array(model(tile[None]))[0]
    np.testing.assert_allclose(open_network([path]).run(tile), wanted, atol=1e-5 * max(1, np.abs(wanted).max()))
    assert xnnpack_share(path) == 1


def test_litert_loads_a_described_file_whole_into_its_accelerator(tflite):
    assert CompiledModel.from_file(str(tflite)).is_fully_accelerated()
    assert xnnpack_share(tflite) == 1


def test_operators_that_litert_lacks_are_named_and_taken_from_tensorflow_only_where_allowed(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.ops.tan(inputs), name="odd_x1")
    with pytest.raises(InputError, match="cannot have this generator: Tan. `allow_select_ops`"):
        convert(model, TILE, "float32")
    path = write_tflite(tmp_path / "m.tflite", model, convert(model, TILE, "float32", allow_select_ops=True))
    assert b"FlexTan" in path.read_bytes()
    with pytest.raises(InputError, match=r"Select TensorFlow op\(s\)"):  # no interpreter here has them
        open_network([path])


def test_the_share_of_xnnpack_counts_what_it_left(tmp_path):
    model = built(FAMILIES["reflect"])
    path = write_tflite(tmp_path / "m.tflite", model, convert(model, TILE, "float32"))
    assert 0.3 < xnnpack_share(path) < 0.95  # mirrored padding is not among its operators


def test_descriptions_are_read_back(tflite, onnx):
    assert describe(tflite)["licence"] == "CC0"
    assert (describe(tflite)["tile"], describe(tflite)["overlap"]) == (TILE, 8)
    assert (describe(onnx)["recipe"], describe(onnx)["scale"], describe(onnx)["tile"]) == ("tiny", 4, None)


def test_images_larger_and_smaller_than_the_one_tile_go_through(model, tflite):
    def by_keras(image):
        return np.clip(upscale_by_tiles(image, keras_network(model).run, 4, TILE, 8), 0, 1)

    upscaler = Upscaler(open_network([tflite]))
    large = tiles(size=50)[0]
    wanted = by_keras(large)
    np.testing.assert_allclose(upscaler.upscale(large), wanted, atol=1e-5)
    small = large[:5, :30]
    mirrored = np.pad(small, [(0, TILE - 5), (0, 0), (0, 0)], "symmetric")
    wanted = by_keras(mirrored)[: 4 * 5]
    np.testing.assert_allclose(upscaler.upscale(small), wanted, atol=1e-5)
    with pytest.raises(InputError, match=f"`tile` must be {TILE}.*Received: 32"):
        Upscaler(open_network([tflite]), tile=32, overlap=8)


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_files_that_are_something_else_or_damaged_are_told(tmp_path, request, suffix):
    good = request.getfixturevalue(suffix[1:])
    path = tmp_path / f"bad{suffix}"
    with pytest.raises(InputError, match=f"`{path}` cannot be read"):
        open_network([path])
    for data in (b"", b"no model at all", good.read_bytes()[:300]):
        path.write_bytes(data)
        with pytest.raises(InputError, match=f"`{path}`"):
            open_network([path])


def test_too_little_memory_is_told(tmp_path, onnx):
    write_noise(tmp_path / "large.png", 1500, 1500)
    script = (
        "import resource, sys; import esrgan_tf.formats.onnx_file.runtime, onnxruntime;"
        "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31));"
        "from esrgan_tf.__main__ import main; sys.exit(main(sys.argv))"
    )
    flags = [f"--model={onnx}", f"--input={tmp_path / 'large.png'}", f"--output={tmp_path / 'o.png'}", "--tile=0"]
    done = subprocess.run([sys.executable, "-c", script, "upscale", *flags], capture_output=True, text=True)
    assert done.returncode == 1
    assert "out of memory: use a smaller `--tile`" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "o.png").exists()


def test_a_litert_file_of_others_is_told(tmp_path, model):
    path = tmp_path / "other.tflite"
    path.write_bytes(convert(model, TILE, "float32"))
    with pytest.raises(InputError, match="description written by `esrgan export`"):
        open_network([path])


def test_two_exported_files_have_nothing_between_them(tflite, onnx):
    with pytest.raises(InputError, match="two Keras generators, or one exported file"):
        open_network([tflite, onnx], 0.5)
    with pytest.raises(InputError, match="alpha.*alpha 0.5"):
        open_network([tflite], 0.5)


WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name}}", name=name)
sys.meta_path.insert(0, Absent())
from esrgan_tf.__main__ import main
sys.exit(main(["esrgan", *{arguments!r}]))
"""
HEAVY = ["tensorflow", "keras", "scipy", "skimage", "h5py", "tqdm", "tifffile", "google", "onnxruntime"]


def test_a_litert_file_needs_neither_tensorflow_nor_keras_nor_scipy(tmp_path, tflite):
    write_image(tmp_path / "a.png", make_image(alpha=True, shape=(30, 20)))
    write_image(tmp_path / "deep.png", make_image(grey=True, bits=16, shape=(30, 20)))
    arguments = ["upscale", f"--model={tflite}", f"--input={tmp_path}/*.png", f"--output={tmp_path / 'out'}"]
    script = WITHOUT.format(absent=HEAVY, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    image = read_image(tmp_path / "out" / "a.png")
    assert image.rgb.shape == (120, 80, 3) and image.alpha is not None
    assert read_image(tmp_path / "out" / "deep.png").bits == 16
    described = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=HEAVY, arguments=["info", str(tflite)])],
        capture_output=True,
        text=True,
    )
    assert "licence     CC0" in described.stdout


def test_without_tensorflow_16_bit_colour_is_told(tmp_path, monkeypatch):
    write_image(tmp_path / "deep.png", make_image(bits=16))
    real = builtins.__import__

    def absent(name, *rest):
        if name == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError, match="deep.png.*16 bits in colour.*pip install tensorflow"):
        read_image(tmp_path / "deep.png")


def test_help_is_there_at_once_and_needs_no_tensorflow():
    script = WITHOUT.format(absent=HEAVY, arguments=["upscale", "--help"])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and "--model" in done.stdout


def test_what_needs_more_packages_names_the_one_that_is_missing(tmp_path, tflite):
    write_noise(tmp_path / "a.png", 20, 30)
    files = [f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'o.png'}"]
    for absent, arguments in (
        (["scipy"], ["upscale", f"--model={tflite}", *files, "--keep_colors"]),
        (["tensorflow"], ["upscale", "--model=psnr.keras", *files]),
        (["requests"], ["request", "--server=http://localhost:1", "--name=m", *files]),
    ):
        script = WITHOUT.format(absent=absent, arguments=arguments)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.endswith(f"error: this needs the package {absent[0]}, which is not installed.\n")
        assert "Traceback" not in done.stderr


def test_an_onnx_file_upscales_files(tmp_path, model, onnx):
    samples = write_noise(tmp_path / "a.png", 20, 30)
    from esrgan_tf.__main__ import main

    assert (
        main(
            ["esrgan", "upscale", f"--model={onnx}", f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'o.png'}"]
        )
        == 0
    )
    wanted = Upscaler(keras_network(model)).upscale(to_float(samples))
    assert np.abs(np.asarray(Image.open(tmp_path / "o.png"), int) - to_uint8(wanted)).max() <= 1
