"""Images that break while a run reads them: skipped, named once, counted, and too many of them stop the run."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image
from support.images import truncate, write_photo
from support.tiny import LEAN
from support.training import InterruptAt

from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.callbacks import Callback
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.run import RunOptions, train_stage

IMAGES = 4  # of which one is held out
HALF = {"data.max_skipped_share": 0.5}


class When(Callback):
    """Calls a function once, at the beginning or at a step's end; keeps every batch."""

    def __init__(self, happens, step=0):
        self._happens, self._step, self.batches = happens, step, []

    def on_train_begin(self, session):
        if session.step == self._step:
            self._happens()

    def on_step_end(self, session, batch, terms):
        self.batches.append(batch)
        if session.step == self._step:
            self._happens()


@pytest.fixture
def data(tmp_path):
    for index in range(IMAGES):
        write_photo(tmp_path / f"data/{index}.png", 48, 48, seed=index)
    return tmp_path / "data"


def train(data, callbacks=(), steps=40, changes=None, folder=None):
    """What a run logs."""
    lines = []
    recipe = override(LEAN, {"psnr.steps": steps, "psnr.validate_every": 20, **(changes or {})})
    options = RunOptions(workdir=str(folder or data.parent / "run"), data=str(data), precision="float32")
    train_stage(recipe, "psnr", options, callbacks, lines.append)
    return lines


def counted(lines):
    """(images, times) of the line at the end."""
    (line,) = [line for line in lines if "images that cannot be read" in line]
    return tuple(map(int, re.findall(r"\d+", line)))


def smaller(path):
    Image.new("RGB", (20, 20)).save(path)


@pytest.mark.parametrize(
    "breaks",
    [
        truncate,
        pytest.param(lambda path: path.unlink(), id="gone", marks=pytest.mark.slow),
        pytest.param(smaller, marks=pytest.mark.slow),
    ],
)
def test_an_image_that_breaks_during_an_epoch_is_named_once_skipped_and_counted(data, breaks):
    lines = train(data, [When(lambda: breaks(data / "0.png"), step=1)], changes=HALF)
    assert len([line for line in lines if line.startswith(f"skipped `{data}/0.png`")]) == 1
    images, times = counted(lines)
    assert images == 1
    assert times > 1


@pytest.mark.slow
def test_an_image_replaced_by_one_of_another_size_is_trained_on(data):
    run = When(lambda: Image.new("RGB", (70, 33), (255, 0, 0)).save(data / "0.png"))
    lines = train(data, [run])
    assert not [line for line in lines if "cannot be read" in line]
    red = [crop for batch in run.batches for crop in batch["hr"].numpy() if (crop == [255, 0, 0]).all()]
    assert red


@pytest.mark.slow
@pytest.mark.parametrize("replaced", ["hr", "lr"])
def test_one_of_a_pair_replaced_by_an_image_of_another_size_is_skipped_and_no_pair_is_misaligned(tmp_path, replaced):
    """Of every pair, LR is HR's every second pixel, which no other pair's is."""
    for index in range(IMAGES):
        write_photo(tmp_path / f"hr/{index}.png", 48, 48, seed=index)
        (tmp_path / "lr").mkdir(exist_ok=True)
        hr = np.asarray(Image.open(tmp_path / f"hr/{index}.png"))
        Image.fromarray(hr[::2, ::2]).save(tmp_path / f"lr/{index}.png")
    run = When(lambda: write_photo(tmp_path / replaced / "0.png", 80, 80, seed=9))
    changes = HALF | {"data.flip": False, "data.rotate": False}
    lines = train(f"hr={tmp_path}/hr,lr={tmp_path}/lr", [run], changes=changes, folder=tmp_path / "run")
    assert counted(lines)[0] == 1
    for batch in run.batches:
        np.testing.assert_array_equal(batch["hr"].numpy()[:, ::2, ::2], batch["lr"])


@pytest.mark.slow
def test_too_many_broken_images_stop_the_run_saved_in_one_line_and_it_resumes_once_they_are_back(data):
    shutil.copytree(data, data.parent / "whole")
    broken = [data / "0.png", data / "1.png"]
    breaks = When(lambda: [truncate(path) for path in broken], step=1)
    with pytest.raises(TrainingStopped) as stopped:
        train(data, [breaks], steps=70)
    message = str(stopped.value)
    assert message.startswith("2 of 3 images cannot be read any more (") and "): put them back" in message
    assert all(str(path) in message for path in broken)
    assert "`data.max_skipped_share`, which is 0.05" in message
    step = int(re.search(r"saved at step (\d+)", message)[1])
    with pytest.raises(TrainingStopped, match="2 of 3 images"):
        train(data, steps=70)
    for path in broken:
        shutil.copy(data.parent / "whole" / path.name, path)
    (resumed,) = [line for line in train(data, steps=70) if line.startswith("resumed at step")]
    assert step < int(re.search(r"\d+", resumed)[0]) < 70


@pytest.mark.slow
def test_the_count_survives_a_resume_and_what_was_named_is_not_named_again(data):
    with pytest.raises(Interrupted):
        train(data, [When(lambda: truncate(data / "0.png")), InterruptAt(8)], changes=HALF)
    before = train(data, changes=HALF, steps=10)
    lines = train(data, changes=HALF, steps=30)
    for resumed in (before, lines):
        assert not [line for line in resumed if line.startswith("skipped `")]
    assert counted(lines)[0] == counted(before)[0] == 1
    assert counted(lines)[1] > counted(before)[1] > 1


@pytest.mark.slow
def test_one_broken_image_of_few_does_not_stop_a_run_unless_none_is_to_be_skipped(data):
    assert counted(train(data, [When(lambda: truncate(data / "0.png"), step=1)]))[0] == 1
    with pytest.raises(TrainingStopped, match="1 of 3 images"):
        train(data, steps=70, changes={"data.max_skipped_share": 0.0})


@pytest.mark.slow
def test_the_share_may_be_changed_when_a_run_is_resumed(data):
    train(data, steps=1, changes={"data.max_skipped_share": 0.1})
    lines = train(data, [When(lambda: truncate(data / "0.png"), step=1)], changes=HALF)
    assert counted(lines)[0] == 1


def test_a_share_that_is_none_is_refused():
    with pytest.raises(InputError, match="`max_skipped_share` must be from 0 to 1. Received: 5.0"):
        override(LEAN, {"data.max_skipped_share": 5.0})


def test_no_readable_image_left_stops_in_one_line(data):
    def break_all():
        for path in data.iterdir():
            truncate(path)

    with pytest.raises(TrainingStopped, match="data.*no image can be read"):
        train(data, [When(break_all)], steps=400, changes={"data.max_skipped_share": 1.0})
