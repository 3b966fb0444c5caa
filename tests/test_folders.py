"""Folders: what is found, what fits, and what is said when nothing does."""

import pytest
from pictures import write_noise

from esrgan_tf.data.folders import find_pairs, survey
from esrgan_tf.errors import InputError


def test_pictures_are_found_in_subfolders_in_order(tmp_path):
    for name in ("b.png", "sub/a.JPG", "c.txt"):
        write_noise(tmp_path / name) if name[-3:] != "txt" else (tmp_path / name).write_text("no picture")
    assert [pair.hr.name for pair in find_pairs(str(tmp_path))] == ["b.png", "a.JPG"]


def test_hr_and_lr_folders_are_paired_by_stem_with_or_without_scale_suffix(tmp_path):
    for name in ("hr/0001.png", "hr/0002.png", "lr/0001x4.png", "lr/0002.png"):
        write_noise(tmp_path / name)
    pairs = find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")
    assert [(pair.hr.name, pair.lr.name) for pair in pairs] == [("0001.png", "0001x4.png"), ("0002.png", "0002.png")]


def test_an_lr_picture_that_is_missing_is_named(tmp_path):
    for name in ("hr/a.png", "hr/b.png", "lr/a.png"):
        write_noise(tmp_path / name)
    with pytest.raises(InputError, match="Missing: b.png"):
        find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")


@pytest.mark.parametrize("part", ["hr=a", "hr=a,xr=b"])
def test_half_a_pair_is_refused(part):
    with pytest.raises(InputError, match="hr=FOLDER,lr=FOLDER"):
        find_pairs(part)


def test_a_missing_folder_is_named_with_what_data_takes(tmp_path):
    with pytest.raises(InputError, match="sample, dead_leaves, div2k.*missing"):
        find_pairs(str(tmp_path / "missing"))


def test_a_folder_without_pictures_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(InputError, match=f"{tmp_path} must hold pictures"):
        find_pairs(str(tmp_path))


def test_small_and_unreadable_pictures_are_left_out_and_listed(tmp_path):
    write_noise(tmp_path / "large.png", 64, 64)
    write_noise(tmp_path / "small.png", 64, 31)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    found = survey(find_pairs(str(tmp_path)), "folder", scale=4, hr_patch=32)
    assert [pair.hr.name for pair in found.pairs] == ["large.png"]
    assert [path.name for path in found.too_small] == ["small.png"]
    assert [path.name for path in found.unreadable] == ["broken.png"]


def test_a_folder_of_nothing_but_small_pictures_is_refused(tmp_path):
    write_noise(tmp_path / "small.png", 64, 31)
    with pytest.raises(InputError, match="at least 32 x 32 px.*hr_patch.*1 smaller, 0 unreadable"):
        survey(find_pairs(str(tmp_path)), "folder", scale=4, hr_patch=32)


def test_an_lr_picture_of_the_wrong_size_is_named_with_the_right_one(tmp_path):
    write_noise(tmp_path / "hr/a.png", 64, 48)
    write_noise(tmp_path / "lr/a.png", 32, 24)
    with pytest.raises(InputError, match="lr/a.png` must be 12 x 16 px.*scale=4.*Received: 24 x 32"):
        survey(find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr"), "pairs", scale=4, hr_patch=32)
