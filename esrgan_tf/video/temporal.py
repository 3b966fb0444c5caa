"""Less flicker between frames, where nothing moves."""

from collections.abc import Iterable, Iterator

import numpy as np

TEMPORALS = ("off", "median")
STILL = 6 / 255  # a pixel of the input that changes less than that between frames counts as still


def steady(frames: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
    """Outputs in which each still pixel is the median of three frames: the one before, its own, the one after.

    A generator that invents detail invents another in each frame, although the input's noise alone has changed. Where
    the input moves the median would leave ghosts: there, at cuts, and in the first and last frame, nothing is changed.

    Args:
        frames: (input, output), integers of one dtype: [h, w, 3] and [s * h, s * w, 3] with any s.

    Yields:
        The outputs, one frame late.
    """
    before = current = None
    for after in frames:
        if current is not None:
            yield _median(before, current, after)
        before, current = current, after
    if current is not None:
        yield current[1]


def _median(
    before: tuple[np.ndarray, np.ndarray] | None,
    current: tuple[np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """The current output, its still pixels the median of three."""
    if before is None:
        return current[1]
    most = STILL * np.iinfo(current[0].dtype).max
    changes = [np.abs(other[0].astype(np.int32) - current[0]).max(axis=2) for other in (before, after)]
    still = np.maximum(*changes) <= most
    rows, columns = (
        np.arange(large) * small // large for large, small in zip(current[1].shape[:2], still.shape, strict=True)
    )
    low, high = np.minimum(before[1], after[1]), np.maximum(before[1], after[1])
    return np.where(still[rows][:, columns, None], np.clip(current[1], low, high), current[1])
