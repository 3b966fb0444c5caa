"""Image files: the range contract, what a round trip keeps, what is refused when writing."""

import os

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.images import GREY_PROFILE, HEIGHT, SRGB, WIDTH, assert_one_line, assert_same, make_image

from esrgan_tf.errors import InputError
from esrgan_tf.image import io as image_io
from esrgan_tf.image.io import IMAGE_SUFFIXES, DecodedImage, list_images, read_image, write_image

KINDS = [(grey, alpha, bits) for grey in (True, False) for alpha in (True, False) for bits in (8, 16)]


@pytest.mark.parametrize("bits", [8, 16])
def test_every_integer_survives_float_and_back(bits):
    dtype = np.uint8 if bits == 8 else np.uint16
    values = np.arange(2**bits).astype(dtype)
    floats = image_io.to_float(values)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (0.0, 1.0)
    np.testing.assert_array_equal(image_io.to_integers(floats, dtype), values)


def test_to_uint8_rounds_to_the_nearest_and_clips():
    values = np.array([-0.3, 0.49 / 255, 0.51 / 255, 254.6 / 255, 1.7], np.float32)
    result = image_io.to_uint8(values)
    assert result.dtype == np.uint8
    assert result.tolist() == [0, 0, 1, 255, 255]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_to_uint8_refuses_values_that_are_not_finite(bad):
    with pytest.raises(ValueError, match="1 NaN or infinite"):
        image_io.to_uint8(np.array([0.5, bad], np.float32))


def test_conversions_refuse_the_wrong_kind_of_dtype():
    with pytest.raises(ValueError, match="must be float"):
        image_io.to_uint8(np.array([7], np.uint8))
    with pytest.raises(ValueError, match="must be uint8 or uint16"):
        image_io.to_float(np.array([0.5]))


def test_image_refuses_shapes_and_bits_outside_the_contract():
    rgb = np.zeros((2, 3, 3), np.float32)
    for wrong in (rgb[..., 0], rgb[..., :2], rgb[:0]):
        with pytest.raises(ValueError, match="`rgb` must be"):
            DecodedImage(wrong)
    with pytest.raises(ValueError, match="`alpha` must be"):
        DecodedImage(rgb, alpha=np.zeros((3, 2), np.float32))
    with pytest.raises(ValueError, match="`bits` must be 8 or 16"):
        DecodedImage(rgb, bits=12)


@pytest.mark.parametrize("profile", [False, True])
@pytest.mark.parametrize(("grey", "alpha", "bits"), KINDS)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_png_and_tiff_keep_every_kind_exactly(tmp_path, suffix, grey, alpha, bits, profile):
    icc_profile = (GREY_PROFILE if grey else SRGB) if profile else None
    image = make_image(grey, alpha, bits, icc_profile)
    write_image(tmp_path / f"a{suffix}", image)
    assert_same(read_image(tmp_path / f"a{suffix}"), image)


@pytest.mark.parametrize(("grey", "alpha", "bits"), KINDS)
def test_png_and_tiff_files_have_the_type_that_other_programs_expect(tmp_path, grey, alpha, bits):
    for suffix in (".png", ".tiff"):
        write_image(tmp_path / f"a{suffix}", make_image(grey, alpha, bits, SRGB))
    header = (tmp_path / "a.png").read_bytes()[:26]
    assert (header[24], header[25]) == (bits, (0 if grey else 2) + (4 if alpha else 0))
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["icc_profile"] == SRGB
    with tifffile.TiffFile(tmp_path / "a.tiff") as tiff:
        page = tiff.pages[0]
        assert (page.bitspersample, page.samplesperpixel) == (bits, (1 if grey else 3) + alpha)
        assert page.photometric.name == ("MINISBLACK" if grey else "RGB")
        assert [extra.name for extra in page.extrasamples] == ["UNASSALPHA"] * alpha
        assert page.iccprofile == SRGB


@pytest.mark.parametrize("alpha", [True, False])
def test_webp_keeps_rgb_alpha_and_profile_exactly(tmp_path, alpha):
    image = make_image(alpha=alpha, icc_profile=SRGB)
    if alpha:
        image.alpha[0] = 0  # the colour under transparent pixels counts too
    write_image(tmp_path / "a.webp", image)
    assert_same(read_image(tmp_path / "a.webp"), image)


@pytest.mark.parametrize("alpha", [True, False])
def test_webp_stores_grey_as_equal_channels(tmp_path, alpha):
    image = make_image(grey=True, alpha=alpha)
    write_image(tmp_path / "a.webp", image)
    assert_same(read_image(tmp_path / "a.webp"), DecodedImage(image.rgb, image.alpha))


