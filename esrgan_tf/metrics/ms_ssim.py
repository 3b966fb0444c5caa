"""Multi-scale structural similarity as a training loss, on any Keras backend."""

import keras
import numpy as np
from keras import ops

from esrgan_tf.errors import InputError

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # finest scale first (Wang et al., section 3.2)
WINDOW, SIGMA = 11, 1.5  # px, of the Gaussian
C1, C2 = 0.01**2, 0.03**2  # for values in 0..1
SMALLEST = 1e-4  # of a scale's similarity: roots of 0 have no gradient


def ms_ssim_loss(predicted: keras.KerasTensor, target: keras.KerasTensor, scales: int) -> keras.KerasTensor:
    """1 - MS-SSIM, the mean over images and RGB channels.

    MS-SSIM = l_M^w_M * product over j = 1..M of cs_j^w_j. Source: Wang, Simoncelli and Bovik, "Multiscale structural
    similarity for image quality assessment" (2003), equation 7, on each channel instead of on grey. With fewer than
    their M = 5 scales, which need 176 px, the weights of the finest ones are divided by their sum. A similarity below
    1e-4 counts as 1e-4.

    Zhao et al. (arXiv:1511.08861, equation 9) add it to L1 as 0.84 and 0.16: `ms_ssim_weight` 0.84 and `pixel_weight`
    0.16. Their L1 is weighted by a Gaussian, which changes its mean at the borders alone.

    Args:
        predicted: images [batch, height, width, 3] in 0..1.
        target: the same shape.
        scales: 1 to 5, such as `ms_ssim_scales` of the smaller side.

    Returns:
        Scalar float32, 0 for equal images, at most 1.
    """
    weights = np.array(SCALE_WEIGHTS[:scales], "float32") / sum(SCALE_WEIGHTS[:scales])
    predicted, target = (ops.cast(images, "float32") for images in (predicted, target))
    similarity = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            predicted, target = (ops.average_pool(images, 2, 2) for images in (predicted, target))
        luminance, contrast_structure = _similarities(predicted, target)
        is_coarsest = scale == scales - 1
        factor = ops.mean(luminance * contrast_structure if is_coarsest else contrast_structure, axis=(1, 2))
        similarity = similarity * ops.power(ops.maximum(factor, SMALLEST), weight)
    return 1 - ops.mean(similarity)


def ms_ssim_scales(side: int) -> int:
    """How many scales an image has on which the window fits: 5 from 176 px, 4 from 88, 3 from 44, 2 from 22, 1 from 11.

    Args:
        side: height or width, the smaller one, px.

    Raises:
        InputError: the window does not fit at all.
    """
    if side < WINDOW:
        raise InputError(f"`hr_patch` must be {WINDOW} or more where ms_ssim_weight is above 0. Received: {side}.")
    return sum(side // 2**scale >= WINDOW for scale in range(len(SCALE_WEIGHTS)))


def smallest_side(scales: int) -> int:
    """The side in px from which an image has so many scales."""
    return WINDOW * 2 ** (scales - 1)


def _similarities(x: keras.KerasTensor, y: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Luminance l, and contrast times structure cs, [n, h - 10, w - 10, 3]. Source: equations 1 to 3, C3 = C2 / 2."""
    mean_x, mean_y, mean_squares, mean_xy = ops.split(_blur(ops.concatenate([x, y, x**2 + y**2, x * y])), 4)
    products, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    luminance = (2 * products + C1) / (squares + C1)
    return luminance, (2 * (mean_xy - products) + C2) / (mean_squares - squares + C2)


def _blur(x: keras.KerasTensor) -> keras.KerasTensor:
    """[n, h, w, 3] -> [n, h - 10, w - 10, 3]: Gaussian means where the window fits, rows first, then columns."""
    gaussian = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    kernel = np.tile((gaussian / gaussian.sum()).astype("float32")[:, None, None, None], (1, 1, 3, 1))
    return ops.depthwise_conv(ops.depthwise_conv(x, kernel), kernel.transpose(1, 0, 2, 3))
