"""`esrgan train` and `preview-data` as people call them: flags reach the recipe, bad input is one line."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from support.commands import assert_one_line_error, run
from support.images import truncate, write_noise, write_photo
from support.tiny import TINY

from esrgan_tf import recipes
from esrgan_tf.commands import train as train_command
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.overrides import override

FLAG_VALUES = {
    "scale": 4,
    "vgg_weights": "random",
    "steps": 2,
    "batch_size": 2,
    "hr_patch": 16,
    "learning_rate": 0.5,
    "ema_decay": 0.25,
    "validate_every": 2,
    "log_every": 1,
}


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)


def train(capsys, workdir, *arguments, stage="psnr", data="dead_leaves"):
    return run(
        capsys, "train", f"--stage={stage}", "--recipe=tiny", f"--workdir={workdir}", f"--data={data}", *arguments
    )


@pytest.mark.parametrize("flag", train_command.RECIPE_FLAGS)
def test_every_recipe_flag_changes_its_field_and_no_other(flag, tiny, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr("esrgan_tf.training.run.train_stage", lambda recipe, stage, options, log: seen.append(recipe))
    value = FLAG_VALUES[flag]
    assert run(capsys, "train", "--stage=psnr", "--recipe=tiny", f"--{flag}={value}")[0] == 0
    changes = {train_command.RECIPE_FLAGS[flag].format(stage="psnr"): value}
    if flag == "vgg_weights":
        changes["perceptual.download"] = True
    assert seen == [override(TINY, changes)]
    assert flag == "vgg_weights" or seen != [TINY]


def test_run_flags_reach_the_run(tiny, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "esrgan_tf.training.run.train_stage", lambda recipe, stage, options, log: seen.append((stage, options))
    )
    values = {
        "workdir": "w",
        "data": "d",
        "val_data": "v",
        "init_from": "i",
        "precision": "float32",
        "strategy": "cpu",
        "seed": 9,
        "accumulate": 3,
        "remat": True,
    }
    run(capsys, "train", "--stage=gan", "--recipe=tiny", *(f"--{name}={value}" for name, value in values.items()))
    ((stage, options),) = seen
    assert (stage, dataclasses.asdict(options)) == ("gan", values | {"own_process": True, "refuse_test_images": False})


def test_set_and_degradation_reach_the_recipe(tiny, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr("esrgan_tf.training.run.train_stage", lambda recipe, stage, options, log: seen.append(recipe))
    arguments = ("--recipe=tiny", "--steps=3", "--set", "gan.adversarial_weight=1e-3", "--set=generator.scale=4")
    assert run(capsys, "train", "--stage=gan", *arguments, "--degradation=realesrgan")[0] == 0
    changes = {
        "gan.steps": 3,
        "gan.adversarial_weight": 1e-3,
        "generator.scale": 4,
        "data.degradation": recipes.DEGRADATIONS["realesrgan"],
    }
    assert seen == [override(TINY, changes)]


def test_both_stages_then_upscaling_from_the_command_line(tiny, capsys, tmp_path):
    status, out, _ = train(capsys, tmp_path / "run", "--steps=2")
    assert status == 0
    assert "tiny x2, psnr stage" in out
    assert "step 2: validation PSNR" in out
    status, out, _ = train(capsys, tmp_path / "run", "--steps=2", stage="gan")
    assert status == 0
    assert "VGG19 weights: random, fixed seed" in out
    write_noise(tmp_path / "in/a.png", 12, 10)
    write_noise(tmp_path / "in/b.png", 9, 9)
    write_noise(tmp_path / "in/broken.png")
    truncate(tmp_path / "in/broken.png")
    status, out, err = run(
        capsys,
        "upscale",
        f"--model={tmp_path / 'run'}",
        f"--input={tmp_path / 'in'}",
        f"--output={tmp_path / 'out'}",
        "--compare",
    )
    assert status == 1
    assert "broken.png" in err
    assert "1 of 3 images failed" in err
    assert Image.open(tmp_path / "out/a.png").size == (20, 24)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "a_compare.png", "b.png", "b_compare.png"]


@pytest.mark.slow
def test_sample_is_announced_where_no_data_is_given(tiny, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("esrgan_tf.training.inputs.default_data", lambda scale: "sample")
    status, out, _ = run(
        capsys, "train", "--stage=psnr", "--recipe=tiny", "--steps=1", f"--workdir={tmp_path}", "--batch_size=1"
    )
    assert status == 0
    assert out.startswith("*** No `--data` given")
    assert json.loads((tmp_path / "psnr/recipe.json").read_text())["data"] == "sample"


def test_bad_input_to_train_is_one_line(tiny, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    generator = tmp_path / "generator.keras"
    save_generator(build_generator(TINY.generator, "tiny"), generator)
    write_noise(tmp_path / "small/a.png", 20, 20)
    write_photo(tmp_path / "hr/a.png", 64, 64)
    write_photo(tmp_path / "lr/a.png", 16, 16)
    cases = [
        (["--stage=warmup", "--recipe=tiny"], ["--stage", "psnr, gan", "warmup"]),
        (["--recipe=tiny"], ["--stage", "None"]),
        (["--stage=psnr", "--recipe=nothing"], ["--recipe", "esrgan_16", "nothing"]),
        (["--stage=psnr", "--recipe=tiny", "--data=/no/such/folder"], ["--data", "/no/such/folder"]),
        (["--stage=psnr", "--recipe=tiny", f"--data={tmp_path / 'empty'}"], ["must hold images", "empty"]),
        (["--stage=psnr", "--recipe=tiny", f"--data={tmp_path / 'small'}"], ["32 x 32 px", "--hr_patch"]),
        (["--stage=psnr", "--recipe=tiny", f"--data=hr={tmp_path}/hr,lr={tmp_path}/lr"], ["32 x 32 px", "--scale=2"]),
        (["--stage=psnr", "--recipe=tiny", "--data=dead_leaves", "--hr_patch=33"], ["--hr_patch", "scale 2", "33"]),
        (["--stage=psnr", "--recipe=tiny", "--data=dead_leaves", "--scale=5"], ["scale", "5"]),
        (["--stage=gan", "--recipe=tiny", "--data=dead_leaves"], ["--stage=psnr", "--init_from"]),
        (["--stage=psnr", "--recipe=tiny", "--steps=0"], ["steps"]),
        (["--stage=psnr", "--recipe=tiny", "--step=3"], ["step"]),
        (["--stage=psnr", "--recipe=tiny", "stray"], ["stray", "--name=value"]),
        (["--stage=psnr", "--recipe=tiny", "--precision=int4"], ["--precision", "int4"]),
        (["--stage=psnr", "--recipe=tiny", "--seed=-1"], ["seed"]),
        (["--stage=psnr", "--recipe=tiny", "--init_from=nope"], ["--init_from", "nope"]),
        (["--stage=psnr", "--recipe=tiny", "--val_data=/nope", "--data=dead_leaves"], ["--val_data", "/nope"]),
        (["--stage=gan", "--recipe=tiny", f"--init_from={generator}", "--hr_patch=48"], ["--hr_patch", "32", "48"]),
    ]
    for arguments, parts in cases:
        workdir = tmp_path / "run"
        assert_one_line_error(run(capsys, "train", *arguments, f"--workdir={workdir}"), *parts)
        assert not workdir.exists(), arguments


@pytest.mark.slow
def test_a_run_with_a_degradation_leaves_a_recipe_file_that_trains_again(tiny, capsys, tmp_path):
    write_photo(tmp_path / "photos/a.png")
    arguments = ("--steps=2", "--set=psnr.pixel_loss=charbonnier", "--degradation=realesrgan")
    assert train(capsys, tmp_path / "first", *arguments, data=tmp_path / "photos")[0] == 0
    record = tmp_path / "first/psnr/recipe.json"
    status, _, err = run(
        capsys,
        "train",
        "--stage=psnr",
        f"--recipe={record}",
        f"--workdir={tmp_path}/second",
        f"--data={tmp_path}/photos",
    )
    assert (status, err) == (0, "")
    again = json.loads((tmp_path / "second/psnr/recipe.json").read_text())
    assert again["recipe"] == json.loads(record.read_text())["recipe"]
    metrics = [(tmp_path / run / "psnr/metrics.csv").read_text() for run in ("first", "second")]
    assert metrics[0] == metrics[1]


@pytest.mark.slow
def test_starting_from_another_scale_says_what_was_copied_and_what_not(tiny, capsys, tmp_path):
    write_photo(tmp_path / "photos/a.png")
    assert train(capsys, tmp_path / "x2", "--steps=1", data=tmp_path / "photos")[0] == 0
    arguments = ("--steps=1", "--scale=4", f"--init_from={tmp_path}/x2")
    status, out, _ = train(capsys, tmp_path / "x4", *arguments, data=tmp_path / "photos")
    assert status == 0
    assert "40 of 42 tensors of tiny_x2; new: conv_up2/kernel, conv_up2/bias" in out


@pytest.mark.slow
def test_preview_data_shows_pairs_of_the_run(tiny, capsys, tmp_path):
    write_photo(tmp_path / "photos/a.png")
    arguments = (f"--data={tmp_path}/photos", "--recipe=tiny", "--rows=2")
    panels = {}
    for degradation in ("bicubic", "realesrgan"):
        output = tmp_path / f"{degradation}.png"
        status, out, _ = run(capsys, "preview-data", *arguments, f"--degradation={degradation}", f"--output={output}")
        assert status == 0
        assert str(output) in out
        panels[degradation] = np.asarray(Image.open(output)).astype(int)
    assert panels["bicubic"].shape == panels["realesrgan"].shape
    assert panels["bicubic"].shape[1] > 6 * 32
    assert np.abs(panels["bicubic"] - panels["realesrgan"]).mean() > 1
    assert_one_line_error(run(capsys, "preview-data", *arguments, "--output=panel"), "`--output` must end in .png")
