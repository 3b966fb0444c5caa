"""SPAN's layout, as its authors and spandrel have it: every 3x3 convolution but the last twice, in branches and fused.

`conv` and `sk` are the branches, `eval_conv` the one convolution that they are. Both readers compute `eval_conv` from
the branches whenever they run, and a file may hold one that is out of date: where there are branches, they count.
"""

from collections.abc import Collection, Mapping

import numpy as np

from esrgan_tf.formats.pytorch.layouts import INPUT, OUTPUT, Layout, Rules, Shapes, has, length, size
from esrgan_tf.recipes.generators import SPANConfig

OWN_LAYER = "conv_cat"  # which no other family has
FUSED = ".eval_conv"
NO_NORM = "no_norm"  # spandrel's: the image is neither centred nor stretched
UNCHANGED = {"mean_rgb_01": (0.0, 0.0, 0.0), "input_range": 1.0}
EXPANSION = 2  # that both readers build


def span_rules(layers: Mapping[str, Collection[str]]) -> Rules | None:
    """SPAN's names for a Keras generator's layers.

    Args:
        layers: names of all its layers with weights, each with its variables' names.

    Returns:
        Rules, or `None` where it is another network.
    """
    if OWN_LAYER not in layers:
        return None
    fused = "" if "skip_kernel" in layers["conv_first"] else FUSED
    return _rules(length(dict.fromkeys(layers), r"body_(\d+)_conv1"), fused)


def span(shapes: Shapes) -> Layout | None:
    """SPAN, in branches or fused alone. The colour it takes off and its input's range are in no tensor."""
    blocks = length(shapes, r"block_(\d+)\.c1_r\..*") - 1  # the first is block_1
    if blocks < 1:
        return None
    branched = has(shapes, r".*\.sk\.weight")
    config = SPANConfig(
        scale=round((size(shapes, "upsampler.0.weight", OUTPUT) / 3) ** 0.5),
        blocks=blocks,
        features=size(shapes, "conv_cat.weight", OUTPUT),
        branches=size(shapes, "block_1.c1_r.conv.0.weight", OUTPUT) // size(shapes, "conv_cat.weight", OUTPUT)
        if branched
        else None,
        **(UNCHANGED if NO_NORM in shapes else {}),
    )
    return Layout(
        "SPAN",
        config,
        _rules(blocks, "" if branched else FUSED),
        {"conv_last": (OUTPUT, config.scale**2)},
        ignored=rf".*{FUSED}\.(weight|bias)|{NO_NORM}" if branched else NO_NORM,
        completed=complete,
    )


def complete(tensors: Mapping[str, np.ndarray], config: SPANConfig) -> dict[str, np.ndarray]:
    """Add what such a file holds beside the network's variables: of every convolution the form that is missing.

    A plain convolution becomes branches by which it passes unchanged; they have the width that both readers build.

    Args:
        tensors: by PyTorch's names, float32, in branches or fused.
        config: of the network.
    """
    completed = dict(tensors)
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind == "weight" and module.endswith(FUSED):
            module = module.removesuffix(FUSED)
            completed |= _named(module, _branches(tensor, tensors[f"{module}{FUSED}.bias"]))
        elif kind == "weight" and module.endswith(".sk"):
            module = module.removesuffix(".sk")
            completed |= _named(f"{module}{FUSED}", _fused(module, tensors))
    if all(getattr(config, field) == value for field, value in UNCHANGED.items()):
        completed[NO_NORM] = np.zeros(1, np.float32)
    return completed


def _rules(blocks: int, suffix: str) -> Rules:
    """Names of so many blocks, and of the convolutions around them."""
    convs = [(rf"body_{index}_conv(\d)", rf"block_{index + 1}.c\1_r{suffix}") for index in range(blocks)]
    return (
        *(("conv_first", f"conv_1{suffix}"), ("conv_after_body", f"conv_2{suffix}"), ("conv_last", "upsampler.0")),
        *convs,
    )


def _named(module: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors under a module's name."""
    return {f"{module}.{name}": tensor.astype(np.float32) for name, tensor in tensors.items()}


def _fused(module: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The one convolution [o, i, 3, 3] that a module's branches are."""
    names = ("conv.0", "conv.1", "conv.2", "sk")
    expand, spatial, project, skip = (tensors[f"{module}.{name}.weight"].astype(np.float64) for name in names)
    expand_bias, spatial_bias, project_bias, skip_bias = (tensors[f"{module}.{name}.bias"] for name in names)
    spatial = np.einsum("om,mnhw->onhw", project[:, :, 0, 0], spatial)
    weight = np.einsum("onhw,ni->oihw", spatial, expand[:, :, 0, 0])
    weight[:, :, 1, 1] += skip[:, :, 0, 0]
    bias = spatial.sum((2, 3)) @ expand_bias + project[:, :, 0, 0] @ spatial_bias + project_bias + skip_bias
    return {"weight": weight, "bias": bias}


def _branches(weight: np.ndarray, bias: np.ndarray) -> dict[str, np.ndarray]:
    """Branches that are the convolution [o, i, 3, 3] to the last bit: identities around it, nothing beside it."""
    outputs, inputs = weight.shape[OUTPUT], weight.shape[INPUT]
    wide_outputs, wide_inputs = EXPANSION * outputs, EXPANSION * inputs
    spatial = np.zeros((wide_outputs, wide_inputs, 3, 3))
    spatial[:outputs, :inputs] = weight
    return {
        "conv.0.weight": np.eye(wide_inputs, inputs)[:, :, None, None],
        "conv.0.bias": np.zeros(wide_inputs),
        "conv.1.weight": spatial,
        "conv.1.bias": np.zeros(wide_outputs),
        "conv.2.weight": np.eye(outputs, wide_outputs)[:, :, None, None],
        "conv.2.bias": bias,
        "sk.weight": np.zeros((outputs, inputs, 1, 1)),
        "sk.bias": np.zeros(outputs),
    }
