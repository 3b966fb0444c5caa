"""Training losses as pure functions of tensors, on any Keras backend.

Images are [batch, height, width, 3] in 0..1, logits [batch, 1] or a map of them. Every loss is a float32 scalar:
the mean over what it is given. Adversarial losses of one kind share a signature; the relativistic ones take the mean
over all replicas from their caller. The tables at the end are the names that a recipe knows them by;
`register_loss` adds a user's.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import keras
from keras import ops

from esrgan_tf.errors import InputError, check_one_of

Tensor = keras.KerasTensor
Mean = Callable[[Tensor], Tensor]
Loss = TypeVar("Loss")
CHARBONNIER_EPSILON = 1e-3
LDL_WINDOW, LDL_POWER = 7, 1 / 5  # px of the local variance, and what the patch's variance is raised to
TEXTURE_PATCH = 16  # px of a feature map
LDL_EPSILON = 1e-12  # a root of 0 has no gradient


def l1_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean |predicted - target|, of images (ESRGAN equation 3's L1) or of features (L_percep).

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return ops.mean(ops.abs(_float32(predicted) - _float32(target)))


def mse_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean (predicted - target)^2. Source: SRGAN equation 4.

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return ops.mean(ops.square(_float32(predicted) - _float32(target)))


def charbonnier_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean sqrt((predicted - target)^2 + 1e-6). Source: LapSRN (arXiv:1704.03915) section 3.3, epsilon 1e-3.

    Args:
        predicted: any shape, float.
        target: the same shape.

    Returns:
        Scalar float32, 1e-3 or more.
    """
    squared = ops.square(_float32(predicted) - _float32(target))
    return ops.mean(ops.sqrt(squared + CHARBONNIER_EPSILON**2))


def perceptual_loss(
    features: Callable[[Tensor], dict[str, Tensor]],
    weights: Mapping[str, float],
    predicted: Tensor,
    target: Tensor,
    criterion: Callable[[Tensor, Tensor], Tensor] = l1_loss,
    texture_weights: Mapping[str, float] = MappingProxyType({}),
) -> Tensor:
    """sum of weight * criterion(layer(predicted), layer(target)). Source: ESRGAN section 3.3; layers: Real-ESRGAN.

    Args:
        features: a feature network, images in 0..1 -> maps by layer.
        weights: of the layers.
        texture_weights: of layers by their `texture_loss`, added to it.
        predicted: images; gradients flow through the features to them.
        target: images of the same shape; no gradient.
        criterion: `l1_loss` (ESRGAN) or `mse_loss` (SRGAN).

    Returns:
        Scalar float32, 0 or more.
    """
    found, wanted = features(predicted), features(target)
    wanted = {name: ops.stop_gradient(maps) for name, maps in wanted.items()}
    loss = sum(weight * criterion(found[name], wanted[name]) for name, weight in weights.items())
    return loss + sum(weight * texture_loss(found[name], wanted[name]) for name, weight in texture_weights.items())


