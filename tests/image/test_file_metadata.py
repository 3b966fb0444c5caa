"""EXIF and XMP of files: kept from one format to another, but for what the new image makes wrong."""

import dataclasses
import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, PngImagePlugin
from support.images import SRGB, make_image, write_photo
from support.jobs import planned

from esrgan_tf.formats.network import Network
from esrgan_tf.image.file_metadata import FileMetadata
from esrgan_tf.image.io import read_image, write_image
from esrgan_tf.inference.files import FileOptions, upscale_files
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata

TAKEN = "2021:05:06 07:08:09"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="A title" '
    b'exif:PixelXDimension="40"><tiff:ImageLength>30</tiff:ImageLength>'
    b"<xmp:Thumbnails>iVBORw0</xmp:Thumbnails></rdf:Description></x:xmpmeta>"
)
MADE_OF_IT = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1" dc:title="A title" '
    b'exif:PixelXDimension="60"><tiff:ImageLength>80</tiff:ImageLength></rdf:Description></x:xmpmeta>'
)
TEXTS = {271: "A camera", 272: "Its model", 306: "2022:01:01 00:00:00", 315: "Somebody", 33432: "(c) Somebody"}
DETAILS = {36867: TAKEN, 37500: b"notes of the maker", 33434: 0.01, 40962: 40, 40963: 30}
PLACE = {1: "N", 2: (52.0, 31.0, 12.0)}


def camera_tags():
    """EXIF as a camera writes it, of an image that lies on its side."""
    tags = Image.Exif()
    for tag, value in TEXTS.items():
        tags[tag] = value
    tags[274] = 6
    for ifd, values in ((ExifTags.IFD.Exif, DETAILS), (ExifTags.IFD.GPSInfo, PLACE)):
        tags.get_ifd(ifd).update(values)
        tags[ifd] = tags.get_ifd(ifd)
    return tags


def write_source(path):
    """40 x 30 px, with EXIF of all kinds, XMP and a profile."""
    image = Image.fromarray((make_image(shape=(30, 40)).rgb * 255).astype(np.uint8))
    tags = camera_tags()
    if path.suffix == ".tif":
        tags[700] = XMP
        image.save(path, exif=tags, icc_profile=SRGB)
    elif path.suffix == ".png":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        image.save(path, exif=tags, pnginfo=texts, icc_profile=SRGB)
    else:
        image.save(path, exif=tags, xmp=XMP, icc_profile=SRGB)


