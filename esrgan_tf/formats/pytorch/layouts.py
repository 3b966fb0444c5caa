"""What a layout is: how one kind of published file names and orders a network's tensors.

Two orders differ between the frameworks wherever pixels move into channels or back (pixel shuffle, flattening):
PyTorch counts positions fastest (channel, y, x), TensorFlow channels (y, x, channel).

A recogniser reads a layout off the tensors' shapes, and returns `None` where it is another's. It raises LookupError
where a tensor that says how wide or deep the network is cannot be read: a sentence that begins after the file's name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig
from esrgan_tf.recipes.families import GeneratorConfig

Shapes = Mapping[str, tuple[int, ...]]
Rules = tuple[tuple[str, str], ...]  # (pattern of a Keras layer's whole name, PyTorch's module)

OUTPUT, INPUT = 0, 1  # axes of a PyTorch weight


@dataclass(frozen=True)
class Layout:
    """A layout that was recognised, and what it says of the network."""

    title: str
    network: GeneratorConfig | VGGDiscriminatorConfig | str  # or the name of a perceptual network
    rules: Rules = ()  # a layer that none fits keeps its name
    order: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # layer -> (axis, positions) where they differ
    factors: Mapping[str, float] = field(default_factory=dict)  # "layer/variable" -> Keras' value / the tensor's
    ignored: str | None = None  # pattern of tensors that are known and not needed
    patch: int | None = None  # px, of a discriminator
    folded: Mapping[str, str] = field(default_factory=dict)  # bias -> mean of the BatchNorm that swallows it
    completed: Callable | None = None  # (tensors, network) -> the tensors and what a file holds that repeats them


def renamed(layer: str, rules: Rules) -> str:
    """The name that the first fitting rule gives a layer, or its own."""
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, layer)
        if match:
            return match.expand(replacement)
    return layer


def has(shapes: Shapes, pattern: str) -> bool:
    """Whether any tensor's whole name fits."""
    return any(re.fullmatch(pattern, name) for name in shapes)


def count(shapes: Shapes, pattern: str) -> int:
    """How many tensors' whole names fit."""
    return sum(bool(re.fullmatch(pattern, name)) for name in shapes)


def length(shapes: Shapes, pattern: str) -> int:
    """One more than the highest number that the pattern's group finds; 0 where there is none."""
    matches = [re.fullmatch(pattern, name) for name in shapes]
    return 1 + max((int(match[1]) for match in matches if match), default=-1)


def size(shapes: Shapes, name: str, axis: int) -> int:
    """A tensor's size along an axis.

    Raises:
        LookupError: no such tensor or axis.
    """
    if name not in shapes:
        raise LookupError(f"lacks the tensor {name}, which says how wide the network is.")
    if len(shapes[name]) <= axis:
        raise LookupError(f"has a misshapen tensor {name}: {shapes[name]}.")
    return shapes[name][axis]
