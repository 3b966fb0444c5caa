"""`esrgan evaluate` and `esrgan niqe-fit` as a user calls them."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support.images import write_noise, write_photo
from support.paths import ROOT, SHARED
from support.tiny import TINY

from esrgan_tf import __main__
from esrgan_tf.commands import evaluate as evaluate_command
from esrgan_tf.commands import niqe_fit as niqe_fit_command
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.metrics.niqe import read_niqe_model
from esrgan_tf.models import build_generator

TEST_SETS = SHARED / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="reference images are absent")


def run(capsys, *arguments):
    """Exit status, standard output, standard error of `esrgan ARGUMENTS`, its flags parsed anew."""
    for command in (evaluate_command, niqe_fit_command):
        command.FLAGS.unparse_flags()
        for flag in command.FLAGS._flags().values():
            flag.unparse()
    status = __main__.main(["esrgan", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def bicubic_means(capsys, tmp_path, *arguments):
    """PSNR and SSIM of bicubic as the CSV has them."""
    output = tmp_path / "out.csv"
    status, out, err = run(capsys, "evaluate", "--model=bicubic", f"--output={output}", *arguments)
    assert (status, "error" in err) == (0, False), err
    assert "PSNR, SSIM: uint8" in out
    with output.open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert last["picture"] == "mean"
    return float(last["psnr"]), float(last["ssim"])


@needs_shared
@pytest.mark.parametrize(("scale", "expected"), [(2, 33.68), (3, 30.41), (4, 28.43)])
def test_bicubic_on_set5_has_the_fields_number_from_given_and_from_made_lr(capsys, tmp_path, scale, expected):
    folder = TEST_SETS / "set5" / f"x{scale}"
    for data in (f"hr={folder}/HR,lr={folder}/LR", folder / "HR"):
        psnr, _ = bicubic_means(capsys, tmp_path, f"--scale={scale}", f"--data={data}")
        assert psnr == pytest.approx(expected, abs=0.01)


def test_lr_is_made_by_the_degradation_asked_for_and_said_so(capsys, tmp_path):
    write_photo(tmp_path / "photos/a.png", 96, 96)
    arguments = ["evaluate", "--model=bicubic", "--scale=4", f"--data={tmp_path}/photos"]
    figures = {}
    for degradation in ("bicubic", "realesrgan"):
        output = tmp_path / f"{degradation}.json"
        status, out, err = run(capsys, *arguments, f"--degradation={degradation}", f"--output={output}")
        assert status == 0, err
        report = json.loads(output.read_text())
        lr = report["protocol"]["lr"]
        assert f"LR {lr}" in out
        figures[degradation] = lr, report["means"][0]["psnr"]
    assert figures["bicubic"][0] == "made by MATLAB's bicubic"
    assert figures["realesrgan"][0] == "made by realesrgan"
    assert figures["realesrgan"][1] < figures["bicubic"][1] - 1
    status, _, err = run(capsys, *arguments, "--degradation=fog")
    assert (status, "`--degradation` must be a .json file or one of" in err) == (1, True)


@needs_shared
def test_bicubic_on_set14_has_the_fields_number(capsys, tmp_path):
    folder = TEST_SETS / "set14/x4"
    psnr, _ = bicubic_means(capsys, tmp_path, "--scale=4", f"--data=hr={folder}/HR,lr={folder}/LR")
    assert psnr == pytest.approx(26.09, abs=0.01)


def test_all_measures_of_two_systems_reach_table_files_and_panels(capsys, tmp_path):
    for index, name in enumerate("ab"):
        write_photo(tmp_path / f"hr/{name}.png", 201, 110, seed=index)
    write_noise(tmp_path / "pristine/a.png", 600, 700)
    model = tmp_path / "generator.keras"
    save_generator(build_generator(TINY.generator, "tiny"), model)
    status, out, _ = run(capsys, "niqe-fit", f"--input={tmp_path}/pristine", f"--output={tmp_path}/niqe.npz")
    assert (status, read_niqe_model(tmp_path / "niqe.npz").mean.shape) == (0, (36,))
    assert "fitted to 1 images" in out
    scores = [f"{name},{score},{system}" for name, score in (("a", 5), ("b", 6)) for system in ("bicubic", model.name)]
    (tmp_path / "ma.csv").write_text("\n".join(["image,score,model", *scores]))
    status, out, err = run(
        capsys,
        "evaluate",
        "--model=bicubic",
        f"--model={model}",
        f"--data={tmp_path}/hr",
        "--protocol=rgb",
        "--crop=3",
        "--keep_colors",
        "--self_ensemble",
        f"--niqe_params={tmp_path}/niqe.npz",
        f"--ma_scores={tmp_path}/ma.csv",
        f"--panels={tmp_path}/panels",
        f"--output={tmp_path}/out.json",
        f"--output={tmp_path}/out.md",
    )
    assert (status, "error" in err) == (0, False), err
    for said in ("2 images, x2, LR made", "tiny, self-ensemble", "RGB (", "3 px cropped", "LPIPS: skipped"):
        assert said in out
    content = json.loads((tmp_path / "out.json").read_text())
    protocol = content["protocol"]
    assert (protocol["scale"], protocol["protocol"], protocol["crop"]) == (2, "rgb", 3)
    assert protocol["keep_colors"] is protocol["self_ensemble"] is True
    measures = {"psnr", "ssim", "niqe", "ma", "pi", "drift", "drift_kept"}
    assert set(content["means"][0]) == {"picture", "model"} | measures
    assert set(content["means"][1]) == set(content["means"][0]) | {f"{name}_difference" for name in measures}
    mean = content["means"][1]
    assert mean["ma"] == 5.5
    assert mean["pi"] == pytest.approx((4.5 + mean["niqe"]) / 2)
    assert mean["drift_kept"] < mean["drift"]
    assert "| mean | generator.keras |" in (tmp_path / "out.md").read_text()
    assert sorted(path.name for path in (tmp_path / "panels").iterdir()) == ["a.png", "b.png"]
    assert np.asarray(Image.open(tmp_path / "panels/a.png")).shape[1] > 4 * 104


def test_bad_input_is_one_line(capsys, tmp_path):
    write_noise(tmp_path / "hr/a.png")
    write_noise(tmp_path / "lr/b.png")
    (tmp_path / "bad.npz").write_text("nothing")
    data, bicubic = f"--data={tmp_path}/hr", "--model=bicubic"
    cases = [
        ([], ["`--model` must be given"]),
        ([bicubic], ["`--data` must be given"]),
        ([bicubic, data], ["`--scale` must be given"]),
        ([bicubic, data, "--scale=4", "--protocol=yuv"], ["--protocol", "y|rgb", "yuv"]),
        ([bicubic, data, "--scale=0"], ["--scale"]),
        ([bicubic, data, "--scale=4", "--output=out.xlsx"], ["`--output`", ".csv, .json, .md", "out.xlsx"]),
        ([bicubic, f"--data=hr={tmp_path}/hr,lr={tmp_path}/lr", "--scale=4"], ["`--data`", "Missing in lr=", "a"]),
        ([bicubic, data, "--scale=4", "--crop=20"], ["a.png", "--crop=20"]),
        ([bicubic, data, "--scale=4", f"--niqe_params={tmp_path}/bad.npz"], ["`--niqe_params`", "bad.npz"]),
        ([bicubic, data, "--scale=4", "--ma_scores=ma.csv"], ["`--ma_scores` needs `--niqe_params`"]),
        ([bicubic, f"--model={tmp_path}/no", data], ["`--model`", f"{tmp_path}/no"]),
        ([bicubic, data, "--scale=4", "--lpips_weights=no.keras"], ["`--lpips_weights`", "no.keras"]),
        ([bicubic, data, "--scale=4", "stray"], ["--name=value", "stray"]),
    ]
    for arguments, parts in cases:
        status, out, err = run(capsys, "evaluate", *arguments)
        assert (status, out, len(err.strip().splitlines())) == (1, "", 1), arguments
        assert err.startswith("error: ")
        for part in parts:
            assert part in err, (arguments, err)


def test_bad_input_to_niqe_fit_is_one_line(capsys, tmp_path):
    write_noise(tmp_path / "few/a.png", 200, 200)
    cases = [
        ([], "`--input` must be given"),
        ([f"--input={tmp_path}/few"], "`--output` must be given"),
        ([f"--input={tmp_path}/few", "--output=niqe.mat"], "`--output` must end in .npz. Received: niqe.mat"),
        ([f"--input={tmp_path}/no", f"--output={tmp_path}/n.npz"], f"{tmp_path}/no"),
        ([f"--input={tmp_path}/few", f"--output={tmp_path}/n.npz"], "holds too little"),
    ]
    for arguments, part in cases:
        status, _, err = run(capsys, "niqe-fit", *arguments)
        assert status == 1
        assert err.startswith("error: ") and len(err.strip().splitlines()) == 1
        assert part in err
        assert not (tmp_path / "n.npz").exists()


def test_help_and_bicubic_need_no_tensorflow(tmp_path):
    write_photo(tmp_path / "a.png", 64, 64)
    program = (
        "import sys; from esrgan_tf.__main__ import main; status = main(['esrgan', 'evaluate', *sys.argv[1:]]); "
        "print(status, 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    for arguments in (["--help"], ["--model=bicubic", "--scale=2", f"--data={tmp_path}"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        assert done.stdout.splitlines()[-1] == "0 False False"
