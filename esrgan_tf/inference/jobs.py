"""Which image files are upscaled, and where each goes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import count
from pathlib import Path

from esrgan_tf.errors import InputError
from esrgan_tf.image.io import IMAGE_SUFFIXES, list_images
from esrgan_tf.image.reading import read_header

_SUFFIXES_TEXT = ", ".join(IMAGE_SUFFIXES)


@dataclass(frozen=True)
class Source:
    """An image file, and the folder below which its place is kept: that of the file, or the one that was named."""

    path: Path
    folder: Path


@dataclass(frozen=True)
class Job:
    """One image to upscale."""

    source: Path
    target: Path

    @property
    def comparison(self) -> Path:
        """Where its comparison goes."""
        return self.target.with_name(f"{self.target.stem}_compare.png")


@dataclass(frozen=True)
class Naming:
    """How outputs are named.

    Args:
        target: a file (for one source), or a folder where the sources' names and, below a named folder, their places
            are kept; `None` is beside each source, `label` added to its name.
        label: such as "_x4".
        suffix: such as ".png"; `None` keeps each source's own.
        compare: whether comparisons are written as well.
        skip_existing: leave out the jobs whose target is there.
    """

    target: str | None = None
    label: str = ""
    suffix: str | None = None
    compare: bool = False
    skip_existing: bool = False


def find_sources(inputs: Sequence[str], recursive: bool = False) -> list[Source]:
    """The image files that are named, each once, in that order.

    Args:
        inputs: files, folders, or globs such as `photos/*.jpg`.
        recursive: subfolders of folders as well.

    Raises:
        InputError: an input is not there, or has no images.
    """
    found: dict[Path, Source] = {}
    for name in inputs:
        for source in _sources_of(name, recursive):
            found.setdefault(source.path, source)
    return list(found.values())


def count_pixels(sources: Iterable[Source]) -> int:
    """Pixels of all sources together, by their headers; one that cannot be read counts none."""
    total = 0
    for source in sources:
        with suppress(InputError):
            header = read_header(source.path)
            total += header.width * header.height
    return total


def plan_jobs(sources: Sequence[Source], naming: Naming) -> list[Job]:
    """Where the output of each source goes. Two sources of one name get distinct ones: `a.png`, `a-2.png`.

    What an earlier run has written of the same sources is no source: beside them by its name, or in a folder for the
    outputs that lies in the one that is read.

    Raises:
        InputError: several sources for one file, a file whose suffix is no image's, or a target that is a source.
    """
    resolved = _Resolved()
    if naming.target is None:
        made = {source.path.with_name(f"{source.path.stem}{naming.label}") for source in sources}
        sources = [source for source in sources if not _made_before(source.path) & made]
        wanted = [source.path.with_name(_name(source, naming, naming.label)) for source in sources]
    elif _is_file(naming, sources):
        wanted = [Path(naming.target)]
    else:
        folder = Path(naming.target)
        sources = [source for source in sources if not _lies_below(source, folder, resolved)]
        places = [source.path.parent.relative_to(source.folder) for source in sources]
        wanted = [folder / place / _name(source, naming) for place, source in zip(places, sources, strict=True)]
    inputs, taken, jobs = {resolved(source.path) for source in sources}, set(), []
    for source, target in zip(sources, wanted, strict=True):
        for job in _alternatives(source.path, target):
            places = {resolved(place) for place in _places(job, naming)}
            if taken.isdisjoint(places):
                break
        if clash := inputs & places:
            raise InputError(f"`output` must not be an input itself. Received: {clash.pop()}.")
        taken |= places
        jobs.append(job)
    return [job for job in jobs if not (naming.skip_existing and job.target.exists())]


class _Resolved:
    """Paths with their symbolic links followed; a folder is followed once, since it may hold millions of files."""

    def __init__(self):
        self._folders: dict[Path, Path] = {}

    def __call__(self, file: Path) -> Path:
        """Follow a file's path."""
        followed = self.folder(file.parent) / file.name
        return followed.resolve() if followed.is_symlink() else followed

    def folder(self, path: Path) -> Path:
        """Follow a folder's path."""
        if path not in self._folders:
            self._folders[path] = path.resolve()
        return self._folders[path]


def _sources_of(name: str, recursive: bool) -> Iterator[Source]:
    """The image files that one input names."""
    path = Path(name)
    if path.is_file():
        yield Source(path, path.parent)
    elif path.is_dir():
        found = _images_below(path) if recursive else list_images(path)
        yield from (Source(image, path) for image in found)
    elif has_magic(name):
        found = sorted(match for match in map(Path, glob(name)) if match.suffix.lower() in IMAGE_SUFFIXES)
        if not found:
            raise InputError(f"`input` must match images ({_SUFFIXES_TEXT}). Received: {name}.")
        yield from (Source(image, image.parent) for image in found)
    else:
        raise InputError(f"`input` must be a file, a folder or a glob. Received: {name}, which is not there.")


def _images_below(folder: Path) -> list[Path]:
    """The image files of a folder and its subfolders, sorted; what is hidden is left out."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise InputError(f"`input` must hold images ({_SUFFIXES_TEXT}). Received: {folder}, which has none.")
    return found


def _made_before(path: Path) -> set[Path]:
    """What an image may be by its name, without its suffix: an output, or one with `-2` or `_compare` behind it."""
    stem = path.with_suffix("").name.removesuffix("_compare")
    return {path.with_name(name) for name in (path.with_suffix("").name, stem, re.sub(r"-\d+$", "", stem))}


def _lies_below(source: Source, folder: Path, resolved: _Resolved) -> bool:
    """Whether a source lies in a folder that is inside the one that was named."""
    folder = resolved.folder(folder)
    return folder != resolved.folder(source.folder) and resolved(source.path).is_relative_to(folder)


def _is_file(naming: Naming, sources: Sequence[Source]) -> bool:
    """Whether the target is a file's name rather than a folder's.

    Raises:
        InputError: it is, and cannot be the output.
    """
    target = Path(naming.target)
    if target.is_dir() or not target.suffix:
        return False
    if target.suffix.lower() not in IMAGE_SUFFIXES:
        if len(sources) == 1:
            raise InputError(f"`output` must end in one of {_SUFFIXES_TEXT}, or be a folder. Received: {target}.")
        return False
    if naming.suffix:
        raise InputError(f"`format` goes with a folder as `output`. Received: {target}.")
    if len(sources) > 1:
        raise InputError(f"`output` must be a folder for {len(sources)} images. Received: {target}.")
    return True


def _name(source: Source, naming: Naming, label: str = "") -> str:
    """The name of a source's output."""
    return f"{source.path.stem}{label}{naming.suffix or source.path.suffix}"


def _alternatives(source: Path, target: Path) -> Iterator[Job]:
    """Jobs of distinct targets, the wanted one first: `a.png`, `a-2.png`, `a-3.png`, ..."""
    yield Job(source, target)
    for number in count(2):
        yield Job(source, target.with_name(f"{target.stem}-{number}{target.suffix}"))


def _places(job: Job, naming: Naming) -> set[Path]:
    """The files that a job writes."""
    return {job.target, job.comparison} if naming.compare else {job.target}
