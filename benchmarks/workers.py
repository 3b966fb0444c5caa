"""A process of its own for everything that is measured: none has another's libraries, threads or memory."""

import atexit
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from esrgan_tf.errors import InputError

PAUSE = 0.3  # s before each measurement: threads of the last one go to sleep
FRESH = multiprocessing.get_context("spawn")
Measure = Callable[[Any], object]


class Worker:
    """A process that measures when it is asked to; one works at a time."""

    def __init__(self, name: str, prepare: Callable[[], Measure]):
        """Start a process, which prepares itself beside the others.

        Args:
            name: for people.
            prepare: called in the process, and what it gives, with every question; both must be picklable by name.
                It raises ImportError or InputError where the process cannot measure.
        """
        self.name = name
        self._connection, theirs = FRESH.Pipe()
        self._process = FRESH.Process(target=_serve, args=(theirs, prepare))
        self._process.start()
        atexit.register(self._process.kill)  # it may have processes itself, which a daemon may not
        theirs.close()  # so that an end of the process is one of the connection

    @cached_property
    def lacks(self) -> str:
        """Why it cannot measure; empty where it can. Waits until it is prepared."""
        return self._answer()

    def measure(self, question: object = True) -> Any:
        """What the process finds.

        Args:
            question: for `Measure`; not `None`.
        """
        time.sleep(PAUSE)
        self._connection.send(question)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._connection.send(None)
        self._process.join(timeout=10)
        self._process.kill()

    def _answer(self) -> Any:
        """Receive, or end the program where the process has ended."""
        try:
            return self._connection.recv()
        except EOFError:
            sys.exit(f"{self.name}: its process has ended; what it wrote says why")


def start_workers(names: Iterable[str], prepare: Callable[[str], Measure]) -> dict[str, Worker]:
    """A worker for each name that can measure; of the others it is said what they lack.

    Args:
        names: of what is measured.
        prepare: takes a name; else as of `Worker`.
    """
    workers = {name: Worker(name, partial(prepare, name)) for name in names}
    for name, worker in workers.items():
        if worker.lacks:
            print(f"{name}: {worker.lacks}", file=sys.stderr)
    return {name: worker for name, worker in workers.items() if not worker.lacks}


def peak_mib() -> float:
    """Of this process so far. On Linux from /proc: what `getrusage` tells begins with the peak of the parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _serve(connection: Connection, prepare: Callable[[], Measure]) -> None:
    """Prepare, say what is lacking, then answer."""
    try:
        measure = prepare()
    except ImportError as error:
        connection.send(f"not installed ({error})")
        return
    except InputError as error:
        connection.send(str(error))
        return
    connection.send("")
    while (question := connection.recv()) is not None:
        connection.send(measure(question))
