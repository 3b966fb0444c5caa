"""Worker processes on this machine that train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from support.paths import ROOT, TESTS


def free_addresses(count: int) -> list[str]:
    """Ports of this machine on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def start_workers(commands: Sequence[Sequence[str]], logs: Path) -> list[subprocess.Popen]:
    """Start a Python process a worker, each with its TF_CONFIG; what it prints is in `logs`/worker_N.log.

    Args:
        commands: the arguments of each worker's Python.
        logs: a folder.
    """
    addresses = free_addresses(len(commands))
    return [start_worker(command, addresses, index, logs) for index, command in enumerate(commands)]


def start_worker(command: Sequence[str], addresses: list[str], index: int, logs: Path) -> subprocess.Popen:
    """Start the worker of that index alone, as `start_workers` does."""
    task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(TESTS)]),
        "TF_CONFIG": json.dumps(task),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    with open(logs / f"worker_{index}.log", "a") as log:
        return subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=subprocess.STDOUT)


def ended(processes: Sequence[subprocess.Popen], seconds: float = 500, others: float = 60) -> list[int]:
    """The exit status of each, -SIGKILL for one that had to be ended.

    Args:
        processes: as `start_workers` gives them.
        seconds: until the first of them has ended.
        others: seconds that the others have from then on.
    """
    until = time.monotonic() + seconds
    while all(process.poll() is None for process in processes) and time.monotonic() < until:
        time.sleep(0.2)
    until = time.monotonic() + others
    while any(process.poll() is None for process in processes) and time.monotonic() < until:
        time.sleep(0.2)
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
    return [process.wait() for process in processes]