def texture_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """mean (G(predicted) - G(target))^2, G the Gram matrix of each patch. Source: EnhanceNet (arXiv:1612.07919), 4.2.3.

    Args:
        predicted: maps [batch, height, width, channels], of which patches of 16 x 16 are taken, those that are cut
            off by the border left out; where a side is shorter, as many as there are.
        target: of the same shape.

    Returns:
        Scalar float32, 0 or more.
    """
    return mse_loss(_gram(predicted), _gram(target))


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
    differences = ops.abs(_float32(target) - _float32(predicted))
    residual = ops.sum(differences, axis=-1, keepdims=True)
    stable = ops.sum(ops.abs(_float32(target) - ops.stop_gradient(_float32(reference))), axis=-1, keepdims=True)
    centred = residual - ops.mean(residual, axis=(1, 2), keepdims=True)
    pixels = ops.cast(ops.size(residual[0]), "float32")
    of_patch = ops.sum(centred**2, axis=(1, 2), keepdims=True) / (pixels - 1)
    border = [LDL_WINDOW // 2] * 2
    windows = ops.pad(centred, [[0, 0], border, border, [0, 0]], "reflect")
    mean, mean_square = (ops.average_pool(x, LDL_WINDOW, 1) for x in (windows, windows**2))
    of_window = ops.maximum(mean_square - mean**2, 0) * LDL_WINDOW**2 / (LDL_WINDOW**2 - 1)
    artifacts = ops.power(of_patch + LDL_EPSILON, LDL_POWER) * of_window
    return ops.mean(ops.where(residual >= stable, artifacts, 0.0) * differences)


def relativistic_generator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 [BCE(C(x_r) - mean C(x_f), 0) + BCE(C(x_f) - mean C(x_r), 1)]. Source: ESRGAN equation 2, halved.

    The released code halves the paper's sum, and its weight 5e-3 belongs to the halved form; like there, the
    real images' logits carry no gradient.

    Args:
        real: logits of real images, [batch, ...].
        fake: logits of generated images, [batch, ...].
        mean: mean of logits over the whole batch, all replicas included.

    Returns:
        Scalar float32.
    """
    real = ops.stop_gradient(real)
    return 0.5 * (_bce(real - mean(fake), 0) + _bce(fake - mean(real), 1))


def relativistic_discriminator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 [BCE(C(x_r) - mean C(x_f), 1) + BCE(C(x_f) - mean C(x_r), 0)]. Source: ESRGAN equation 1, halved.

    Args:
        real: logits of real images, [batch, ...].
        fake: logits of generated images, [batch, ...].
        mean: mean of logits over the whole batch, all replicas included.

    Returns:
        Scalar float32.
    """
    return 0.5 * (_bce(real - mean(fake), 1) + _bce(fake - mean(real), 0))


def standard_generator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """BCE(C(x_f), 1), non-saturating. Source: Goodfellow et al. (arXiv:1406.2661); SRGAN equation 6.

    Args:
        real: not used.
        fake: logits of generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return _bce(fake, 1)


def standard_discriminator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """BCE(C(x_r), 1) + BCE(C(x_f), 0). Source: Goodfellow et al. (arXiv:1406.2661).

    Args:
        real: logits of real images, [batch, ...].
        fake: logits of generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return _bce(real, 1) + _bce(fake, 0)


def least_squares_generator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 mean (C(x_f) - 1)^2. Source: LSGAN (arXiv:1611.04076) equation 9.

    Args:
        real: not used.
        fake: outputs for generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return 0.5 * mse_loss(fake, 1.0)


def least_squares_discriminator_loss(real: Tensor, fake: Tensor, mean: Mean = ops.mean) -> Tensor:
    """1/2 mean (C(x_r) - 1)^2 + 1/2 mean C(x_f)^2. Source: LSGAN (arXiv:1611.04076) equation 9.

    Args:
        real: outputs for real images, [batch, ...].
        fake: outputs for generated images, [batch, ...].
        mean: not called.

    Returns:
        Scalar float32, 0 or more.
    """
    return 0.5 * (mse_loss(real, 1.0) + mse_loss(fake, 0.0))


PIXEL_LOSSES = {"l1": l1_loss, "mse": mse_loss, "charbonnier": charbonnier_loss}
FEATURE_LOSSES = {"l1": l1_loss, "mse": mse_loss}
ADVERSARIAL_LOSSES = {  # of the generator, of the discriminator
    "relativistic": (relativistic_generator_loss, relativistic_discriminator_loss),
    "standard": (standard_generator_loss, standard_discriminator_loss),
    "least_squares": (least_squares_generator_loss, least_squares_discriminator_loss),
}
RESERVED_NAMES = (  # of a training's own values
    *("pixel", "perceptual", "ms_ssim", "ldl", "adversarial", "discriminator", "logit_margin"),
    *("psnr_y", "ssim_y"),
)
REGISTERED_LOSSES: dict[str, Callable] = {}


def register_loss(name: str) -> Callable[[Loss], Loss]:
    """Decorator that makes a loss term known to recipes, whose stage names it with its weight in `extra_losses`.

        @register_loss("total_variation")
        def total_variation(sr, hr): ...          # -> scalar

        @register_loss("style")
        class Style:                              # built once a run, under the strategy's scope
            def __init__(self): self.models = (build_my_features(),)
            def __call__(self, sr, hr): ...

    A function or an object compares sr with hr, both [batch, height, width, 3] in 0..1, on each replica; held-out
    images are measured by it too. `models` are an object's own networks, whose state a skipped step restores. A
    subclass of `esrgan_tf.training.terms.Term` can do more, such as train a network of its own.

    Args:
        name: of the term in recipes, metrics.csv and TensorBoard.

    Raises:
        InputError: a name that is taken, or is no identifier.
    """
    if not name.isidentifier() or name in RESERVED_NAMES:
        raise InputError(f"`name` must be an identifier, and none of {', '.join(RESERVED_NAMES)}. Received: {name}.")

    def register(loss: Loss) -> Loss:
        if name in REGISTERED_LOSSES:
            raise InputError(f"`name` must be registered once. Received: {name}, which is registered.")
        REGISTERED_LOSSES[name] = loss
        return loss

    return register


def named_loss(table: Mapping[str, Loss], name: str, field: str) -> Loss:
    """Looks a recipe's loss up by its name.

    Args:
        table: one of those above.
        name: as the recipe has it.
        field: of the recipe, for the message.

    Raises:
        InputError: the table has no such name.
    """
    check_one_of(field, name, table)
    return table[name]


def _gram(maps: Tensor) -> Tensor:
    """[n, h, w, c] -> [n, patches, c, c]: of each patch, the sum over its pixels of channel times channel."""
    count, height, width, channels = ops.shape(maps)
    rows, columns = (ops.minimum(side, TEXTURE_PATCH) for side in (height, width))
    down, across = height // rows, width // columns
    maps = _float32(maps)[:, : down * rows, : across * columns]
    maps = ops.reshape(maps, (count, down, rows, across, columns, channels))
    patches = ops.reshape(ops.transpose(maps, (0, 1, 3, 2, 4, 5)), (count, down * across, rows * columns, channels))
    return ops.matmul(ops.swapaxes(patches, 2, 3), patches)


def _bce(logits: Tensor, label: int) -> Tensor:
    """Mean binary cross-entropy of logits [batch, ...] against one label, without overflow."""
    return ops.mean(ops.softplus(-logits if label else logits))


def _float32(x: Tensor | float) -> Tensor:
    """The same tensor in float32: sums of half-precision differences lose the small ones."""
    return ops.cast(x, "float32")