@pytest.mark.parametrize("grey", [True, False])
def test_bmp_keeps_grey_and_rgb_exactly(tmp_path, grey):
    image = make_image(grey=grey)
    write_image(tmp_path / "a.bmp", image)
    assert_same(read_image(tmp_path / "a.bmp"), image)


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("suffix", [".jpg", ".JPEG"])
def test_jpeg_keeps_kind_and_profile_and_stays_close(tmp_path, suffix, grey):
    across, down = np.meshgrid(np.linspace(0, 1, 32), np.linspace(0, 1, 24))
    rgb = np.stack([across, across if grey else down, across if grey else 1 - across], axis=2)
    profile = GREY_PROFILE if grey else SRGB
    write_image(tmp_path / f"a{suffix}", DecodedImage(rgb.astype(np.float32), None, grey, 8, profile))
    got = read_image(tmp_path / f"a{suffix}")
    assert (got.grey, got.bits, got.alpha, got.icc_profile) == (grey, 8, None, profile)
    assert np.abs(got.rgb - rgb).max() < 4 / 255


def test_jpeg_has_full_resolution_colour(tmp_path):
    write_image(tmp_path / "a.jpg", make_image())
    with Image.open(tmp_path / "a.jpg") as image:
        assert {layer[1:3] for layer in image.layer} == {(1, 1)}


def test_grey_image_with_unequal_channels_is_written_as_their_mean(tmp_path):
    rgb = np.full((2, 2, 3), [0.2, 0.4, 0.9], np.float32)
    write_image(tmp_path / "a.png", DecodedImage(rgb, grey=True))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").rgb, np.float32(128 / 255))  # 127.5


def test_alpha_is_rounded_and_clipped_like_the_colour(tmp_path):
    alpha = np.array([[-0.1, 1.2]], np.float32)
    write_image(tmp_path / "a.png", DecodedImage(np.zeros((1, 2, 3), np.float32), alpha))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").alpha, [[0, 1]])


@pytest.mark.parametrize(
    ("suffix", "kind", "lost"),
    [
        (".jpg", {"alpha": True}, "an alpha channel"),
        (".bmp", {"alpha": True}, "an alpha channel"),
        (".jpg", {"bits": 16}, "16 bits"),
        (".bmp", {"bits": 16}, "16 bits"),
        (".webp", {"bits": 16}, "16 bits"),
        (".bmp", {"icc_profile": SRGB}, "an ICC profile"),
        (".webp", {"grey": True, "icc_profile": GREY_PROFILE}, "a grey ICC profile"),
    ],
)
def test_format_that_would_lose_something_is_refused_and_others_are_named(tmp_path, suffix, kind, lost):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(InputError, match=f"cannot hold {lost}.* Use one of .png") as caught:
        write_image(path, make_image(**kind))
    assert_one_line(caught, path)
    assert suffix not in str(caught.value).split("Use one of")[1]
    assert os.listdir(tmp_path) == []


def test_side_longer_than_the_format_allows_is_refused(tmp_path):
    row = DecodedImage(np.zeros((1, 16384, 3), np.float32))
    with pytest.raises(InputError, match="a side of 16384 px: WEBP allows 16383"):
        write_image(tmp_path / "a.webp", row)
    with pytest.raises(InputError, match="a side of 65536 px: JPEG allows 65500"):
        image_io.check_can_hold(tmp_path / "a.jpg", row, scale=4)
    image_io.check_can_hold(tmp_path / "a.png", row, scale=4)


@pytest.mark.parametrize("suffix", [".webp", ".jpg"])
def test_longest_allowed_side_can_be_written(tmp_path, suffix):
    side = {".webp": 16383, ".jpg": 65500}[suffix]
    write_image(tmp_path / f"a{suffix}", DecodedImage(np.zeros((1, side, 3), np.float32)))
    assert read_image(tmp_path / f"a{suffix}").rgb.shape == (1, side, 3)


@pytest.mark.parametrize("name", ["a.svg", "a", "a.png.part"])
def test_unknown_suffix_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(InputError, match="must end in one of .png, .jpg"):
        write_image(tmp_path / name, make_image())
    assert os.listdir(tmp_path) == []


def test_image_with_nan_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.png"
    old, broken = make_image(), make_image()
    write_image(path, old)
    broken.rgb[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="1 NaN or infinite"):
        write_image(path, broken)
    assert_same(read_image(path), old)


def test_missing_folder_of_the_target_is_created(tmp_path):
    write_image(tmp_path / "new" / "deep" / "a.png", make_image())
    assert read_image(tmp_path / "new" / "deep" / "a.png").rgb.shape == (HEIGHT, WIDTH, 3)


def test_list_images_gives_the_sorted_images_of_the_folder_only(tmp_path):
    for name in ("b.PNG", "a.jpeg", "c.tiff", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "inner.png").write_bytes(b"")
    assert [path.name for path in list_images(tmp_path)] == ["a.jpeg", "b.PNG", "c.tiff"]


def test_list_images_refuses_missing_folder_file_and_empty_folder(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for wrong, reason in (
        (tmp_path / "none", "No such file"),
        (file, "Not a directory"),
        (tmp_path / "empty", "0 other entries"),
    ):
        with pytest.raises(InputError, match=reason) as caught:
            list_images(wrong)
        assert_one_line(caught, wrong)
        assert all(suffix in str(caught.value) for suffix in IMAGE_SUFFIXES)
