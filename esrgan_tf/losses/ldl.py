"""LDL: a distance that counts where the output has artifacts."""

import keras
from keras import ops

from esrgan_tf.losses.pixel import float32

Tensor = keras.KerasTensor
LDL_WINDOW, LDL_POWER = 7, 1 / 5  # px of the local variance, and what the patch's variance is raised to
LDL_EPSILON = 1e-12  # a root of 0 has no gradient


def ldl_loss(predicted: Tensor, reference: Tensor, target: Tensor) -> Tensor:
    """mean of M |target - predicted|, where M is the refined artifact map. Source: LDL (arXiv:2203.09195), section 3.

    With the residual R, the sum of |target - predicted| over the channels, M = var(R of the patch)^(1/5) *
    var(R in 7 x 7 px), reflected at the border, and M = 0 where R is smaller than the reference's own residual. As in
    the released code, variances are unbiased and gradients flow through M.

    Args:
        predicted: images [batch, height, width, 3] in 0..1, of 4 px or more.
        reference: the output of the generator's moving average for the same input; no gradient.
        target: of the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    differences = ops.abs(float32(target) - float32(predicted))
    residual = ops.sum(differences, axis=-1, keepdims=True)
    stable = ops.sum(ops.abs(float32(target) - ops.stop_gradient(float32(reference))), axis=-1, keepdims=True)
    centred = residual - ops.mean(residual, axis=(1, 2), keepdims=True)
    pixels = ops.cast(ops.size(residual[0]), "float32")
    of_patch = ops.sum(centred**2, axis=(1, 2), keepdims=True) / (pixels - 1)
    border = [LDL_WINDOW // 2] * 2
    windows = ops.pad(centred, [[0, 0], border, border, [0, 0]], "reflect")
    mean, mean_square = (ops.average_pool(x, LDL_WINDOW, 1) for x in (windows, windows**2))
    of_window = ops.maximum(mean_square - mean**2, 0) * LDL_WINDOW**2 / (LDL_WINDOW**2 - 1)
    artifacts = ops.power(of_patch + LDL_EPSILON, LDL_POWER) * of_window
    return ops.mean(ops.where(residual >= stable, artifacts, 0.0) * differences)
