"""LR images that look like real ones, made from HR images: Real-ESRGAN's second-order degradation.

Graph operations with stateless seeds alone, so that `tf.data` may run them and checkpoints hold its iterators.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from esrgan_tf.data.blur_kernels import filter_mirrored, gaussian_kernel, plateau_kernel, sinc_kernel
from esrgan_tf.data.noise_patches import add_noise_patch
from esrgan_tf.recipes.degradation import (
    BlurConfig,
    DegradationConfig,
    FinalSincConfig,
    JpegConfig,
    NoiseConfig,
    ResizeConfig,
)

_STAGES = 10  # blur, resize, noise and JPEG, twice, order and mode of the last resize, last filter
_GREY = (0.2989, 0.587, 0.114)  # ITU-R BT.601 luma, as the released code weighs it
# Reciprocals because the graph optimizer would replace a division by a constant, and so change the last bit.
_FROM_255 = 1 / 255


def degrade(hr: tf.Tensor, scale: int, config: DegradationConfig, seed: tf.Tensor) -> tf.Tensor:
    """Make an LR image by two rounds of blur, resize, noise and JPEG, and a last filter that rings.

    Where `config.noise_patches` names a folder of photographs, their noise is added last (`data.noise_patches`).

    Real-ESRGAN (arXiv:2107.10833) section 3 and its released code. Departures: JPEG is libjpeg's, with whole
    qualities and images rounded to 8 bits before, where the released code has a copy of its own of JPEG in floating
    point; bicubic interpolation takes a = -0.5 and area interpolation weighs pixels by the area covered, as TensorFlow
    has them (PyTorch: -0.75, and whole pixels); each crop is degraded alone, where the released code degrades 400 px
    and cuts the crop from the result; Poisson counts are approximated (`_poisson`). Sharpening the HR image first,
    as the released options do, is left to the caller.

    Args:
        hr: uint8 [h, w, 3], h and w multiples of `scale`, static or not.
        scale: HR size / LR size.
        config: every range and chance.
        seed: int32 or int64 [2]; the same seed gives the same image, on its own and inside `tf.data`.

    Returns:
        uint8 [h / scale, w / scale, 3].

    Raises:
        ValueError: `scale` is not a whole number above 0, or `hr` is not uint8 [h, w, 3] of multiples of `scale`.
        tf.errors.InvalidArgumentError: likewise, where the size is only known while the graph runs.
    """
    hr = tf.convert_to_tensor(hr)
    _check(hr, scale)
    first, second = config.first, config.second
    seeds = tf.unstack(tf.random.split(seed, _STAGES))
    size = tf.shape(hr)[:2]
    if None in hr.shape[:2]:
        tf.debugging.assert_equal(size % scale, 0, f"`hr` must have sides that are multiples of the scale {scale}.")
    image = tf.cast(hr, tf.float32) * _FROM_255
    image = _random_blur(image, first.blur, seeds[0])
    image = _random_resize(image, first.resize, size, seeds[1])
    image = _random_noise(image, first.noise, seeds[2])
    image = _random_jpeg(image, first.jpeg, seeds[3])
    image = _random_blur(image, second.blur, seeds[4])
    image = _random_resize(image, second.resize, size // scale, seeds[5])
    image = _random_noise(image, second.noise, seeds[6])
    order, mode = tf.unstack(tf.random.stateless_uniform([2], seeds[7]))

    def compressed(image: tf.Tensor) -> tf.Tensor:
        return _random_jpeg(image, second.jpeg, seeds[9])

    # JPEG before or after, by the same number: one resize in the graph instead of a copy in each branch.
    image = _either(config.resize_before_jpeg_probability, order, lambda: image, lambda: compressed(image))
    image = _resize(image, size // scale, config.final_resize_modes, mode)
    image = _random_ringing(image, config.final_sinc, seeds[8])
    image = _either(config.resize_before_jpeg_probability, order, lambda: compressed(image), lambda: image)
    if config.noise_patches is not None:
        noise_seed = tf.random.experimental.stateless_fold_in(seed, _STAGES)
        image = add_noise_patch(image, config.noise_patches, noise_seed)
    lr_shape = [None if side is None else side // scale for side in hr.shape[:2]] + [3]
    return tf.ensure_shape(_to_uint8(image), lr_shape)


def _random_blur(image: tf.Tensor, config: BlurConfig, seed: tf.Tensor) -> tf.Tensor:
    """Sections 3.1 and 3.3: filter with a kernel of random size and shape, or not. float32 [h, w, 3], same shape."""
    uniform = tf.unstack(tf.random.stateless_uniform([9], seed))

    def blurred() -> tf.Tensor:
        return filter_mirrored(image, _random_kernel(config, uniform[1:]))

    return _either(config.probability, uniform[0], blurred, lambda: image)


def _random_kernel(config: BlurConfig, uniform: Sequence[tf.Tensor]) -> tf.Tensor:
    """A kernel from 8 numbers of [0, 1): float32 [k, k], k the largest of `config.kernel_sizes`."""
    support = max(config.kernel_sizes)
    size = _pick(config.kernel_sizes, uniform[0])
    shape = _choice(config.shape_weights, uniform[1])
    sigma_x = _between(config.sigma_range, uniform[2])
    sigma_y = tf.where(shape % 2 == 1, _between(config.sigma_range, uniform[3]), sigma_x)
    angle = _between(config.angle_range, uniform[4])

    def beta(bounds: tuple[float, float]) -> tf.Tensor:
        # As in the released code: half of the exponents below 1, half above.
        low, high = bounds
        return tf.where(uniform[5] < 0.5, _between((low, 1), uniform[6]), _between((1, high), uniform[6]))

    def sinc() -> tf.Tensor:
        large = _between(config.large_sinc_cutoff_range, uniform[6])
        cutoff = tf.where(size < config.large_sinc_size, _between(config.sinc_cutoff_range, uniform[6]), large)
        return sinc_kernel(size, cutoff, support)

    kernels = [
        lambda: gaussian_kernel(size, sigma_x, sigma_y, angle, 1.0, support),
        lambda: gaussian_kernel(size, sigma_x, sigma_y, angle, beta(config.generalized_beta_range), support),
        lambda: plateau_kernel(size, sigma_x, sigma_y, angle, beta(config.plateau_beta_range), support),
        sinc,
    ]
    return tf.switch_case(tf.where(uniform[7] < config.sinc_probability, 3, shape // 2), kernels)


def _random_resize(image: tf.Tensor, config: ResizeConfig, base: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Section 3.1: resize to a random multiple of `base` (int32 [2]), rounded down: float32 [*size, 3]."""
    uniform = tf.unstack(tf.random.stateless_uniform([3], seed))
    low, high = config.scale_range
    factors = [_between((1, high), uniform[1]), _between((low, 1), uniform[1]), 1.0]
    factor = tf.gather(tf.stack(factors), _choice(config.direction_weights, uniform[0]))
    size = tf.maximum(tf.cast(tf.cast(base, tf.float32) * factor, tf.int32), 1)
    return _resize(image, size, config.modes, uniform[2])


