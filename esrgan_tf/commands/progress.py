"""What a command that upscales shows while it works: lines of what is done, and a bar where there is a terminal."""

import math
import sys
import time
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress:
    """Prints lines to standard output and, on a terminal, a bar with the time left to standard error."""

    def __init__(self, quiet: bool = False):
        """A bar comes with `start`.

        Args:
            quiet: print nothing but errors.
        """
        self._quiet, self._bar, self._lock = quiet, None, Lock()
        self._done, self._images = 0, 0

    def start(self, pixels: int, images: int) -> None:
        """Begin a bar over the work of some images, in px; nothing where standard error is no terminal."""
        if not self._quiet and sys.stderr.isatty():
            self._images = images
            self._bar = _bar(pixels, self._count())

    def advance(self, pixels: int) -> None:
        """So many px more are done; from any thread."""
        if self._bar is not None:
            with self._lock:
                self._bar.update(min(pixels, self._bar.total - self._bar.n))

    def image_done(self) -> None:
        """Another image is done, or has failed."""
        self._done += 1
        if self._bar is not None:
            with self._lock:
                self._bar.set_postfix_str(self._count())

    def log(self, line: str) -> None:
        """Print a line, above the bar."""
        if not self._quiet:
            self._print(line, sys.stdout)

    def error(self, line: str) -> None:
        """Print a line to standard error, above the bar."""
        self._print(line, sys.stderr)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print(self, line: str, stream: object) -> None:
        """Print a line at once, also where the output is a file."""
        if self._bar is None:
            print(line, file=stream, flush=True)
            return
        with self._lock:
            self._bar.write(line, file=stream)
            stream.flush()

    def _count(self) -> str:
        """How many images are done, where there are several."""
        return f"{self._done} of {self._images} images" if self._images > 1 else ""


class Pace:
    """How fast images are done, and how long the others will take; counted from the first one that is done.

    Args:
        images: to do.
        seconds: between lines.
    """

    def __init__(self, images: int, seconds: float = 10.0):
        self.images, self._seconds, self._done = images, seconds, 0
        self._first, self._latest, self._line_at = math.inf, 0.0, time.monotonic() + seconds

    def image_done(self, finished: float) -> str:
        """Count another image; a line where it is time for one.

        Args:
            finished: when, in seconds since the epoch: several may be reported at once.
        """
        self._done += 1
        self._first, self._latest = min(self._first, finished), max(self._latest, finished)
        if time.monotonic() < self._line_at:
            return ""
        self._line_at = time.monotonic() + self._seconds
        left = timedelta(seconds=round((self.images - self._done) / self._rate()))
        return f"{self._done} of {self.images} images, {self._rate():.1f} a second, {left} left"

    def summary(self) -> str:
        """A line about all."""
        rate = f", {self._rate():.1f} a second" if self._done > 1 else ""
        return f"{self._done} of {self.images} images{rate}"

    def _rate(self) -> float:
        """Images a second."""
        return max(self._done - 1, 1) / max(self._latest - self._first, 1e-3)


def _bar(pixels: int, text: str) -> "tqdm":
    """A bar over some px with a text behind it, which goes when it is closed."""
    from tqdm import tqdm

    form = "{percentage:3.0f} % |{bar}| {remaining} left{postfix}"
    return tqdm(
        total=pixels, postfix=text, leave=False, bar_format=form, dynamic_ncols=True, mininterval=0.2, file=sys.stderr
    )
