"""Blur kernels of random degradation, and filtering with them, as TensorFlow operations.

A kernel of a size known only while the graph runs stands in the middle of a square of a fixed size, `support`, and is
0 around it. All kernels are symmetric about their centre: convolution and correlation are the same.
"""

import numpy as np
import tensorflow as tf

_LARGEST_FFT = 1 << 17


def gaussian_kernel(
    size: tf.Tensor, sigma_x: tf.Tensor, sigma_y: tf.Tensor, angle: tf.Tensor, beta: tf.Tensor, support: int
) -> tf.Tensor:
    """Generalized Gaussian: exp(-q^beta / 2) with q = p^T S^-1 p, S the covariance; beta = 1 is the Gaussian.

    Real-ESRGAN (arXiv:2107.10833) section 3.1 and its released code.

    Args:
        size: int scalar, px, odd, at most `support`.
        sigma_x: float32 scalar, px, above 0: standard deviation along the axis at `angle` to the rows' direction.
        sigma_y: float32 scalar, px, above 0: standard deviation across that axis; equal to `sigma_x` for a round one.
        angle: float32 scalar, rad, from x (rightwards) towards y (downwards).
        beta: float32 scalar, above 0: below 1 the kernel has longer tails, above 1 a flatter top.
        support: px, odd, side of the square returned.

    Returns:
        float32 [support, support], sum 1.
    """
    distance = _squared_distance(sigma_x, sigma_y, angle, support)
    return _normalized(tf.exp(-0.5 * tf.pow(distance, beta)), size)


def plateau_kernel(
    size: tf.Tensor, sigma_x: tf.Tensor, sigma_y: tf.Tensor, angle: tf.Tensor, beta: tf.Tensor, support: int
) -> tf.Tensor:
    """Plateau-shaped kernel: 1 / (1 + q^beta) with q = p^T S^-1 p.

    Real-ESRGAN (arXiv:2107.10833) section 3.1.

    Args:
        size, sigma_x, sigma_y, angle, beta, support: as for `gaussian_kernel`.

    Returns:
        float32 [support, support], sum 1.
    """
    distance = _squared_distance(sigma_x, sigma_y, angle, support)
    return _normalized(tf.math.reciprocal(1.0 + tf.pow(distance, beta)), size)


def sinc_kernel(size: tf.Tensor, cutoff: tf.Tensor, support: int) -> tf.Tensor:
    """Ideal circular low-pass: c J1(c r) / (2 pi r), and c^2 / (4 pi) in the centre.

    Real-ESRGAN (arXiv:2107.10833) section 3.3; J1 is the first-order Bessel function of the first kind.

    Args:
        size: int scalar, px, odd, at most `support`.
        cutoff: float32 scalar, rad / px, above 0, at most pi.
        support: px, odd, side of the square returned.

    Returns:
        float32 [support, support], sum 1.
    """
    x, y = _grid(support)
    radius = np.hypot(x, y)
    radius[support // 2, support // 2] = 1.0  # replaced below
    # All divided by c / (2 pi), which the normalization removes.
    around = tf.math.special.bessel_j1(cutoff * radius) * (1 / radius)
    centre = 0.5 * cutoff
    return _normalized(tf.where((x == 0) & (y == 0), centre, around), size)


def filter_mirrored(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Filter every channel with one kernel; borders are mirrored without repeating the border pixels.

    By fast Fourier transforms, which for 21 x 21 px is several times as fast on a CPU as the convolution itself.

    Args:
        image: float32 [h, w, c], any range, any size: where the kernel is larger, mirrors are mirrored again.
        kernel: float32 [k, k], k odd and static, symmetric about its centre.

    Returns:
        float32 [h, w, c], in the range of `image` where the kernel has no negative values.
    """
    reach = kernel.shape[0] // 2
    size = tf.shape(image)[:2]
    fft_size = tf.gather(_FFT_SIZES, tf.searchsorted(_FFT_SIZES, size + 2 * reach))
    # What wraps around in the circular convolution are only the first 2 * reach rows and columns, which are cut off.
    for axis in (0, 1):
        image = tf.gather(image, _mirrored(size[axis], fft_size[axis], reach), axis=axis)
    spectrum = tf.signal.rfft2d(_transposed(image, [2, 0, 1])) * tf.signal.rfft2d(kernel, fft_size)
    filtered = tf.signal.irfft2d(spectrum, fft_size)[
        :, 2 * reach : 2 * reach + size[0], 2 * reach : 2 * reach + size[1]
    ]
    return _transposed(filtered, [1, 2, 0])


def _transposed(image: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """`tf.transpose` of float32."""
    # As whole numbers: oneDNN's transpose of floats is set up anew for every size, which takes longer than to run it.
    return tf.bitcast(tf.transpose(tf.bitcast(image, tf.int32), axes), tf.float32)


def _mirrored(size: tf.Tensor, padded: tf.Tensor, reach: int) -> tf.Tensor:
    """Index of the pixel at each of `padded` places, the first `reach` before the image: int32 [padded]."""
    period = tf.maximum(2 * size - 2, 1)
    place = tf.math.floormod(tf.range(padded) - reach, period)
    return tf.minimum(place, period - place)


def _fft_sizes() -> np.ndarray:
    """Lengths with no prime factor above 5, for which transforms are fast: int32 [n], ascending."""
    products = [2**a * 3**b * 5**c for a in range(18) for b in range(11) for c in range(8)]
    return np.array(sorted(n for n in products if n <= _LARGEST_FFT), np.int32)


_FFT_SIZES = _fft_sizes()


def _grid(support: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x, y around the centre: float32 [support, support] each."""
    reach = support // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    return x, y


def _squared_distance(sigma_x: tf.Tensor, sigma_y: tf.Tensor, angle: tf.Tensor, support: int) -> tf.Tensor:
    """q = p^T S^-1 p, S of the axes' standard deviations and their angle: float32 [support, support]."""
    x, y = _grid(support)
    cos, sin = tf.cos(angle), tf.sin(angle)
    along, across = (x * cos + y * sin) / sigma_x, (y * cos - x * sin) / sigma_y
    return along * along + across * across


def _normalized(kernel: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The middle `size` x `size` of a kernel, brought to sum 1, and 0 around it: float32, same shape."""
    x, y = _grid(kernel.shape[0])
    inside = np.maximum(np.abs(x), np.abs(y)) <= tf.cast(size // 2, tf.float32)
    kernel = tf.where(inside, kernel, 0.0)
    return kernel / tf.reduce_sum(kernel)
