"""Reading image files that other programs wrote: what is converted, what is refused."""

import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.images import HEIGHT, WIDTH, assert_one_line, assert_same, make_image

from esrgan_tf.errors import InputError
from esrgan_tf.image import io as image_io
from esrgan_tf.image.io import IMAGE_SUFFIXES, DecodedImage, read_image, write_image


def png_bytes(depth, colour_type, rows, width, height, chunks=()):
    """A PNG file of unfiltered rows of packed pixels, with further chunks before the pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    middle = b"".join(chunk(kind, body) for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def cmyk_profile():
    """An ICC profile of a press whose cyan ink prints as the grey of Lab (50, 0, 0)."""
    ramp = bytes(range(256))
    # Lightness by the inks in use: bit 3 is cyan, bit 0 black.
    lightness = [0 if key & 1 else 128 if key & 8 else 255 for key in range(16)]
    grid = b"".join(bytes([level, 128, 128]) for level in lightness)
    identity = struct.pack(">9i", *(65536 * (i in (0, 4, 8)) for i in range(9)))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + grid + ramp * 3
    start = 128 + 4 + 12
    header = bytearray(128)
    header[:4] = struct.pack(">I", start + len(table))
    header[8:12] = b"\x02\x10\0\0"
    header[12:24] = b"prtrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + struct.pack(">I", 1) + b"A2B0" + struct.pack(">II", start, len(table)) + table


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif_orientation_is_applied_and_not_written_again(tmp_path, suffix, orientation):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16], stored[8:, :16], stored[:8, 16:] = [255, 0, 0], [0, 255, 0], [0, 0, 255]
    exif = Image.Exif()
    exif[274] = orientation
    options = {".jpg": {"quality": 100, "subsampling": "4:4:4"}, ".webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(stored).save(tmp_path / f"in{suffix}", exif=exif, **options)
    mirrored = stored[:, ::-1] if orientation in (2, 4, 5, 7) else stored
    quarters = {3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}.get(orientation, 0)
    expected = np.rot90(mirrored, quarters) / 255

    image = read_image(tmp_path / f"in{suffix}")
    np.testing.assert_allclose(image.rgb, expected, atol=0.05)
    write_image(tmp_path / f"out{suffix}", image)
    np.testing.assert_allclose(read_image(tmp_path / f"out{suffix}").rgb, expected, atol=0.05)
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert image.getexif().get(274, 1) == 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_exif_orientation_is_applied_to_16_bit_colour(tmp_path, suffix):
    image = make_image(bits=16)
    samples = image_io.to_integers(image.rgb, np.uint16)
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, samples, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    else:
        exif = Image.Exif()
        exif[274] = 6
        rows = [row.astype(">u2").tobytes() for row in samples]
        path.write_bytes(png_bytes(16, 2, rows, WIDTH, HEIGHT, [(b"eXIf", exif.tobytes()[6:])]))
    np.testing.assert_array_equal(read_image(path).rgb, np.rot90(image.rgb, -1))


def test_broken_exif_does_not_hinder_reading(tmp_path):
    Image.new("RGB", (8, 6), "white").save(tmp_path / "a.jpg", exif=b"Exif\0\0no such thing")
    assert read_image(tmp_path / "a.jpg").rgb.shape == (6, 8, 3)


def test_palette_becomes_rgb_and_its_transparency_alpha(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "clear.png", transparency=bytes([255, 51]))
    opaque, clear = read_image(tmp_path / "opaque.png"), read_image(tmp_path / "clear.png")
    colours = image_io.to_float(np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8))
    assert_same(opaque, DecodedImage(colours))
    assert_same(clear, DecodedImage(colours, np.array([[1, 0.2]], np.float32)))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_one_bit_becomes_grey(tmp_path, suffix):
    pixels = np.array([[True, False, True]])
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
    expected = np.repeat(pixels[..., None], 3, axis=2).astype(np.float32)
    assert_same(read_image(tmp_path / f"a{suffix}"), DecodedImage(expected, grey=True))


@pytest.mark.parametrize(("depth", "row"), [(1, b"\x40"), (2, b"\x1b"), (4, b"\x05\xaf"), (8, b"\x00\x55\xaa\xff")])
def test_transparent_value_of_a_grey_png_becomes_alpha(tmp_path, depth, row):
    scale = 2**depth - 1
    levels = {1: [0, 1, 0, 0], 2: [0, 1, 2, 3], 4: [0, 5, 10, 15], 8: [0, 85, 170, 255]}[depth]
    transparent = (b"tRNS", struct.pack(">H", levels[1]))
    (tmp_path / "a.png").write_bytes(png_bytes(depth, 0, [row], 4, 1, [transparent]))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_allclose(image.rgb[0, :, 0], np.array(levels) / scale, atol=1e-7)
    np.testing.assert_array_equal(image.alpha, [[1, 0, 1, 1]])
    assert image.grey


@pytest.mark.parametrize("colour_type", [0, 2])
def test_transparent_value_of_a_16_bit_png_becomes_alpha(tmp_path, colour_type):
    image = make_image(grey=colour_type == 0, bits=16)
    samples = image_io.to_integers(image.rgb, np.uint16)[..., : colour_type + 1].astype(">u2")
    data = png_bytes(
        16,
        colour_type,
        [row.tobytes() for row in samples],
        WIDTH,
        HEIGHT,
        [(b"tRNS", samples[2, 3].tobytes())],
    )
    (tmp_path / "a.png").write_bytes(data)
    alpha = np.ones((HEIGHT, WIDTH), np.float32)
    alpha[2, 3] = 0
    assert_same(read_image(tmp_path / "a.png"), DecodedImage(image.rgb, alpha, image.grey, 16))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_becomes_rgb(tmp_path, suffix):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    assert (image.grey, image.alpha) == (False, None)
    np.testing.assert_allclose(image.rgb[8, 8], [1, 0, 0], atol=0.02)


def test_cmyk_with_a_profile_becomes_srgb_by_it_and_drops_it(tmp_path):
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "a.tif", icc_profile=cmyk_profile())
    image = read_image(tmp_path / "a.tif")
    assert image.icc_profile is None
    np.testing.assert_allclose(image.rgb[8, 8], 119 / 255, atol=0.01)  # Lab (50, 0, 0) in sRGB


def test_16_bit_tiff_with_separate_planes_and_other_byte_order_is_read(tmp_path):
    image = make_image(bits=16)
    planes = image_io.to_integers(image.rgb, np.uint16).transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", byteorder=">")
    assert_same(read_image(tmp_path / "a.tif"), image)


def test_16_bit_tiff_with_white_at_zero_is_inverted(tmp_path):
    image = make_image(grey=True, bits=16)
    inverted = 65535 - image_io.to_integers(image.rgb[..., 0], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", inverted, photometric="miniswhite")
    assert_same(read_image(tmp_path / "a.tif"), image)


def test_format_is_told_by_the_content_not_the_suffix(tmp_path):
    image = make_image()
    write_image(tmp_path / "a.png", image)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert_same(read_image(tmp_path / "a.jpg"), image)


def test_first_frame_of_a_camera_s_multi_image_jpeg_is_read(tmp_path):
    first, second = Image.new("RGB", (16, 8), "white"), Image.new("RGB", (4, 4), "black")
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    image = read_image(tmp_path / "a.jpg")
    assert image.rgb.shape == (8, 16, 3)
    assert image.rgb.min() > 0.9


@pytest.mark.parametrize(("suffix", "bits"), [(suffix, 8) for suffix in IMAGE_SUFFIXES] + [(".png", 16), (".tif", 16)])
def test_truncated_files_are_refused(tmp_path, suffix, bits):
    path = tmp_path / f"a{suffix}"
    write_image(path, make_image(bits=bits, shape=(64, 64)))
    data = path.read_bytes()
    for size in (len(data) // 10, len(data) // 2, len(data) * 9 // 10):
        path.write_bytes(data[:size])
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert_one_line(caught, path)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"II*\0" + b"\xff" * 40])
def test_files_that_are_no_image_are_refused(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert_one_line(caught, path)


def test_missing_file_and_folder_are_refused_as_such(tmp_path):
    with pytest.raises(InputError, match="No such file") as caught:
        read_image(tmp_path / "none.png")
    assert_one_line(caught, tmp_path / "none.png")
    with pytest.raises(InputError, match="directory"):
        read_image(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_files_with_several_frames_are_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="3 (frames|pages)") as caught:
        read_image(path)
    assert_one_line(caught, path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_images_above_the_pixel_limit_are_refused(tmp_path, suffix, monkeypatch):
    for bits in (8, 16):
        path = tmp_path / f"{bits}{suffix}"
        write_image(path, make_image(bits=bits))
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH // 2 - 1)
        with pytest.raises(InputError, match="is too large") as caught:
            read_image(path)
        assert_one_line(caught, path)


def test_large_images_below_the_limit_cause_no_warning(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", make_image())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(tmp_path / "a.png").rgb.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.int16])
def test_tiff_samples_that_are_not_8_or_16_bits_are_refused(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), dtype))
    with pytest.raises(InputError, match="must have unsigned samples of 8 or 16 bits"):
        read_image(tmp_path / "a.tif")


def test_lab_tiff_is_refused(tmp_path):
    Image.new("LAB", (4, 4)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match="Received: Pillow mode LAB"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "options",
    [{"photometric": "separated"}, {"extrasamples": ["assocalpha"]}, {"extrasamples": ["unspecified"]}],
)
def test_16_bit_tiff_channels_that_would_be_misread_are_refused(tmp_path, options):
    samples = np.ones((4, 4, 4), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", samples, **({"photometric": "rgb"} | options))
    with pytest.raises(InputError, match="must be grey or RGB, with at most one alpha channel"):
        read_image(tmp_path / "a.tif")


def test_16_bit_colour_tiff_with_lzw_is_refused_with_the_way_out(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4, 3), np.uint16), photometric="rgb")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    # No encoder for LZW at hand: an uncompressed file gets the tag of one.
    entry = data.index(struct.pack("<HHI", 259, 3, 1))
    data[entry + 8 : entry + 10] = struct.pack("<H", 5)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="without compression or with deflate.*Received: LZW"):
        read_image(tmp_path / "a.tif")
