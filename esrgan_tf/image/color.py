"""Colours of an upscaled image against those of its input: how far they drift, and how they are kept."""

import numpy as np
from scipy.ndimage import gaussian_filter

from esrgan_tf.image.resize import imresize

LOW_PASS_SIGMA = 2.0  # LR px: wider than the detail that a generator adds, narrower than a patch of colour


def color_drift(output_01: np.ndarray, lr_01: np.ndarray, scale: int) -> float:
    """Mean absolute difference of the low frequencies of an output and of its input.

    Own measure: both at the input's size (the output reduced by MATLAB's bicubic), smoothed by a Gaussian of 2 px.

    Args:
        output_01: float32 [scale * height, scale * width, 3], 0..1.
        lr_01: float32 [height, width, 3], 0..1.
        scale: whole factor.

    Returns:
        In 1/255, mean over pixels and channels; 0 for the same colours.

    Raises:
        ValueError: sizes that do not fit.
    """
    _check(output_01, lr_01, scale)
    channels = zip(_planes(output_01), _planes(lr_01), strict=True)
    drifts = [_low_pass(imresize(output, 1 / scale) - lr) for output, lr in channels]
    return float(255 * np.mean(np.abs(drifts)))


def keep_colors(output_01: np.ndarray, lr_01: np.ndarray, scale: int) -> np.ndarray:
    """Replace the output's low frequencies by those of the bicubic enlargement of its input.

    Low frequencies are what is left after reducing to the input's size, smoothing by a Gaussian of 2 px and
    upscaling again: output + low(bicubic(input) - output). The bicubic enlargement itself stays as it is.

    Args:
        output_01: float32 [scale * height, scale * width, 3], 0..1.
        lr_01: float32 [height, width, 3], 0..1.
        scale: whole factor.

    Returns:
        float32 as `output_01`, clipped to 0..1.

    Raises:
        ValueError: sizes that do not fit.
    """
    _check(output_01, lr_01, scale)
    corrected = np.empty(output_01.shape, np.float32)
    # One channel at a time: resizing is in float64, and images here are large.
    for channel, (output, lr) in enumerate(zip(_planes(output_01), _planes(lr_01), strict=True)):
        difference = np.clip(imresize(lr, scale), 0, 1) - output
        low = imresize(_low_pass(imresize(difference, 1 / scale)), scale)
        corrected[..., channel] = np.clip(output + low, 0, 1)
    return corrected


def _check(output_01: np.ndarray, lr_01: np.ndarray, scale: int) -> None:
    """Raise unless the shapes are [scale * h, scale * w, 3] and [h, w, 3]."""
    height, width = lr_01.shape[:2]
    if output_01.shape != (scale * height, scale * width, 3) or lr_01.shape[2:] != (3,):
        raise ValueError(
            f"`output_01` must be {scale} times as large as `lr_01`, both with 3 channels. "
            f"Received: {output_01.shape}, {lr_01.shape}."
        )


def _planes(rgb: np.ndarray) -> np.ndarray:
    """[h, w, 3] -> [3, h, w], a view."""
    return np.moveaxis(rgb, -1, 0)


def _low_pass(plane: np.ndarray) -> np.ndarray:
    """float64 [h, w] smoothed, the border mirrored."""
    return gaussian_filter(plane, LOW_PASS_SIGMA, mode="reflect")
