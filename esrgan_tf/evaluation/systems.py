"""What is compared: bicubic and generators, each under a short name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import bicubic_upscale

BICUBIC = "bicubic"


@dataclass(frozen=True)
class System:
    """A way of upscaling: its name in tables, what it is, and float32 [h, w, 3] -> [scale * h, scale * w, 3]."""

    name: str
    origin: str
    upscale: Callable[[np.ndarray], np.ndarray]


def open_systems(
    models: Sequence[str],
    scale: int | None,
    tile: int | None,
    overlap: int | None,
    self_ensemble: bool = False,
    alpha: float | None = None,
) -> tuple[list[System], int]:
    """Load what `model` names.

    Args:
        models: as `open_network` takes each, or "bicubic"; each once.
        scale: needed where all are bicubic; the generators' otherwise.
        tile: as `Upscaler`.
        overlap: as `Upscaler`.
        self_ensemble: as `Upscaler`; it changes nothing of bicubic.
        alpha: 0 (psnr) to 1 (gan), of SavedModels of two generators; the others have none.

    Returns:
        The systems in their order, and their scale.

    Raises:
        InputError: no scale, scales that differ, a name given twice, or no generator.
    """
    if len(set(models)) < len(models):
        raise InputError(f"`model` must name different things. Received: {', '.join(models)}.")
    systems, scales = [], {} if scale is None else {"scale": scale}
    for model, name in zip(models, _names(models), strict=True):
        if model == BICUBIC:
            # Called when `scale` is known, below.
            systems.append(System(name, "MATLAB's bicubic", lambda lr_01: bicubic_upscale(lr_01, scale)))
            continue
        # Here, since bicubic alone needs no TensorFlow.
        from esrgan_tf.formats.registry import open_network, takes_alpha
        from esrgan_tf.inference.upscaler import Upscaler

        network = open_network([model], alpha if takes_alpha(model) else None)
        upscaler = Upscaler(network, tile, overlap, self_ensemble)
        scales[model] = upscaler.scale
        origin = f"{upscaler.origin}: {upscaler.recipe}{', self-ensemble' if self_ensemble else ''}"
        systems.append(System(name, origin, upscaler.upscale))
    if not scales:
        raise InputError("`scale` must be given where nothing but bicubic is measured, such as `scale=4`.")
    if len(set(scales.values())) > 1:
        received = ", ".join(f"{name}: {value}" for name, value in scales.items())
        raise InputError(f"`model` and `scale` must be of one scale. Received: {received}.")
    scale = next(iter(scales.values()))
    return systems, scale


def _names(models: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that differ from each other and are more than a version's number."""
    parts = [Path(model).parts for model in models]
    for length in range(1, max(map(len, parts))):
        names = ["/".join(path[-length:]) for path in parts]
        if len(set(names)) == len(names) and not any(name.isdecimal() for name in names):
            return names
    return list(models)
