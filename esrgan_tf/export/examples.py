"""Images whose originals are known: some to calibrate on, others, never calibrated on, to verify on."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import tensorflow as tf

from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.source import Element, Source, short_name
from esrgan_tf.data.sources import open_sources
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.formats.examples import Example
from esrgan_tf.image.io import to_float
from esrgan_tf.log import Log, print_line
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.metrics.psnr_ssim import smallest_side
from esrgan_tf.recipes.configs import DataConfig

CALIBRATION_IMAGES = 32
HELD_OUT_IMAGES = 32
# Of sources that generate their images: enough of them, no larger than needed for crops.
GENERATED = DataConfig(dead_leaves_pictures=24, dead_leaves_size=256)
LARGEST_SIDE = 128  # px of LR, of images to verify on
ODD_SIDES = (57, 43)  # px: a second cut of each image
CROP_SIDE = 64  # px of LR: further cuts, which differ more from each other than from what they are cut from


def load_examples(
    data: str, metadata: GeneratorMetadata, calibrated_side: int | None, log: Log = print_line
) -> tuple[list[Example], list[Example]]:
    """Open a data source for an export.

    Args:
        data: as `data` of training: `sample`, a folder, `hr=FOLDER,lr=FOLDER`, ...
        metadata: of the generator.
        calibrated_side: LR px, at most, of images to calibrate on; `None` for none.
        log: takes a line about each image that is left out because it cannot be used.

    Returns:
        About 32 images to calibrate on, always the same, and about as many cut from those held out: of each at most
        128 px of LR, a cut of 57 x 43 px, and squares of 64 px where several fit.

    Raises:
        InputError: as `open_sources`, or nothing is left to hold out or to calibrate on.
    """
    least = smallest_side(metadata.scale) * 2 // metadata.scale * metadata.scale
    sources = open_sources(data, GENERATED, metadata.scale, least, seed=0, argument="calibration", log=log)
    held_out = load_held_out(
        sources, LARGEST_SIDE * metadata.scale, metadata.scale, lr_multiple=metadata.lr_multiple, argument="calibration"
    )
    examples = [_crops(name, hr, lr, metadata.scale, LARGEST_SIDE, most=1)[0] for name, hr, lr in held_out.images]
    crop, *odd = (side // metadata.lr_multiple * metadata.lr_multiple for side in (CROP_SIDE, *ODD_SIDES))
    calibration, damaged = _to_calibrate_on(sources, calibrated_side) if calibrated_side else ([], [])
    for line in (*(line for source in sources for line in source.left_out), *held_out.left_out, *damaged):
        log(f"left out {line}")
    if calibrated_side and not calibration:
        raise InputError(f"`calibration` must hold images that can be read, to calibrate on. Received: {damaged[0]}.")
    if calibration and any(set(source.names) & _names(source.held_out) for source in sources):
        raise InputError(f"`calibration` must hold several images: some are held out. Received: {data}.")
    more = max(1, HELD_OUT_IMAGES // len(examples) - 2)
    return calibration, [cut for e in examples for cut in (e, e.cut(*odd), *_several(e.crops(crop, more)))]


def _names(elements: Iterable[Element]) -> set[str]:
    """Names of a source's elements."""
    return {element["name"].numpy().decode() for element in elements}


def _several(crops: list[Example]) -> list[Example]:
    """None where there is but one, which is the middle of what it is cut from."""
    return crops if len(crops) > 1 else []


def _to_calibrate_on(sources: Sequence[Source], side: int) -> tuple[list[Example], list[str]]:
    """Crops of the first images of each source's stream that can be read, and a line for each that cannot.

    As many of each source; of generated ones only where there are no others.
    """
    sources = [source for source in sources if "dead_leaves" not in source.name] or sources
    share = -(-CALIBRATION_IMAGES // len(sources))
    examples, left_out = [], []
    for source in sources:
        wanted = len(examples) + share
        for element in source.stream(0).take(source.count):
            name = element["name"].numpy().decode()
            try:
                hr, lr = source.load(element)
            except tf.errors.OpError as error:
                left_out.append(f"{name}: cannot be read ({first_line(error)})")
                continue
            examples += _crops(short_name(name), hr, lr, source.scale, side, most=-(-share // source.count))
            if len(examples) >= wanted:
                break
    return examples, left_out


def _crops(name: str, hr: tf.Tensor, lr: tf.Tensor, scale: int, side: int, most: int) -> list[Example]:
    """At most so many crops of two uint8 images, of at most `side` px of LR."""
    crops = Example(name, lr.numpy(), hr.numpy(), scale).crops(side, most)
    return [replace(crop, lr_01=to_float(crop.lr_01), hr_01=to_float(crop.hr_01)) for crop in crops]
