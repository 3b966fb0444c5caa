"""A generator family registered from outside the package, used by the ordinary commands."""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image
from support.images import write_photo
from support.tiny import TINY

from esrgan_tf import __main__

pytestmark = pytest.mark.slow  # trains, exports and upscales by the commands

PLUGIN = """
from dataclasses import dataclass, field

import keras
from keras import layers, ops

from esrgan_tf.models import register_generator
from esrgan_tf.models.layers.upsampling import nearest
from esrgan_tf.recipes.families import GeneratorConfig


@dataclass(frozen=True)
class ToyConfig(GeneratorConfig):
    family: str = field(default="toy", init=False)
    features: int = 4


def toy(config, name, dtype):
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(config.features, 3, padding="same", activation="relu", name="conv_first", dtype=dtype)(image)
    x = layers.Conv2D(3, 3, padding="same", name="conv_last", dtype="float32")(nearest(x, config.scale))
    return keras.Model(image, ops.add(x, nearest(image, config.scale)), name=name)


register_generator(ToyConfig, toy)
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "toy_generator_plugin.py"
    path.write_text(PLUGIN)
    yield path
    from esrgan_tf.models import GENERATORS
    from esrgan_tf.recipes.families import GeneratorConfig

    for known in (GENERATORS, GeneratorConfig.kinds):
        known.pop("toy", None)
    sys.modules.pop("toy_generator_plugin", None)


def esrgan(*arguments):
    return __main__.main(["esrgan", *map(str, arguments)])


def test_a_family_in_a_json_recipe_is_trained_saved_upscaled_and_exported(plugin, tmp_path):
    recipe = asdict(TINY) | {
        "name": "mine",
        "generator": {"family": "toy", "scale": TINY.generator.scale, "features": 3},
    }
    (tmp_path / "mine.json").write_text(json.dumps(recipe))
    write_photo(tmp_path / "photo.png", 20, 24)
    workdir = tmp_path / "run"
    flags = [f"--recipe={tmp_path / 'mine.json'}", "--data=dead_leaves", f"--workdir={workdir}", f"--plugin={plugin}"]
    assert esrgan("train", "--stage=psnr", "--steps=2", *flags) == 0
    output = tmp_path / "photo_sr.png"
    assert esrgan("upscale", f"--model={workdir}", f"--input={tmp_path / 'photo.png'}", f"--output={output}") == 0
    scale = TINY.generator.scale
    assert np.asarray(Image.open(output)).shape == (20 * scale, 24 * scale, 3)
    exported = tmp_path / "exported"
    kinds = ["--format=tflite", "--tflite=float32", "--tile=16", f"--calibration={tmp_path}"]
    assert esrgan("export", f"--model={workdir}", f"--output={exported}", *kinds, f"--plugin={plugin}") == 0
    (file,) = exported.glob("mine_x*_float32_16.tflite")
    again = tmp_path / "again.png"
    assert esrgan("upscale", f"--model={file}", f"--input={tmp_path / 'photo.png'}", f"--output={again}") == 0
    apart = np.abs(np.asarray(Image.open(again), int) - np.asarray(Image.open(output), int))
    assert apart.max() <= 1


def test_an_unknown_family_names_those_there_are(tmp_path, capsys):
    recipe = asdict(TINY) | {"generator": {"family": "nowhere"}}
    (tmp_path / "mine.json").write_text(json.dumps(recipe))
    assert esrgan("train", "--stage=psnr", f"--recipe={tmp_path / 'mine.json'}") == 1
    assert "must be one of rrdb, " in capsys.readouterr().err


@pytest.mark.parametrize("text, said", [("raise KeyError('x')", "KeyError: 'x'"), (None, "is not there")])
def test_a_plugin_that_cannot_be_imported_is_named_in_one_line(tmp_path, capsys, text, said):
    path = tmp_path / "broken_plugin.py"
    if text:
        path.write_text(text)
    assert esrgan("recipes", f"--plugin={path}") == 1
    error = capsys.readouterr().err
    assert f"`--plugin` {path} cannot be imported" in error and said in error and error.count("\n") == 1
