"""Generators run by ncnn on the CPU (`pip install '.[ncnn]'`)."""

import hashlib
from pathlib import Path

import numpy as np

from esrgan_tf.cpu import usable_cores
from esrgan_tf.errors import InputError
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import METADATA, GeneratorMetadata

INPUT, OUTPUT = "data", "output"
# What begins the two lines after those that ncnn reads: the metadata, and the SHA-256 of the `.bin`.
DESCRIPTION, DIGEST = f"# {METADATA}: ", "# sha256 of the weights: "
OUT_OF_MEMORY = -100
# Of a block of memory, what must be used of it to be used again: by ncnn's own choice, anything, large blocks are taken
# for small maps, and RRDB-23's peak is a third higher.
LEAST_USED = 0.5


def ncnn_network(path: str | Path) -> Network:
    """A `.param` file written by `esrgan export`, with the `.bin` beside it, as a network.

    Raises:
        InputError: one of the files is not there or damaged, has no metadata, or ncnn is not installed.
    """
    path = Path(path)
    lines = _read_lines(path)
    metadata = _metadata(lines, path)
    check_installed(f"`{path}`")
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise InputError(f"`{path}` needs its weights beside it, {weights.name}: no such file.")
    if hashlib.sha256(weights.read_bytes()).hexdigest() != _after(DIGEST, lines):
        raise InputError(f"`{weights}` must be what was written with {path.name}: its SHA-256 is another.")
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = usable_cores()
    net.opt.use_fp16_arithmetic = net.opt.use_fp16_storage = net.opt.use_fp16_packed = False
    if net.load_param(str(path)) or net.load_model(str(weights)):
        raise InputError(f"`{path}` cannot be loaded by ncnn.")

    maps, workspace = ncnn.PoolAllocator(), ncnn.PoolAllocator()
    for pool in (maps, workspace):
        pool.set_size_compare_ratio(LEAST_USED)

    def run(rgb_01: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(rgb_01.transpose(2, 0, 1))
        extractor = net.create_extractor()
        extractor.set_blob_allocator(maps)
        extractor.set_workspace_allocator(workspace)
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
    return _metadata(_read_lines(Path(path)), path)


def _read_lines(path: Path) -> list[str]:
    """Raises InputError for a file that cannot be read as text."""
    try:
        return path.read_text().splitlines()
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"`{path}` must be a text file of ncnn.") from error


def _metadata(lines: list[str], path: str | Path) -> GeneratorMetadata:
    return GeneratorMetadata.from_json(_after(DESCRIPTION, lines), str(path))


def _after(prefix: str, lines: list[str]) -> str:
    """The rest of the last two lines' one that begins so; empty where there is none."""
    return next((line.removeprefix(prefix) for line in lines[-2:] if line.startswith(prefix)), "")


def check_installed(what: str) -> None:
    """Raise unless ncnn is installed.

    Raises:
        InputError: it is not; `what` needs it.
    """
    try:
        import ncnn  # noqa: F401 - is it there?
    except ImportError as error:
        raise InputError(f"{what} needs ncnn: pip install 'esrgan_tf[ncnn]'.") from error
