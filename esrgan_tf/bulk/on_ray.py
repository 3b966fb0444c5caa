"""Workers on a Ray cluster. Paths travel, not pixels; what comes back is rows, and the caller alone writes them.

Ray Data hands the work out: it starts a lost worker again, gives it what it had not handed back, and has no more under
way than a few batches a worker.
"""

import logging
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from esrgan_tf.bulk.manifest import Row
from esrgan_tf.bulk.worker import Order, Worker
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.image.reading import read_header
from esrgan_tf.inference.jobs import Job
from esrgan_tf.inference.upscaler import Upscaler

LISTED = 2048  # images whose headers a task reads, to cut them into batches
BATCH_PIXELS, BATCH_IMAGES = 2**20, 64  # at most, unless one image is larger: what a lost worker costs
OBJECT_STORE = 256 * 2**20  # bytes, of this machine alone: only paths and rows are in it
PAYLOAD = "payload"  # the column of every data set: pickled, for Arrow takes no names that are not UTF-8


@dataclass(frozen=True)
class Cluster:
    """Where the workers are.

    Args:
        address: `auto`, or `HOST:PORT`; `None` is this machine, for this run.
        workers: how many; `None` is one a machine.
        gpus: that each worker has of its own.
    """

    address: str | None = None
    workers: int | None = None
    gpus: float = 0


def upscale_on_ray(
    open_upscaler: Callable[[], Upscaler], cluster: Cluster, jobs: list[Job], order: Order
) -> Iterator[Row]:
    """Upscale images by workers, which read and write the files themselves.

    Args:
        open_upscaler: opens the generator in a worker's process: is pickled.
        cluster: where the workers are; its machines have this package, and the same files under the same paths.
        jobs: to do.
        order: what holds for all.

    Yields:
        A row for each image, as its batch is done.

    Raises:
        InputError: Ray is not installed or not there, or as `open_upscaler`.
        OSError: as `Worker.rows`.
    """
    with _connected(cluster.address) as ray:
        machines = [node["Resources"]["CPU"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        workers = cluster.workers or len(machines)
        share = sum(machines) / workers
        listed = [{PAYLOAD: pickle.dumps(jobs[first : first + LISTED])} for first in range(0, len(jobs), LISTED)]
        batches = ray.data.from_items(listed, override_num_blocks=len(listed)).flat_map(_batches, num_cpus=0)
        # Each reserves half of its share only: those of a machine that is lost find room on the others.
        done = batches.map(
            _RayWorker,
            fn_constructor_args=(open_upscaler, order, max(1, int(share))),
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=share / 2,
            num_gpus=cluster.gpus,
        )
        try:
            for block in done.iter_batches(batch_size=None, prefetch_batches=0, batch_format="pyarrow"):
                for payload in block.column(PAYLOAD).to_pylist():
                    rows, error = pickle.loads(payload)
                    yield from rows
                    if error:
                        raise error
        except ray.exceptions.RayError as error:
            raise InputError(f"Ray has ended the run: {first_line(error)}") from error


class _RayWorker:
    """A process that opens the generator once, and upscales batches."""

    def __init__(self, open_upscaler: Callable[[], Upscaler], order: Order, threads: int):
        """Nothing is opened yet: an error here would have Ray start the process again, for ever."""
        self._open_upscaler, self._order, self._worker = open_upscaler, order, None
        os.environ["OMP_NUM_THREADS"] = str(threads)

    def __call__(self, batch: dict) -> dict:
        """Jobs to their rows, and the error that ends the run, where there is one."""
        rows, failure = [], None
        try:
            if self._worker is None:
                self._worker = Worker(self._open_upscaler(), self._order)
            rows.extend(self._worker.rows(pickle.loads(batch[PAYLOAD])))
        except (InputError, OSError) as error:
            failure = error
        return {PAYLOAD: pickle.dumps((rows, failure))}


def _batches(listed: dict) -> Iterator[dict]:
    """Jobs cut into batches of so many px and images."""
    batch, pixels = [], 0
    for job in pickle.loads(listed[PAYLOAD]):
        size = _pixels(job.source)
        if batch and (pixels + size > BATCH_PIXELS or len(batch) == BATCH_IMAGES):
            yield {PAYLOAD: pickle.dumps(batch)}
            batch, pixels = [], 0
        batch.append(job)
        pixels += size
    if batch:
        yield {PAYLOAD: pickle.dumps(batch)}


def _pixels(path: Path) -> int:
    """Of an image, by its header; one that cannot be read counts none."""
    with suppress(InputError):
        header = read_header(path)
        return header.width * header.height
    return 0


@contextmanager
def _connected(address: str | None):
    """Ray, quiet, with a block for every row: what is done comes back at once, and is lost at no one else's end.

    Raises:
        InputError: it is not installed, or the cluster is not there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError(
            "`workers` and `ray_address` take Ray: pip install 'esrgan_tf[bulk]', or use `shard`."
        ) from error
    if address and "://" in address:
        raise InputError(
            f"`ray_address` must be auto or HOST:PORT, on a machine that has the images. Received: {address}. From "
            "elsewhere: ray job submit -- esrgan bulk --ray_address=auto ..."
        )
    local = {} if address else {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
    try:
        ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **local)
    except (ConnectionError, ValueError) as error:
        raise InputError(
            f"`ray_address` must be that of a cluster. Received: {address}: {first_line(error)}"
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars, context.target_max_block_size = False, 1
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield ray
    finally:
        ray.shutdown()
