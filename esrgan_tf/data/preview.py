"""A panel of the crops that training really gets."""

from pathlib import Path

import tensorflow as tf
from PIL import Image

from esrgan_tf.atomic import replacing
from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.sources import open_sources
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.image.io import to_float
from esrgan_tf.image.panels import side_by_side, stack_rows, upscale_nearest
from esrgan_tf.recipes.configs import DataConfig

PAIRS_A_ROW = 3


def write_preview(path: Path, data: str, config: DataConfig, scale: int, hr_patch: int, rows: int, seed: int) -> None:
    """Write the first crops of a training run, LR (upscaled by nearest) beside HR.

    Args:
        path: of the PNG.
        data: as `open_sources` takes it.
        config: the recipe's data part, degradation included.
        scale: HR size / LR size.
        hr_patch: px, a multiple of `scale`.
        rows: of three pairs each.
        seed: of the run.

    Raises:
        InputError: the data cannot be used, or no image of it can be read.
        OSError: the file cannot be written.
    """
    sources = open_sources(data, config, scale, hr_patch, seed)
    batches = training_batches(sources, config, scale, hr_patch, PAIRS_A_ROW, seed)
    panels = []
    try:
        for batch in batches.take(rows):
            cells = []
            for hr, lr in zip(batch["hr"].numpy(), batch["lr"].numpy(), strict=True):
                cells += [("LR", upscale_nearest(to_float(lr), scale)), ("HR", to_float(hr))]
            panels.append(side_by_side(cells))
    except tf.errors.OpError as error:
        raise InputError(f"`data` gives no crops: {first_line(error)}") from error
    with replacing(path) as temporary:
        Image.fromarray(stack_rows(panels)).save(temporary)
