"""Several worker processes that train as one: where they are, which one this is, and what they agree on."""

import functools
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from esrgan_tf.errors import InputError, TrainingStopped
from esrgan_tf.log import Log, print_line

TF_CONFIG = "TF_CONFIG"
# What TensorFlow raises on the other workers when one has died, is frozen or cannot be reached.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
ADDRESS_HINT = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Worker:
    """This process among those that train together.

    Args:
        index: from 0, which is the chief: it alone writes and logs.
        count: of all workers.
    """

    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes checkpoints, generators and logs."""
        return self.index == 0

    def share(self, batch: tf.Tensor) -> tf.Tensor:
        """This worker's equal part [batch / count, ...] of a whole batch [batch, ...]."""
        return batch if self.count == 1 else tf.split(batch, self.count)[self.index]


ALONE = Worker()


def multi_worker_strategy(log: Log = print_line) -> tf.distribute.Strategy:
    """The strategy of the workers that TF_CONFIG, or Slurm, names; waits until all of them are there.

    TensorFlow wants it made before anything is computed.

    Args:
        log: takes the line that names the workers which are waited for.

    Raises:
        InputError: TF_CONFIG is not set outside of Slurm, or is not what it must be.
    """
    if TF_CONFIG not in os.environ:
        if "SLURM_STEP_NUM_TASKS" not in os.environ:
            raise InputError(
                f"`strategy=multi_worker` must be given {TF_CONFIG}, such as {ADDRESS_HINT}, or run as a Slurm step."
            )
        os.environ[TF_CONFIG] = _config_of_slurm()
    config = _checked_config(os.environ[TF_CONFIG])
    log(f"waiting for all of {', '.join(config['cluster']['worker'])} (this is worker {config['task']['index']})")
    return _strategy_of_all_workers()


def worker_of(strategy: tf.distribute.Strategy) -> Worker:
    """Which worker of a strategy this process is; the only one, under any but `multi_worker_strategy`."""
    resolver = strategy.cluster_resolver
    if resolver is None:
        return ALONE
    return Worker(resolver.task_id, resolver.cluster_spec().num_tasks(resolver.task_type))


def gathered(strategy: tf.distribute.Strategy, values: np.ndarray) -> np.ndarray:
    """What every worker gives, in the order of their indices; all of them must call it at the same point.

    Args:
        strategy: whose workers take part.
        values: float64, of the same shape [...] on each.

    Returns:
        float64 [workers, ...].
    """
    worker = worker_of(strategy)
    if worker.count == 1:
        return values[None]
    rows = np.zeros((worker.count, *values.shape))
    rows[worker.index] = values
    # Zeros of all others are added, by the one replica of each worker that counts: no digit changes.
    found = _summed(strategy, tf.constant(rows))
    return strategy.experimental_local_results(found)[0].numpy()


def check_agreement(strategy: tf.distribute.Strategy, digest: str, step: int) -> None:
    """Raise unless every worker runs the same thing from the same step.

    Args:
        strategy: whose workers take part.
        digest: hexadecimal, of what this worker runs; its first 12 digits count.
        step: from which it starts.

    Raises:
        InputError: they differ.
    """
    own = np.array([int(digest[:12], 16), step], np.float64)  # below 2^53, which float64 holds exactly
    digests, steps = gathered(strategy, own).T
    if len(set(digests)) > 1:
        raise InputError("`strategy=multi_worker` must be given the same recipe, data and options on every worker.")
    if len(set(steps)) > 1:
        raise InputError(
            f"`workdir` must be a folder that all workers share. Received: they start from steps "
            f"{', '.join(str(int(step)) for step in steps)}."
        )


class StopAgreement:
    """Lets all workers stop after the same step where one of them is to stop."""

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy, self._pending = strategy, None

    def __call__(self, *requests: bool) -> tuple[bool, ...]:
        """Which of the requests any worker has made; of several workers, before the last step.

        What is asked for now is read after the next step, so that no step waits for the one before it to end.
        """
        if worker_of(self._strategy).count == 1:
            return requests
        pending, self._pending = self._pending, _summed(self._strategy, tf.constant(requests, tf.float64))
        if pending is None:
            return (False,) * len(requests)
        return tuple(bool(count) for count in self._strategy.experimental_local_results(pending)[0].numpy())


@contextmanager
def lost_workers_named(worker: Worker) -> Iterator[None]:
    """Turn what TensorFlow says where another worker is lost into one line."""
    try:
        yield
    except LOST as error:
        if worker.count == 1:
            raise
        lost = sorted(set(re.findall(r"/replica:\d+/task:(\d+)", str(error))) - {str(worker.index)})
        raise TrainingStopped(
            f"{'worker ' + ', '.join(lost) if lost else 'another worker'} does not answer any more: "
            f"start all {worker.count} workers again, the run resumes from its last checkpoint."
        ) from error


@functools.cache
def _strategy_of_all_workers() -> tf.distribute.Strategy:
    """One in a process. Ctrl-C ends the wait at once: Python's own handler would only act once TensorFlow returns."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        signal.signal(signal.SIGINT, before)


@tf.function(autograph=False)
def _summed(strategy: tf.distribute.Strategy, rows: tf.Tensor) -> tf.Tensor:
    """The sum of all workers' rows, on each replica; those of a worker's further replicas are left out."""

    def replica():
        context = tf.distribute.get_replica_context()
        place = tf.convert_to_tensor(context.replica_id_in_sync_group) % len(strategy.extended.worker_devices)
        return context.all_reduce("sum", tf.where(place == 0, rows, tf.zeros_like(rows)))

    return strategy.run(replica)


def _config_of_slurm() -> str:
    """TF_CONFIG of a Slurm step, by TensorFlow's own resolver."""
    tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
    # It wants to hand out GPUs, which Slurm has done already, and fails where there are none: it gets a number to be
    # content with.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    cluster = resolver.cluster_spec().as_dict()
    kind, index = resolver.get_task_info()
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


def _checked_config(text: str) -> dict[str, Any]:
    """What TF_CONFIG says; raises InputError unless it names workers, and this process as one of them."""
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        fits = task["type"] == "worker" and set(config["cluster"]) == {"worker"} and workers[int(task["index"])]
    except (ValueError, KeyError, TypeError, IndexError):
        fits = False
    if not fits:
        raise InputError(f"`{TF_CONFIG}` must be such as {ADDRESS_HINT}. Received: {text}.")
    return config
