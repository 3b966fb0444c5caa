"""Generators run by ONNX Runtime (`pip install '.[onnx]'`)."""

from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import METADATA, GeneratorMetadata


def onnx_network(path: str | Path) -> Network:
    """An `.onnx` file written by `esrgan export` as a network.

    Raises:
        InputError: the file cannot be loaded, has no metadata, or ONNX Runtime is not installed.
    """
    session = _open_session(path)
    metadata = _metadata(session, path)
    (source,) = session.get_inputs()

    def run(rgb_01: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {source.name: rgb_01[None]})[0][0]
        except Exception as error:  # its exceptions share no base class but this
            if "alloc" in str(error):
                raise MemoryError from error
            raise InputError(f"`{path}` cannot be run by ONNX Runtime: {first_line(error)}") from error

    return Network(metadata, run, str(path))


def read_metadata(path: str | Path) -> GeneratorMetadata:
    """The metadata of an `.onnx` file.

    Raises:
        InputError: as `onnx_network`.
    """
    return _metadata(_open_session(path), path)


def _open_session(path: str | Path):
    """ONNX Runtime's session of a file, on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"`{path}` needs ONNX Runtime: pip install 'esrgan_tf[onnx]'.") from error
    if not Path(path).is_file():
        raise InputError(f"`{path}` cannot be read: no such file.")
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class but this
        raise InputError(f"`{path}` cannot be loaded by ONNX Runtime: {first_line(error)}") from error


def _metadata(session, path: str | Path) -> GeneratorMetadata:
    """The generator's metadata among a session's properties."""
    return GeneratorMetadata.from_json(session.get_modelmeta().custom_metadata_map.get(METADATA, ""), str(path))
