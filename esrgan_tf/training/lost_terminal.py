"""A run continues when its terminal is closed, or what it writes its lines to ends, such as `| head`."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

LOST = (errno.EIO, errno.EPIPE, errno.EBADF)  # of a terminal, a pipe, a descriptor that is no longer open


@contextmanager
def survives_lost_terminal() -> Iterator[None]:
    """Ignore the hang-up of a terminal (SIGHUP), and discard what is written to outputs that are gone.

    A handler of the caller's own stays. Whatever writes to `sys.stdout` and `sys.stderr` is covered: log lines, the
    bar, callbacks, warnings. That the disk of an output is full is an error as ever.
    """
    before = signal.getsignal(signal.SIGHUP)
    outputs = sys.stdout, sys.stderr
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.stdout, sys.stderr = map(_Lasting, outputs)
    try:
        yield
    finally:
        written = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = outputs
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, before)
        for output in written:
            output.flush()  # or the process would find out at its end


class _Lasting:
    """A text output that discards what it is given once what it writes to is gone; `None` is one that is gone."""

    def __init__(self, output: TextIO | None):
        self._output = output

    def write(self, text: str) -> int:
        """Write, or discard."""
        self._unless_lost("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush, or discard what is left."""
        self._unless_lost("flush")

    def isatty(self) -> bool:
        """Whether it is a terminal that is still there."""
        return self._output is not None and self._output.isatty()

    def __getattr__(self, name: str) -> Any:
        """What else an output has, such as its encoding."""
        return getattr(self._output, name)

    def _unless_lost(self, method: str, *arguments: str) -> None:
        """Call a method of the output; where that is gone, everything that writes to its descriptor is discarded."""
        if self._output is None:
            return
        try:
            getattr(self._output, method)(*arguments)
        except OSError as error:
            if error.errno not in LOST:
                raise
            with suppress(OSError), open(os.devnull, "w") as nowhere:  # an output may have no descriptor
                os.dup2(nowhere.fileno(), self._output.fileno())  # what is in its buffers, too
