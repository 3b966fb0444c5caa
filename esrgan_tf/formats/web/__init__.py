"""A static site that upscales images in its visitor's browser, by LiteRT.js: write."""

from collections.abc import Iterator
from pathlib import Path

from esrgan_tf.errors import InputError
from esrgan_tf.formats.format import Artifact, Format, WriteOptions, WriteRequest
from esrgan_tf.formats.tflite import FORMAT as TFLITE


def _check(request: WriteRequest) -> None:
    """Raise for what LiteRT files cannot be, sizes that LiteRT.js does not take, and a folder that is none of its."""
    from esrgan_tf.formats.web.litert_js import check_folder
    from esrgan_tf.formats.web.writer import site_of

    TFLITE.check(request)
    if 0 in request.options.tiles:
        raise InputError("`tile` must not be 0, any size, for `format=web`: LiteRT.js takes files of one size.")
    if (site := request.output / site_of(request.metadata)).exists():
        raise InputError(f"`output` must leave room for {site}: remove it, or give another `name`.")
    if request.options.litert_js is not None:
        check_folder(Path(request.options.litert_js))


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.web.writer import write_site

    return write_site(request)


def _calibrates(options: WriteOptions) -> bool:
    return TFLITE.calibrates(options)


FORMAT = Format(
    name="web",
    title="a site",
    write=_write,
    check=_check,
    options=("tflite", "tile", "litert_js"),
    calibrates=_calibrates,
)
