"""The images of validation: loaded once, cut to a bounded size."""

from dataclasses import dataclass

import tensorflow as tf

from esrgan_tf.data.degradation import degrade
from esrgan_tf.data.source import Element, Source, short_name
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.metrics.psnr_ssim import smallest_side
from esrgan_tf.recipes.degradation import DegradationConfig


@dataclass(frozen=True)
class HeldOut:
    """Images as (name, hr uint8 [scale * h, scale * w, 3], lr uint8 [h, w, 3]), and a line for each left out."""

    images: tuple[tuple[str, tf.Tensor, tf.Tensor], ...]
    left_out: tuple[str, ...]


def load_held_out(
    sources: list[Source],
    crop: int,
    scale: int,
    degradation: DegradationConfig | None = None,
    lr_multiple: int = 1,
    argument: str = "val_data",
) -> HeldOut:
    """Load what the sources hold out, cut to at most `crop` HR px around the centre.

    Args:
        sources: each with its held-out elements.
        crop: HR px.
        scale: HR size / LR size.
        degradation: makes LR where a source brings none, each image in its own way and always the same; `None`
            is MATLAB's bicubic.
        lr_multiple: px, of which LR sides are cut to multiples.
        argument: where the images can be given, for messages.

    Raises:
        InputError: no image is held out that can be read and measured.
    """
    lr_crop = crop // scale // lr_multiple * lr_multiple
    if lr_crop * scale < smallest_side(scale):
        raise InputError(
            f"`data.validation_crop` must be at least {smallest_side(scale) + scale * lr_multiple}. Received: {crop}."
        )
    images, left_out = [], []
    for source in sources:
        for element in source.held_out:
            name = element["name"].numpy().decode()
            try:
                hr, lr = _load_centre(source, element, lr_crop, lr_multiple, degradation, seed=len(images))
            except tf.errors.OpError as error:
                left_out.append(f"{name}: cannot be read ({first_line(error)})")
                continue
            if min(hr.shape[:2]) < smallest_side(scale):
                left_out.append(f"{name}: smaller than {smallest_side(scale)} px, too small to be measured")
            else:
                images.append((short_name(name), hr, lr))
    if not images:
        received = left_out[0] if left_out else "none held out"
        raise InputError(f"`{argument}` must hold an image to measure on. Received: {received}.")
    return HeldOut(tuple(images), tuple(left_out))


def _load_centre(
    source: Source,
    element: Element,
    lr_crop: int,
    lr_multiple: int,
    degradation: DegradationConfig | None,
    seed: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """(hr, lr) of one element, cut to at most `lr_crop` LR px and to multiples of `lr_multiple`."""
    scale = source.scale
    if degradation is None or source.read(element)[1] != "":
        hr, lr = source.load(element)
    else:
        hr, lr = source.load_hr(element), None
    sides = [min(side // scale, lr_crop) // lr_multiple * lr_multiple for side in hr.shape[:2]]
    top, left = ((side // scale - cut) // 2 for side, cut in zip(hr.shape[:2], sides, strict=True))
    height, width = sides
    hr = hr[scale * top : scale * (top + height), scale * left : scale * (left + width)]
    if lr is None:
        return hr, degrade(hr, scale, degradation, tf.constant([0, seed], tf.int64))
    return hr, lr[top : top + height, left : left + width]
