"""`.onnx`: write, run by ONNX Runtime."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from esrgan_tf.formats.format import Artifact, Format, WriteRequest
from esrgan_tf.formats.network import Network


def _open(path: Path, alpha: float | None) -> Network:
    from esrgan_tf.formats.onnx_file.runtime import onnx_network

    return onnx_network(path)


def _describe(path: Path) -> dict[str, object]:
    from esrgan_tf.formats.onnx_file.runtime import read_metadata

    return asdict(read_metadata(path))


def _write(request: WriteRequest) -> Iterator[Artifact]:
    from esrgan_tf.formats.onnx_file.writer import write_onnx

    path = request.folder / f"{request.metadata.name}.onnx"
    write_onnx(request.deployed[0], request.metadata, path)
    yield Artifact(path, request.metadata)


FORMAT = Format(name="onnx", title="an .onnx file", suffixes=(".onnx",), open=_open, describe=_describe, write=_write)