def _random_noise(image: tf.Tensor, config: NoiseConfig, seed: tf.Tensor) -> tf.Tensor:
    """Section 3.1: add Gaussian or Poisson noise, and clip to 0..1, or neither. float32 [h, w, 3], same shape."""
    seeds = tf.unstack(tf.random.split(seed, 2))
    uniform = tf.unstack(tf.random.stateless_uniform([4], seeds[0]))

    def noisy() -> tf.Tensor:
        grey = uniform[2] < config.grey_probability
        sigma, factor = (_between(bounds, uniform[3]) for bounds in (config.gaussian_range, config.poisson_range))
        noise = _either(
            config.gaussian_probability,
            uniform[1],
            lambda: _gaussian_noise(image, grey, seeds[1]) * (sigma * _FROM_255),
            lambda: _poisson_noise(image, grey, seeds[1]) * factor,
        )
        return tf.clip_by_value(image + noise, 0.0, 1.0)

    return _either(config.probability, uniform[0], noisy, lambda: image)


def _random_jpeg(image: tf.Tensor, config: JpegConfig, seed: tf.Tensor) -> tf.Tensor:
    """Section 3.1: compress with a random quality, or not. float32 [h, w, 3], clipped to 0..1 and 8 bits if so."""
    uniform = tf.unstack(tf.random.stateless_uniform([2], seed))
    low, high = config.quality_range

    def compressed() -> tf.Tensor:
        quality = low + tf.cast(uniform[1] * float(high + 1 - low), tf.int32)
        # The default decodes coarsely: red and blue lose 1 to 2 of 255 at any quality.
        decoded = tf.image.adjust_jpeg_quality(_to_uint8(image), quality, dct_method="INTEGER_ACCURATE")
        return tf.cast(decoded, tf.float32) * _FROM_255

    return _either(config.probability, uniform[0], compressed, lambda: image)


def _random_ringing(image: tf.Tensor, config: FinalSincConfig, seed: tf.Tensor) -> tf.Tensor:
    """Section 3.3: filter with a sinc of random size and cutoff, or not. float32 [h, w, 3], overshooting."""
    uniform = tf.unstack(tf.random.stateless_uniform([3], seed))

    def ringing() -> tf.Tensor:
        size, cutoff = _pick(config.kernel_sizes, uniform[1]), _between(config.cutoff_range, uniform[2])
        return filter_mirrored(image, sinc_kernel(size, cutoff, max(config.kernel_sizes)))

    return _either(config.probability, uniform[0], ringing, lambda: image)


