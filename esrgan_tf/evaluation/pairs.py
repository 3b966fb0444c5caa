"""The images of an evaluation: originals, and the low-resolution images given or made from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from esrgan_tf.data.registry import open_parts
from esrgan_tf.data.source import Element, Files, Pair, Request, Source, short_name
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.image.io import read_rgb
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metrics.niqe import BLOCK, FEWEST_BLOCKS
from esrgan_tf.metrics.psnr_ssim import smallest_side
from esrgan_tf.recipes.degradation import DegradationConfig


@dataclass(frozen=True, eq=False)
class Streamed:
    """An image that is no file of its own, such as one of DIV2K as TFDS keeps it.

    `hr` and `lr` stand for those of a `Pair`: what the image is called, and `None` where no LR is given.
    """

    name: str
    hr: str
    lr: str | None
    source: Source
    element: Element


@dataclass(frozen=True, eq=False)
class Degraded:
    """An image whose LR a degradation makes, the same whenever it is read."""

    original: Pair | Streamed
    config: DegradationConfig
    seed: int

    @property
    def name(self) -> str:
        """The original's."""
        return self.original.name

    @property
    def hr(self) -> Any:
        """The original's."""
        return self.original.hr

    @property
    def lr(self) -> None:
        """Never given."""


AnyPair = Pair | Streamed | Degraded


def find_pairs(data: str, scale: int, degradation: DegradationConfig | None = None) -> list[AnyPair]:
    """The images that `data` names: all of a folder, sorted by path, and what another source holds out.

    Args:
        data: as `registry.parse_data` takes it.
        scale: HR size / LR size.
        degradation: makes the LR of each, its seed the image's place among them from 0 on.

    Raises:
        InputError: a part cannot be had, is empty or does not pair, two images share a name, or LR is given beside
            `degradation`.
    """
    pairs: list[Pair | Streamed] = []
    for found in open_parts(data, Request(scale, smallest_side(scale), held_out_only=True)):
        if isinstance(found, Files):
            pairs += found.pairs if found.held_out is None else found.held_out
        else:
            pairs += [_streamed(found, element) for element in found.held_out]
    seen: dict[str, Pair | Streamed] = {}
    for pair in pairs:
        if pair.name in seen:
            raise InputError(f"`data` must hold each name once. Received: {seen[pair.name].hr} and {pair.hr}.")
        seen[pair.name] = pair
    if degradation is None:
        return pairs
    if any(pair.lr for pair in pairs):
        raise InputError(f"`degradation` makes low-resolution images, but `data` gives them. Received: data={data}.")
    return [Degraded(pair, degradation, seed) for seed, pair in enumerate(pairs)]


def load_pair(pair: AnyPair, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Read an original and its low-resolution image, or make that by its degradation or MATLAB's bicubic.

    Grey becomes RGB of equal channels, 16 bits become 8, alpha is left out.

    Args:
        pair: as `find_pairs` gives it.
        scale: HR size / LR size.

    Returns:
        HR, uint8 [scale * h, scale * w, 3], cut to a multiple of the scale at its right and bottom; LR, uint8
        [h, w, 3].

    Raises:
        InputError: a file that cannot be read, or sizes that do not fit.
    """
    if isinstance(pair, Degraded):
        hr, _ = load_pair(pair.original, scale)
        return hr, _degrade(hr, scale, pair)
    if isinstance(pair, Streamed):
        return _load_streamed(pair)
    hr = read_rgb(pair.hr)
    height, width = (side // scale for side in hr.shape[:2])
    if not (height and width):
        raise InputError(f"`{pair.hr}` must be at least {scale} x {scale} px. Received: {_size(hr)}.")
    whole = hr[: scale * height, : scale * width]
    if pair.lr is None:
        return whole, imresize_uint8(whole, 1 / scale)
    lr = read_rgb(pair.lr)
    if lr.shape[:2] != (height, width):
        raise InputError(
            f"`{pair.lr}` must be {width} x {height} px to fit `{pair.hr}` ({_size(hr)}) at scale {scale}. "
            f"Received: {_size(lr)}."
        )
    return whole, lr


def check_pairs(pairs: list[AnyPair], scale: int, options: Options) -> None:
    """Read every image once, so that a bad one is reported before hours of upscaling.

    Args:
        pairs: as `find_pairs` gives them.
        scale: HR size / LR size.
        options: what is measured.

    Raises:
        InputError: an image that cannot be read, does not fit, or is too small for what is measured.
    """
    smallest = smallest_side(options.crop)
    for pair in pairs:
        hr, _ = load_pair(pair, scale)
        if min(hr.shape[:2]) < smallest:
            raise InputError(
                f"`{pair.hr}` must be at least {smallest} x {smallest} px to be measured with `crop={options.crop}`. "
                f"Received: {_size(hr)} at scale {scale}. Use a smaller `crop`, or leave the image out."
            )
        rows, columns = ((side - 2 * options.crop) // BLOCK for side in hr.shape[:2])
        if options.niqe and rows * columns < FEWEST_BLOCKS:
            raise InputError(
                f"`{pair.hr}` must hold {FEWEST_BLOCKS} blocks of {BLOCK} x {BLOCK} px inside `crop={options.crop}` "
                f"for NIQE. Received: {_size(hr)}. Leave out the image, or `niqe_params`."
            )


def _streamed(source: Source, element: Element) -> Streamed:
    """An element that a source holds out."""
    name = element["name"].numpy().decode()
    lr_given = source.read(element)[1].numpy() != b""
    return Streamed(short_name(name), name, "given" if lr_given else None, source, element)


def _load_streamed(image: Streamed) -> tuple[np.ndarray, np.ndarray]:
    """HR and LR as `load_pair`."""
    import tensorflow as tf

    try:
        hr, lr = image.source.load(image.element)
    except tf.errors.OpError as error:
        raise InputError(f"`{image.hr}` cannot be read ({first_line(error)}).") from error
    return hr.numpy(), lr.numpy()


def _degrade(hr: np.ndarray, scale: int, image: Degraded) -> np.ndarray:
    """uint8 [scale * h, scale * w, 3] to [h, w, 3]."""
    from esrgan_tf.data.degradation import degrade

    return degrade(hr, scale, image.config, [0, image.seed]).numpy()


def _size(image: np.ndarray) -> str:
    """[h, w, ...] in words."""
    return f"{image.shape[1]} x {image.shape[0]} px"
