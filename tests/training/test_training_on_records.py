"""Training on records: it resumes exactly, and knows what it was trained on."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from support.images import write_photo
from support.tiny import LEAN
from support.training import InterruptAt

from esrgan_tf.data import frozen
from esrgan_tf.data.frozen import digest
from esrgan_tf.data.records.preparation import prepare
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.run import RunOptions, train_stage


def make_records(folder, step=24, images=4):
    """Records of photographs, of which the images are removed."""
    for number in range(images):
        write_photo(folder / f"images/{number}.png", 160, 160, seed=number)
    prepare(str(folder / "images"), folder / "records", Cutting(48, step, (2,)), log=lambda line: None)
    shutil.rmtree(folder / "images")
    return str(folder / "records")


def train(workdir, data, callbacks=(), log=print, **options):
    recipe = override(LEAN, {"psnr.steps": 6})
    options = RunOptions(workdir=str(workdir), data=data, precision="float32", **options)
    train_stage(recipe, "psnr", options, callbacks, log)
    return list(csv.DictReader((workdir / "psnr/metrics.csv").open()))


@pytest.mark.slow
def test_a_run_that_was_interrupted_gives_the_losses_of_one_that_was_not(tmp_path):
    data = make_records(tmp_path)
    whole = train(tmp_path / "whole", data)
    with pytest.raises(Interrupted):
        train(tmp_path / "resumed", data, [InterruptAt(4)])
    assert train(tmp_path / "resumed", data) == whole
    record = json.loads((tmp_path / "whole/psnr/recipe.json").read_text())
    assert (record["training_pictures"], record["validation_pictures"]) == ({data: 3}, ["2"])


@pytest.mark.slow
def test_a_run_is_not_resumed_on_records_made_otherwise(tmp_path):
    data = make_records(tmp_path)
    with pytest.raises(Interrupted):
        train(tmp_path / "run", data, [InterruptAt(1)])
    shutil.rmtree(data)
    with pytest.raises(InputError, match="its training_pictures_digest is"):
        train(tmp_path / "run", make_records(tmp_path, step=48))


def test_test_images_are_known_after_the_images_are_gone(tmp_path, monkeypatch):
    write_photo(tmp_path / "baby.png", 160, 160, seed=0)
    rgb = np.asarray(Image.open(tmp_path / "baby.png"))
    monkeypatch.setattr(frozen, "frozen_list", lambda: {digest(rgb): "set5 baby.png"})
    with pytest.raises(InputError, match="`data` must hold no test image. Received: 1 \\(set5 baby.png\\)"):
        train(tmp_path / "run", make_records(tmp_path), refuse_test_images=True)
