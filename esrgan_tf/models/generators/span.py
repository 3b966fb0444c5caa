"""SPAN: swift parameter-free attention network (arXiv:2311.12770), all of it at the small image's size."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import ops

from esrgan_tf.models.layers.branches import apply_branched_conv
from esrgan_tf.models.layers.convolutions import apply_conv
from esrgan_tf.recipes.generators import SPANConfig


def span(config: SPANConfig, name: str = "span", dtype: str = "float32") -> keras.Model:
    """SPAN. Source: section 3.1, figure 2, and the released code, whose input is (x - mean) * 255.

    Args:
        config: width, depth, branches, mean color, range of the input and scale (1, 2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. x4 has
        426,288 parameters with 48 features and 498,208 with 52; in three branches while it is trained,
        1,840,488 and 2,157,136.
    """
    conv = partial(apply_branched_conv, channels=config.features, expansion=config.branches, dtype=dtype)
    inputs = keras.Input((None, None, 3), name="lr")
    centred = (inputs - np.array(config.mean_rgb_01, "float32")) * config.input_range
    x = first = conv(centred, name="conv_first")
    outputs = []
    for index in range(config.blocks):
        x, inner = apply_attention_block(x, conv, f"body_{index}")
        outputs.append(x)
    maps = [first, conv(x, name="conv_after_body"), outputs[0], inner]
    x = apply_conv(ops.concatenate(maps, axis=-1), config.features, "conv_cat", kernel=1, dtype=dtype)
    x = apply_conv(x, 3 * config.scale**2, "conv_last")
    return keras.Model(inputs, ops.depth_to_space(x, config.scale) if config.scale > 1 else x, name=name)


def apply_attention_block(x: keras.KerasTensor, conv: Callable, name: str) -> tuple[keras.KerasTensor, ...]:
    """[n, h, w, features] -> the block's output, and what its first convolution gives. Equations 1 to 4.

    The attention is the residual's own sigmoid, moved to be symmetric about 0: it needs no parameters.
    """
    first = conv(x, name=f"{name}_conv1")
    residual = conv(ops.silu(first), name=f"{name}_conv2")
    residual = conv(ops.silu(residual), name=f"{name}_conv3")
    # sigmoid(r) - 1/2, written so that half precision keeps its digits about 0.
    attention = 0.5 * ops.tanh(0.5 * residual)
    return (x + residual) * attention, first
