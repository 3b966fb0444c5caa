"""ncnn's files, a `.param` beside its `.bin`: write, run by ncnn; upscayl and Real-ESRGAN-ncnn-vulkan read them."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from esrgan_tf.errors import check_one_of
from esrgan_tf.formats.format import Artifact, Format, WriteRequest
from esrgan_tf.formats.network import Network

PRECISIONS = ("float32", "float16")


def _open(path: Path, alpha: float | None) -> Network:
    from esrgan_tf.formats.ncnn_files.runtime import ncnn_network

    return ncnn_network(path)


def _describe(path: Path) -> dict[str, object]:
    from esrgan_tf.formats.ncnn_files.runtime import read_metadata

    return asdict(read_metadata(path))


def _check(request: WriteRequest) -> None:
    """Raise for a precision that there is not, a network that ncnn cannot compute, or a missing package."""
    from esrgan_tf.formats.ncnn_files.runtime import check_installed
    from esrgan_tf.formats.ncnn_files.translation import translate

    check_one_of("precision", request.options.precision, PRECISIONS)
    check_installed("`format=ncnn`")
    translate(request.deployed[0])


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.ncnn_files.writer import write_ncnn

    yield write_ncnn(request)


FORMAT = Format(
    name="ncnn",
    title="a .param file of ncnn",
    suffixes=(".param",),
    open=_open,
    describe=_describe,
    write=_write,
    check=_check,
    options=("precision",),
)
