"""A folder that one process works in at a time."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from esrgan_tf.errors import InputError

_FILE = ".lock"


@contextlib.contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder, which is created where missing, until the block ends.

    The system lets go of the lock when its process ends, however it ends: no lock is ever stale. Where the system has
    no such locks (Windows), nothing is held.

    Args:
        folder: on a disk of this machine, or on a network's that passes locks on.
        what: how the folder is named in the message.

    Raises:
        InputError: another process holds it, which is named.
        OSError: the folder cannot be created or written to.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILE
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise InputError(
                f"{what} is in use by {file.read() or 'another process'}: wait for it, or end it."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
