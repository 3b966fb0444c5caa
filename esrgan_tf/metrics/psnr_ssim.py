"""Image quality as the field measures it: uint8 images, borders cropped, on Y unless stated otherwise."""

import numpy as np

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03
PEAK = 255.0


def smallest_side(crop: int) -> int:
    """The shortest side in px of an image that both measures take, with `crop` px left out at each border."""
    return SSIM_WINDOW + 2 * crop


def luma(rgb: np.ndarray) -> np.ndarray:
    """Y of ITU-R BT.601 as MATLAB's rgb2ycbcr has it, not rounded: 65.481 R + 128.553 G + 24.966 B + 16.

    Args:
        rgb: uint8 [height, width, 3].

    Returns:
        float64 [height, width] in 16..235.
    """
    return rgb.astype(np.float64) @ (np.array([65.481, 128.553, 24.966]) / 255) + 16


def psnr(image: np.ndarray, reference: np.ndarray, crop: int = 0, channel: str = "y") -> float:
    """10 log10(255^2 / mean squared error), in dB; infinite for equal images.

    Args:
        image: uint8 [height, width, 3].
        reference: uint8, the same shape.
        crop: px left out at each border; the field crops `scale`.
        channel: "y" or "rgb".

    Returns:
        dB.

    Raises:
        ValueError: shapes differ, not uint8, nothing left after the crop, or an unknown channel.
    """
    a, b = _planes(image, reference, crop, channel)
    error = np.mean((a - b) ** 2)
    return float(10 * np.log10(PEAK**2 / error)) if error else float("inf")


def ssim(image: np.ndarray, reference: np.ndarray, crop: int = 0, channel: str = "y") -> float:
    """Mean SSIM over an 11 x 11 Gaussian window, sigma 1.5, valid positions only.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment" (2004), equation 13; K1 0.01, K2 0.03.

    Args:
        image: uint8 [height, width, 3].
        reference: uint8, the same shape.
        crop: px left out at each border.
        channel: "y", or "rgb" for the mean over the three channels.

    Returns:
        -1 to 1; 1 for equal images.

    Raises:
        ValueError: as `psnr`, or less than 11 px left after the crop.
    """
    a, b = _planes(image, reference, crop, channel)
    if min(a.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"`image` must keep {SSIM_WINDOW} px after the crop. Received: shape={a.shape}.")
    mean_a, mean_b = _blur(a), _blur(b)
    variance_a = _blur(a * a) - mean_a**2
    variance_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = (SSIM_K1 * PEAK) ** 2, (SSIM_K2 * PEAK) ** 2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return float(np.mean(similarity))


def _planes(image: np.ndarray, reference: np.ndarray, crop: int, channel: str) -> tuple[np.ndarray, np.ndarray]:
    """Both images cropped, float64: [h, w] for Y, [h, w, 3] for RGB."""
    if image.shape != reference.shape or image.ndim != 3:
        raise ValueError(
            f"`image` and `reference` must be [height, width, 3] alike. Received: {image.shape}, {reference.shape}."
        )
    if image.dtype != np.uint8 or reference.dtype != np.uint8:
        raise ValueError(f"images must be uint8. Received: {image.dtype}, {reference.dtype}.")
    if channel not in ("y", "rgb"):
        raise ValueError(f"`channel` must be y or rgb. Received: channel={channel}.")
    if min(image.shape[:2]) <= 2 * crop:
        raise ValueError(f"`crop` must leave something of the image. Received: crop={crop} of {image.shape}.")
    inner = slice(crop, -crop or None)
    planes = (p[inner, inner] for p in (image, reference))
    a, b = (luma(p) if channel == "y" else p.astype(np.float64) for p in planes)
    return a, b


def _blur(plane: np.ndarray) -> np.ndarray:
    """[h, w, ...] -> [h - 10, w - 10, ...]: the Gaussian window's mean at each valid position."""
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    window /= window.sum()
    for axis in (0, 1):
        size = plane.shape[axis] - SSIM_WINDOW + 1
        plane = sum(w * np.take(plane, range(k, k + size), axis) for k, w in enumerate(window))
    return plane
