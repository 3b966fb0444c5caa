"""`esrgan prepare` and `esrgan info` of records, as a user calls them."""

import os
import subprocess
import sys

import pytest
from support.images import write_photo
from support.paths import ROOT
from support.tiny import TINY

from esrgan_tf import __main__, recipes

FLAGS = ("--crop=48", "--step=48", "--scale=2,4")


@pytest.fixture
def photos(tmp_path):
    for number in range(3):
        write_photo(tmp_path / f"photos/{number}.png", seed=number)
    return tmp_path / "photos"


def run(capsys, *arguments):
    """Exit status, standard output, standard error of `esrgan ARGUMENTS`."""
    status = __main__.main(["esrgan", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_records_are_made_verified_and_described(photos, tmp_path, capsys):
    arguments = ("prepare", f"--input={photos}", f"--output={tmp_path}/records", *FLAGS)
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert "shard 1 of 1: 12 sub-images" in out and "12 sub-images of 3 images; 0 flat ones dropped" in out
    status, out, _ = run(capsys, *arguments)
    assert (status, "of which 1 are whole" in out, "shard 1 of 1" in out) == (0, True, False)
    status, out, _ = run(capsys, "info", tmp_path / "records")
    assert status == 0
    fields = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (fields["sub_images"], fields["crop"], fields["scales"]) == ("12", "48", "2, 4")


@pytest.mark.slow
def test_every_command_that_takes_data_takes_records(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)
    records = tmp_path / "records"
    run(capsys, "prepare", f"--input={photos}", f"--output={records}", *FLAGS)
    train = ("train", "--stage=psnr", "--recipe=tiny", "--steps=1", f"--workdir={tmp_path}/run", f"--data={records}")
    status, out, err = run(capsys, *train)
    assert (status, f"data: 2 of {records}; 1 held out" in out) == (0, True), err
    export = ("export", "--format=tflite", "--tflite=float32", "--tile=16", f"--calibration={records}")
    for arguments in (
        ("preview-data", f"--data={records}", "--recipe=tiny", "--rows=1", f"--output={tmp_path}/preview.png"),
        ("evaluate", "--model=bicubic", "--scale=2", f"--data={records}"),
        (*export, f"--model={tmp_path}/run", f"--output={tmp_path}/exported"),
    ):
        status, _, err = run(capsys, *arguments)
        assert status == 0, err


def test_bad_input_is_one_line(photos, tmp_path, capsys):
    given = (f"--input={photos}", f"--output={tmp_path}/records")
    cases = [
        ((), ["`--input` must be given"]),
        ((f"--input={photos}",), ["`--output` must be given"]),
        ((*given, "--crop=50"), ["`--crop` must be a multiple of 12", "50"]),
        ((*given, "--step=0"), ["`--step` must be a multiple of 12", "0"]),
        ((*given, "--scale=two"), ["`--scale` must be whole numbers", "two"]),
        ((*given, "--scale=1"), ["`--scale` must be whole numbers from 2", "1"]),
        ((*given, "--flat=-1"), ["`--flat` must be from 0", "-1"]),
        ((*given, "--workers=0"), ["workers", "0"]),
        (given, ["`--input` must hold images of at least 480 x 480 px (`--crop`)", "96 x 96 px"]),
        ((f"--input={photos}/none", "--output=x"), ["`--input`", "none"]),
        ((f"--input={photos}", f"--output={photos}/0.png", *FLAGS), ["0.png"]),
    ]
    for arguments, parts in cases:
        status, _, err = run(capsys, "prepare", *arguments)
        assert (status, err.startswith("error: "), len(err.splitlines())) == (1, True, 1), err
        assert all(part in err for part in parts), err
    assert not (tmp_path / "records").exists()


def test_folders_are_prepared_without_tensorflow(photos, tmp_path):
    script = "import sys; sys.modules['tensorflow'] = None; from esrgan_tf.__main__ import main; sys.exit(main())"
    arguments = ["prepare", f"--input={photos}", f"--output={tmp_path}/records", *FLAGS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "records/records.json").is_file()
