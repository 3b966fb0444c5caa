"""Compiled engines, kept between runs: a folder each in `esrgan_tf/engines` of the cache."""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import esrgan_tf
from esrgan_tf.cache import cache_folder
from esrgan_tf.cpu import cpu_flags

ENGINES = "engines"  # in the cache
DESCRIPTION = "engine.json"
UNFINISHED = "."  # begins the names of folders that are being written
MAX_BYTES = 2 * 2**30  # of all engines
DAY = 24 * 3600  # s


@dataclass(frozen=True)
class CompiledEngine:
    """One engine: its file or folder, of which generator, how compiled, and why Keras runs instead, where it does."""

    path: Path
    generator: str
    engine: str
    precision: str
    refused: str = ""


def engine_key(files: Sequence[Path], alpha: float | None, engine: str, precision: str, packages: Sequence[str]) -> str:
    """Names an engine by what it is compiled from: the weights' digest, engine, versions and CPU."""
    weights = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    versions = [esrgan_tf.__version__, *map(_version, packages)]
    made_from = repr((weights, alpha, engine, precision, versions, sorted(cpu_flags())))
    return hashlib.sha256(made_from.encode()).hexdigest()[:32]


def find(key: str) -> CompiledEngine | None:
    """A compiled engine, marked as used just now; `None` where there is none."""
    folder = cache_folder(ENGINES) / key
    compiled = _read(folder)
    with suppress(OSError):  # a cache that is only read
        os.utime(folder)
    return compiled


def keep(key: str, compile_into: Callable[[Path], CompiledEngine]) -> CompiledEngine:
    """Keep what is compiled into a folder; where another process was first, its engine is taken.

    Engines that were not used for longest are deleted while all of them together are larger than 2 GiB.

    Args:
        key: as `engine_key` gives it.
        compile_into: takes an empty folder, and describes what it has written there. What it raises leaves nothing.

    Raises:
        OSError: the system refuses to write.
    """
    folder = cache_folder(ENGINES) / key
    temporary = folder.with_name(f"{UNFINISHED}{secrets.token_hex(6)}-{key}")
    temporary.mkdir(parents=True)
    try:
        _describe(temporary, compile_into(temporary))
        try:
            temporary.rename(folder)
        except OSError:
            if not _read(folder):  # else another process was first
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _trim(folder)
    return find(key)


def remove(key: str) -> None:
    """Delete an engine, if it is there."""
    shutil.rmtree(cache_folder(ENGINES) / key, ignore_errors=True)


def entries() -> list[tuple[CompiledEngine, int]]:
    """Every engine and its bytes, the one used last first."""
    return [(compiled, _bytes(folder)) for folder in _folders() if (compiled := _read(folder))]


def _describe(folder: Path, compiled: CompiledEngine) -> None:
    """Write an engine's description, its path as one inside the folder."""
    fields = asdict(compiled) | {"path": str(compiled.path.relative_to(folder))}
    (folder / DESCRIPTION).write_text(json.dumps(fields, indent=2))


def _read(folder: Path) -> CompiledEngine | None:
    """The engine that a folder describes; `None` where it does not."""
    try:
        compiled = CompiledEngine(**json.loads((folder / DESCRIPTION).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return replace(compiled, path=folder / compiled.path)


def _folders(unfinished: bool = False) -> list[Path]:
    """The folders of engines, or of those that are being written; the one used last first."""
    root = cache_folder(ENGINES)
    found = [path for path in root.iterdir() if path.name.startswith(UNFINISHED) == unfinished] if root.is_dir() else []
    return sorted(found, key=_last_used, reverse=True)


def _trim(kept: Path) -> None:
    """Delete what was not used for longest until the rest fits, and what was never finished."""
    total = 0
    for folder in _folders():
        total += _bytes(folder)
        if total > MAX_BYTES and folder != kept:
            shutil.rmtree(folder, ignore_errors=True)
    for folder in _folders(unfinished=True):
        if _last_used(folder) < time.time() - DAY:
            shutil.rmtree(folder, ignore_errors=True)


def _last_used(folder: Path) -> float:
    """Seconds since the epoch; 0 where another process has just deleted it."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bytes(folder: Path) -> int:
    """Of all files in a folder that are still there."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _version(package: str) -> str:
    """A package and its version."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
