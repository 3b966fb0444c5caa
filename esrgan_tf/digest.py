"""SHA-256 of files of any size."""

import hashlib
from pathlib import Path

_CHUNK = 2**20  # bytes read at a time


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    found = hashlib.sha256()  # hashlib.file_digest came with Python 3.11
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
