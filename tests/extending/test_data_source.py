"""Data sources registered from outside the package, used by the ordinary commands."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import write_photo
from support.tiny import TINY

from esrgan_tf import __main__, recipes
from esrgan_tf.data import registry
from esrgan_tf.data.listed import listed_source, read_encoded
from esrgan_tf.data.registry import known_sources, register_data_source
from esrgan_tf.data.source import Files, Pair
from esrgan_tf.data.sources import open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.models import build_generator

pytestmark = pytest.mark.slow  # trains, exports and upscales by the commands


@pytest.fixture
def own_registry(monkeypatch):
    """What a test registers is forgotten after it."""
    for name in ("_OPENERS", "_FORMS"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.fixture
def albums(own_registry, tmp_path):
    """`album:NAME`: image files of NAME, which the source itself splits."""
    for index in range(6):
        write_photo(tmp_path / f"albums/summer/{index}.png", 64, 64, seed=index)

    def open_album(request):
        pairs = [Pair(path.stem, path) for path in sorted((tmp_path / "albums" / request.text).iterdir())]
        return [Files(request.part, tuple(pairs[:4]), tuple(pairs[4:]))]

    register_data_source("album", open_album, "album:NAME")


@pytest.fixture
def ramps(own_registry):
    """`ramps`: encoded images that lie in no file."""

    def encoded(number):
        ramp = (np.add.outer(np.arange(64), np.arange(64)) * (number + 1)).astype(np.uint8)
        return tf.io.encode_png(np.stack([ramp, ramp.T, 255 - ramp], -1)).numpy()

    def columns(numbers):
        return {
            "name": [f"ramp {n}" for n in numbers],
            "hr": [encoded(n) for n in numbers],
            "lr": [""] * len(numbers),
        }

    def open_ramps(request):
        train = range(0 if request.held_out_only else 5)
        names = [f"ramp {number}" for number in train]
        return [listed_source("ramps", names, columns(train), columns(range(5, 7)), read_encoded, request.scale)]

    register_data_source("ramps", open_ramps)


@pytest.fixture
def run(monkeypatch, capsys):
    """`esrgan ARGUMENTS`, which must succeed; gives what is printed."""
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)

    def run(*arguments):
        status = __main__.main(["esrgan", *map(str, arguments)])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


def test_a_source_of_files_previews_trains_validates_and_is_evaluated(albums, run, tmp_path):
    preview = tmp_path / "preview.png"
    run("preview-data", "--data=album:summer", "--recipe=tiny", "--rows=1", f"--output={preview}")
    assert Image.open(preview).width > 6 * 32
    flags = ("--recipe=tiny", "--steps=1", f"--workdir={tmp_path}/run", "--val_data=album:summer")
    out = run("train", "--stage=psnr", "--data=album:summer+dead_leaves", *flags)
    assert "data: 4 of album:summer, 9 of dead_leaves; 2 held out" in out
    recipe = json.loads((tmp_path / "run/psnr/recipe.json").read_text())
    assert recipe["validation_pictures"] == ["4", "5"]
    out = run("evaluate", "--model=bicubic", "--scale=2", "--data=album:summer")
    assert "album:summer: 2 images, x2, LR made" in out


def test_a_source_of_encoded_images_trains_and_is_evaluated(ramps, run, tmp_path):
    out = run("train", "--stage=psnr", "--recipe=tiny", "--steps=1", "--data=ramps", f"--workdir={tmp_path}/run")
    assert "data: 5 of ramps; 2 held out" in out
    report = tmp_path / "report.csv"
    run("evaluate", "--model=bicubic", "--scale=2", "--data=ramps", f"--output={report}")
    assert [line.split(",")[0] for line in report.read_text().splitlines()[1:]] == ["ramp 5", "ramp 6", "mean"]


def test_a_source_calibrates_an_export(ramps, run, tmp_path):
    save_generator(build_generator(TINY.generator, "tiny"), tmp_path / "tiny.keras")
    flags = ("--format=tflite", "--tflite=float32", "--tile=16", "--calibration=ramps", f"--output={tmp_path}/out")
    run("export", f"--model={tmp_path}/tiny.keras", *flags)
    report = (tmp_path / "out/report.json").read_text()
    assert "ramp 5" in report and "ramp 6" in report and "ramp 4" not in report  # proven on what is held out


def test_a_source_is_listed_where_something_unknown_is_named(albums, tmp_path):
    assert "tfds:NAME, album:NAME, a folder of images or hr=FOLDER,lr=FOLDER" in known_sources()
    with pytest.raises(InputError, match=f"`val_data` must be .*album:NAME.*Received: {tmp_path}/none"):
        open_validation(f"{tmp_path}/none", 2)


def test_names_that_are_taken_or_cannot_be_written_are_refused(own_registry):
    def other(request):
        return []

    register_data_source("other", other)
    register_data_source("other", other)  # a module imported twice
    for name, message in (("sample", "must not be taken. Received: sample"), ("a:b", "letters, digits")):
        with pytest.raises(InputError, match=message):
            register_data_source(name, other)
