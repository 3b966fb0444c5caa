"""`esrgan doctor`: what would fail a run ends it with status 1, what spoils its result is said, the rest are facts."""

import shutil

import pytest
from PIL import Image
from support.images import truncate, write_photo
from support.tiny import TINY

from esrgan_tf import recipes
from esrgan_tf.__main__ import main


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)


@pytest.fixture
def photos(tmp_path):
    for seed in range(4):
        write_photo(tmp_path / f"photos/{seed}.png", 96, 96, seed)
    return tmp_path / "photos"


def run(capsys, *arguments):
    """(exit status, lines) of `esrgan doctor`."""
    status = main(["esrgan", "doctor", "--recipe=tiny", *map(str, arguments)])
    printed = capsys.readouterr()
    assert not printed.err, printed.err
    return status, printed.out.splitlines()


@pytest.mark.parametrize("stage", ["psnr", pytest.param("gan", marks=pytest.mark.slow)])
def test_a_sound_run_is_told_what_it_will_take(capsys, photos, tmp_path, stage):
    status, lines = run(capsys, f"--data={photos}", f"--stage={stage}", f"--workdir={tmp_path / 'runs'}")
    text = "\n".join(lines)
    assert status == 0 and lines[-1] == "nothing would fail the run"
    assert "fact: 4 HR images that can be read: 4 in colour" in lines
    for part in (f"tiny x2, {stage} stage", "the first step takes", "steps will take about", "memory: ", "disk: "):
        assert part in text
    assert not (tmp_path / "runs").exists()


def test_what_spoils_a_run_is_a_warning(capsys, photos):
    shutil.copy(photos / "0.png", photos / "again.png")
    truncate(photos / "1.png")
    status, lines = run(capsys, f"--data={photos}", "--steps=0")
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert status == 0 and len(warnings) == 2
    assert "1 cannot be read" in warnings[0] and "1 pairs of images are nearly the same" in warnings[1]


def test_what_fails_a_run_is_an_error(capsys, photos, tmp_path):
    (tmp_path / "lr").mkdir()
    for path in photos.iterdir():
        Image.open(path).resize((30, 30)).save(tmp_path / "lr" / path.name)
    status, lines = run(capsys, f"--data=hr={photos},lr={tmp_path / 'lr'}")
    assert status == 1 and lines[-1] == "the run would fail"
    assert lines[0].startswith("error: 4 LR images have not the size of their HR images at scale 2")
    status, lines = run(capsys, f"--data={photos}", "--stage=gan", "--set=gan.hr_patch=40")
    assert status == 1 and any(line.startswith("error: ") and "`--" not in line.split("`")[0] for line in lines)
    status, lines = run(capsys, f"--data={photos}", "--set=psnr.hr_patch=128")
    assert status == 1 and "error: no image is left to train on" in lines


def test_a_full_disk_is_an_error(capsys, photos, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: shutil._ntuple_diskusage(100, 99, 1))
    status, lines = run(capsys, f"--data={photos}")
    assert status == 1 and any(line.startswith("error: disk: the run will fill") for line in lines)
