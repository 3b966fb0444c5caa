"""The commands as a user calls them: bad input is one line and exit status 1."""

import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from support.commands import assert_one_line_error, run
from support.images import write_noise
from support.paths import ROOT
from support.tiny import TINY

from esrgan_tf import __main__, recipes
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.overrides import override


def test_bad_input_to_upscale_is_one_line(capsys, tmp_path):
    write_noise(tmp_path / "a.png")
    cases = [
        ([], ["--input"]),
        ([f"--model={tmp_path}", "--input=x", "--output=y"], ["--input", "x"]),
        ([f"--model={tmp_path}", f"--input={tmp_path}/a.png", "--output=y"], ["--model", str(tmp_path)]),
        ([f"--model={tmp_path}/a.png", f"--input={tmp_path}/a.png", "--output=y"], ["a.png", ".keras"]),
        (["--format=svg"], ["format", "svg"]),
        ([f"--model={tmp_path}", f"--input={tmp_path}/a.png", "--output=y.svg"], ["--output", ".png", "y.svg"]),
        ([f"--model={tmp_path}", "--input=x", "--output=y", "--reference=nope"], ["--reference", "nope"]),
        ([f"{tmp_path}/a.png", "--scale=0"], ["--scale", "above 0"]),
        ([f"{tmp_path}/a.png", "--scale=2", "--width=9"], ["--scale", "--width"]),
        ([f"{tmp_path}/a.png", "--quality=101"], ["quality", "101"]),
    ]
    for arguments, parts in cases:
        assert_one_line_error(run(capsys, "upscale", *arguments), *parts)


def test_two_models_and_alpha_upscale_between_them(capsys, tmp_path):
    write_noise(tmp_path / "a.png", 12, 10)
    images = {}
    models = []
    for seed, name in enumerate(("psnr", "gan")):
        keras.utils.set_random_seed(seed)
        save_generator(build_generator(TINY.generator, "tiny"), tmp_path / f"{name}.keras")
        models.append(f"--model={tmp_path / name}.keras")
    for alpha in ("0", "0.5", "1"):
        output = tmp_path / f"{alpha}.png"
        status, out, _ = run(
            capsys, "upscale", *models, f"--alpha={alpha}", f"--input={tmp_path}/a.png", f"--output={output}"
        )
        assert (status, f"tiny_alpha{alpha}, x2" in out) == (0, True)
        images[alpha] = np.asarray(Image.open(output))
    run(capsys, "upscale", models[1], f"--input={tmp_path}/a.png", f"--output={tmp_path}/gan.png")
    np.testing.assert_array_equal(images["1"], np.asarray(Image.open(tmp_path / "gan.png")))
    assert (images["0"] != images["0.5"]).any() and (images["1"] != images["0.5"]).any()
    for arguments in (models, (models[0], "--alpha=0.5"), (*models, models[0], "--alpha=0.5")):
        result = run(capsys, "upscale", *arguments, f"--input={tmp_path}/a.png", "--output=y.png")
        assert_one_line_error(result, "--alpha")


def test_an_engine_by_name_is_compiled_said_listed_and_used_again(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_noise(tmp_path / "a.png", 12, 10)
    save_generator(build_generator(TINY.generator, "tiny"), tmp_path / "tiny.keras")
    upscale = ["upscale", f"--model={tmp_path}/tiny.keras", f"--input={tmp_path}/a.png", f"--output={tmp_path}/b.png"]
    assert "no engine" in run(capsys, "info", "--cache")[1]
    _, first, _ = run(capsys, *upscale, "--engine=onnx")
    assert "compiling for ONNX Runtime, float32, once" in first
    for engine in ("onnx", "keras"):
        _, again, _ = run(capsys, *upscale, f"--engine={engine}")
        assert "compiling" not in again
        assert ("by ONNX Runtime, float32: tiny, x2" in again) == (engine == "onnx")
    listed = run(capsys, "info", "--cache")[1]
    assert "tiny_x2" in listed and "onnx float32" in listed and str(tmp_path / "cache") in listed
    assert_one_line_error(run(capsys, *upscale, "--engine=keras", "--precision=int8"), "`--engine`", "`--precision`")


def test_unknown_verb_lists_the_known_ones(capsys):
    assert_one_line_error(run(capsys, "paint"), "paint", *__main__.VERBS)
    status, out, _ = run(capsys)
    assert status == 0
    assert all(verb in out for verb in __main__.VERBS)


@pytest.mark.parametrize("verb", __main__.VERBS)
def test_help_shows_an_example_call(capsys, verb):
    status, out, _ = run(capsys, verb, "--help")
    assert status == 0
    assert "esrgan" in out
    assert f"esrgan {verb}" in out or f"{verb}.py" in out


def test_module_console_script_and_train_py_are_the_same_command():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in (["-m", "esrgan_tf", "train"], [str(ROOT / "train.py")]):
        done = subprocess.run(
            [sys.executable, *command, "--stage=psnr", "--recipe=unknown"],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: `--recipe` must be a .json file or one of quickstart, esrgan,")


@pytest.mark.slow
def test_quickstart_leaves_both_stages_and_a_panel(capsys, tmp_path, monkeypatch):
    tiny = dataclasses.replace(TINY, name="quickstart")
    monkeypatch.setitem(recipes.RECIPES, "quickstart", override(tiny, {"psnr.steps": 2, "gan.steps": 2}))
    status, out, _ = run(capsys, "quickstart", f"--workdir={tmp_path}")
    assert status == 0
    assert out.strip().endswith("panel.png")
    panel = np.asarray(Image.open(tmp_path / "upscaled/panel.png"))
    assert panel.shape[1] > 5 * 256  # input | bicubic | psnr | gan | original
    for kind in ("lr", "psnr", "gan"):
        assert sorted(p.name for p in (tmp_path / "upscaled" / kind).iterdir()) == [
            "astronaut.png",
            "chelsea.png",
            "coffee.png",
        ]


def test_recipes_lists_all_and_prints_one_as_a_recipe_file(capsys, tmp_path):
    status, out, _ = run(capsys, "recipes")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["recipe", *recipes.RECIPES]
    status, out, _ = run(capsys, "recipes", "srgan")
    (tmp_path / "mine.json").write_text(out)
    assert (status, recipes.get_recipe(str(tmp_path / "mine.json"))) == (0, recipes.RECIPES["srgan"])
    assert_one_line_error(run(capsys, "recipes", "vdsr"), "`recipe`", "Received: vdsr")
    assert_one_line_error(run(capsys, "recipes", "srgan", "edsr"), "flags must be written", "Received: edsr")
