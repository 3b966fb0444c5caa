"""Exporting: what is written where, the proof, and that nothing is in place where it fails."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.cpu import has_bfloat16
from support.images import truncate, write_photo
from support.paths import ROOT

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.export import parity
from esrgan_tf.export.examples import load_examples
from esrgan_tf.export.patterns import pattern_examples
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.saved_model.servable import Servable
from esrgan_tf.formats.saved_model.writer import check_endpoints, write_saved_model
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig, SPANConfig

REPORTS = {"report.json", "report.md"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two generators, and photographs to calibrate and to prove on."""
    folder = tmp_path_factory.mktemp("export")
    for seed, name in enumerate(("psnr", "gan")):
        keras.utils.set_random_seed(seed)
        model = build_generator(RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0), "tiny")
        save_generator(model, folder / f"{name}.keras")
    for seed in range(12):
        write_photo(folder / "photos" / f"{seed}.png", 96, 120, seed)
    return folder


def export(capsys, folder, output, *arguments, models=("psnr",)):
    """Exit status and what was said of `esrgan export`."""
    flags = [f"--model={folder / model}.keras" for model in models]
    status = main(["esrgan", "export", *flags, f"--calibration={folder / 'photos'}", f"--output={output}", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def assert_refused(result, *parts):
    status, _, err = result
    assert status == 1
    assert err.startswith("error: ") and len(err.strip().splitlines()) == 1, err
    for part in parts:
        assert part in err


def visible(folder):
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.slow
def test_several_formats_in_one_call_with_one_report(tmp_path, capsys, folder):
    flags = ["--format=saved_model,tflite,onnx", "--tflite=float32,int8", "--tile=16", "--licence=CC BY 4.0"]
    status, out, err = export(capsys, folder, tmp_path, *flags)
    assert (status, err) == (0, "")
    files = {"tiny_x2_float32_16.tflite", "tiny_x2_int8_16.tflite", "tiny_x2.onnx"}
    assert visible(tmp_path) == files | REPORTS | {"tiny_x2"}
    assert visible(tmp_path / "tiny_x2") == {"1"}
    report = json.loads((tmp_path / "report.json").read_text())
    rows = {row["path"]: row for row in report["artifacts"]}
    assert rows.keys() == files | {"tiny_x2/1"}
    for name, row in rows.items():
        proof = row["proof"]
        assert proof["repeats"] == 100
        assert row["size"] > 1000 and proof["seconds"] > 0 and row["keras_seconds"] > 0
        if "int8" in name:
            assert proof["max_difference"] > 1e-3 and abs(row["psnr_change"]) <= 0.1
        else:
            assert proof["max_difference"] <= 1e-4
        assert (row["xnnpack"] is not None) == name.endswith(".tflite")
        assert proof["worst_image"] and proof["worst_pattern"].startswith(("flat", "noise", "gradient"))
    assert len({image.split()[1] for image in rows["tiny_x2.onnx"]["proof"]["pictures"]}) >= 2  # sizes
    assert {row["licence"] for row in rows.values()} == {"CC BY 4.0"}
    table = (tmp_path / "report.md").read_text()
    assert all(name in table and name in out for name in files)
    status = main(["esrgan", "info", str(tmp_path / "tiny_x2_int8_16.tflite")])
    said = capsys.readouterr().out
    assert status == 0 and "uint8" in said and "CC BY 4.0" in said and "psnr.keras" in said


@has_bfloat16
def test_the_next_version_stands_beside_the_first_and_a_taken_one_is_refused(tmp_path, capsys, folder):
    assert export(capsys, folder, tmp_path)[0] == 0
    assert export(capsys, folder, tmp_path, "--precision=bfloat16")[0] == 0
    assert visible(tmp_path / "tiny_x2") == {"1", "2"}
    size = [sum(file.stat().st_size for file in (tmp_path / f"tiny_x2/{v}").rglob("*")) for v in (1, 2)]
    assert size[0] != size[1]
    assert_refused(export(capsys, folder, tmp_path, "--version=2"), "--version", "has [1, 2]", "leave it out")
    report = json.loads((tmp_path / "report.json").read_text())  # of both
    assert [row["path"] for row in report["artifacts"]] == ["tiny_x2/1", "tiny_x2/2"]
    described = json.loads((tmp_path / "tiny_x2/2/assets/generator.json").read_text())
    assert described["precision"] == "bfloat16"


@pytest.mark.slow
def test_two_generators_are_proven_at_both_ends_and_between(tmp_path, capsys, folder):
    assert export(capsys, folder, tmp_path, "--name=between", models=("psnr", "gan"))[0] == 0
    artifacts = json.loads((tmp_path / "report.json").read_text())["artifacts"]
    assert [row["alpha"] for row in artifacts] == [0, 0.5, 1]
    assert all(row["proof"]["max_difference"] <= 1e-4 for row in artifacts)
    source, target = folder / "photos" / "0.png", tmp_path / "o.png"
    flags = [f"--model={tmp_path / 'between'}", f"--input={source}", f"--output={target}"]
    assert main(["esrgan", "upscale", *flags, "--alpha=0.5"]) == 0
    assert target.is_file()
    capsys.readouterr()
    assert main(["esrgan", "upscale", *flags]) == 1
    assert "--alpha" in capsys.readouterr().err


def test_two_generators_become_one_file_where_alpha_is_fixed(tmp_path, capsys, folder):
    flags = ["--format=tflite", "--tflite=float32", "--tile=16,32"]
    refused = export(capsys, folder, tmp_path, *flags, models=("psnr", "gan"))
    assert_refused(refused, "`--alpha` must fix the network")
    assert export(capsys, folder, tmp_path, *flags, "--alpha=0.5", models=("psnr", "gan"))[0] == 0
    assert visible(tmp_path) == {f"tiny_alpha0.5_x2_float32_{tile}.tflite" for tile in (16, 32)} | REPORTS


@pytest.mark.slow
def test_an_artifact_that_differs_too_much_leaves_nothing_in_place(tmp_path, capsys, folder, monkeypatch):
    flags = ["--tflite=float32,float16", "--tile=16"]
    refused = export(capsys, folder, tmp_path, "--format=tflite", *flags, "--max_psnr_drop=0")
    assert_refused(refused, "changes the PSNR by", "Nothing is exported", "--max_psnr_drop")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(parity, "MAX_DIFFERENCE", 0.0)
    refused = export(capsys, folder, tmp_path)
    assert_refused(refused, "tiny_x2/1 differs from Keras by up to", "at most 0 apart")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "tiny_x2.onnx").mkdir()
    monkeypatch.undo()
    refused = export(capsys, folder, tmp_path, "--format=tflite,onnx", *flags)
    assert_refused(refused, "must leave room for", "tiny_x2.onnx")
    assert visible(tmp_path) == {"tiny_x2.onnx"}


def test_flags_that_are_wrong_are_told(tmp_path, capsys, folder):
    for flag, *parts in (
        ("--format=tflight", "--format", "saved_model, tflite, onnx", "tflight"),
        ("--format=tflite --tflite=int4", "--tflite", "float32, float16, dynamic, int8", "int4"),
        ("--precision=float8", "--precision", "float32, bfloat16", "float8"),
        ("--format=tflite --tile=large", "--tile", "large"),
        ("--format=tflite --tile=4", "--tile", "16 px or more"),
        ("--tile=64", "`--tile` goes with `--format=tflite` or `--format=web`. Received: saved_model"),
        ("--format=onnx --precision=bfloat16", "`--precision` goes with `--format=saved_model`"),
        ("--max_pixels=1000", "--max_pixels", "90000 or more"),
        ("--name=../up", "--name", "../up"),
        ("--calibration=nowhere", "nowhere"),
        ("--alpha=0.5", "--alpha", "goes with two"),
        ("--alpha=1.5", "--alpha"),
    ):
        assert_refused(export(capsys, folder, tmp_path, *flag.split()), *parts)
    assert_refused(export(capsys, folder, tmp_path, models=()), "--model")
    assert_refused(export(capsys, folder, tmp_path, models=("psnr", "gan", "gan")), "--model", "3 models")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "form", ["tflite", *(pytest.param(f, marks=pytest.mark.slow) for f in ("saved_model", "onnx"))]
)
def test_a_disk_that_is_full_leaves_nothing_in_place(tmp_path, folder, form):
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "import esrgan_tf.export.exporter, tf2onnx;"  # imports may write their caches
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000));"
        "from esrgan_tf.__main__ import main; sys.exit(main(sys.argv))"
    )
    flags = [f"--model={folder / 'psnr.keras'}", f"--calibration={folder / 'photos'}", f"--output={tmp_path}"]
    flags.append(f"--format={form}")
    done = subprocess.run([sys.executable, "-c", script, "export", *flags], capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: " in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_export_py_is_the_same_command():
    done = subprocess.run([sys.executable, ROOT / "export.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--format" in done.stdout


def test_two_generators_of_different_networks_are_refused(tmp_path, capsys, folder):
    wider = build_generator(RRDBConfig(scale=2, blocks=2, features=4, growth=2), "tiny")
    save_generator(wider, folder / "wider.keras")
    refused = export(capsys, folder, tmp_path, models=("psnr", "wider"))
    assert_refused(refused, "must be the same network")


def test_a_generator_of_half_precision_is_exported_in_float32(tmp_path, capsys, folder):
    model = build_generator(RRDBConfig(scale=2, blocks=1, features=4, growth=2), "half", "mixed_bfloat16")
    save_generator(model, folder / "half.keras")
    assert export(capsys, folder, tmp_path, "--format=onnx", models=("half",))[0] == 0
    (row,) = json.loads((tmp_path / "report.json").read_text())["artifacts"]
    assert row["proof"]["max_difference"] <= 1e-4


def test_a_generator_in_branches_is_exported_as_plain_convolutions(tmp_path, capsys, folder):
    keras.utils.set_random_seed(1)
    model = build_generator(SPANConfig(scale=2, blocks=1, features=4, branches=2), "branches")
    last = model.get_layer("conv_last")
    last.kernel.assign(last.kernel * 0.01)
    save_generator(model, folder / "branches.keras")
    flags = ["--format=saved_model,tflite", "--tflite=float32", "--tile=24", "--precision=float32"]
    assert export(capsys, folder, tmp_path, *flags, models=("branches",))[0] == 0
    rows = json.loads((tmp_path / "report.json").read_text())["artifacts"]
    assert len(rows) == 2
    assert all(row["proof"]["max_difference"] <= 1e-4 for row in rows)
    (variables,) = tmp_path.rglob("variables.index")
    shapes = [tuple(shape) for _, shape in tf.train.list_variables(str(variables.with_suffix("")))]
    assert (4, 4, 3, 3) not in shapes and shapes.count((3, 3, 4, 4)) == 4
    assert not any(8 in shape for shape in shapes)  # channels of the branches


def test_a_single_image_cannot_calibrate_and_prove(tmp_path):
    write_photo(tmp_path / "one.png", 96, 96)
    with pytest.raises(InputError, match="`calibration` must hold several images"):
        load_examples(str(tmp_path), GeneratorMetadata("tiny_x2", "tiny", 2), 16)


def test_generated_images_of_two_seeds_are_all_different():
    first, second = (pattern_examples(2, 32, seed) for seed in (0, 1))
    assert (len(first), len(second)) == (16, 12)
    assert sum(example.natural for example in first) == 3
    for a in first:
        assert a.lr_01.shape == (32, 32, 3) and a.hr_01.shape == (64, 64, 3)
        assert a.lr_01.min() >= 0 and a.lr_01.max() <= 1 and a.lr_01.dtype == np.float32
        assert not any(np.array_equal(a.lr_01, b.lr_01) for b in second)


def test_crops_do_not_overlap_and_carry_their_original(tmp_path):
    hr = np.random.default_rng(0).uniform(size=(100, 60, 3)).astype(np.float32)
    crops = Example("a", hr[::2, ::2], hr, 2).crops(15, 4)
    assert [crop.name for crop in crops] == ["a+0+0", "a+0+17", "a+15+17", "a+15+35"]
    for crop in crops:
        left, top = map(int, crop.name.split("+")[1:])
        np.testing.assert_array_equal(crop.lr_01, hr[::2, ::2][top : top + 15, left : left + 15])
        np.testing.assert_array_equal(crop.hr_01, hr[2 * top : 2 * top + 30, 2 * left : 2 * left + 30])


def test_endpoints_that_disagree_are_refused(tmp_path):
    metadata = GeneratorMetadata("odd_x1", "odd", 1)

    class Odd(Servable):
        def _uint8(self, image, alpha):
            return {"sr": image // 2}

    write_saved_model(Odd(lambda image: image, metadata), metadata, tmp_path / "1")
    image = np.random.default_rng(0).uniform(size=(300, 280, 3)).astype(np.float32)
    with pytest.raises(InputError, match="the endpoint uint8 is 12[78]/255 off"):
        check_endpoints(tmp_path / "1", metadata, image)


def test_a_image_that_cannot_be_read_is_told(tmp_path, capsys, folder):
    for seed in range(3):
        write_photo(tmp_path / "photos" / f"{seed}.png", 96, 96, seed)
    truncate(tmp_path / "photos" / "0.png")
    told = []
    calibration, _ = load_examples(str(tmp_path / "photos"), GeneratorMetadata("tiny_x2", "tiny", 2), 40, told.append)
    assert {example.name.partition("+")[0] for example in calibration} == {"2"}
    assert any("0.png: cannot be read" in line for line in told)
    flags = [f"--calibration={tmp_path / 'photos'}", "--format=tflite", "--tflite=int8"]
    for seed in (1, 2):
        truncate(tmp_path / "photos" / f"{seed}.png")
    assert_refused(export(capsys, folder, tmp_path / "out", *flags), "--calibration", ".png: cannot be read")


def test_examples_are_split_so_that_none_is_proven_on_that_calibrates(folder):
    calibration, held_out = load_examples(str(folder / "photos"), GeneratorMetadata("tiny_x2", "tiny", 2), 40)
    assert len(calibration) == 11 and len(held_out) == 2
    assert held_out[0].lr_01.shape == (48, 60, 3) and held_out[1].lr_01.shape == (48, 43, 3)
    assert not {Path(e.name).stem for e in calibration} & {e.name for e in held_out}
    for found in (*calibration, *held_out):
        assert found.hr_01.shape[:2] == tuple(2 * side for side in found.lr_01.shape[:2])
