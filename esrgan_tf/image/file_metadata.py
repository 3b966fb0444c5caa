"""EXIF and XMP of an image file, carried over to an upright image of another size."""

import re
from dataclasses import dataclass

from PIL import ExifTags, Image

_BASE, _EXIF, _GPS = ExifTags.Base, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo
XMP_TAG, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675  # tags of TIFF that hold other metadata
# How a TIFF's pixels are stored, which its tags of EXIF stand beside: sizes, strips, tiles, colours, and previews.
_STORAGE = {*range(254, 267), 273, *range(277, 285), 301, *range(317, 348), *range(512, 533), 32997, 32998}
_NOT_CARRIED = _STORAGE | {_BASE.Orientation, XMP_TAG, _IPTC, _PHOTOSHOP, _ICC, _EXIF, _GPS, ExifTags.IFD.Interop}
_TEXTS = (270, 271, 272, 305, 306, 315, 33432)  # description, make, model, software, time, artist, copyright
_UPRIGHT = 1
_WIDTHS, _HEIGHTS = "exif:PixelXDimension|tiff:ImageWidth", "exif:PixelYDimension|tiff:ImageLength"


@dataclass(frozen=True)
class FileMetadata:
    """What a file says of its image, as bytes: EXIF (from `Exif\\0\\0` on) and an XMP packet, or None each."""

    exif: bytes | None = None
    xmp: bytes | None = None

    def of_size(self, width: int, height: int) -> "FileMetadata":
        """The same for an upright image of that size in px."""
        exif = self.exif
        if exif is not None:
            tags = exif_tags(exif)
            details = tags.get_ifd(_EXIF) if _EXIF in tags else {}
            for tag, value in ((_BASE.ExifImageWidth, width), (_BASE.ExifImageHeight, height)):
                if tag in details:
                    details[tag] = value
            exif = tags.tobytes()
        return FileMetadata(exif, self.xmp and _xmp_of_size(self.xmp, width, height))

    def fitting(self, most: int) -> "FileMetadata":
        """The same without what has more bytes than a format can hold."""
        return FileMetadata(*(part if part and len(part) <= most else None for part in (self.exif, self.xmp)))


def exif_tags(exif: bytes | None) -> Image.Exif:
    """EXIF as tags; none where there is none."""
    tags = Image.Exif()
    if exif:
        tags.load(exif)
    return tags


def texts_of(exif: bytes | None) -> dict[int, str]:
    """The texts of EXIF that a TIFF has as tags of its own: description, camera, software, time, artist, copyright."""
    tags = exif_tags(exif)
    return {tag: str(tags[tag]) for tag in _TEXTS if tag in tags}


def read_metadata(image: Image.Image) -> FileMetadata | None:
    """The metadata of an opened image: without orientation, thumbnail, and what is of its file alone.

    Broken metadata is no reason to refuse a sound image: it counts as none.
    """
    try:
        found = FileMetadata(_carried_exif(image.getexif()), _xmp(image))
    except Exception:
        return None
    return found if found.exif or found.xmp else None


def _carried_exif(tags: Image.Exif) -> bytes | None:
    """The tags that hold for another file of the image as well; `None` where there are none."""
    carried = Image.Exif()
    for tag, value in tags.items():
        if tag not in _NOT_CARRIED:
            carried[tag] = value
    for ifd in (_EXIF, _GPS):
        if details := tags.get_ifd(ifd):
            carried.get_ifd(ifd).update(details)
            carried[ifd] = carried.get_ifd(ifd)
    return carried.tobytes() if len(carried) else None


def _xmp(image: Image.Image) -> bytes | None:
    """The XMP packet, where Pillow keeps it for the image's format."""
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if not found and image.format == "TIFF":
        found = image.tag_v2.get(XMP_TAG)
    return (found.encode() if isinstance(found, str) else found) or None


def _xmp_of_size(xmp: bytes, width: int, height: int) -> bytes:
    """A packet whose orientation is upright and whose sizes, where it has them, are these; both ways to write them."""
    for names, value in (("tiff:Orientation", _UPRIGHT), (_WIDTHS, width), (_HEIGHTS, height)):
        xmp = re.sub(rb'((?:%s)(?:\s*=\s*["\']|>)\s*)\d+' % names.encode(), rb"\g<1>%d" % value, xmp)
    return re.sub(rb"<xmp:Thumbnails>.*?</xmp:Thumbnails>", b"", xmp, flags=re.DOTALL)
