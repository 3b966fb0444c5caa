"""Which images there are, and where each output goes: of a folder, or of a list in a file."""

import csv
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path, PurePath

from esrgan_tf.errors import InputError
from esrgan_tf.image.io import IMAGE_SUFFIXES
from esrgan_tf.inference.jobs import Job, Naming, Source, find_sources, plan_jobs

LISTS = (".csv", ".parquet")
SOURCE, TARGET = "source", "target"  # columns


def find_jobs(source: Path, output: Path, suffix: str | None = None) -> list[Job]:
    """Every image, with an output of its own.

    Args:
        source: a folder, of which all images are taken, those of subfolders as well; or a `.csv` or `.parquet` with the
            column `source` (paths, absolute or from the list's folder) and perhaps `target` (paths in `output`).
        output: the folder of the outputs. It keeps the tree of the folder, or of the list's relative paths; an absolute
            path is kept whole below it.
        suffix: such as ".png", where there are no targets; `None` keeps each source's own.

    Raises:
        InputError: there are no images, `output` is `source`, a list lacks a column, names a source twice or one target
            for two, or a target that lies outside `output` or is no image's.
    """
    source, output = source.absolute(), output.absolute()
    if source.suffix.lower() not in LISTS or source.is_dir():
        if not source.is_dir():
            raise InputError(f"`input` must be a folder, a .csv or a .parquet. Received: {source}.")
        if source.resolve() == output.resolve():
            raise InputError(f"`output` must be another folder than `input`. Received: {output}.")
        return plan_jobs(find_sources([str(source)], recursive=True), Naming(str(output), suffix=suffix))
    columns = _read_csv(source) if source.suffix.lower() == ".csv" else _read_parquet(source)
    if SOURCE not in columns or not columns[SOURCE]:
        raise InputError(f"`input` {source} must have a column {SOURCE} with rows. Received: {', '.join(columns)}.")
    paths = [_path_in(source.parent, name) for name in columns[SOURCE]]
    _check_distinct(paths, f"`input` {source} must name each {SOURCE} once")
    if TARGET not in columns:
        return plan_jobs([_source(path, source.parent) for path in paths], Naming(str(output), suffix=suffix))
    if suffix:
        raise InputError(f"`format` must be left out for a list with a column {TARGET}. Received: {suffix[1:]}.")
    targets = [_target(output, name) for name in columns[TARGET]]
    _check_distinct(targets, f"`input` {source} must have a {TARGET} of its own for each {SOURCE}")
    _check_distinct([*paths, *targets], f"`input` {source} must have no {SOURCE} as a {TARGET}")
    return [Job(*pair) for pair in zip(paths, targets, strict=True)]


def _read_csv(path: Path) -> dict[str, list[str]]:
    """The columns that are known, of a CSV file with a header."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            columns = {name: [] for name in header if name in (SOURCE, TARGET)}
            for row in rows:
                for name, value in zip_longest(header, row, fillvalue=""):
                    if name in columns and row:
                        columns[name].append(value)
    except (OSError, csv.Error) as error:
        raise InputError(f"`input` {path} cannot be read: {error}.") from error
    return columns or dict.fromkeys(header, [])


def _read_parquet(path: Path) -> dict[str, list[str]]:
    """The columns that are known, of a Parquet file."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(f"`input` {path} takes pyarrow: pip install 'esrgan_tf[bulk]', or give a .csv.") from error
    try:
        names = pyarrow.parquet.read_schema(path).names
        known = [name for name in (SOURCE, TARGET) if name in names]
        columns = pyarrow.parquet.read_table(path, columns=known).to_pydict()
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"`input` {path} cannot be read: {str(error).splitlines()[0]}") from error
    return columns or dict.fromkeys(names, [])


def _path_in(folder: Path, name: str | None) -> Path:
    """A source as an absolute path."""
    if not name:
        raise InputError(f"`input` must have a {SOURCE} in each row. Received one that is empty.")
    return folder / name


def _source(path: Path, folder: Path) -> Source:
    """A listed image; its place is kept below the list's folder, or below the disk's root."""
    inside = path.is_relative_to(folder) and ".." not in path.parts
    if not inside:
        path = path.resolve()
    return Source(path, folder if inside else Path(path.anchor))


def _target(output: Path, name: str | None) -> Path:
    """An output that a list names."""
    place = PurePath(name or "")
    if place.is_absolute() or ".." in place.parts or place.suffix.lower() not in IMAGE_SUFFIXES:
        raise InputError(
            f"`input` must have a {TARGET} in each row that ends in one of {', '.join(IMAGE_SUFFIXES)} and lies in the "
            f"folder of the outputs. Received: {name or 'one that is empty'}."
        )
    return output / place


def _check_distinct(paths: Iterable[Path], message: str) -> None:
    """Refuse a path that is there twice."""
    for path in _repeated(paths):
        raise InputError(f"{message}. Received twice: {path}.")


def _repeated(paths: Iterable[Path]) -> Iterator[Path]:
    """Paths that were there before."""
    seen: set[Path] = set()
    for path in paths:
        if path in seen:
            yield path
        seen.add(path)
