"""A loss term from outside the package, with a network of its own, named in a recipe's JSON and trained as ever."""

import csv
import json
from dataclasses import asdict

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import LEAN

from esrgan_tf import __main__, losses
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator
from esrgan_tf.losses import register_loss
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.run import RunOptions, train_stage

pytestmark = pytest.mark.slow  # trains, exports and upscales by the commands


@pytest.fixture
def style():
    """`style`: distance of the mean feature maps of a small random network."""

    @register_loss("style")
    class Style:
        def __init__(self):
            inputs = keras.Input((None, None, 3))
            outputs = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(inputs)
            self._network = keras.Model(inputs, outputs, trainable=False, name="style")
            self.models = (self._network,)

        def __call__(self, sr, hr):
            found, wanted = (ops.mean(self._network(images), axis=(1, 2)) for images in (sr, hr))
            return ops.mean(ops.square(found - wanted))

    yield Style
    del losses.REGISTERED_LOSSES["style"]


def trained(folder, extra_losses):
    """(rows of metrics.csv, weights) of two steps by the ordinary command, from a recipe in JSON."""
    tree = asdict(override(LEAN, {"psnr.steps": 2}))
    tree["psnr"]["extra_losses"] = extra_losses
    folder.mkdir()
    (folder / "mine.json").write_text(json.dumps(tree))
    arguments = [f"--recipe={folder}/mine.json", f"--workdir={folder}", "--data=dead_leaves", "--precision=float32"]
    assert __main__.main(["esrgan", "train", "--stage=psnr", *arguments]) == 0
    rows = list(csv.DictReader((folder / "psnr/metrics.csv").open()))
    return rows, load_generator(folder / "psnr").get_weights()


def test_a_registered_loss_is_trained_logged_and_measured_by_its_name(style, tmp_path):
    (plain,), without = trained(tmp_path / "without", {})
    (row,), weights = trained(tmp_path / "with", {"style": 10.0})
    assert row.keys() - plain.keys() == {"train/style", "validation/style"}
    assert float(row["train/style"]) > 0
    assert any((a != b).any() for a, b in zip(without, weights, strict=True))
    record = json.loads((tmp_path / "with/psnr/recipe.json").read_text())
    assert record["recipe"]["psnr"]["extra_losses"] == [["style", 10.0]]


def test_its_weight_belongs_to_the_run(style, tmp_path):
    options = RunOptions(workdir=str(tmp_path), data="dead_leaves", precision="float32")
    recipe = override(LEAN, {"psnr.steps": 1, "psnr.extra_losses": {"style": 1.0}})
    train_stage(recipe, "psnr", options)
    with pytest.raises(InputError, match="holds another run: its psnr.extra_losses is"):
        train_stage(override(recipe, {"psnr.extra_losses": {"style": 2.0}}), "psnr", options)


def test_a_loss_that_is_not_registered_is_named(style, tmp_path, capsys):
    arguments = ["--recipe=quickstart", f"--workdir={tmp_path}/run", "--data=dead_leaves"]
    command = ["esrgan", "train", "--stage=psnr", *arguments, '--set=psnr.extra_losses={"stile": 1}']
    assert __main__.main(command) == 1
    assert "`extra_losses` must be one of style. Received: stile" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pixel", "psnr_y", "my term", "style"])
def test_names_that_are_taken_or_no_identifiers_are_refused(style, name):
    with pytest.raises(InputError, match=f"`name` must be .*Received: {name}"):
        register_loss(name)(np.mean)
