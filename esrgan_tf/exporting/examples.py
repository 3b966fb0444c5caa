"""Pictures whose originals are known: some to calibrate on, others, never calibrated on, to prove on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.sources import Source, open_sources
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.images import to_float, to_uint8
from esrgan_tf.metrics import psnr, smallest_side
from esrgan_tf.recipes import get_recipe
from esrgan_tf.weights.generators import GeneratorInfo

CALIBRATION_PICTURES = 32
LARGEST_SIDE = 128  # px of LR: what is proven on
ODD_SIDES = (57, 43)  # px: a second cut of each picture


@dataclass(frozen=True)
class Example:
    """LR float32 [height, width, 3] and its original, float32 [scale * height, scale * width, 3] or its first part."""

    name: str
    lr_01: np.ndarray
    hr_01: np.ndarray
    scale: int

    def cut(self, height: int, width: int) -> "Example":
        """The middle, at most so large."""
        scale = self.scale
        top, left = (max(0, side - most) // 2 for side, most in zip(self.lr_01.shape, (height, width), strict=False))
        lr = self.lr_01[top : top + height, left : left + width]
        hr = self.hr_01[scale * top : scale * (top + height), scale * left : scale * (left + width)]
        return Example(self.name, lr, hr, scale)

    def fitted(self, tile: int) -> "Example":
        """The middle as LR [tile, tile, 3], mirrored beyond the border of a smaller one; the original as it is."""
        cut = self.cut(tile, tile)
        beyond = [(0, tile - side) for side in cut.lr_01.shape[:2]]
        return Example(self.name, np.pad(cut.lr_01, [*beyond, (0, 0)], "symmetric"), cut.hr_01, self.scale)

    def psnr(self, sr_01: np.ndarray) -> float:
        """Y-PSNR in dB against the original, uint8, `scale` px cropped.

        Args:
            sr_01: float32 [scale * height, scale * width, 3], of this LR.
        """
        height, width = self.hr_01.shape[:2]
        return psnr(to_uint8(sr_01[:height, :width]), to_uint8(self.hr_01), self.scale)


def load_examples(
    data: str, info: GeneratorInfo, calibrated_side: int | None, say: Callable[[str], None] = print
) -> tuple[list[Example], list[Example]]:
    """Open a data source for an export.

    Args:
        data: as `--data` of training: `sample`, a folder, `hr=FOLDER,lr=FOLDER`, ...
        info: of the generator.
        calibrated_side: LR px, at most, of what is calibrated on; `None` where nothing is.
        say: told of each image that is left out because it cannot be used.

    Returns:
        About 32 pictures to calibrate on, always the same, and those held out, twice each: at most 128 px of LR, and
        a cut of 57 x 43 px.

    Raises:
        InputError: as `open_sources`, or nothing is left to hold out or to calibrate on.
    """
    config = get_recipe("quickstart").data
    least = smallest_side(info.scale) * 2 // info.scale * info.scale
    sources = open_sources(data, config, info.scale, least, seed=0)
    held_out = load_held_out(
        sources, LARGEST_SIDE * info.scale, info.scale, lr_multiple=info.lr_multiple, flag="--calibration"
    )
    examples = [_example(name, hr, lr, info.scale, LARGEST_SIDE) for name, hr, lr in held_out.pictures]
    odd = [side // info.lr_multiple * info.lr_multiple for side in ODD_SIDES]
    calibration, damaged = _to_calibrate_on(sources, calibrated_side) if calibrated_side else ([], [])
    for line in (*(line for source in sources for line in source.left_out), *held_out.left_out, *damaged):
        say(f"left out {line}")
    if calibrated_side and not calibration:
        raise InputError(f"`--calibration` must hold images that can be read, to calibrate on. Received: {damaged[0]}.")
    if {example.name for example in calibration} & {example.name for example in examples}:
        raise InputError(f"`--calibration` must hold several pictures: some are held out. Received: {data}.")
    return calibration, [cut for example in examples for cut in (example, example.cut(*odd))]


def _to_calibrate_on(sources: Sequence[Source], side: int) -> tuple[list[Example], list[str]]:
    """The first pictures of each source's stream that can be read, and a line for each that cannot.

    As many of each source; generated ones only where there are no others.
    """
    sources = [source for source in sources if "dead_leaves" not in source.name] or sources
    share = -(-CALIBRATION_PICTURES // len(sources))
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
            examples.append(_example(Path(name).stem, hr, lr, source.scale, side))
            if len(examples) == wanted:
                break
    return examples, left_out


def _example(name: str, hr: tf.Tensor, lr: tf.Tensor, scale: int, side: int) -> Example:
    """The middle of two uint8 pictures, at most `side` px of LR."""
    cut = Example(name, lr.numpy(), hr.numpy(), scale).cut(side, side)
    return Example(name, to_float(cut.lr_01), to_float(cut.hr_01), scale)
