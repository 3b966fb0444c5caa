"""Upsampling a map by a whole factor, in forms that train and export alike."""

from collections.abc import Callable

import keras
from keras import ops

STEPS = {1: (), 2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}  # the factors that a scale is reached by
KEYS_A = -0.5  # of the cubic kernel: MATLAB's


def nearest(x: keras.KerasTensor, factor: int) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, factor * h, factor * w, c]: every value repeated factor x factor times.

    Exactly nearest-neighbour, written as a pixel shuffle of copies: unlike `UpSampling2D` it keeps its channel
    dimension and runs whole under XLA and LiteRT with sizes known only at run time.
    """
    return ops.depth_to_space(ops.concatenate([x] * factor**2, axis=-1), factor) if factor > 1 else x


def bilinear(x: keras.KerasTensor, factor: int) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, factor * h, factor * w, c], as PyTorch without `align_corners`: the border is repeated."""
    return _interpolate(x, factor, lambda t: max(0.0, 1 - abs(t)), reach=1)


def bicubic(x: keras.KerasTensor, factor: int) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, factor * h, factor * w, c], as MATLAB's imresize upscales: the border is mirrored."""
    return _interpolate(x, factor, _cubic, reach=2)


def apply_upsampling(
    x: keras.KerasTensor,
    scale: int,
    method: str,
    conv: Callable[[keras.KerasTensor, int, str], keras.KerasTensor],
    activation: Callable[[keras.KerasTensor, str], keras.KerasTensor],
) -> keras.KerasTensor:
    """Upscale by `scale` in factors of 2 or 3, a convolution and an activation each.

    Args:
        x: [n, h, w, c].
        scale: 1, 2, 3, 4 or 8.
        method: "nearest" (nearest, then convolution: the released ESRGAN) or "pixel_shuffle" (convolution to
            factor^2 times the channels, then shuffle: SRResNet, EDSR).
        conv: (map, channels, name) -> map, `conv_up1` and so on.
        activation: (map, name) -> map, `up1` and so on.

    Returns:
        [n, scale * h, scale * w, c].
    """
    channels = x.shape[-1]
    for number, factor in enumerate(STEPS[scale], start=1):
        if method == "nearest":
            x = conv(nearest(x, factor), channels, f"conv_up{number}")
        else:
            x = ops.depth_to_space(conv(x, channels * factor**2, f"conv_up{number}"), factor)
        x = activation(x, f"up{number}")
    return x


def _interpolate(x: keras.KerasTensor, factor: int, kernel: Callable[[float], float], reach: int) -> keras.KerasTensor:
    """Every phase of the upscaled map, in rows and then in columns, interleaved by one pixel shuffle."""
    if factor == 1:
        return x
    phases = [both for rows in _phases(x, factor, kernel, reach, 1) for both in _phases(rows, factor, kernel, reach, 2)]
    return ops.depth_to_space(ops.concatenate(phases, axis=-1), factor)


def _phases(
    x: keras.KerasTensor, factor: int, kernel: Callable[[float], float], reach: int, axis: int
) -> list[keras.KerasTensor]:
    """[n, h, w, c] -> `factor` maps of that shape: the samples between pixels along one axis, mirrored borders."""
    padding = [[reach, reach] if current == axis else [0, 0] for current in range(4)]
    padded = ops.pad(x, padding, "symmetric")
    maps = []
    for phase in range(factor):
        position = (phase + 0.5) / factor - 0.5
        weights = {tap: kernel(tap - position) for tap in range(-reach, reach + 1)}
        maps.append(sum(w * _shifted(padded, axis, reach, tap) for tap, w in weights.items() if w))
    return maps


def _shifted(padded: keras.KerasTensor, axis: int, reach: int, tap: int) -> keras.KerasTensor:
    """The map without its padding of `reach`, moved by `tap` along one axis."""
    window = slice(reach + tap, tap - reach if tap < reach else None)
    return padded[:, window] if axis == 1 else padded[:, :, window]


def _cubic(t: float) -> float:
    """Keys' cubic convolution kernel."""
    t = abs(t)
    if t <= 1:
        return (KEYS_A + 2) * t**3 - (KEYS_A + 3) * t**2 + 1
    return KEYS_A * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0
