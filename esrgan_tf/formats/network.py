"""The handle that all runtimes share: a generator that can be run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esrgan_tf.errors import InputError
from esrgan_tf.metadata import GeneratorMetadata

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Network:
    """A generator as one of the runtimes runs it.

    Args:
        metadata: of the generator.
        run: float32 [height, width, 3] in 0..1 -> float32 [scale * height, scale * width, 3], neither clipped nor
            rounded (but where the network's own output is uint8). Raises MemoryError where there is too little.
        origin: where it comes from, for people.
        concurrency: calls of `run` worth having in flight: more than one where a server computes.
        engine: what runs it and in which precision, where that was chosen for a whole generator; else empty.
    """

    metadata: GeneratorMetadata
    run: "Callable[[np.ndarray], np.ndarray]"
    origin: str = ""
    concurrency: int = 1
    engine: str = ""


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
