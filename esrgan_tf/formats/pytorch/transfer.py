"""A model's variables and PyTorch's tensors: one to one, in the other framework's axes and order.

PyTorch's convolution [o, i, h, w] is Keras' [h, w, i, o]; that is all there is to most layers. `Layout` says where
channels are counted in another order, and what each tensor is called.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import keras
import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.formats.pytorch.layouts import Layout, Rules, renamed

TENSOR_OF = {  # PyTorch's name for a layer's variable
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "alpha": "weight",
    **{  # of a convolution in branches, as SPAN's code names them
        f"{branch}_{variable}": f"{module}.{tensor}"
        for branch, module in (("expand", "conv.0"), ("spatial", "conv.1"), ("project", "conv.2"), ("skip", "sk"))
        for variable, tensor in (("kernel", "weight"), ("bias", "bias"))
    },
}
DESCRIBED = ("residual_scale",)  # beside the whole numbers of a configuration: no tensor holds it
NAMED = 4  # tensors that a message names of each kind


@dataclass(frozen=True)
class Slot:
    """One variable of a model and the tensor that belongs there."""

    tensor: str
    layer: str
    variable: keras.Variable

    def to_torch(self, value: np.ndarray) -> np.ndarray:
        """Keras' axes to PyTorch's."""
        if self.variable.name.endswith("kernel"):
            return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        return value.reshape(-1) if self.variable.name == "alpha" else value

    def to_keras(self, tensor: np.ndarray) -> np.ndarray:
        """PyTorch's axes to Keras'."""
        if self.variable.name.endswith("kernel"):
            return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T
        return tensor.reshape(self.variable.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor."""
        return self.to_torch(np.broadcast_to(np.float32(0), self.variable.shape)).shape


def variable_slots(model: keras.Model, rules: Rules) -> Iterator[Slot]:
    """Every variable of a model with its tensor's name."""
    for layer in weighted_layers(model):
        for variable in layer.variables:
            suffix = TENSOR_OF.get(variable.name, variable.name)
            yield Slot(f"{renamed(layer.name, rules)}.{suffix}", layer.name, variable)


def weighted_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """All layers with variables, those of nested models too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from weighted_layers(layer)
        elif layer.variables:
            yield layer


def fill(model: keras.Model, tensors: dict[str, np.ndarray], layout: Layout, origin: str | Path) -> None:
    """Give a model's variables their values, each tensor to one and each variable from one.

    Args:
        model: built from `layout.network`.
        tensors: by PyTorch's names; used up, so that the network is not in memory twice.
        layout: of the tensors.
        origin: where they come from, for messages.

    Raises:
        InputError: tensors are missing, left over or misshapen; nothing has been changed then.
    """
    _fold_biases(tensors, layout)
    slots = list(variable_slots(model, layout.rules))
    wanted = {slot.tensor for slot in slots}
    missing = [slot.tensor for slot in slots if slot.tensor not in tensors]
    left = [name for name in tensors if name not in wanted and not re.fullmatch(layout.ignored or "", name)]
    misshapen = [
        f"{slot.tensor} {tensors[slot.tensor].dtype} {tensors[slot.tensor].shape} instead of {slot.shape}"
        for slot in slots
        if slot.tensor in tensors
        and (tensors[slot.tensor].shape != slot.shape or tensors[slot.tensor].dtype.kind != "f")
    ]
    if missing or left or misshapen:
        found = {"missing": missing, "left over": left, "misshapen": misshapen}
        said = "; ".join(f"{kind}: {_some(names)}" for kind, names in found.items() if names)
        raise InputError(f"`{origin}` looks like {describe(layout)}, but does not fit: {said}.")
    for slot in slots:
        tensor = tensors.pop(slot.tensor)
        axis, positions = layout.order.get(slot.layer, (0, 1))
        if tensor.ndim > axis:
            tensor = _positions_first(tensor, axis, positions)
        factor = layout.factors.get(f"{slot.layer}/{slot.variable.name}")
        tensor = tensor if factor is None else tensor.astype(np.float64) * factor
        slot.variable.assign(slot.to_keras(tensor.astype(np.float32)))


def extract(model: keras.Model, layout: Layout) -> dict[str, np.ndarray]:
    """A model's tensors under PyTorch's names, the inverse of `fill`; and what the layout repeats of them.

    Those that a factor divides are float64, so that `fill` gives back the same bits; PyTorch's `load_state_dict`
    rounds them.
    """
    tensors = {}
    for slot in variable_slots(model, layout.rules):
        tensor = slot.to_torch(np.array(slot.variable))
        axis, positions = layout.order.get(slot.layer, (0, 1))
        if tensor.ndim > axis:
            tensor = _positions_first(tensor, axis, tensor.shape[axis] // positions)
        factor = layout.factors.get(f"{slot.layer}/{slot.variable.name}")
        tensors[slot.tensor] = tensor if factor is None else tensor.astype(np.float64) / factor
    return layout.completed(tensors, layout.network) if layout.completed else tensors


def describe(layout: Layout) -> str:
    """A layout's network, for people."""
    if isinstance(layout.network, str):
        return layout.title
    values = {f.name: getattr(layout.network, f.name) for f in fields(layout.network)}
    sizes = ", ".join(f"{name} {value}" for name, value in values.items() if type(value) is int or name in DESCRIBED)
    return f"{layout.title} ({sizes}{f', patch {layout.patch}' if layout.patch else ''})"


def _fold_biases(tensors: dict[str, np.ndarray], layout: Layout) -> None:
    """Take biases before BatchNorm off its mean instead."""
    for bias, mean in layout.folded.items():
        if bias in tensors and mean in tensors and tensors[bias].shape == tensors[mean].shape:
            tensors[mean] = tensors[mean] - tensors.pop(bias)


def _positions_first(tensor: np.ndarray, axis: int, positions: int) -> np.ndarray:
    """(channel, position) -> (position, channel) along an axis; with the number of channels, back again."""
    split = (*tensor.shape[:axis], -1, positions, *tensor.shape[axis + 1 :])
    return tensor.reshape(split).swapaxes(axis, axis + 1).reshape(tensor.shape)


def _some(names: list[str]) -> str:
    """The first few, and how many more."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
