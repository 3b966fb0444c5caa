"""Generators run by ncnn on the CPU (`pip install '.[ncnn]'`)."""

import os
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import METADATA, GeneratorMetadata

INPUT, OUTPUT = "data", "output"
DESCRIPTION = f"# {METADATA}: "  # begins the last line, which is the metadata
OUT_OF_MEMORY = -100


def ncnn_network(path: str | Path) -> Network:
    """A `.param` file written by `esrgan export`, with the `.bin` beside it, as a network.

    Raises:
        InputError: one of the files is not there or damaged, has no metadata, or ncnn is not installed.
    """
    path = Path(path)
    metadata = read_metadata(path)
    check_installed(f"`{path}`")
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    net.opt.use_fp16_arithmetic = net.opt.use_fp16_storage = net.opt.use_fp16_packed = False
    if not path.with_suffix(".bin").is_file():
        raise InputError(f"`{path}` needs its weights beside it, {path.with_suffix('.bin').name}: no such file.")
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise InputError(f"`{path}` and its .bin must be whole files of ncnn.")

    def run(rgb_01: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(rgb_01.transpose(2, 0, 1))
        extractor = net.create_extractor()
        extractor.input(INPUT, ncnn.Mat(image).clone())  # of its own: a layer may compute in place
        status, output = extractor.extract(OUTPUT)
        if status == OUT_OF_MEMORY:
            raise MemoryError
        if status:
            raise InputError(f"`{path}` cannot be run by ncnn on {image.shape[2]} x {image.shape[1]} px.")
        return np.array(output).transpose(1, 2, 0)

    return Network(metadata, run, str(path))


def read_metadata(path: str | Path) -> GeneratorMetadata:
    """The metadata of a `.param` file, read without ncnn.

    Raises:
        InputError: it cannot be read, or has none.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"`{path}` must be a text file of ncnn.") from error
    last = lines[-1] if lines else ""
    return GeneratorMetadata.from_json(last.removeprefix(DESCRIPTION), str(path))


def check_installed(what: str) -> None:
    """Raise unless ncnn is installed.

    Raises:
        InputError: it is not; `what` needs it.
    """
    try:
        import ncnn  # noqa: F401 - is it there?
    except ImportError as error:
        raise InputError(f"{what} needs ncnn: pip install 'esrgan_tf[ncnn]'.") from error
