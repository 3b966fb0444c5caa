"""A generator, whatever it is run by."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.metadata import Description

DEFAULT_OVERLAP = 32  # px


@dataclass(frozen=True)
class Network:
    """A generator as one of the runtimes runs it.

    Args:
        recipe: that it was trained by.
        scale: output size / input size.
        run: float32 [height, width, 3] in 0..1 -> float32 [scale * height, scale * width, 3], neither clipped nor
            rounded (but where the network's own output is uint8). Raises MemoryError where there is too little.
        lr_multiple: px, of which the input's sides must be multiples.
        tile: px, the one height and width that it takes; `None` takes any.
        overlap: px of the input that tiles see beyond what is kept of them, unless said otherwise.
        origin: where it comes from, for people.
        concurrency: calls of `run` worth having in flight: more than one where a server does the work.
    """

    recipe: str
    scale: int
    run: Callable[[np.ndarray], np.ndarray]
    lr_multiple: int = 1
    tile: int | None = None
    overlap: int = DEFAULT_OVERLAP
    origin: str = ""
    concurrency: int = 1


def described_network(description: Description, run: Callable[[np.ndarray], np.ndarray], origin: str) -> Network:
    """An exported generator as a network, by what it says of itself."""
    d = description
    return Network(d.recipe, d.scale, run, d.lr_multiple, d.tile, d.overlap, origin)


def check_alpha(takes_alpha: bool, alpha: float | None, models: str) -> None:
    """Raise unless alpha is given where it is needed, and only there.

    Args:
        takes_alpha: whether the models are two to choose between.
        alpha: 0 (psnr) to 1 (gan), or `None`.
        models: for the message.

    Raises:
        InputError: it is missing, has no use, or is outside 0..1.
    """
    if takes_alpha and alpha is None:
        raise InputError(f"`alpha`, from 0 (psnr) to 1 (gan), must be given for two generators. Received: {models}.")
    if not takes_alpha and alpha is not None:
        raise InputError(
            "`alpha` must go with two generators: two of `model` (psnr, gan), or a SavedModel of two. "
            f"Received: {models}, alpha {alpha:g}."
        )
    if alpha is not None and not 0 <= alpha <= 1:
        raise InputError(f"`alpha` must be from 0 (psnr) to 1 (gan). Received: {alpha:g}.")
