"""A folder that one process works in at a time."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from esrgan_tf.errors import InputError

_FILE = ".lock"
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder, which is created where missing, until the block ends.

    The system lets go of the lock when its process ends, however it ends: no lock is ever stale. Where the system or
    the disk has no such locks (Windows, some disks of clusters), nothing is held.

    Args:
        folder: on a disk of this machine, or on a network's that passes locks on.
        what: how the folder is named in the message.

    Raises:
        InputError: another process holds it, which is named.
        OSError: the folder cannot be created or written to.
    """
    try:
        import fcntl  # noqa: F401
    except ImportError:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILE
    try:
        file = _locked(path, what)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        yield
        return
    with file:
        with contextlib.suppress(OSError):  # a full disk is a matter of what is to be written there
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}".encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # while it is locked: `_locked` looks whether its file is still the one there


def _locked(path: Path, what: str) -> TextIO:
    """The opened file, locked.

    Raises:
        InputError: another process has locked it.
    """
    import fcntl

    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "another process"
            file.close()
            raise InputError(f"{what} is in use by {holder}: wait for it, or end it.") from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
