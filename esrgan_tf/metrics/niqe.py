"""NIQE, the distance of an image's local statistics from those of pristine images; needs no original.

Source: Mittal, Soundararajan, Bovik, "Making a completely blind image quality analyzer" (2013), and its release of
2012, whose numbers are taken where the paper is silent (window, grid of shapes, half-size images, 0.75 of the
sharpest).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.ndimage import correlate1d
from scipy.special import gamma

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.image.resize import imresize

BLOCK = 96  # px of the whole image; half of it in the half-size one
SCALES = 2
FEATURES = 18 * SCALES
SHARPNESS = 0.75  # of a pristine image's sharpest block: blurrier ones are not fitted
FEWEST_BLOCKS = 2  # a covariance needs two
WINDOW, WINDOW_SIGMA = 7, 7 / 6
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows, columns: the neighbours whose products are fitted

_SHAPES = np.arange(200, 10_001) / 1000
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
_ROUNDING = 1e-9  # what filtering leaves of a flat block, which has no statistics


@dataclass(frozen=True, eq=False)
class NiqeModel:
    """Mean [36] and covariance [36, 36] of the features of pristine images, float64."""

    mean: np.ndarray
    covariance: np.ndarray


def niqe(plane: np.ndarray, model: NiqeModel) -> float:
    """The distance between an image's features and the model's; lower is more natural.

    Source: the paper's equation 10, sqrt((m1 - m2)' ((S1 + S2) / 2)^-1 (m1 - m2)), with a pseudo-inverse as in the
    release. Set14's baboon has 5.72957 with the published model, here as in MATLAB. Departure: pixels without contrast
    lie on neither side of zero, and blocks of them are left out, where others fit the signs of rounding errors (and
    differ from each other by up to 0.4 on images with flat areas).

    Args:
        plane: [height, width], grey levels 0..255, any real dtype.
        model: of pristine images.

    Returns:
        0 or more, comparable only between images measured with the same model.

    Raises:
        ValueError: less than two blocks of 96 x 96 px that have contrast.
    """
    features, _ = block_features(plane)
    mean, covariance = _gaussian(features, FEWEST_BLOCKS)
    difference = model.mean - mean
    pooled = (model.covariance + covariance) / 2
    inverse = np.linalg.pinv(pooled, rcond=FEATURES * np.finfo(float).eps, hermitian=True)
    return float(np.sqrt(difference @ inverse @ difference))


def fit_niqe(planes: Iterable[np.ndarray], sharpness: float = SHARPNESS) -> NiqeModel:
    """The model of pristine images: a Gaussian fitted to the features of their sharp blocks (section 2.3).

    Args:
        planes: each [height, width], grey levels 0..255.
        sharpness: blocks above this share of their image's sharpest block are fitted.

    Raises:
        ValueError: less than 37 such blocks in all, too few for a covariance of 36 features.
    """
    chosen = []
    for plane in planes:
        features, sharp = block_features(plane)
        chosen.append(features[sharp > sharpness * sharp.max()])
    return NiqeModel(*_gaussian(np.concatenate(chosen or [np.empty((0, FEATURES))]), FEATURES + 1))


def block_features(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 36 features of each block of 96 x 96 px, and its sharpness (equation 4, as a mean).

    The image is cut to whole blocks from its top left; the second scale is MATLAB's bicubic half of it.

    Args:
        plane: [height, width], grey levels 0..255.

    Returns:
        float64 [blocks, 36], 18 of each scale, NaN where a block has no contrast, and float64 [blocks].

    Raises:
        ValueError: not [height, width], or smaller than a block.
    """
    if plane.ndim != 2 or min(plane.shape) < BLOCK:
        raise ValueError(f"`plane` must be [height, width] of at least {BLOCK} px. Received: shape={plane.shape}.")
    rows, columns = (size // BLOCK for size in plane.shape)
    plane = plane[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
    features = []
    for scale in range(SCALES):
        values, deviation = mscn(plane)
        if scale == 0:
            sharpness = _blocks(deviation, BLOCK).mean(axis=(1, 2))
        features.append([_features(block) for block in _blocks(values, BLOCK >> scale)])
        plane = imresize(plane, 0.5)
    return np.concatenate(features, axis=1), sharpness


def mscn(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean-subtracted, contrast-normalised coefficients (equations 1 to 3): (I - mean) / (deviation + 1).

    Mean and deviation are over a 7 x 7 Gaussian window, sigma 7/6, the border repeated.

    Args:
        plane: float64 [height, width], grey levels 0..255.

    Returns:
        The coefficients and the deviation, float64 [height, width].
    """
    offsets = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * WINDOW_SIGMA**2))
    window /= window.sum()
    mean, mean_of_squares = plane, plane * plane
    for axis in (0, 1):
        mean = correlate1d(mean, window, axis, mode="nearest")
        mean_of_squares = correlate1d(mean_of_squares, window, axis, mode="nearest")
    deviation = np.sqrt(np.abs(mean_of_squares - mean * mean))
    return (plane - mean) / (deviation + 1), deviation


def fit_aggd(values: np.ndarray) -> tuple[float, float, float]:
    """Fit an asymmetric generalised Gaussian (equation 7) by its moments.

    Source: Lasmar, Stitou, Berthoumieu (2009), as in the release: the shape is looked up in steps of 0.001.

    Args:
        values: float64, any shape.

    Returns:
        Shape 0.2..10, left and right scale (beta); all NaN unless there are values on both sides of zero.
    """
    left, right = values[values < -_ROUNDING], values[values > _ROUNDING]
    if not (left.size and right.size):
        return (float("nan"),) * 3
    left_deviation, right_deviation = (np.sqrt(np.mean(side**2)) for side in (left, right))
    skew = left_deviation / right_deviation
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = _SHAPES[np.argmin((_RATIOS - ratio) ** 2)]
    beta = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return float(shape), float(left_deviation * beta), float(right_deviation * beta)


def read_niqe_model(path: str | Path) -> NiqeModel:
    """Read a parameter file: the release's `modelparameters.mat`, or an `.npz` of `write_niqe_model` or BasicSR.

    Args:
        path: ends in `.mat` or `.npz`; holds `mu_prisparam` and `cov_prisparam` (BasicSR: `..._pris_param`).

    Raises:
        InputError: no such file, or not one of these.
    """
    wanted = f"`niqe_params` {path} must be a .mat or .npz file with mu_prisparam [{FEATURES}] and cov_prisparam"
    reader = {".mat": loadmat, ".npz": np.load}.get(Path(path).suffix.lower())
    if reader is None or not Path(path).is_file():
        raise InputError(
            f"{wanted}; make one with `esrgan niqe-fit`. Received: {'another' if reader is None else 'no'} file."
        )
    try:
        # An .npz is read when it is asked for its arrays, not when it is opened.
        content = {name.replace("pris_param", "prisparam"): np.asarray(value) for name, value in reader(path).items()}
        mean, covariance = (content[name].astype(np.float64) for name in ("mu_prisparam", "cov_prisparam"))
    except MemoryError:
        raise
    # SciPy and NumPy raise nearly anything on damaged files (MatReadError, BadZipFile, zlib.error, KeyError, ...).
    except Exception as error:
        raise InputError(f"{wanted}. Received: {first_line(error)}") from error
    if mean.size != FEATURES or covariance.shape != (FEATURES, FEATURES):
        raise InputError(f"{wanted} [{FEATURES}, {FEATURES}]. Received: {mean.shape} and {covariance.shape}.")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all() and np.allclose(covariance, covariance.T)):
        raise InputError(f"{wanted}, finite and symmetric. Received: values that are not.")
    return NiqeModel(mean.reshape(FEATURES), covariance)


def write_niqe_model(path: str | Path, model: NiqeModel) -> None:
    """Write a parameter file that `read_niqe_model` reads; it appears whole or not at all.

    Raises:
        InputError: `path` does not end in `.npz`, or cannot be written there.
    """
    if Path(path).suffix.lower() != ".npz":
        raise InputError(f"`output` must end in .npz. Received: {path}.")
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, mu_prisparam=model.mean, cov_prisparam=model.covariance)


def _features(block: np.ndarray) -> list[float]:
    """MSCN coefficients [n, n] -> 18 features: shape and scale, and four of each neighbours' product (equation 8)."""
    shape, left, right = fit_aggd(block)
    features = [shape, (left + right) / 2]
    for shift in SHIFTS:
        shape, left, right = fit_aggd(block * np.roll(block, shift, axis=(0, 1)))
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def _blocks(plane: np.ndarray, size: int) -> np.ndarray:
    """[rows * size, columns * size] -> [rows * columns, size, size]."""
    rows, columns = (side // size for side in plane.shape)
    return plane.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size)


def _gaussian(features: np.ndarray, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [36] and covariance [36, 36] of [blocks, 36], rows with NaN left out."""
    features = features[np.isfinite(features).all(axis=1)]
    if len(features) < fewest:
        raise ValueError(
            f"there must be at least {fewest} blocks of {BLOCK} px with contrast. Received: {len(features)}."
        )
    return features.mean(axis=0), np.cov(features, rowvar=False)
