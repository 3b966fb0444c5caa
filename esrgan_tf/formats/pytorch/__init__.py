"""`.pth` and `.safetensors`: published generators, and generators for tools that read those; layouts, transfer.

Networks that judge images, as losses and measures need them, lie in such files too: `conversion` makes `.keras` of all.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.errors import InputError
from esrgan_tf.formats.format import Artifact, Format, WriteRequest

if TYPE_CHECKING:
    import keras

PICKLED, SAFETENSORS = (".pth", ".pt"), ".safetensors"
SUFFIXES = (*PICKLED, SAFETENSORS)


def _load(path: Path, argument: str) -> "keras.Model":
    from esrgan_tf.formats.pytorch.generators import read_generator

    return read_generator(path, argument)


def _write(request: WriteRequest, suffix: str) -> Iterator[Artifact]:
    from esrgan_tf.formats.pytorch.generators import write_generator

    path = request.folder / f"{request.metadata.name}{suffix}"
    write_generator(request.generators[0], path, origin=request.metadata.name)
    yield Artifact(path, request.metadata)


def _write_pth(request: WriteRequest) -> Iterator[Artifact]:
    return _write(request, PICKLED[0])


def _write_safetensors(request: WriteRequest) -> Iterator[Artifact]:
    return _write(request, SAFETENSORS)


def _check_pth(request: WriteRequest) -> None:
    if find_spec("torch") is None:
        raise InputError("`format=pth` needs PyTorch: pip install 'esrgan_tf[convert]'.")


FORMATS = (
    Format(name="pth", title="a .pth file", suffixes=PICKLED, load=_load, write=_write_pth, check=_check_pth),
    Format(
        name="safetensors",
        title="a .safetensors file",
        suffixes=(SAFETENSORS,),
        load=_load,
        write=_write_safetensors,
    ),
)
