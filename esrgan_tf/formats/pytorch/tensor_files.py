"""Files of named tensors as PyTorch's world keeps them: `.pth` (needs PyTorch) and `.safetensors` (does not)."""

import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.pytorch import SAFETENSORS, SUFFIXES

# Of a `.pth`, best first: Real-ESRGAN's moving average, then BasicSR's own weights; older files are bare.
CONTAINERS = ("params_ema", "params")
WRITTEN_CONTAINER = "params"  # what BasicSR's and Real-ESRGAN's loaders read where there is no `params_ema`
PARALLEL_PREFIX = "module."  # of networks saved from inside DataParallel
CHILD = "import sys; sys.path[:] = sys.argv[1:]; from esrgan_tf.formats.pytorch.tensor_files import answer; answer()"
GIT_LFS_POINTER = b"version https://git-lfs"


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Read every tensor of a file.

    Args:
        path: a `.pth` (of tensors alone, bare or inside `params_ema` or `params`) or a `.safetensors`.

    Returns:
        Arrays by name, as they lie in the file but for half precision, which becomes float32.

    Raises:
        InputError: the file is none of those, is damaged, holds anything but tensors, or PyTorch is not installed.
    """
    path = Path(path)
    _check_is_weights(path)
    loaded = _read_safetensors(path) if path.suffix.lower() == SAFETENSORS else _beside_torch(_unpickle, path)
    tensors = _unwrapped(loaded, path)
    for name, tensor in tensors.items():
        if not isinstance(tensor, np.ndarray):
            raise InputError(
                f"`{path}` must hold nothing but named tensors. Received: {name} of type {type(tensor).__name__}."
            )
    if not tensors:
        raise InputError(f"`{path}` must hold named tensors. Received: none.")
    return {name.removeprefix(PARALLEL_PREFIX): tensor for name, tensor in tensors.items()}


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write tensors; the file appears whole or not at all.

    Args:
        path: ends in `.pth` or `.pt` (tensors inside `params`, as BasicSR writes them) or `.safetensors` (bare).
        tensors: arrays by name.

    Raises:
        InputError: `.pth`, and PyTorch is not installed.
        OSError: the file cannot be written.
    """
    path = Path(path)
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    if path.suffix.lower() == SAFETENSORS:
        from safetensors.numpy import save

        with replacing(path) as temporary:
            # Not `save_file`, whose files only their owner can read.
            temporary.write_bytes(save(contiguous, metadata={"format": "pt"}))
        return
    with replacing(path) as temporary:
        _beside_torch(_pickle, temporary, contiguous)


def _check_is_weights(path: Path) -> None:
    """Raise for what is no file of weights at all: a missing one, a web page, a git-lfs pointer."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"`{path}` must end in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise InputError(f"`{path}` must be a file of weights. Received: a path where there is none.")
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise InputError(f"`{path}` must be a file of weights. Received: an empty file; download it again.")
    if start.startswith(GIT_LFS_POINTER):
        raise InputError(f"`{path}` is a git-lfs pointer, not the weights themselves: run `git lfs pull`.")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise InputError(
            f"`{path}` is a web page, not weights: open the link in a browser and download the file itself."
        )
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):  # a zip's list of contents is at its end
        raise InputError(f"`{path}` is truncated: download it again.")


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of a `.safetensors`; half precision as float32."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        return {name: _single(tensor) for name, tensor in tensors.items()}
    except (SafetensorError, OSError, TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"`{path}` is no safetensors file, or a truncated one ({first_line(error)}): download it again."
        ) from error


def _single(tensor: np.ndarray) -> np.ndarray:
    """Half precision (float16, bfloat16) as float32, everything else as it is."""
    half = tensor.dtype.itemsize == 2 and tensor.dtype.kind not in "iu"
    return tensor.astype(np.float32) if half else tensor


def _beside_torch(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that imports PyTorch, in a process of its own: TensorFlow and it together take 1 GB."""
    if "torch" in sys.modules:
        return function(*arguments)
    # Not by `multiprocessing`, which would run a script's unguarded main part a second time.
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *sys.path],
        input=pickle.dumps((function, arguments)),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise OSError(f"reading or writing {arguments[0]} with PyTorch ended with exit status {done.returncode}")
    result = pickle.loads(done.stdout)
    if isinstance(result, Exception):
        raise result
    return result


def answer() -> None:
    """The child's side of `_beside_torch`: a call on standard input, its result or error on standard output."""
    function, arguments = pickle.load(sys.stdin.buffer)
    try:
        result = function(*arguments)
    except (InputError, OSError) as error:
        result = error
    pickle.dump(result, sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


def _unpickle(path: Path) -> Any:
    """What a `.pth` holds, its tensors as arrays; nothing in it is ever run."""
    torch = _import_torch(path)
    try:
        return _as_arrays(torch.load(path, map_location="cpu", weights_only=True), torch)
    except pickle.UnpicklingError as error:
        refused = re.search(r"(?:GLOBAL|function|class) `?([\w.]+\.[\w.]+)", str(error))
        if not refused:
            raise InputError(f"`{path}` is no PyTorch file, or a damaged one: download it again.") from error
        raise InputError(
            f"`{path}` holds more than tensors ({refused[1]}), which could run code when it is read: refused. "
            "Save its state_dict alone."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, OSError) as error:
        raise InputError(
            f"`{path}` is no PyTorch file, or a truncated one ({first_line(error)}): download it again."
        ) from error


def _pickle(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write a `.pth` as BasicSR does."""
    torch = _import_torch(path)
    torch.save({WRITTEN_CONTAINER: {name: torch.from_numpy(a) for name, a in tensors.items()}}, path)


def _as_arrays(value: Any, torch: Any) -> Any:
    """PyTorch's tensors as arrays, in nested dictionaries too; half precision as float32."""
    if isinstance(value, dict):
        return {str(name): _as_arrays(item, torch) for name, item in value.items()}
    if isinstance(value, torch.Tensor):
        half = value.dtype in (torch.float16, torch.bfloat16)
        return (value.detach().float() if half else value.detach()).numpy()
    return value


def _unwrapped(loaded: Any, path: Path) -> dict[str, Any]:
    """The tensors inside `params_ema` or `params`, or all of them."""
    if not isinstance(loaded, dict):
        raise InputError(
            f"`{path}` must hold named tensors, a state_dict. Received: something of type {type(loaded).__name__}."
        )
    for container in CONTAINERS:
        inner = loaded.get(container)
        if isinstance(inner, dict):
            extra = [name for name in loaded if name not in CONTAINERS]
            if extra:
                raise InputError(f"`{path}` must hold nothing beside {container}. Received: {', '.join(extra[:5])}.")
            return inner
    return loaded


def _import_torch(path: Path) -> Any:
    """PyTorch, or a line that says how to come by it."""
    try:
        import torch
    except ImportError as error:
        raise InputError(
            f"a {path.suffix} file needs PyTorch: run `pip install 'esrgan_tf[convert]'`, or use a .safetensors file, "
            "which does not need it."
        ) from error
    return torch
