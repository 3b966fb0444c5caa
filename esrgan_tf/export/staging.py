"""Everything in place together, or nothing."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from esrgan_tf.errors import InputError


@contextmanager
def staged(output: Path) -> Iterator[Path]:
    """A hidden folder in `output`, whose content takes its place there when the block succeeds, or vanishes.

    Files directly in it replace those of their name. A folder with files, such as a SavedModel's `<name>/<version>/`,
    is moved as one and replaces nothing.

    Args:
        output: made where it is not there.

    Raises:
        InputError: something that stays is in the way.
        OSError: the system refuses; then nothing has changed.
    """
    output.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".export-", dir=output))
    try:
        yield stage
        moves = [(path, output / path.relative_to(stage)) for path in _wholes(stage)]
        for path, target in moves:
            in_the_way = target.exists() and (path.is_dir() or target.is_dir())
            if in_the_way or (target.parent.exists() and not target.parent.is_dir()):
                raise InputError(f"`output` must leave room for {target}.")
        _move(moves, Path(tempfile.mkdtemp(dir=stage)))
    except OSError as error:
        if error.filename is None and error.errno:  # a full disk does not say where it is
            error.filename = str(output)
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _wholes(stage: Path) -> Iterator[Path]:
    """The files directly in a folder, and in it the outermost folders that hold files."""
    for path in stage.iterdir():
        if path.is_file() or any(inside.is_file() for inside in path.iterdir()):
            yield path
        else:
            yield from _wholes(path)


def _move(moves: Sequence[tuple[Path, Path]], aside: Path) -> None:
    """Rename each first path to the second; if one fails, undo all. `aside` keeps what is replaced."""
    with ExitStack() as undo:
        for index, (path, target) in enumerate(moves):
            if not target.parent.is_dir():
                target.parent.mkdir()
                undo.callback(target.parent.rmdir)
            if target.exists():
                replaced = target.replace(aside / str(index))
                undo.callback(replaced.replace, target)
            path.replace(target)
            undo.callback(target.replace, path)
        undo.pop_all()