def _gaussian_noise(image: tf.Tensor, grey: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Noise of standard deviation 1: float32 [h, w, 3], [h, w, 1] where `grey`."""
    shape = tf.concat([tf.shape(image)[:2], [tf.where(grey, 1, 3)]], 0)
    return _normal(shape, seed)


def _poisson_noise(image: tf.Tensor, grey: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Noise of counted photons for an image in 0..1: float32 [h, w, 3], [h, w, 1] where `grey`."""
    signal = tf.cond(grey, lambda: tf.reduce_sum(image * _GREY, -1, keepdims=True), lambda: image)
    levels = tf.cast(_to_uint8(signal), tf.int32)
    # As in the released code: as many photons as there are distinct levels, up to the next power of two.
    distinct = tf.reduce_sum(tf.math.bincount(tf.reshape(levels, [-1]), minlength=256, binary_output=True))
    photons = tf.cast(2 ** tf.reduce_sum(tf.cast(distinct > [2**bit for bit in range(8)], tf.int32)), tf.float32)
    signal = tf.cast(levels, tf.float32) * _FROM_255
    return _poisson(signal * photons, seed) / photons - signal


def _poisson(mean: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Poisson counts of float32 means of any shape, by the third-order Cornish-Fisher expansion of their quantiles.

    Exact sampling takes ten times as long. From a mean of 1 on, mean and variance are right within 2 %; below, the
    mean is at most 0.03 too large.
    """
    deviation = mean * tf.math.rsqrt(mean + 1 / 12)  # rounding adds a variance of 1/12
    # Below -3 deviations the expansion would turn back upwards.
    normal = tf.maximum(_normal(tf.shape(mean), seed), -3 * deviation)
    counts = tf.maximum(tf.round(mean + deviation * normal + (normal * normal - 1) * (1 / 6)), 0.0)
    return tf.where(mean > 0, counts, 0.0)


def _normal(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Standard normal numbers by Box and Muller's transform: three times as fast as `stateless_normal` on a CPU."""
    count = tf.reduce_prod(shape)
    uniform = tf.random.stateless_uniform([2, (count + 1) // 2], seed)
    radius, angle = tf.sqrt(-2 * tf.math.log(1 - uniform[0])), 2 * math.pi * uniform[1]
    return tf.reshape(tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], 0)[:count], shape)


def _resize(image: tf.Tensor, size: tf.Tensor, modes: Sequence[str], uniform: tf.Tensor) -> tf.Tensor:
    """Resize to `size` (int32 [2]) by one of the interpolations, without antialiasing: float32 [*size, 3]."""
    resizes = [lambda mode=mode: tf.image.resize(image, size, mode) for mode in modes]
    return tf.switch_case(_pick(range(len(modes)), uniform), resizes)


def _to_uint8(image: tf.Tensor) -> tf.Tensor:
    """0..1 to uint8, rounded, then clipped; same shape."""
    return tf.cast(tf.clip_by_value(tf.round(image * 255.0), 0.0, 255.0), tf.uint8)


def _between(bounds: tuple[float, float], uniform: tf.Tensor) -> tf.Tensor:
    """A uniform number of [0, 1) brought to [low, high]: float32, same shape."""
    low, high = bounds
    return float(low) + uniform * float(high - low)


def _pick(values: Sequence[int], uniform: tf.Tensor) -> tf.Tensor:
    """One of the values with equal chances: int32 scalar."""
    return tf.gather(tf.constant(list(values)), tf.cast(uniform * float(len(values)), tf.int32))


def _choice(weights: Sequence[float], uniform: tf.Tensor) -> tf.Tensor:
    """Draw an index with the weights as probabilities: int32 scalar."""
    limits = [sum(weights[:index]) / sum(weights) for index in range(1, len(weights))]
    return tf.reduce_sum(tf.cast(uniform >= limits, tf.int32))


def _either(
    probability: float, uniform: tf.Tensor, yes: Callable[[], tf.Tensor], no: Callable[[], tf.Tensor]
) -> tf.Tensor:
    """`yes()` with the given probability, else `no()`; what can never be drawn is not in the graph."""
    if probability in (0, 1):
        return yes() if probability else no()
    return tf.cond(uniform < probability, yes, no)


def _check(hr: tf.Tensor, scale: int) -> None:
    """Refuse an image that has no LR image of that scale."""
    if not isinstance(scale, int) or scale < 1:
        raise ValueError(f"`scale` must be a whole number above 0. Received: scale={scale}.")
    sides = hr.shape[:2] if hr.shape.rank == 3 else [0]
    whole = all(side is None or (side > 0 and side % scale == 0) for side in sides)
    if hr.dtype != tf.uint8 or not whole or hr.shape[-1] != 3:
        raise ValueError(
            f"`hr` must be uint8 [h, w, 3], h and w multiples of the scale {scale}. "
            f"Received: {hr.dtype.name} {list(hr.shape)}."
        )
