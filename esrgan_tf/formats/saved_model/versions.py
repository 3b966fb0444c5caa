"""The folders of a SavedModel's versions, `<name>/<version>/`, as TF Serving watches them."""

import os
from pathlib import Path

from esrgan_tf.errors import InputError

SAVED_MODEL = "saved_model.pb"


def find_version(path: str | Path) -> Path | None:
    """The folder itself if it is a SavedModel, else its highest version as TF Serving counts them; `None`: neither."""
    path = Path(path)
    if (path / SAVED_MODEL).is_file():
        return path
    versions = [entry.parent for entry in path.glob(f"*/{SAVED_MODEL}") if entry.parent.name.isdecimal()]
    return max(versions, key=lambda folder: int(folder.name), default=None)


def next_version(base: Path, version: int | None = None) -> Path:
    """The folder of a new version of a model.

    Args:
        base: `<output>/<name>`, which TF Serving watches.
        version: `None` for the one after the highest.

    Raises:
        InputError: the version is there, or is none.
    """
    there = sorted(int(entry) for entry in (os.listdir(base) if base.is_dir() else []) if entry.isdecimal())
    if version is None:
        return base / str(there[-1] + 1 if there else 1)
    if version < 1 or version in there:
        raise InputError(
            f"`version` must be 1 or more and not yet in {base}, which has {there or 'none'}: leave it out for the "
            f"next one. Received: {version}."
        )
    return base / str(version)
