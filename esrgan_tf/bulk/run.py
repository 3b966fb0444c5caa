"""A run over one shard: what is left to do by the manifest, and the rows of what is done."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from esrgan_tf.atomic import replacing
from esrgan_tf.bulk.manifest import MANIFEST, Row, Shard, ShardRows, read_manifest
from esrgan_tf.bulk.worker import Order
from esrgan_tf.errors import InputError
from esrgan_tf.inference.files import FileOptions
from esrgan_tf.inference.jobs import Job
from esrgan_tf.lock import held

SETTINGS = "settings.json"
_STAGING = ".staging"

# Takes jobs and what holds for all of them, gives a row for each: a `Worker`, or several on a cluster.
Process = Callable[[list[Job], Order], Iterable[Row]]


@dataclass(frozen=True)
class BulkOptions:
    """What is done, and how outputs are written.

    Args:
        files: how outputs are written.
        model: names what upscales, in a word that another model does not have.
        shard: the part of the images that is taken.
        retry_failed: upscale again what has failed.
        overwrite: upscale again what is done, and take over outputs of other settings.
        limit: images at most; `None` is all.
    """

    files: FileOptions = field(default_factory=FileOptions)
    model: str = ""
    shard: Shard = Shard()
    retry_failed: bool = False
    overwrite: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class Pending:
    """What is left to do of a shard.

    Args:
        jobs: to do.
        done: number of images whose outputs are there.
        failed: number of images that have failed before, and are not tried again.
    """

    jobs: list[Job]
    done: int
    failed: int


class BulkRun:
    """One process at work on one shard of the images.

    Args:
        jobs: of all shards, as `find_jobs` gives them.
        output: the folder of the outputs.
        options: what is done.
    """

    def __init__(self, jobs: list[Job], output: Path, options: BulkOptions):
        self._output, self._options = output.absolute(), options
        self._sources = {str(job.source) for job in jobs}
        self._jobs = [job for job in jobs if options.shard.has(self._place(job))]

    def run(
        self, process: Process, on_pending: Callable[[Pending], None], on_row: Callable[[Row], None] = lambda row: None
    ) -> int:
        """Do what is left to do.

        Args:
            process: upscales.
            on_pending: is told once what there is to do.
            on_row: is told each image that is done, or has failed, when its row is in the manifest.

        Returns:
            The number of images that have failed, before or now.

        Raises:
            InputError: another process is at work on the shard, or the folder holds outputs of other settings or of
                another input.
            OSError: the system refuses to write.
        """
        folder, options = self._output / MANIFEST, self._options
        own = options.shard.folder(self._output)
        with held(own, f"`shard` {options.shard.index}/{options.shard.count} of {self._output}"):
            settings = _claimed(folder / SETTINGS, options)
            staging = own / _STAGING
            shutil.rmtree(staging, ignore_errors=True)  # what a kill has left
            with closing(ShardRows(own)) as rows:
                pending = self._pending(rows, settings)
                on_pending(pending)
                failed = pending.failed
                order = Order(self._output, staging, options.files, settings)
                try:
                    for row in process(pending.jobs, order) if pending.jobs else ():
                        rows.append(row)
                        failed += bool(row.error)
                        on_row(row)
                finally:
                    shutil.rmtree(staging, ignore_errors=True)
        return failed

    def _pending(self, rows: ShardRows, settings: str) -> Pending:
        """What the manifest does not have."""
        before = read_manifest(self._output, self._options.shard)
        self._check_owners(before)
        todo, done, failed = [], 0, 0
        for job in self._jobs:
            row = before.get(str(job.source))
            known = row is not None and (row.target, row.settings) == (str(self._place(job)), settings)
            if known and self._options.overwrite:
                rows.append(row._replace(settings="", error="to be upscaled again"))  # also if this run is killed
                known = False
            if known and row.error and not self._options.retry_failed:
                failed += 1
            elif known and not row.error and _bytes(job.target) == row.bytes:
                done += 1
            else:
                todo.append(job)
        return Pending(todo[: self._options.limit], done, failed)

    def _check_owners(self, before: dict[str, Row]) -> None:
        """Refuse to replace the output of an image that is not among the inputs."""
        owners = {row.target: row.source for row in before.values() if not row.error}
        for job in () if self._options.overwrite else self._jobs:
            owner = owners.get(str(self._place(job)), str(job.source))
            if owner not in self._sources:
                raise InputError(
                    f"`output` has {job.target} of another input, {owner}: give another folder, or --overwrite."
                )

    def _place(self, job: Job) -> Path:
        """A target below the folder of the outputs."""
        return job.target.relative_to(self._output)


def _claimed(path: Path, options: BulkOptions) -> str:
    """The name of the settings, once they are those of the folder.

    Raises:
        InputError: the folder's are others, and are not to be overwritten.
    """
    settings = json.loads(json.dumps({"model": options.model, **asdict(options.files)}))
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):  # none, or spoiled
        before = None
    if before != settings:
        if before is not None and not options.overwrite:
            different = [name for name, value in settings.items() if before.get(name) != value]
            raise InputError(
                f"`output` has images that were made with another {', '.join(different)} ({path}): "
                "give another folder, or --overwrite."
            )
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(settings, indent=1))
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


def _bytes(path: Path) -> int | None:
    """The size of a file; `None` where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None