def with_thumbnail(tags, jpeg):
    """EXIF with a second directory, that of a thumbnail, which Pillow itself does not write."""
    tiff = bytearray(tags.tobytes().removeprefix(b"Exif\0\0"))
    assert tiff[:2] == b"MM"
    (count,) = struct.unpack_from(">H", tiff, 8)
    place = len(tiff)
    struct.pack_into(">I", tiff, 10 + 12 * count, place)
    entries = ((259, 3, 6 << 16), (513, 4, place + 42), (514, 4, len(jpeg)))
    directory = b"".join(struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"Exif\0\0" + bytes(tiff) + struct.pack(">H", 3) + directory + bytes(4) + jpeg


def doubling():
    return Upscaler(Network(GeneratorMetadata.named("nearest", 2), lambda lr: lr.repeat(2, 0).repeat(2, 1)))


def upscaled(source, target, **options):
    ((job, error),) = upscale_files(doubling(), planned(source, target), FileOptions(**options))
    assert error is None
    return job.target


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".avif", ".tif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".avif", ".tif"])
def test_camera_time_place_and_texts_are_kept_between_formats(tmp_path, source, target):
    write_source(tmp_path / f"a{source}")
    with Image.open(upscaled(tmp_path / f"a{source}", tmp_path / f"b{target}")) as image:
        image.load()
        assert image.size == (60, 80)  # upright, twice as large
        tags = image.getexif()
        assert {tag: tags[tag] for tag in TEXTS} == TEXTS
        assert tags.get(274, 1) == 1
        details, place = tags.get_ifd(ExifTags.IFD.Exif), tags.get_ifd(ExifTags.IFD.GPSInfo)
        assert (details[36867], details[37500], float(details[33434])) == (TAKEN, b"notes of the maker", 0.01)
        assert (details[40962], details[40963]) == (60, 80)
        assert place[1] == "N" and [float(part) for part in place[2]] == [52.0, 31.0, 12.0]
        assert image.info["icc_profile"] == SRGB
    read = read_image(tmp_path / f"b{target}")
    assert read.rgb.shape == (80, 60, 3)
    # Pillow has taken the orientation out of what it has turned itself.
    expected = MADE_OF_IT.replace(b'tiff:Orientation="1"', b"") if source == ".tif" else MADE_OF_IT
    assert read.metadata.xmp == expected


def test_a_thumbnail_of_the_small_image_is_left_out(tmp_path):
    thumbnail = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(thumbnail, "JPEG")
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=with_thumbnail(camera_tags(), thumbnail.getvalue()))
    assert thumbnail.getvalue() in (tmp_path / "a.jpg").read_bytes()
    made = upscaled(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert thumbnail.getvalue() not in made.read_bytes()
    assert not Image.open(made).getexif().get_ifd(ExifTags.IFD.IFD1)


def test_nothing_is_left_where_metadata_is_stripped(tmp_path):
    for suffix in (".jpg", ".tif"):
        write_source(tmp_path / f"a{suffix}")
        made = upscaled(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}", strip_metadata=True)
        assert read_image(made).metadata is None
        assert read_image(made).icc_profile == SRGB  # part of what the pixels mean
        assert not any(text in made.read_bytes() for text in (b"A camera", b"A title", TAKEN.encode()))


@pytest.mark.parametrize("suffix", [".bmp", ".ppm", ".gif"])
def test_formats_without_metadata_leave_it_out(tmp_path, suffix):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=camera_tags())
    assert read_image(upscaled(tmp_path / "a.jpg", tmp_path / f"b{suffix}")).metadata is None


def test_16_bits_keep_metadata_in_png_and_texts_and_xmp_in_tiff(tmp_path):
    write_source(tmp_path / "a.jpg")
    metadata = read_image(tmp_path / "a.jpg").metadata
    image = dataclasses.replace(make_image(bits=16, shape=(80, 60)), metadata=metadata)
    for suffix in (".png", ".tif"):
        write_image(tmp_path / f"b{suffix}", image)
        read = read_image(tmp_path / f"b{suffix}")
        np.testing.assert_array_equal(read.rgb, image.rgb)
        assert read.metadata.xmp == MADE_OF_IT
    with Image.open(tmp_path / "b.png") as png:
        assert png.getexif().get_ifd(ExifTags.IFD.Exif)[36867] == TAKEN
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert {tag: tiff.pages[0].tags[tag].value for tag in TEXTS} == TEXTS
    write_image(tmp_path / "c.png", read_image(tmp_path / "b.tif"))
    assert {tag: Image.open(tmp_path / "c.png").getexif()[tag] for tag in TEXTS} == TEXTS


def test_what_a_jpeg_cannot_hold_is_left_out(tmp_path):
    metadata = FileMetadata(camera_tags().tobytes(), XMP.replace(b"A title", b"A" * 70_000))
    write_image(tmp_path / "a.jpg", dataclasses.replace(make_image(), metadata=metadata))
    read = read_image(tmp_path / "a.jpg").metadata
    assert read.xmp is None and read.exif is not None


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x05", b"Exif\0\0" + bytes(40), b"junk"])
def test_broken_metadata_is_no_reason_to_refuse_an_image(tmp_path, exif):
    write_photo(tmp_path / "a.png", 24, 24)
    for suffix in (".jpg", ".png", ".webp"):
        Image.open(tmp_path / "a.png").save(tmp_path / f"b{suffix}", exif=exif)
        assert read_image(upscaled(tmp_path / f"b{suffix}", tmp_path / f"c{suffix}")).rgb.shape == (48, 48, 3)
