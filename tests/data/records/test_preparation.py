"""Records made from images: their pixels, what is left out, and runs that were stopped or killed."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support.images import truncate, write_noise, write_photo
from support.paths import ROOT
from support.records import CUTTING, make_records, write_places

from esrgan_tf.data import frozen
from esrgan_tf.data.frozen import digest
from esrgan_tf.data.records import preparation, shards
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import imresize_uint8

SMALL_SHARD = 13 * 24 * 24 * 3  # bytes: two images of six sub-images


def run(data, folder, cutting=CUTTING):
    """The records, and every line logged."""
    lines = []
    return preparation.prepare(str(data), folder, cutting, workers=2, log=lines.append), lines


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(preparation, "SHARD_BYTES", SMALL_SHARD)


def test_lr_is_cut_from_the_lr_of_the_whole_image(tmp_path):
    rgb = write_noise(tmp_path / "in/a.png", 53, 67)
    records, _ = run(tmp_path / "in", tmp_path / "out")
    windows = CUTTING.windows(53, 67)
    assert records.count == len(windows) == 4 * 5
    for number, (top, left) in enumerate(windows):
        np.testing.assert_array_equal(records.read("hr", number), rgb[top : top + 24, left : left + 24])
        for scale in (2, 4):
            whole = imresize_uint8(rgb[: 53 // scale * scale, : 67 // scale * scale], 1 / scale)
            part = whole[top // scale : (top + 24) // scale, left // scale : (left + 24) // scale]
            np.testing.assert_array_equal(records.read(f"x{scale}", number), part)


def test_images_are_read_as_upscaling_reads_them(tmp_path):
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[274] = 6  # stored lying, shown upright
    Image.fromarray(np.full((48, 24, 3), 90, np.uint8)).save(tmp_path / "in/turned.jpg", exif=exif)
    Image.fromarray(np.full((24, 24), 30000, np.uint16)).save(tmp_path / "in/deep_grey.png")
    records, _ = run(tmp_path / "in", tmp_path / "out")
    assert [len(numbers) for numbers in records.images.values()] == [1, 3]
    assert set(records.read("hr", 0).ravel()) == {round(30000 / 257)}


def test_small_and_broken_images_are_left_out_and_named(tmp_path):
    for name in ("a", "broken", "header"):
        write_noise(tmp_path / f"in/{name}.png")
    write_noise(tmp_path / "in/small.png", 23, 80)
    truncate(tmp_path / "in/broken.png")
    (tmp_path / "in/header.png").write_bytes(b"no image")
    records, lines = run(tmp_path / "in", tmp_path / "out")
    assert list(records.images) == [str(tmp_path / "in/a.png")]
    left_out = "\n".join(records.left_out)
    assert f"{tmp_path}/in/small.png: 80 x 23 px, smaller than 24 (`crop`)" in left_out
    assert "broken.png" in left_out and "header.png" in left_out
    assert "3 images left out" in lines[-1]


def test_flat_sub_images_are_dropped_and_counted(tmp_path):
    rgb = write_noise(tmp_path / "in/a.png", 24, 48)
    rgb[:, :24] = 100
    Image.fromarray(rgb).save(tmp_path / "in/a.png")
    every, _ = run(tmp_path / "in", tmp_path / "all")
    some, lines = run(tmp_path / "in", tmp_path / "some", Cutting(24, 12, (2, 4), flat=1.0))
    assert (every.count, some.count) == (3, 2)
    np.testing.assert_array_equal(some.read("x4", 0), every.read("x4", 1))
    assert "1 flat ones dropped" in lines[-1]
    with pytest.raises(InputError, match="`input` must hold an image that can be read, and is not flat"):
        run(tmp_path / "in", tmp_path / "none", Cutting(24, 12, (2, 4), flat=255.0))


def test_copies_and_test_images_are_reported(tmp_path, monkeypatch):
    write_photo(tmp_path / "in/a.png", 160, 160)
    Image.open(tmp_path / "in/a.png").save(tmp_path / "in/b.jpg", quality=80)
    rgb = np.asarray(Image.open(tmp_path / "in/a.png"))
    monkeypatch.setattr(frozen, "frozen_list", lambda: {digest(rgb): "set5 baby.png"})
    records, lines = run(tmp_path / "in", tmp_path / "out")
    ((first, second, bits),) = records.near_duplicates
    assert (first[-5:], second[-5:], bits <= 4) == ("a.png", "b.jpg", True)
    assert records.test_images == {str(tmp_path / "in/a.png"): "set5 baby.png"}
    assert any("set5 baby.png" in line for line in lines)


def test_shards_hold_whole_images_and_one_that_fits_in_none_is_split(tmp_path, small_shards):
    for number, width in enumerate((48, 48, 48, 240)):  # 6, 6, 6 and 38 sub-images
        write_places(tmp_path / f"in/{number}.png", number, width=width)
    records, _ = run(tmp_path / "in", tmp_path / "out")
    assert [shard.count for shard in records.shards] == [12, 6, 13, 13, 12]
    assert len(records.images[str(tmp_path / "in/3.png")]) == 38
    found = np.concatenate([np.load(tmp_path / f"out/{number:05}_hr.npy") for number in range(5)])
    places = [
        (image, top, left) for image, width in enumerate((48, 48, 48, 240)) for top, left in CUTTING.windows(36, width)
    ]
    assert [tuple(sub_image[0, 0]) for sub_image in found] == places


def test_a_run_that_was_stopped_is_resumed_and_nothing_is_made_twice(tmp_path, small_shards, monkeypatch):
    whole = make_records(tmp_path / "whole", images=7).folder
    monkeypatch.chdir(tmp_path / "whole")
    made, write_shard = [], preparation.write_shard

    def stopped(folder, number, *arguments):
        if number == 2 and 2 not in made:
            made.append(2)
            raise KeyboardInterrupt
        made.append(number)
        return write_shard(folder, number, *arguments)

    monkeypatch.setattr(preparation, "write_shard", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "whole/images", tmp_path / "resumed")
    assert not (tmp_path / "resumed/records.json").exists()
    _, lines = run(tmp_path / "whole/images", tmp_path / "resumed")
    assert made == [0, 1, 2, 2, 3]
    assert "7 images, 4 shards, of which 2 are whole" in lines
    assert contents(tmp_path / "resumed") == contents(whole)


def test_the_same_run_again_verifies_and_mends(tmp_path, small_shards):
    folder = make_records(tmp_path, images=5).folder
    before = contents(folder)
    damaged = folder / "00001_x2.npy"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    for name in ("00001_hr.npy", "unfinished.json", "records.json"):
        (folder / f".0123456789ab-{name}").write_bytes(b"of a run that was killed")
    _, lines = run(tmp_path / "images", folder)
    assert "5 images, 3 shards, of which 2 are whole" in lines
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("cutting", "message"),
    [
        (Cutting(12, 12, (2, 4)), "`output` .* holds records of another crop: 24, here 12. Choose another `output`"),
        (Cutting(24, 24, (2, 4)), "of another step: 12, here 24"),
        (Cutting(24, 12, (2,)), r"of another scales: \(2, 4\), here \(2,\)"),
        (Cutting(24, 12, (2, 4), 3.0), "of another flat: 0.0, here 3.0"),
    ],
)
def test_records_of_other_options_are_refused(tmp_path, cutting, message):
    folder = make_records(tmp_path, images=1).folder
    with pytest.raises(InputError, match=message):
        run(tmp_path / "images", folder, cutting)


def test_records_of_other_images_are_refused(tmp_path):
    folder = make_records(tmp_path, images=2).folder
    write_places(tmp_path / "images/zz.png", 9)
    before = contents(folder)
    with pytest.raises(InputError, match="`output` .* holds records of other images than `input`"):
        run(tmp_path / "images", folder)
    assert contents(folder) == before


def test_input_must_be_hr_image_files(tmp_path):
    write_noise(tmp_path / "hr/a.png", 48, 48)
    write_noise(tmp_path / "lr/a.png", 12, 12)
    folder = make_records(tmp_path, images=1).folder
    for data in (f"hr={tmp_path}/hr,lr={tmp_path}/lr", str(folder)):
        with pytest.raises(InputError, match="`input` must be HR image files"):
            run(data, tmp_path / "out")
    with pytest.raises(InputError, match="`input` must hold images of at least 24 x 24 px .* 1 that cannot be used"):
        run(tmp_path / "lr", tmp_path / "out")
    with pytest.raises(InputError, match="`input` must be .*no folder"):
        run(tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_named_twice_is_cut_once(tmp_path):
    write_places(tmp_path / "in/sub/a.png", 0)
    records, _ = run(f"{tmp_path}/in+{tmp_path}/in/sub", tmp_path / "out")
    assert records.count == 6


def test_growing_arrays_are_as_numpy_saves_them(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (1001, 4, 4, 3)).astype(np.uint8)
    array = shards._GrowingArray(tmp_path / "grown.npy", 4)
    for part in (rows[:1], rows[1:], rows[:0]):
        array.append(part)
    array.close()
    np.save(tmp_path / "saved.npy", rows)
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()


# Kills itself at a random moment after one of the lines that it logs, drawn, or at the end.
KILLED = """
import os, random, signal, sys, threading
from esrgan_tf.data.records import preparation
from support.records import CUTTING

preparation.SHARD_BYTES = int(sys.argv[3])
rng = random.Random(int(sys.argv[4]))
lines_left = rng.randrange(5)

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def log(line):
    global lines_left
    lines_left -= 1
    if lines_left == 0:
        threading.Timer(rng.uniform(0, 0.05), kill).start()

preparation.prepare(sys.argv[1], sys.argv[2], CUTTING, workers=2, log=log)
kill()
"""


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path, small_shards):
    for number in range(40):
        write_noise(tmp_path / f"in/{number:02}.png", 36, 48, seed=number)
    run(tmp_path / "in", tmp_path / "whole")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    arguments = [sys.executable, "-c", KILLED, tmp_path / "in", tmp_path / "killed", str(SMALL_SHARD)]
    for seed in range(8):
        killed = subprocess.run([*arguments, str(seed)], env=environment, check=False)
        assert killed.returncode == -signal.SIGKILL
    run(tmp_path / "in", tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
