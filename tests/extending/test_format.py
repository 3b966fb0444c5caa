"""A file format registered from outside the package, used by the ordinary commands."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image
from support.families import FAMILIES, built
from support.images import write_photo

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.formats import registry
from esrgan_tf.formats.format import Artifact, Format
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import GeneratorMetadata

pytestmark = pytest.mark.slow  # trains, exports and upscales by the commands


def write_npz(request):
    """The network as JSON, its weights in order, its metadata."""
    model, path = request.deployed[0], request.folder / f"{request.metadata.name}.npz"
    texts = {"metadata": request.metadata.to_json(), "network": model.to_json()}
    np.savez(path, **texts, **{f"weight{i}": value for i, value in enumerate(model.get_weights())})
    yield Artifact(path, request.metadata)


def open_npz(path, alpha):
    """The network run by Keras."""
    with np.load(path) as file:
        model = keras.models.model_from_json(str(file["network"]))
        model.set_weights([file[f"weight{i}"] for i in range(len(model.weights))])
        metadata = GeneratorMetadata.from_json(str(file["metadata"]), str(path))
    return Network(metadata, lambda rgb_01: np.array(model(rgb_01[None]))[0], str(path))


NPZ = Format(name="npz", title="an .npz file", suffixes=(".npz",), open=open_npz, write=write_npz)


@pytest.fixture(autouse=True)
def npz(monkeypatch):
    monkeypatch.setattr(registry, "FORMATS", dict(registry.FORMATS))
    registry.register_format(NPZ)


@pytest.fixture
def exported(tmp_path, capsys):
    """A generator, exported to .npz by the command, and its photographs."""
    for seed in range(4):
        write_photo(tmp_path / "photos" / f"{seed}.png", 64, 72, seed)
    save_generator(built(FAMILIES["phone"]), tmp_path / "m.keras")
    flags = [f"--model={tmp_path / 'm.keras'}", f"--output={tmp_path / 'out'}", f"--calibration={tmp_path / 'photos'}"]
    status = main(["esrgan", "export", "--format=npz", "--licence=CC0", *flags])
    assert (status, capsys.readouterr().err) == (0, "")
    return tmp_path / "out/tiny_x3.npz"


def test_a_format_from_outside_is_exported_verified_and_described(exported, capsys):
    (row,) = json.loads((exported.parent / "report.json").read_text())["artifacts"]
    assert row["path"] == "tiny_x3.npz" and row["proof"]["max_difference"] <= 1e-4
    assert main(["esrgan", "info", str(exported)]) == 0
    assert "licence     CC0" in capsys.readouterr().out


def test_a_file_of_a_format_from_outside_upscales_and_is_evaluated(exported, tmp_path, capsys):
    photos = tmp_path / "photos"
    models = {"npz": exported, "keras": tmp_path / "m.keras"}
    for name, model in models.items():
        files = [f"--input={photos / '0.png'}", f"--output={tmp_path / f'{name}.png'}"]
        assert main(["esrgan", "upscale", f"--model={model}", *files]) == 0
    images = [np.asarray(Image.open(tmp_path / f"{name}.png"), int) for name in models]
    assert images[0].shape == (192, 216, 3) and np.abs(images[0] - images[1]).max() <= 1
    flags = [f"--model={exported}", "--model=bicubic", f"--data={photos}"]
    assert main(["esrgan", "evaluate", *flags]) == 0
    assert "tiny_x3.npz" in capsys.readouterr().out


def test_what_a_format_cannot_do_is_refused(exported, tmp_path, capsys):
    assert main(["esrgan", "export", f"--model={exported}", f"--output={tmp_path / 'again'}"]) == 1
    said = capsys.readouterr().err
    assert "`--model` must be a .keras file" in said and "can only be run" in said
    status = main(["esrgan", "upscale", "--model=nothing.toy", f"--input={exported}", f"--output={tmp_path / 'o.png'}"])
    assert status == 1
    with pytest.raises(InputError, match="an .npz file.*Received: nothing.toy"):
        registry.open_network(["nothing.toy"])


def test_a_name_is_given_once_and_a_format_does_something():
    with pytest.raises(InputError, match="must be none of .*tflite.*Received: npz"):
        registry.register_format(NPZ)
    with pytest.raises(InputError, match="`load`, `open` or `write`"):
        registry.register_format(Format(name="idle", title="nothing"))


def test_the_zoo_s_files_stay_its_own_where_a_format_from_outside_has_their_suffix(monkeypatch):
    weights = registry.find_file("phone_x4")
    monkeypatch.setitem(registry.FORMATS, "outside", replace(NPZ, name="outside", suffixes=(weights.suffix,)))
    assert registry.format_of("elsewhere.tflite").name == "outside"
    assert registry.format_of(weights).name == "zoo"
