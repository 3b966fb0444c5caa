"""Work directories of older versions: they resume, and only a different run is refused.

`fixtures/old_workdir.zip` was trained by version 0.1.0 at commit 452974f (TensorFlow 2.21, Keras 3.15) with
`--data=dead_leaves+photos --precision=float32 --recipe=recipe.json --workdir=run`: the psnr stage to its last step, 6,
the gan stage to step 4 of 6, where it was interrupted. Images and TensorBoard's logs are left out. It is never made
anew: a change that it does not survive is a change that users' runs do not survive.
"""

import csv
import json
import zipfile
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from support.paths import FIXTURES

from esrgan_tf.errors import InputError
from esrgan_tf.recipes import get_recipe
from esrgan_tf.recipes.configs import DataConfig
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.run import RunOptions, train_stage
from esrgan_tf.training.workdir import IDENTIFYING, StageFolder, start_record
from esrgan_tf.zoo.cards import read_card

FIXTURE = FIXTURES / "old_workdir.zip"
# What commit 452974f itself printed when it went on with the fixture.
PSNR_STEP_8 = {"train/pixel": 0.35437256, "validation/pixel": 0.40031341, "validation/psnr_y": 10.278477}
GAN_STEP_6 = {
    "learning_rate": 5e-4,
    "train/pixel": 0.40717089,
    "train/perceptual": 2.0463519,
    "train/discriminator": 0.60827184,
    "validation/pixel": 0.39317341,
    "validation/perceptual": 2.1714057,
    "validation/psnr_y": 9.8111497,
}


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A fresh copy of the old work directory, beside its recipe and its photographs; the current folder."""
    with zipfile.ZipFile(FIXTURE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def resume(stage, changes=None):
    options = RunOptions(workdir="run", data="dead_leaves+photos", precision="float32")
    return train_stage(override(get_recipe("recipe.json"), changes or {}), stage, options)


def last_row(stage):
    rows = csv.DictReader(Path("run", stage, "metrics.csv").read_text().splitlines())
    return {name: float(value) for name, value in list(rows)[-1].items()}


@pytest.mark.slow
def test_the_psnr_stage_of_an_old_work_directory_goes_on_as_it_would_have_then(old, capsys):
    resume("psnr", {"psnr.steps": 8})
    assert "resumed at step 6 of 8" in capsys.readouterr().out
    row = last_row("psnr")
    assert row["step"] == 8
    assert {name: row[name] for name in PSNR_STEP_8} == pytest.approx(PSNR_STEP_8, rel=1e-4)


@pytest.mark.slow
def test_the_gan_stage_of_an_old_work_directory_goes_on_as_it_would_have_then(old, capsys):
    resume("gan")
    assert "resumed at step 4 of 6" in capsys.readouterr().out
    row = last_row("gan")
    assert row["step"] == 6
    assert {name: row[name] for name in GAN_STEP_6} == pytest.approx(GAN_STEP_6, rel=1e-3)


def started_after(edit, stage="gan", changes=None, **run):
    """What `recipe.json` holds once a run starts in the work directory, whose record `edit` has changed before."""
    path = Path("run", stage, "recipe.json")
    record = json.loads(path.read_text())
    known = {name: record[name] for name in IDENTIFYING}
    edit(record)
    path.write_text(json.dumps(record))
    recipe = override(get_recipe("recipe.json"), changes or {})
    start_record(StageFolder(Path("run"), stage), recipe, known | run)
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("generator", "padding"),
        ("generator", "batch_norm"),
        ("perceptual", "caffe_feature_scale"),
        ("data", "degradation"),
        ("gan", "cosine_period"),
        ("gan", "epsilon"),
    ],
)
def test_a_recipe_field_that_an_old_record_lacks_has_its_default(old, part, field):
    before = get_recipe("run/gan/recipe.json")
    record = started_after(lambda record: record["recipe"][part].pop(field))
    assert record["recipe"][part][field] == getattr(getattr(before, part), field)


def test_a_part_that_an_old_record_lacks_has_its_defaults(old):
    def edit(record):
        record["recipe"].pop("data", None)

    with pytest.raises(InputError, match="its data.crops_per_picture is 8, this one's is 2"):
        started_after(edit)
    changes = {f"data.{field.name}": getattr(DataConfig(), field.name) for field in fields(DataConfig)}
    assert started_after(edit, changes=changes)["recipe"]["data"] == json.loads(json.dumps(asdict(DataConfig())))


def test_a_field_that_an_old_record_lacks_is_compared_by_its_default(old):
    with pytest.raises(InputError, match="its generator.padding is 'zero', this one's is 'reflect'"):
        started_after(
            lambda record: record["recipe"]["generator"].pop("padding"), changes={"generator.padding": "reflect"}
        )


@pytest.mark.parametrize("name", IDENTIFYING)
def test_what_an_old_record_does_not_say_besides_its_recipe_is_not_compared(old, name):
    assert started_after(lambda record: record.pop(name), **{name: "anything"})[name] == "anything"
    with pytest.raises(InputError, match=f"its {name} is 'anything', this one's is"):
        started_after(lambda record: None, **{name: "something else"})


def test_a_member_of_the_zoo_is_the_same_start_in_any_installation_and_any_file(old):
    def edit(record):
        # As it was recorded before members were one file.
        record["init_from"] = "/venv/site-packages/esrgan_tf/zoo/members/phone_x4.npz"

    started = str(read_card("phone_x4").file)
    assert started_after(edit, init_from=started)["init_from"] == started
    with pytest.raises(InputError, match="its init_from is 'phone_x4', this one's is 'phone_x3'"):
        started_after(edit, init_from=str(read_card("phone_x3").file))


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda recipe: recipe["gan"].update(sharpness=2), "gan` has an unknown field sharpness"),
        (lambda recipe: recipe["generator"].update(family="rrdb_next"), "must be one of rrdb, .* Received: rrdb_next"),
        (lambda recipe: recipe["gan"].update(best_by="lpips"), "`best_by` must be one of psnr, .* Received: lpips"),
        (lambda recipe: recipe.pop("psnr"), "lacks the field psnr"),
    ],
    ids=["field", "family", "value", "stage"],
)
def test_a_record_that_this_version_does_not_know_is_refused_with_the_version_that_wrote_it(old, edit, what):
    def newer(record):
        record["versions"]["esrgan_tf"] = "9.8"
        edit(record["recipe"])

    with pytest.raises(InputError, match=f"recipe.json.*{what}.*written by esrgan_tf 9.8, this is .*workdir"):
        started_after(newer)


@pytest.mark.parametrize("text", ["{", "[]", '"words"', "\xff"])
def test_a_damaged_record_is_refused(old, text):
    path = Path("run/gan/recipe.json")
    path.write_bytes(text.encode("latin1"))
    with pytest.raises(InputError, match="`run/gan/recipe.json` .*: choose another `workdir`"):
        start_record(StageFolder(Path("run"), "gan"), get_recipe("recipe.json"), {})
    assert path.read_bytes() == text.encode("latin1")
