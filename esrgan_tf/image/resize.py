"""Bicubic resizing that reproduces MATLAB's `imresize`, on NumPy arrays and on TensorFlow tensors."""

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np

_LARGEST_DENOMINATOR = 10_000


def imresize(image: Any, scale: float) -> Any:
    """Resizes an image as MATLAB's `imresize` resizes one of class double.

    Source: MATLAB, `imresize(image, scale, "bicubic")`: cubic kernel with a = -0.5, widened by `1 / scale`
    when shrinking (antialiasing), mirrored borders, rows before columns. Departure: sample positions and
    the output size are computed in whole numbers instead of doubles, so `ceil(scale * size)` is never one
    too large; when upscaling by other than powers of two the last bits differ, which can turn a tie in
    later rounding. Nothing is rounded or clipped: values may overshoot the input's range.

    Args:
        image: NumPy array or TensorFlow tensor, any integer or floating dtype, any range, of shape
            `[height, width]` or `[height, width, channels]`. A tensor's height and width may be unknown while
            a graph is traced.
        scale: Positive float, output size over input size: 0.25 shrinks four times, 2 upscales twice. It must
            be a ratio of whole numbers with a denominator up to 10000 (`1 / 3` is one).

    Returns:
        Array or tensor, as the input, float64, of shape `[ceil(scale * height), ceil(scale * width)]` and the
        channels if any. Arrays and tensors give the same bits.

    Raises:
        ValueError: If `image` is neither an array nor a tensor, its dtype is not a real number's, it has
            neither 2 nor 3 axes, or `scale` is not such a ratio.
    """
    ratio = _checked(image, scale)
    return _resize_axis(_resize_axis(image, ratio, axis=0), ratio, axis=1)


def imresize_uint8(image: Any, scale: float) -> Any:
    """Resizes an image as MATLAB's `imresize` resizes one of class uint8.

    Source: MATLAB, `imresize(image, scale, "bicubic")`, with which the low-resolution images of Set5, Set14
    and DIV2K were made: as `imresize`, but rounded (halves up) and clipped to uint8 after the rows and once
    more after the columns. Departure: that of `imresize`.

    Args:
        image: NumPy array or TensorFlow tensor, uint8, range [0, 255], of shape `[height, width]` or
            `[height, width, channels]`. A tensor's height and width may be unknown while a graph is traced.
        scale: Positive float, as for `imresize`.

    Returns:
        Array or tensor, as the input, uint8, range [0, 255], of shape
        `[ceil(scale * height), ceil(scale * width)]` and the channels if any.

    Raises:
        ValueError: If `image` is not uint8, or for any reason for which `imresize` raises.
    """
    ratio = _checked(image, scale)
    if image.dtype != np.uint8:
        raise ValueError(f"`image` must be of dtype uint8. Received: dtype={image.dtype.name}.")
    rows = _to_uint8(_resize_axis(image, ratio, axis=0))
    return _to_uint8(_resize_axis(rows, ratio, axis=1))


def _checked(image: Any, scale: float) -> Fraction:
    """Returns `scale` as a fraction once `image` and `scale` have passed all checks."""
    if not isinstance(image, np.ndarray) and not _is_tensor(image):
        raise ValueError(f"`image` must be a NumPy array or a TensorFlow tensor. Received: {type(image)}.")
    if not image.dtype.name.startswith(("uint", "int", "float")):
        raise ValueError(f"`image` must hold real numbers. Received: dtype={image.dtype.name}.")
    if _rank(image) not in (2, 3):
        raise ValueError(
            f"`image` must be of shape [height, width] or [height, width, channels]. Received: shape={image.shape}."
        )
    if not scale > 0:
        raise ValueError(f"`scale` must be positive. Received: scale={scale}.")
    ratio = Fraction(scale).limit_denominator(_LARGEST_DENOMINATOR) if scale < math.inf else None
    if ratio is None or abs(float(ratio) - scale) > 1e-12 * scale:
        raise ValueError(
            "`scale` must be a ratio of whole numbers with a denominator of at most "
            f"{_LARGEST_DENOMINATOR}. Received: scale={scale}."
        )
    return ratio


def _is_tensor(image: Any) -> bool:
    """Whether `image` is a TensorFlow tensor without importing TensorFlow."""
    # Whoever holds a tensor has imported TensorFlow already.
    tf = sys.modules.get("tensorflow")
    return tf is not None and tf.is_tensor(image)


