"""OpenVINO's IR, an `.xml` beside its `.bin`: write, run by OpenVINO."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from esrgan_tf.errors import check_one_of
from esrgan_tf.formats.format import Artifact, Format, WriteOptions, WriteRequest
from esrgan_tf.formats.network import Network

PRECISIONS = ("float32", "bfloat16", "int8")


def _open(path: Path, alpha: float | None) -> Network:
    from esrgan_tf.formats.openvino_ir.runtime import openvino_network

    return openvino_network(path)


def _describe(path: Path) -> dict[str, object]:
    from esrgan_tf.formats.openvino_ir.runtime import read_metadata

    return asdict(read_metadata(path))


def _check(request: WriteRequest) -> None:
    """Raise for a precision that there is not, or a package that is missing."""
    from esrgan_tf.formats.openvino_ir.writer import check_can_write

    check_one_of("precision", request.options.precision, PRECISIONS)
    check_can_write(request.options.precision)


def _calibrates(options: WriteOptions) -> bool:
    return options.precision == "int8"


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.openvino_ir.writer import write_openvino

    yield write_openvino(request)


FORMAT = Format(
    name="openvino",
    title="an .xml file of OpenVINO",
    suffixes=(".xml",),
    open=_open,
    describe=_describe,
    write=_write,
    check=_check,
    options=("precision",),
    calibrates=_calibrates,
)
