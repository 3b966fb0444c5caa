"""Files that are either complete or not there: every writer of the package goes through here."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrgan_tf.errors import InputError

_TOKEN_BYTES = 6


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the place of `path` when the block succeeds.

    The temporary file lies in the folder of `path` (created where missing), its name starts with a
    dot and ends like that of `path`. When the block raises, it is removed and `path` stays as it
    was. A symbolic link is followed. Nothing is synced: a power cut is not covered.

    Args:
        path: The file to write or to replace.

    Yields:
        The path to write the new content to.

    Raises:
        InputError: `path` is there and no plain file, or its folder cannot be created.
        OSError: The system refused the write (disk full, no permission); names `path`.
    """
    # Without `resolve` the rename would replace a symbolic link rather than the file behind it.
    target = Path(path).resolve()
    # A rename over a folder fails late; over a device such as /dev/null it would destroy the device.
    if target.exists() and not target.is_file():
        raise InputError(f"`{path}` must be a file or not yet exist. Received a folder or a device.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"`{path}` cannot be written: its folder cannot be created ({error.strerror}). "
            "Give a path in a folder that can be written to."
        ) from error
    # The end of the name is kept because writers choose the format by it (".weights.h5"); only the
    # end, because the longer name has to stay within the 255 bytes of a file name.
    temporary = target.with_name(f".{secrets.token_hex(_TOKEN_BYTES)}-{target.name[-48:]}")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        # A full disk is reported without a name or with the temporary one: neither helps.
        if isinstance(error, OSError) and str(error.filename) in ("None", str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def remove_partial(folder: Path, *names: str) -> None:
    """Remove the temporary files that a killed process left of its writes into a folder.

    Args:
        folder: in which nobody writes these files now.
        names: of the files that were to be written, as patterns of `Path.glob`; of at most 48 characters.
    """
    for name in names:
        for path in folder.glob(f".{'[0-9a-f]' * (2 * _TOKEN_BYTES)}-{name}"):
            path.unlink()
