"""Network interpolation: one generator between the psnr stage's and the gan stage's (ESRGAN section 3.4)."""

from dataclasses import replace

import keras
import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.metadata import metadata_of, set_metadata


def interpolate(psnr: keras.Model, gan: keras.Model, alpha: float) -> keras.Model:
    """A new generator with the interpolated parameters.

    Args:
        psnr: the psnr stage's generator.
        gan: the gan stage's, of the same network.
        alpha: 0 (psnr) to 1 (gan).

    Returns:
        Float32 generator, its recipe's name followed by `_alpha` and the number.

    Raises:
        InputError: as `interpolated_weights`.
    """
    weights = interpolated_weights(psnr, gan, alpha)
    of_gan = metadata_of(gan)
    recipe = f"{of_gan.recipe}_alpha{alpha:g}"
    metadata = replace(of_gan, name=f"{recipe}_x{of_gan.scale}", recipe=recipe)
    model = keras.Model.from_config({**gan.get_config(), "name": metadata.name})
    model.set_weights(weights)
    return set_metadata(model, metadata)


def interpolated_weights(psnr: keras.Model, gan: keras.Model, alpha: float) -> list[np.ndarray]:
    """theta = (1 - alpha) theta_PSNR + alpha theta_GAN. Source: ESRGAN equation 4.

    Args:
        psnr: the psnr stage's generator.
        gan: the gan stage's, of the same network.
        alpha: 0 (psnr) to 1 (gan).

    Returns:
        Weights in the order of `gan.get_weights()`; those of `psnr` and of `gan` bit for bit at 0 and at 1.

    Raises:
        InputError: alpha is outside 0..1, or the two are not the same network.
    """
    if not 0 <= alpha <= 1:
        raise InputError(f"`alpha` must be from 0 (psnr) to 1 (gan). Received: {alpha:g}.")
    first, second = ({v.path: v.numpy() for v in model.variables} for model in (psnr, gan))
    differing = [path for path in {**first, **second} if np.shape(first.get(path)) != np.shape(second.get(path))]
    if differing or metadata_of(psnr).scale != metadata_of(gan).scale:
        which = f"{len(differing)} tensors differ, first {differing[0]}" if differing else "their scales differ"
        raise InputError(f"the two generators must be the same network. Received: {psnr.name} and {gan.name}, {which}.")
    return [np.float32(1 - alpha) * first[path] + np.float32(alpha) * second[path] for path in second]
