"""Folders: what is found, what fits, and what is said when nothing does."""

import numpy as np
import pytest
from PIL import Image
from support.images import write_noise

from esrgan_tf.data.folders import find_pairs, survey
from esrgan_tf.data.sources import decode_pair
from esrgan_tf.errors import InputError


def test_images_are_found_in_subfolders_in_order(tmp_path):
    for name in ("b.png", "sub/a.JPG", "c.txt"):
        write_noise(tmp_path / name) if name[-3:] != "txt" else (tmp_path / name).write_text("no image")
    assert [pair.hr.name for pair in find_pairs(str(tmp_path))] == ["b.png", "a.JPG"]


def test_hr_and_lr_folders_are_paired_by_stem_with_or_without_scale_suffix(tmp_path):
    for name in ("hr/0001.png", "hr/0002.png", "lr/0001x4.png", "lr/0002.png"):
        write_noise(tmp_path / name)
    pairs = find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")
    assert [(pair.hr.name, pair.lr.name) for pair in pairs] == [("0001.png", "0001x4.png"), ("0002.png", "0002.png")]


def test_an_lr_image_that_is_missing_is_named(tmp_path):
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


def test_a_folder_without_images_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(InputError, match=f"{tmp_path} must hold images"):
        find_pairs(str(tmp_path))


def test_small_and_unreadable_images_are_left_out_and_listed(tmp_path):
    write_noise(tmp_path / "large.png", 64, 64)
    write_noise(tmp_path / "small.png", 64, 31)
    (tmp_path / "broken.png").write_bytes(b"not an image")
    found = survey(find_pairs(str(tmp_path)), 4, 32, "patch")
    assert [pair.hr.name for pair in found.pairs] == ["large.png"]
    assert found.left_out == (
        f"{tmp_path}/broken.png: cannot be read",
        f"{tmp_path}/small.png: 31 x 64 px, smaller than 32 (patch)",
    )


def test_a_folder_of_nothing_but_small_images_is_refused(tmp_path):
    write_noise(tmp_path / "small.png", 64, 31)
    with pytest.raises(InputError, match="at least 32 x 32 px .patch.*1 that cannot be used, such as .*small.png"):
        survey(find_pairs(str(tmp_path)), 4, 32, "patch")


def test_an_lr_image_of_the_wrong_size_is_named_with_the_right_one(tmp_path):
    write_noise(tmp_path / "hr/a.png", 64, 48)
    write_noise(tmp_path / "lr/a.png", 32, 24)
    with pytest.raises(InputError, match="lr/a.png` must be 12 x 16 px.*scale=4.*Received: 24 x 32"):
        survey(find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr"), 4, 32, "patch")


def test_a_broken_lr_image_is_named_itself(tmp_path):
    for name in ("hr/a.png", "hr/b.png"):
        write_noise(tmp_path / name, 64, 64)
        write_noise(tmp_path / name.replace("hr", "lr"), 16, 16)
    (tmp_path / "lr/a.png").write_bytes(b"")
    found = survey(find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr"), 4, 32, "patch")
    assert found.left_out == (f"{tmp_path}/lr/a.png: cannot be read",)


KINDS = [
    ("a.png", "RGB"),
    ("a.png", "RGBA"),
    ("a.png", "L"),
    ("a.png", "LA"),
    ("a.png", "P"),
    ("a.png", "1"),
    ("a.png", "I;16"),
    ("a.jpg", "RGB"),
    ("a.jpg", "L"),
    ("a.jpg", "CMYK"),
    ("a.bmp", "RGB"),
    ("a.bmp", "L"),
    ("a.bmp", "P"),
    ("a.webp", "RGB"),
    ("a.webp", "RGBA"),
]


REFUSED = {("a.jpg", "CMYK"), ("a.bmp", "L"), ("a.bmp", "P"), ("a.webp", "RGBA")}


@pytest.mark.parametrize(("name", "mode"), KINDS, ids=lambda value: str(value))
def test_every_kind_that_is_kept_is_decoded_as_pillow_decodes_it(tmp_path, name, mode):
    rgb = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    if mode == "I;16":
        image = Image.fromarray(rgb[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(rgb).convert("RGBA" if mode == "RGBA" else mode)
        if mode == "RGBA":
            image.putalpha(Image.fromarray(rgb[..., 0]))
    image.save(tmp_path / name, **({"lossless": True, "exact": True} if name == "a.webp" else {}))
    if (name, mode) in REFUSED:
        with pytest.raises(InputError, match="not decoded in training, save it as PNG"):
            survey(find_pairs(str(tmp_path)), 4, 32, "patch")
        return
    assert survey(find_pairs(str(tmp_path)), 4, 32, "patch").pairs
    decoded, _ = decode_pair((tmp_path / name).read_bytes(), "", 4)
    stored = Image.open(tmp_path / name)
    expected = (np.asarray(stored) // 257)[..., None].repeat(3, 2) if mode == "I;16" else stored.convert("RGB")
    np.testing.assert_allclose(decoded, expected, atol=2)
