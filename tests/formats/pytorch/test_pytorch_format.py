"""PyTorch's files as models of every command: opened as they are, and written by `esrgan export`."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from support.families import FAMILIES, built
from support.images import write_noise, write_photo

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator as load_keras_file
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.pytorch.generators import write_generator
from esrgan_tf.formats.registry import describe, load_generator, open_network
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig

X = np.random.default_rng(0).uniform(size=(6, 4, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two generators as .keras and as .safetensors, and photographs."""
    folder = tmp_path_factory.mktemp("pytorch")
    for seed, name in enumerate(("psnr", "gan")):
        model = built(FAMILIES["rrdb"], seed)
        save_generator(model, folder / f"{name}.keras")
        write_generator(model, folder / f"{name}_x4.safetensors", name)
    for seed in range(4):
        write_photo(folder / "photos" / f"{seed}.png", 80, 96, seed)
    return folder


def test_a_file_is_opened_without_conversion_and_named_after_its_stem(folder):
    network = open_network([folder / "gan_x4.safetensors"])
    wanted = load_keras_file(folder / "gan.keras")(X[None])[0]
    np.testing.assert_array_equal(network.run(X), wanted)
    assert (network.metadata.name, network.metadata.family) == ("gan_x4", "rrdb")
    assert network.origin == str(folder / "gan_x4.safetensors")
    described = describe(folder / "gan_x4.safetensors")
    assert (described["recipe"], described["scale"], described["source"]) == ("gan", 4, "gan_x4.safetensors")


def test_what_sizes_a_network_takes_is_known_of_its_file(tmp_path):
    write_generator(built(FAMILIES["unshuffled"]), tmp_path / "two.safetensors", "two")
    assert open_network([tmp_path / "two.safetensors"]).metadata.lr_multiple == 2


def test_files_are_interpolated_with_generators_of_keras(folder, tmp_path):
    models = [folder / "psnr_x4.safetensors", folder / "gan.keras"]
    wanted = open_network([folder / "psnr.keras", folder / "gan.keras"], 0.25).run(X)
    np.testing.assert_array_equal(open_network(models, 0.25).run(X), wanted)
    flags = [f"--psnr={models[0]}", f"--gan={models[1]}", "--alpha=0.25", f"--output={tmp_path / 'between.keras'}"]
    assert main(["esrgan", "interpolate", *flags]) == 0
    np.testing.assert_array_equal(load_keras_file(tmp_path / "between.keras")(X[None])[0], wanted)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_generator_is_exported_verified_and_upscales(folder, tmp_path, capsys, suffix):
    if suffix == "pth":
        pytest.importorskip("torch")
    flags = [f"--model={folder / 'gan.keras'}", f"--calibration={folder / 'photos'}", f"--output={tmp_path}"]
    status = main(["esrgan", "export", *flags, f"--format={suffix}", "--name=mine"])
    assert (status, capsys.readouterr().err) == (0, "")
    (row,) = json.loads((tmp_path / "report.json").read_text())["artifacts"]
    assert row["path"] == f"mine.{suffix}" and row["proof"]["max_difference"] <= 1e-4
    write_noise(tmp_path / "a.png", 12, 10)
    files = [f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'o.png'}"]
    assert main(["esrgan", "upscale", f"--model={tmp_path / f'mine.{suffix}'}", *files]) == 0
    assert Image.open(tmp_path / "o.png").size == (40, 48)
    assert "mine, x4" in capsys.readouterr().out


def test_a_published_file_is_exported_like_a_generator_of_keras(folder, tmp_path, capsys):
    flags = [f"--calibration={folder / 'photos'}", f"--output={tmp_path}", "--format=keras"]
    assert main(["esrgan", "export", f"--model={folder / 'psnr_x4.safetensors'}", *flags, "--licence=CC0"]) == 0
    described = describe(tmp_path / "psnr_x4.keras")
    assert (described["recipe"], described["licence"]) == ("psnr", "CC0")
    capsys.readouterr()


def test_a_family_that_other_tools_lack_is_refused_and_leaves_nothing(folder, tmp_path, capsys):
    save_generator(built(FAMILIES["phone"]), tmp_path / "phone.keras")
    flags = [f"--calibration={folder / 'photos'}", f"--output={tmp_path / 'out'}", "--format=safetensors"]
    assert main(["esrgan", "export", f"--model={tmp_path / 'phone.keras'}", *flags]) == 1
    assert "must be of a family that BasicSR has" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_network_that_judges_images_is_no_model(tmp_path):
    tensors = {"features.0.weight": np.zeros((2, 3, 3, 3), np.float32)}
    save_file(tensors, tmp_path / "vgg.safetensors")
    with pytest.raises(InputError, match="`init_from` must be a generator. Received: .*, torchvision's VGG16"):
        load_generator(tmp_path / "vgg.safetensors", "init_from")


def test_half_precision_is_written_as_float32(folder, tmp_path, capsys):
    keras.utils.set_random_seed(0)
    config = RRDBConfig(scale=2, blocks=1, features=4, growth=2)
    save_generator(build_generator(config, "half", "mixed_bfloat16"), tmp_path / "half.keras")
    flags = [f"--calibration={folder / 'photos'}", f"--output={tmp_path / 'out'}", "--format=safetensors"]
    assert main(["esrgan", "export", f"--model={tmp_path / 'half.keras'}", *flags]) == 0
    assert {a.dtype.name for a in load_file(tmp_path / "out/half_x2.safetensors").values()} == {"float32"}
    capsys.readouterr()
