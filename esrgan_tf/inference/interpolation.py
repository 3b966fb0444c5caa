"""An image at every step between two generators: network interpolation above image interpolation."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.image.io import read_image
from esrgan_tf.image.panels import most_detailed_crop, side_by_side, stack_rows
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.models.interpolation import interpolate, interpolated_weights


def upscalers(psnr: keras.Model, gan: keras.Model, alphas: Sequence[float], **options) -> Iterator[Upscaler]:
    """An upscaler at each alpha in turn; one network that takes the weights anew, so that it is traced once.

    Args:
        psnr: the psnr stage's generator.
        gan: the gan stage's, of the same network.
        alphas: 0 (psnr) to 1 (gan).
        options: of `Upscaler`.

    Raises:
        InputError: as `interpolated_weights`.
    """
    model = interpolate(psnr, gan, alphas[0])
    upscaler = Upscaler(keras_network(model), **options)
    for alpha in alphas:
        model.set_weights(interpolated_weights(psnr, gan, alpha))
        yield upscaler


def write_interpolation_panel(
    psnr: keras.Model,
    gan: keras.Model,
    alphas: Sequence[float],
    image: str | Path,
    path: str | Path,
    crop: int = 192,
) -> None:
    """Write one image at every alpha: networks interpolated (above), their images interpolated (below).

    Source: ESRGAN figure 10.

    Args:
        psnr: the psnr stage's generator.
        gan: the gan stage's, of the same network.
        alphas: 0 (psnr) to 1 (gan).
        image: file to upscale.
        path: of the PNG.
        crop: px of the output, shown where it has the most detail.

    Raises:
        InputError: as `interpolated_weights` and `read_image`.
        OSError: the PNG cannot be written.
    """
    lr_01 = read_image(image).rgb
    pure = [upscaler.upscale(lr_01) for upscaler in upscalers(psnr, gan, [0.0, 1.0])]
    networks = [upscaler.upscale(lr_01) for upscaler in upscalers(psnr, gan, alphas)]
    images = [(1 - alpha) * pure[0] + alpha * pure[1] for alpha in alphas]
    size = min(crop, *pure[0].shape[:2])
    top, left = most_detailed_crop(pure[0], size)
    window = np.s_[top : top + size, left : left + size]
    rows = []
    for name, row in (("networks", networks), ("images", images)):
        cells = [(f"{name}, alpha {alpha:g}", image[window]) for alpha, image in zip(alphas, row, strict=True)]
        rows.append(side_by_side(cells))
    with replacing(path) as temporary:
        Image.fromarray(stack_rows(rows)).save(temporary, format="PNG")
