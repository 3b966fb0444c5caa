"""Upscale millions of images; a run that was killed is resumed by the same line.

    esrgan bulk photos/ --output=upscaled                                   # this machine, one process
    esrgan bulk --input=LIST.csv --output=upscaled --shard=$SLURM_ARRAY_TASK_ID/64
    esrgan bulk --input=LIST.parquet --output=/shared/upscaled --ray_address=auto --workers=16

Every image gets a row in OUTPUT/manifest/: source, target, sizes, SHA-256, seconds, error. One that is damaged is such
a row too, and the exit status is then 1. What has a row and its output is done. Figures, and what breaks first, are in
docs/scale.md. Ray needs pip install 'esrgan_tf[bulk]'.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from absl import flags

from esrgan_tf.commands.command_line import FAILURE, SUCCESS, check_given, run_command, with_flags
from esrgan_tf.commands.generator_flags import GeneratorChoice, GeneratorFlags
from esrgan_tf.commands.image_flags import WritingFlags
from esrgan_tf.commands.plugins import load_plugins
from esrgan_tf.commands.progress import Pace, Progress
from esrgan_tf.errors import InputError

SHOWN_FAILURES = 20  # of perhaps thousands; the manifest has all

FLAGS = flags.FlagValues()
_GENERATOR = GeneratorFlags(FLAGS)
_INPUT = flags.DEFINE_string(
    "input",
    None,
    "A folder with its subfolders, or a .csv or .parquet with a column source and perhaps target. Also by position.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string("output", None, "The folder of the outputs; keeps the tree.", flag_values=FLAGS)
_WRITTEN = WritingFlags(FLAGS)
_SHARD = flags.DEFINE_string(
    "shard", "0/1", "i/n: the part i, from 0, of n; by a checksum of the output's path.", flag_values=FLAGS
)
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Processes, by Ray. Default: one a machine of the cluster.", 1, None, FLAGS
)
_RAY_ADDRESS = flags.DEFINE_string(
    "ray_address", None, "A Ray cluster: auto, or HOST:PORT. Default, with --workers: this machine.", flag_values=FLAGS
)
_WORKER_GPUS = flags.DEFINE_float(
    "worker_gpus", 0, "GPUs that each of Ray's workers has of its own.", 0, None, flag_values=FLAGS
)
_RETRY_FAILED = flags.DEFINE_bool("retry_failed", False, "Try again what has failed before.", flag_values=FLAGS)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Upscale again what is done. Killed, it is resumed without this flag.", flag_values=FLAGS
)
_LIMIT = flags.DEFINE_integer("limit", None, "Images at most.", 1, None, FLAGS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_bulk, FLAGS, __doc__, sys.argv if argv is None else argv, positional=1)


def _bulk(source: str | None = None) -> int:
    """Flags to files."""
    if not (source or _INPUT.value) or (source and _INPUT.value):
        raise InputError("`--input` must be given once: a folder, a .csv or a .parquet.")
    check_given(_OUTPUT)
    from esrgan_tf.bulk.manifest import Shard
    from esrgan_tf.bulk.run import BulkOptions, BulkRun
    from esrgan_tf.bulk.sources import find_jobs

    progress, output = _WRITTEN.progress(), Path(_OUTPUT.value)
    options = BulkOptions(
        _WRITTEN.options(size=_GENERATOR.size),
        _GENERATOR.identity(),
        Shard.parse(_SHARD.value),
        _RETRY_FAILED.value,
        _OVERWRITE.value,
        _LIMIT.value,
    )
    jobs = find_jobs(Path(source or _INPUT.value), output, _WRITTEN.suffix)
    report = _Report(progress)
    failed = BulkRun(jobs, output, options).run(_process(progress), report.pending, report.row)
    report.end(failed)
    return FAILURE if failed else SUCCESS


def _process(progress: Progress):
    """What upscales: this process, or workers on Ray."""
    if _WORKERS.value or _RAY_ADDRESS.value:
        from esrgan_tf.bulk.on_ray import Cluster, upscale_on_ray

        cluster = Cluster(_RAY_ADDRESS.value, _WORKERS.value, _WORKER_GPUS.value)
        opening = partial(_open, _GENERATOR.choice().with_absolute_paths(), tuple(FLAGS["plugin"].value))
        return partial(upscale_on_ray, opening, cluster)
    from esrgan_tf.bulk.worker import Worker

    return lambda jobs, order: Worker(_GENERATOR.open(None, progress), order).rows(jobs)


def _open(choice: GeneratorChoice, plugins: tuple[str, ...]):
    """The generator, in a worker's process."""
    load_plugins(plugins)
    return choice.open(None, Progress(quiet=True))


class _Report:
    """Lines about a run."""

    def __init__(self, progress: Progress):
        self._progress, self._pace, self._failures = progress, None, 0

    def pending(self, pending) -> None:
        """What there is to do."""
        before = f"{pending.done} images are done already" + f", {pending.failed} have failed" * bool(pending.failed)
        self._progress.log(f"{before}; {len(pending.jobs)} to do")
        self._pace = Pace(len(pending.jobs))

    def row(self, row) -> None:
        """An image that is done, or has failed."""
        if row.error:
            self._failures += 1
            if self._failures <= SHOWN_FAILURES:
                self._progress.error(f"error: {with_flags(row.error, FLAGS)}")
            if self._failures == SHOWN_FAILURES:
                self._progress.error("others that fail are only counted here; the manifest has them")
        if line := self._pace.image_done(row.finished):
            self._progress.log(line)

    def end(self, failed: int) -> None:
        """Log the summary."""
        if self._pace.images:
            self._progress.log(self._pace.summary())
        if failed:
            self._progress.error(f"{failed} images failed; --retry_failed tries them again")