def _rank(image: Any) -> int | None:
    """Number of axes of an array or a tensor; None for a tensor of unknown rank."""
    return image.ndim if isinstance(image, np.ndarray) else image.shape.rank


def _namespace(image: Any) -> tuple[Any, Any, Any, Any]:
    """Returns NumPy or its TensorFlow counterpart, a `take`, an `arange` and the shape of `image` ([rank])."""
    if isinstance(image, np.ndarray):
        return np, np.take, np.arange, image.shape
    import tensorflow as tf

    shape = tf.shape(image, out_type=tf.int64)
    known = [shape[axis] if size is None else size for axis, size in enumerate(image.shape)]
    # Its NumPy's own `arange` compares its bounds in Python, which fails for sizes unknown while tracing, and its own
    # `take` traces three times as many operations.
    return tf.experimental.numpy, tf.gather, tf.range, known


def _resize_axis(image: Any, ratio: Fraction, axis: int) -> Any:
    """Resizes [H, W] or [H, W, C] along one axis; any real dtype in, float64 out."""
    xp, take, arange, shape = _namespace(image)
    size = shape[axis]
    shrink, grow = ratio.denominator, ratio.numerator
    position = arange(-(-size * grow // shrink), dtype="int64")
    phase = position % grow
    weights, left = _contributions(ratio)
    left = take(left, phase) + position // grow * shrink
    along_axis = [-1 if a == axis else 1 for a in range(_rank(image))]
    total = None
    for tap in range(weights.shape[1]):
        index = (left + tap) % (2 * size)
        index = xp.minimum(index, 2 * size - 1 - index)
        pixels = xp.asarray(take(image, index, axis=axis), dtype="float64")
        # Negated products are subtracted since TensorFlow's graph optimizer would gather additions into one
        # n-ary sum, which adds in another order and so differs from NumPy in the last bit.
        negated = xp.reshape(take(-weights[:, tap], phase), along_axis) * pixels
        total = -negated if total is None else total - negated
    return total


def _contributions(ratio: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Weights [phases, taps] (float64) and first input index [phases] (int64) of MATLAB's `contributions`."""
    # Both repeat every `grow` outputs (`shrink` inputs), for images of any size. They are never
    # computed inside a graph, whose optimizer replaces divisions and regroups sums of constants.
    shrink, grow = ratio.denominator, ratio.numerator
    # All positions below count in units of 1 / (2 * grow) of an input pixel, hence are whole numbers.
    centre = (2 * np.arange(grow, dtype=np.int64) + 1) * shrink - grow
    half_width = 4 * max(grow, shrink)
    left = (centre - half_width) // (2 * grow)
    taps = math.ceil(Fraction(half_width, grow)) + 2
    distance = centre[:, None] - 2 * grow * (left[:, None] + np.arange(taps))
    stretch = min(1.0, grow / shrink)
    weights = stretch * _cubic(stretch * (distance / (2 * grow)))
    weights = weights / sum(weights.T)[:, None]
    used = np.flatnonzero(weights.any(axis=0))
    return weights[:, used[0] : used[-1] + 1], left + used[0]


def _cubic(x: np.ndarray) -> np.ndarray:
    """Cubic convolution kernel with a = -0.5, elementwise (Keys, 1981)."""
    x = np.abs(x)
    x2, x3 = x**2, x**3
    near, far = 1.5 * x3 - 2.5 * x2 + 1, -0.5 * x3 + 2.5 * x2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _to_uint8(image: Any) -> Any:
    """Rounds halves up and clips float64 [H, W] or [H, W, C] to uint8."""
    xp = _namespace(image)[0]
    return xp.asarray(xp.clip(xp.floor(image + 0.5), 0, 255), dtype="uint8")


def bicubic_upscale(lr_01: np.ndarray, scale: int) -> np.ndarray:
    """MATLAB's bicubic, in memory's range.

    Args:
        lr_01: float32 [h, w, 3] or [h, w], 0..1.
        scale: whole factor.

    Returns:
        float32 [scale * h, scale * w, ...], 0..1.
    """
    return np.clip(imresize(lr_01, scale), 0, 1).astype(np.float32)
