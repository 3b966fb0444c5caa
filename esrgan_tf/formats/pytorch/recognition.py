"""Which layout a file's tensors are in."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.pytorch.generator_layouts import GENERATOR_RECOGNISERS
from esrgan_tf.formats.pytorch.layouts import Layout
from esrgan_tf.formats.pytorch.perceptual_layouts import PERCEPTUAL_RECOGNISERS
from esrgan_tf.formats.pytorch.transfer import NAMED
from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig


def recognise(tensors: Mapping[str, np.ndarray], origin: str | Path) -> Layout:
    """Which layout tensors are in, and the network they belong to.

    Args:
        tensors: by PyTorch's names; only their shapes count.
        origin: where they come from, for messages.

    Raises:
        InputError: no known layout, or one without the tensors that give the network's width and depth.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for recogniser in (*GENERATOR_RECOGNISERS, *PERCEPTUAL_RECOGNISERS):
        try:
            layout = recogniser(shapes)
        except LookupError as error:
            raise InputError(f"`{origin}` {error.args[0]}") from error
        except InputError as error:
            raise InputError(f"`{origin}` is of a network that cannot be built: {error}") from error
        if layout:
            return layout
    raise InputError(
        f"`{origin}` must be of a known layout: ESRGAN (old, new), BasicSR or Real-ESRGAN (RRDBNet, SRVGGNetCompact, "
        "MSRResNet, EDSR), SPAN, their VGG discriminator, torchvision's VGG16, VGG19 or AlexNet, MINC's VGG16. "
        f"Received: tensors such as {', '.join(list(shapes)[:NAMED])}."
    )


def is_generator(layout: Layout) -> bool:
    """Whether a layout is a generator's, rather than that of a network that judges images."""
    return not isinstance(layout.network, str | VGGDiscriminatorConfig)
