"""Generators run by LiteRT: needs `ai_edge_litert`, NumPy and Pillow, and imports no TensorFlow."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from esrgan_tf import compat
from esrgan_tf.cpu import usable_cores
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.network import Network
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.metadata import METADATA, GeneratorMetadata

IDENTIFIER = b"TFL3"  # bytes 4 to 8 of every LiteRT file
OUT_OF_MEMORY = "failed to reshape runtime"  # XNNPACK's word for it; LiteRT itself has none


def open_interpreter(path: str | Path):
    """LiteRT's interpreter of a file, on all cores, ready to run.

    Raises:
        InputError: the file cannot be read, or LiteRT does not load it.
        MemoryError: there is too little for it.
    """
    from ai_edge_litert.interpreter import Interpreter

    _read(path)
    with _refusals_named(f"`{path}` cannot be loaded by LiteRT"):
        interpreter = Interpreter(str(path), num_threads=usable_cores())
        interpreter.allocate_tensors()
    return interpreter


def litert_network(path: str | Path) -> Network:
    """A `.tflite` file written by `esrgan export` as a network.

    Raises:
        InputError: the file is none, or has no metadata.
    """
    metadata = read_metadata(path)
    interpreter = open_interpreter(path)
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    integers = source["dtype"] == np.uint8

    def run(rgb_01: np.ndarray) -> np.ndarray:
        nonlocal interpreter
        interpreter = interpreter or open_interpreter(path)
        if metadata.tile is None:
            try:
                _take_size(interpreter, source["index"], rgb_01.shape, path)
            except MemoryError:
                interpreter = None  # one that has failed would crash the process some sizes later
                raise
        interpreter.set_tensor(source["index"], (to_uint8(rgb_01) if integers else rgb_01)[None])
        interpreter.invoke()
        output = interpreter.get_tensor(target["index"])[0]
        return to_float(output) if integers else output

    return Network(metadata, run, str(path))


def _take_size(interpreter, index: int, shape: tuple[int, ...], path: str | Path) -> None:
    """Prepare a file that takes any size for one, unless it is the last one's.

    Raises:
        InputError: not this size.
        MemoryError: there is too little for it.
    """
    if tuple(interpreter.get_input_details()[0]["shape"]) == (1, *shape):
        return
    with _refusals_named(f"`{path}` cannot take {shape[1]} x {shape[0]} px"):
        interpreter.resize_tensor_input(index, (1, *shape))
        interpreter.allocate_tensors()


@contextmanager
def _refusals_named(refusal: str) -> Iterator[None]:
    """Raise InputError, or MemoryError where that is the cause, for what LiteRT raises."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if OUT_OF_MEMORY in str(error) or not str(error):
            raise MemoryError(first_line(error)) from error
        raise InputError(f"{refusal}: {first_line(error)}") from error


def read_metadata(path: str | Path) -> GeneratorMetadata:
    """The metadata of a `.tflite` file.

    Raises:
        InputError: the file is none, or has no metadata.
    """
    data = _read(path)
    try:
        model = compat.litert_model(data)
        entries = [model.Metadata(index) for index in range(model.MetadataLength())]
        found = [model.Buffers(entry.Buffer()) for entry in entries if entry.Name() == METADATA.encode()]
        text = found[0].DataAsNumpy().tobytes() if found else b""
    except (struct.error, ValueError, TypeError, AttributeError) as error:  # offsets that lead nowhere
        raise InputError(f"`{path}` must be a whole .tflite file. Received: a damaged one.") from error
    return GeneratorMetadata.from_json(text, str(path))


def _read(path: str | Path) -> bytes:
    """The bytes of a file that begins as LiteRT files do."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {error.strerror}.") from error
    if data[4:8] != IDENTIFIER:
        raise InputError(f"`{path}` must be a .tflite file. Received: {len(data)} bytes of something else.")
    return data
