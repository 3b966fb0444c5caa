"""The noise of a camera, cut from flat patches of its photographs.

Source: Ji et al., "Real-World Super-Resolution via Kernel Estimation and Noise Injection" (CVPRW 2020), section 3.2: a
patch whose variance is small holds noise alone, and is added, its mean taken off, to LR images.
"""

import functools

import numpy as np
import tensorflow as tf

from esrgan_tf.data.folders import find_images
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_image

SIDE = 64  # px; the source takes 256, which few photographs have that is flat
MAX_VARIANCE = 20.0  # of each channel, in (1/255)^2; the source's released code
MIN_VARIANCE = 1 / 12  # that of rounding alone: a drawing's, not a camera's
LEVELS = (16 / 255, 240 / 255)  # of the mean: where sensor and file do not clip the noise
MAX_PATCHES = 512  # 12 MB


@functools.cache
def noise_patches(folder: str) -> tf.Tensor:
    """All flat patches of a folder's images less their means, or `MAX_PATCHES` of them, evenly chosen.

    Args:
        folder: of photographs, with its subfolders.

    Returns:
        float16 [patches, SIDE, SIDE, 3], in 1 / 255 of the range.

    Raises:
        InputError: no folder of images, one that cannot be read, or none has a flat patch.
    """
    found = [patch for image in find_images(folder, "noise_patches") for patch in _flat(read_image(image.hr).rgb)]
    if not found:
        raise InputError(
            f"`noise_patches` must be a folder of photographs with flat parts, of {SIDE} px and a standard deviation "
            f"of at most {MAX_VARIANCE**0.5:.1f}/255. Received: {folder}, which has none."
        )
    kept = np.linspace(0, len(found) - 1, min(len(found), MAX_PATCHES)).astype(int)
    with tf.init_scope():  # once, outside of the graph that asks for them first
        return tf.constant(np.stack([found[index] for index in kept]))


def add_noise_patch(image: tf.Tensor, folder: str, seed: tf.Tensor) -> tf.Tensor:
    """Add a random patch's noise, mirrored at its borders where the image is larger.

    Args:
        image: float32 [h, w, 3] in 0..1.
        folder: as of `noise_patches`.
        seed: int [2].

    Returns:
        float32 [h, w, 3], which may exceed 0..1.
    """
    patches = noise_patches(folder)
    uniform = tf.unstack(tf.random.stateless_uniform([3], seed))
    noise = patches[tf.cast(uniform[0] * float(patches.shape[0]), tf.int32)]
    for axis in (0, 1):
        first = tf.cast(uniform[1 + axis] * 2.0 * SIDE, tf.int32)  # twice the side: back and forth
        place = (first + tf.range(tf.shape(image)[axis])) % (2 * SIDE)
        noise = tf.gather(noise, tf.minimum(place, 2 * SIDE - 1 - place), axis=axis)
    return image + tf.cast(noise, tf.float32) * (1 / 255)


def _flat(rgb_01: np.ndarray) -> list[np.ndarray]:
    """The flat patches of an image float32 [h, w, 3] less their means, float16 [SIDE, SIDE, 3] in 1 / 255."""
    height, width = (side // SIDE for side in rgb_01.shape[:2])
    grid = rgb_01[: height * SIDE, : width * SIDE].reshape(height, SIDE, width, SIDE, 3).swapaxes(1, 2)
    patches = grid.reshape(-1, SIDE, SIDE, 3).astype(np.float32)
    means = patches.mean((1, 2), keepdims=True)
    noise = (patches - means) * 255
    variance = (noise**2).mean((1, 2))
    noisy = (variance.min(-1) > MIN_VARIANCE) & (variance.max(-1) <= MAX_VARIANCE)
    inside = ((means >= LEVELS[0]) & (means <= LEVELS[1])).all((1, 2, 3))
    return list(noise[noisy & inside].astype(np.float16))
