"""Folders: what is found, what fits, and what is said when nothing does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.images import make_image, write_noise

from esrgan_tf.data.decoding import decode_pair
from esrgan_tf.data.folders import find_images, find_pairs, survey
from esrgan_tf.data.sources import open_sources
from esrgan_tf.errors import InputError
from esrgan_tf.image import codecs
from esrgan_tf.image.io import to_uint8, write_image
from esrgan_tf.recipes.configs import DataConfig

CONFIG = DataConfig()


def test_images_are_found_in_subfolders_in_order(tmp_path):
    for name in ("b.png", "sub/a.JPG", "c.txt"):
        write_noise(tmp_path / name) if name[-3:] != "txt" else (tmp_path / name).write_text("no image")
    assert [pair.hr.name for pair in find_images(str(tmp_path))] == ["b.png", "a.JPG"]


def test_hr_and_lr_folders_are_paired_by_stem_with_or_without_scale_suffix(tmp_path):
    for name in ("hr/0001.png", "hr/0002.png", "lr/0001x4.png", "lr/0002.png"):
        write_noise(tmp_path / name)
    pairs = find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")
    assert [(pair.hr.name, pair.lr.name) for pair in pairs] == [("0001.png", "0001x4.png"), ("0002.png", "0002.png")]


def test_pairs_are_of_one_path_or_else_of_one_stem(tmp_path):
    names = ("hr/x/a.png", "hr/y/a.png", "hr/b.png", "hr/cx2.png", "hr/z/d.png")
    names += ("lr/x/ax4.png", "lr/y/a.png", "lr/X4/bx4.png", "lr/cx2.png", "lr/d.tif")
    for name in names:
        write_noise(tmp_path / name)
    write_noise(tmp_path / "lr/.hidden/b.png")
    pairs = find_pairs(f"lr={tmp_path}/lr,hr={tmp_path}/hr")
    assert [(pair.name, str(pair.lr.relative_to(tmp_path / "lr"))) for pair in pairs] == [
        ("b", "X4/bx4.png"),
        ("cx2", "cx2.png"),
        ("x/a", "x/ax4.png"),
        ("y/a", "y/a.png"),
        ("d", "d.tif"),
    ]


def test_no_two_hr_images_of_one_stem_share_an_lr_image(tmp_path):
    for name in ("hr/a.png", "hr/sub/a.png", "lr/sub/a.png"):
        write_noise(tmp_path / name)
    with pytest.raises(InputError, match="Missing in lr=.*/lr: a.$"):
        find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")


def test_two_lr_images_for_one_hr_image_are_refused(tmp_path):
    for name in ("hr/a.png", "lr/X2/ax2.png", "lr/X4/ax4.png"):
        write_noise(tmp_path / name)
    with pytest.raises(InputError, match="one image for `.*hr/a.png`. Received: .*X2/ax2.png and .*X4/ax4.png"):
        find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")


def test_an_lr_image_that_is_missing_is_named(tmp_path):
    for name in ("hr/a.png", "hr/b.png", "lr/a.png"):
        write_noise(tmp_path / name)
    with pytest.raises(InputError, match="Missing in lr=.*/lr: b.$"):
        find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr")


@pytest.mark.parametrize("part", ["hr=a", "hr=a,xr=b"])
def test_half_a_pair_is_refused(part):
    with pytest.raises(InputError, match="hr=FOLDER,lr=FOLDER"):
        find_pairs(part)


def test_a_missing_folder_is_named_with_what_data_takes(tmp_path):
    with pytest.raises(InputError, match="sample, dead_leaves, div2k.*missing"):
        find_images(str(tmp_path / "missing"))


def test_a_folder_without_images_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(InputError, match=f"{tmp_path} must hold images"):
        find_images(str(tmp_path))


def test_small_and_unreadable_images_are_left_out_and_listed(tmp_path):
    write_noise(tmp_path / "large.png", 64, 64)
    write_noise(tmp_path / "small.png", 64, 31)
    (tmp_path / "broken.png").write_bytes(b"not an image")
    found = survey(find_images(str(tmp_path)), 4, 32, "patch")
    assert [pair.hr.name for pair in found.pairs] == ["large.png"]
    assert found.left_out == (
        f"{tmp_path}/broken.png: cannot be read",
        f"{tmp_path}/small.png: 31 x 64 px, smaller than 32 (patch)",
    )


def test_a_folder_of_nothing_but_small_images_is_refused(tmp_path):
    write_noise(tmp_path / "small.png", 64, 31)
    with pytest.raises(InputError, match="at least 32 x 32 px .patch.*1 that cannot be used, such as .*small.png"):
        survey(find_images(str(tmp_path)), 4, 32, "patch")


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


COPIED = {("a.jpg", "CMYK"), ("a.bmp", "L"), ("a.bmp", "P"), ("a.webp", "RGBA")}


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
    found = survey(find_images(str(tmp_path)), 4, 32, "patch")
    assert [pair.hr for pair in found.pairs] == [tmp_path / name]
    assert bool(found.copies) == ((name, mode) in COPIED)
    decoded, _ = decode_pair(found.copies.get(tmp_path / name, tmp_path / name).read_bytes(), "", 4)
    stored = Image.open(tmp_path / name)
    expected = (np.asarray(stored) // 257)[..., None].repeat(3, 2) if mode == "I;16" else stored.convert("RGB")
    np.testing.assert_allclose(decoded, expected, atol=2)


def test_what_tensorflow_cannot_decode_is_copied_once_upright(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    exif = Image.Exif()
    exif[codecs._ORIENTATION] = 6
    write_noise(tmp_path / "in/plain.png", 40, 64)
    values = write_noise(tmp_path / "in/turned.png", 40, 64)
    Image.fromarray(values).save(tmp_path / "in/turned.png", exif=exif)
    deep = make_image(bits=16, alpha=True, shape=(36, 44))
    write_image(tmp_path / "in/deep.tif", deep)
    (source,) = open_sources(str(tmp_path / "in"), CONFIG, 4, 32, 0)
    assert capsys.readouterr().out == (
        f"copied 2 images that TensorFlow does not decode as PNG to {tmp_path}/cache/esrgan_tf/transcoded\n"
    )
    elements = [*source.held_out, *source.stream(0).take(source.count)]
    loaded = {Path(element["name"].numpy().decode()): source.load_hr(element).numpy() for element in elements}
    assert set(loaded) == set((tmp_path / "in").iterdir())
    assert set(source.names) < {str(path) for path in loaded}
    np.testing.assert_array_equal(loaded[tmp_path / "in/turned.png"], np.rot90(values, -1))
    np.testing.assert_array_equal(loaded[tmp_path / "in/deep.tif"], to_uint8(deep.rgb))
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 2
    open_sources(str(tmp_path / "in"), CONFIG, 4, 32, 0)
    assert capsys.readouterr().out == ""
    write_image(tmp_path / "in/deep.tif", make_image(bits=16, shape=(48, 48)))
    found = survey(find_images(str(tmp_path / "in")), 4, 48, "patch")  # changed: copied anew
    assert [pair.name for pair in found.pairs] == ["deep"]


def test_pairs_that_need_copies_on_either_side_keep_their_files(tmp_path):
    hr, lr = make_image(bits=16, shape=(40, 48)), make_image(shape=(10, 12), alpha=True)
    write_image(tmp_path / "hr/a.tif", hr)
    write_image(tmp_path / "lr/ax4.webp", lr)
    (source,) = open_sources(f"hr={tmp_path}/hr,lr={tmp_path}/lr", CONFIG, 4, 32, 0)
    loaded = source.load(source.held_out[0])
    np.testing.assert_array_equal(loaded[0], to_uint8(hr.rgb))
    np.testing.assert_array_equal(loaded[1], to_uint8(lr.rgb))


def test_a_file_that_no_reader_takes_is_left_out_with_its_reason(tmp_path):
    write_noise(tmp_path / "a.png")
    frames = [Image.open(tmp_path / "a.png"), Image.open(tmp_path / "a.png").rotate(90)]
    frames[0].save(tmp_path / "b.tif", save_all=True, append_images=frames[1:])
    (tmp_path / "c.tif").symlink_to(tmp_path / "nothing.tif")
    found = survey(find_images(str(tmp_path)), 4, 32, "patch")
    assert found.left_out == (
        f"{tmp_path}/b.tif: must be a single image: save its pages one by one. Received: 2 pages.",
        f"{tmp_path}/c.tif: cannot be read",
    )


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    write_image(tmp_path / "a.tif", make_image(shape=(48, 48)))
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match=f"{tmp_path}/file"):
        survey(find_images(str(tmp_path)), 4, 32, "patch")
