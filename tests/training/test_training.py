"""Training runs: what they leave, that they repeat and resume exactly, and how they stop."""

import csv
import gc
import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import truncate, write_photo
from support.tiny import LEAN
from support.training import InterruptAt

from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.formats.keras_file.generators import load_generator
from esrgan_tf.losses import PIXEL_LOSSES
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.logs import Terminal
from esrgan_tf.training.record import StepSummary
from esrgan_tf.training.run import RunOptions, train_stage


def train(workdir, stage="psnr", changes=None, callbacks=(), **options):
    options = {"data": "dead_leaves", "precision": "float32", **options}
    return train_stage(override(LEAN, changes or {}), stage, RunOptions(workdir=str(workdir), **options), callbacks)


def metrics(workdir, stage="psnr"):
    return list(csv.DictReader((workdir / stage / "metrics.csv").open()))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A work directory with both stages, six steps each."""
    workdir = tmp_path_factory.mktemp("finished")
    train(workdir, "psnr")
    train(workdir, "gan")
    return workdir


@pytest.mark.parametrize("stage", ["psnr", "gan"])
def test_a_stage_leaves_what_the_house_promises(finished, stage):
    folder = finished / stage
    assert {
        "checkpoints",
        "generator.keras",
        "generator_last.keras",
        "logs",
        "pictures",
        "recipe.json",
        "metrics.csv",
    } == {path.name for path in folder.iterdir()}
    assert [path.name for path in sorted((folder / "pictures").iterdir())] == ["step_0000003.png", "step_0000006.png"]
    assert load_generator(folder).name == "tiny_x2"
    assert load_generator(folder)(np.zeros((1, 4, 4, 3), np.float32)).dtype == "float32"


def test_metrics_hold_training_and_validation_terms(finished):
    rows = metrics(finished, "gan")
    assert [row["step"] for row in rows] == ["3", "6"]
    assert {"train/pixel", "train/perceptual", "train/adversarial", "train/discriminator"} <= rows[0].keys()
    assert {"validation/pixel", "validation/perceptual", "validation/psnr_y", "validation/ssim_y"} <= rows[0].keys()
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([1e-3, 5e-4])
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())


def test_tensorboard_holds_the_same_scalars_and_the_panel(finished):
    (log,) = (finished / "psnr/logs").iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(log)):
        for value in event.summary.value:
            found[value.tag, event.step] = tf.make_ndarray(value.tensor)
    row = metrics(finished)[1]
    assert float(found["validation/psnr_y", 6]) == pytest.approx(float(row["validation/psnr_y"]), rel=1e-5)
    width, height = found["validation", 6][:2]
    assert Image.open(finished / "psnr/pictures/step_0000006.png").size == (int(width), int(height))


def test_recipe_json_says_what_really_ran(finished):
    record = json.loads((finished / "gan/recipe.json").read_text())
    assert record["recipe"]["gan"]["adversarial_weight"] == 0.005
    assert record["init_from"] == str(finished / "psnr/generator.keras")
    assert record["perceptual_weights"] == "random, fixed seed"
    assert (record["data"], record["seed"], record["precision"]) == ("dead_leaves", 0, "float32")
    assert record["devices"] == ["CPU:0"]
    assert record["training_pictures"] == {"dead_leaves": 9}
    assert record["versions"]["tensorflow"] == tf.__version__


@pytest.mark.slow
def test_the_same_seed_gives_the_same_losses_and_another_seed_others(finished, tmp_path):
    train(tmp_path / "again")
    train(tmp_path / "other", seed=1)
    assert metrics(tmp_path / "again") == metrics(finished)
    assert metrics(tmp_path / "other")[0]["train/pixel"] != metrics(finished)[0]["train/pixel"]


@pytest.mark.parametrize(
    ("stage", "stop_at"),
    [("psnr", 2), pytest.param("psnr", 3, marks=pytest.mark.slow), pytest.param("gan", 4, marks=pytest.mark.slow)],
)
def test_a_run_that_was_interrupted_gives_the_losses_of_one_that_was_not(finished, tmp_path, caplog, stage, stop_at):
    init_from = None if stage == "psnr" else str(finished / "psnr")
    with pytest.raises(Interrupted, match=f"stopped and saved at step {stop_at} of 6"):
        train(tmp_path, stage, callbacks=[InterruptAt(stop_at)], init_from=init_from)
    half = tmp_path / stage / ".0123456789ab-generator.keras"
    half.write_bytes(b"of a process that was killed")
    train(tmp_path, stage, init_from=init_from)
    gc.collect()  # by which TensorFlow notices what was read of a checkpoint in part
    assert "unrestored values" not in caplog.text
    assert not half.exists()
    assert metrics(tmp_path, stage) == metrics(finished, stage)
    for a, b in zip(
        load_generator(tmp_path / stage).get_weights(), load_generator(finished / stage).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_finished_run_is_not_trained_further_but_can_be_prolonged(finished, tmp_path, capsys):
    train(tmp_path)
    before = metrics(tmp_path)
    train(tmp_path)
    assert metrics(tmp_path) == before
    train(tmp_path, changes={"psnr.steps": 9})
    assert "resumed at step 6 of 9" in capsys.readouterr().out
    assert [row["step"] for row in metrics(tmp_path)] == ["3", "6", "9"]
    assert metrics(tmp_path)[:2] == before


def test_the_gan_stage_starts_from_the_psnr_stages_generator(finished, tmp_path):
    train(tmp_path, "gan", {"gan.steps": 1, "gan.learning_rate": 0.0}, init_from=str(finished / "psnr"))
    for a, b in zip(
        load_generator(tmp_path / "gan").get_weights(), load_generator(finished / "psnr").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_best_and_last_generator_are_told_apart(tmp_path):
    """A learning rate that explodes after the first validation leaves the first generator as the best."""
    changes = {"psnr.decay": 1e3, "psnr.milestones": (3,), "psnr.ema_decay": None}
    train(tmp_path, changes=changes)
    first, second = (float(row["validation/psnr_y"]) for row in metrics(tmp_path))
    assert second < first
    best, last = (
        keras.saving.load_model(tmp_path / "psnr" / name) for name in ("generator.keras", "generator_last.keras")
    )
    assert (best.get_weights()[0] != last.get_weights()[0]).any()


def test_gan_without_a_psnr_generator_says_what_to_run_first(tmp_path):
    with pytest.raises(InputError, match="stage=psnr.*first.*init_from"):
        train(tmp_path, "gan")
    assert not list(tmp_path.iterdir())


def test_a_generator_of_another_network_is_refused_and_nothing_is_written(finished, tmp_path):
    with pytest.raises(InputError, match="tensors differ"):
        train(tmp_path / "run", changes={"generator.features": 8}, init_from=str(finished / "psnr"))
    assert not (tmp_path / "run").exists()


def test_a_work_directory_of_another_run_is_refused_and_left_alone(finished):
    before = (finished / "psnr/recipe.json").read_text()
    with pytest.raises(InputError, match="holds another run: its generator.convs is 1, this one's is 2"):
        train(finished, changes={"generator.convs": 2})
    with pytest.raises(InputError, match="its seed is 0, this one's is 5"):
        train(finished, seed=5)
    assert (finished / "psnr/recipe.json").read_text() == before


def test_a_work_directory_of_another_recipe_says_so(finished):
    with pytest.raises(InputError, match="holds another run: its recipe is 'tiny', this one's is 'other'"):
        train(finished, changes={"name": "other"})


def test_a_run_does_not_go_on_with_other_images(tmp_path):
    for index in range(3):
        write_photo(tmp_path / f"data/{index}.png", 48, 48, seed=index)
    train(tmp_path / "run", data=str(tmp_path / "data"))
    write_photo(tmp_path / "data/3.png", 48, 48, seed=3)
    with pytest.raises(InputError, match="its training_pictures_digest is"):
        train(tmp_path / "run", changes={"psnr.steps": 9}, data=str(tmp_path / "data"))


def damage(folder, step):
    (data,) = (folder / "psnr/checkpoints").glob(f"ckpt-{step}.data*")
    truncate(data)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken_up(finished, tmp_path, capsys):
    train(tmp_path)
    damage(tmp_path, 6)
    train(tmp_path)
    out = capsys.readouterr().out
    assert "ckpt-6` cannot be read" in out
    assert "resumed at step 3 of 6" in out
    assert metrics(tmp_path) == metrics(finished)
    train(tmp_path)
    assert "resumed at step 6 of 6" in capsys.readouterr().out
    for step in (3, 6):
        damage(tmp_path, step)
    with pytest.raises(InputError, match="ckpt-6.*remove .*checkpoints"):
        train(tmp_path)


@pytest.mark.slow
def test_two_replicas_train_validate_save_and_resume_as_one(tmp_path):
    """Float sums differ in their order: close, not equal."""
    two = {"strategy": "mirrored:CPU:0,CPU:1"}
    train(tmp_path / "one")
    train(tmp_path / "two", changes={"psnr.steps": 3}, **two)
    train(tmp_path / "two", **two)
    for one, other in zip(metrics(tmp_path / "one"), metrics(tmp_path / "two"), strict=True):
        assert {k: float(v) for k, v in one.items()} == pytest.approx({k: float(v) for k, v in other.items()}, rel=1e-3)


def test_eta_counts_days(capsys):
    stage = SimpleNamespace(steps=1_000_000, log_every=1)
    session, terminal = SimpleNamespace(step=0, stage=stage, log=print), Terminal()
    terminal.on_train_begin(session)
    terminal._since -= 10  # ten seconds for the first step
    session.step = 1
    terminal.on_log(session, StepSummary({"pixel": 0.5}, {}, 0, 1, 0, ()))
    assert "ETA 115 days" in capsys.readouterr().out


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_with_step_and_term(tmp_path, monkeypatch):
    monkeypatch.setitem(PIXEL_LOSSES, "l1", lambda a, b: tf.reduce_mean(a - b) * float("nan"))
    with pytest.raises(TrainingStopped, match="`pixel` is nan at step 1"):
        train(tmp_path)
    assert not list((tmp_path / "psnr").glob("checkpoints/ckpt*"))
    monkeypatch.undo()
    train(tmp_path, changes={"psnr.learning_rate": 1e-4, "psnr.steps": 1})  # as the message advises
    assert [row["step"] for row in metrics(tmp_path)] == ["1"]


@pytest.mark.slow
def test_a_image_that_is_trained_on_and_validated_is_announced(tmp_path, capsys):
    write_photo(tmp_path / "data/only.png", 48, 48)
    train(tmp_path / "run", changes={"psnr.steps": 1}, data=str(tmp_path / "data"))
    assert "held-out images are trained on as well" in capsys.readouterr().out


def test_memory_that_is_full_stops_with_what_to_lower(tmp_path, monkeypatch):
    def exhausted(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr("esrgan_tf.training.run.make_train_step", lambda *arguments: exhausted)
    with pytest.raises(TrainingStopped, match="out of memory at step 1 .OOM.*batch_size"):
        train(tmp_path)


def test_batch_that_does_not_divide_among_devices_is_refused(tmp_path):
    with pytest.raises(
        InputError, match="batch_size.*multiple of 2, for 2 devices: the nearest is 2 or 4. Received: 3"
    ):
        train(tmp_path, changes={"psnr.batch_size": 3}, strategy="mirrored:CPU:0,CPU:1")


@pytest.mark.slow
def test_pixel_unshuffle_trains_on_patches_of_its_multiples_and_validates_on_odd_images(tmp_path):
    write_photo(tmp_path / "photos/a.png", 61, 47)
    toy = {"generator.blocks": 1, "generator.features": 4, "generator.growth": 2}
    changes = {"generator.family": "rrdb", **toy, "generator.pixel_unshuffle": True, "psnr.steps": 1}
    data = str(tmp_path / "photos")
    with pytest.raises(InputError, match="hr_patch.*multiple of 4 for this generator. Received: 34"):
        train(tmp_path / "run", changes={**changes, "psnr.hr_patch": 34}, data=data)
    assert train(tmp_path / "run", changes=changes, data=data).is_file()


@pytest.mark.slow
def test_a_run_goes_on_when_only_what_is_for_people_or_for_the_other_stage_has_changed(tmp_path):
    train(tmp_path, changes={"psnr.steps": 1})
    changes = {"psnr.steps": 2, "published": "better words", "discriminator.features": 3, "perceptual.network": "vgg16"}
    train(tmp_path, changes=changes)
    record = json.loads((tmp_path / "psnr/recipe.json").read_text())
    assert record["recipe"]["published"] == "better words"
    with pytest.raises(InputError, match="generator.features"):
        train(tmp_path, changes={"generator.features": 5})
