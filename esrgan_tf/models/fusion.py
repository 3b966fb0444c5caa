"""Generators rewritten before they are deployed: in float32, and with fewer multiply-accumulates (MACs)."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from esrgan_tf import compat
from esrgan_tf.metadata import with_metadata_of
from esrgan_tf.models.layers.branches import BranchedConv2D

MERGED = "_merged"  # in the names of convolutions that work on the small map


def in_float32(model: keras.Model) -> keras.Model:
    """Rebuilds a generator with the same weights in float32, whatever precision it was trained in."""
    return rebuilt(model, lambda operation, *args, **kwargs: operation(*args, **kwargs), {})


def fuse_branches(model: keras.Model) -> keras.Model:
    """Replaces every convolution in branches by the plain one that it equals.

    Args:
        model: a generator.

    Returns:
        A float32 generator of the same name, layer names and function; the given one where it has no branches.
    """
    branched = {layer.name: layer for layer in model.layers if isinstance(layer, BranchedConv2D)}
    fused = {name: dict(zip(("kernel", "bias"), layer.fused(), strict=True)) for name, layer in branched.items()}
    made = {f"{name}/{kind}": np.array(value) for name, pair in fused.items() for kind, value in pair.items()}

    def call(operation, *args, **kwargs):
        if operation.name in branched:
            operation = layers.Conv2D(operation.filters, 3, padding="same", name=operation.name, dtype="float32")
        return operation(*args, **kwargs)

    return rebuilt(model, call, made) if branched else model


def merge_upsampling(model: keras.Model) -> keras.Model:
    """Replaces every nearest-neighbor upsampling with a 3x3 convolution after it by a 2x2 convolution before it.

    Each pixel of the upscaled map sees 2 x 2 (x2) different pixels of the small one at most: the convolution's nine
    taps, summed over taps that see the same pixel, are one 2x2 kernel for each of the factor^2 phases within a
    pixel. At x2 that is 16 MACs for 36. Zero padding stays zero padding. Where the upsampling is
    something else, or the convolution is of another size or padding, nothing is changed.

    Args:
        model: a generator.

    Returns:
        A generator of the same name and, but for the order of summation, the same function.
    """
    original = {layer.name: layer for layer in model.layers}
    made: dict[str, np.ndarray] = {}

    def call(operation, *args, **kwargs):
        upsampling = _upsampling(args[0]) if _is_plain_3x3(operation) else None
        if upsampling is None:
            return operation(*args, **kwargs)
        conv = original[operation.name]
        for index, kernel in enumerate(_phase_kernels(conv.kernel.numpy(), upsampling.factor)):
            made[f"{conv.name}{MERGED}{index}/kernel"] = kernel
            if conv.use_bias:
                made[f"{conv.name}{MERGED}{index}/bias"] = conv.bias.numpy()
        return _apply_merged(upsampling, conv)

    return rebuilt(model, call, made)


def rebuilt(model: keras.Model, call: Callable, made: dict[str, np.ndarray]) -> keras.Model:
    """A model anew in float32: each operation called by `call`, variables as in `made` by path, else as they were."""

    def fresh(operation: keras.Operation) -> keras.Operation:
        if not isinstance(operation, layers.Layer):
            return operation
        return type(operation).from_config({**operation.get_config(), "dtype": "float32"})

    rebuilt = keras.models.clone_model(model, clone_function=fresh, call_function=call)
    values = {variable.path: variable for variable in model.variables}
    for variable in rebuilt.variables:
        variable.assign(made[variable.path] if variable.path in made else values[variable.path])
    return with_metadata_of(rebuilt, model, precision="float32")


def _is_plain_3x3(operation: keras.Operation) -> bool:
    """Whether an operation is a convolution that can be merged with an upsampling before it."""
    if not isinstance(operation, layers.Conv2D) or isinstance(operation, layers.DepthwiseConv2D):
        return False
    config = operation.get_config()
    plain = {"kernel_size": (3, 3), "strides": (1, 1), "dilation_rate": (1, 1), "padding": "same", "groups": 1}
    return all(config[key] == value for key, value in plain.items())


class _Upsampling(NamedTuple):
    """A nearest-neighbor upsampling: the small map, its factor, and the operations that interleave copies."""

    small: keras.KerasTensor
    factor: int
    join: keras.Operation
    shuffle: keras.Operation


def _upsampling(x: keras.KerasTensor) -> _Upsampling | None:
    """What `x` is upscaled from, if it is `models.upsampling.nearest` of something: a pixel shuffle of copies."""
    shuffle, copies = compat.producer(x)
    if not compat.is_depth_to_space(shuffle):
        return None
    join, maps = compat.producer(copies[0])
    factor = shuffle.block_size
    if not compat.is_concatenation(join) or len(maps) != factor**2 or any(m is not maps[0] for m in maps):
        return None
    return _Upsampling(maps[0], factor, join, shuffle)


def _offset(phase: int) -> int:
    """Where the two small pixels that a phase sees begin: one before the phase's own for the first, else at it."""
    return -1 if phase == 0 else 0


def _phase_kernels(kernel: np.ndarray, factor: int) -> list[np.ndarray]:
    """[3, 3, c, d] -> factor^2 kernels [2, 2, c, d], a phase each: taps that fall on the same small pixel summed."""
    kernels = []
    for row, column in np.ndindex(factor, factor):
        merged = np.zeros((2, 2, *kernel.shape[2:]), np.float64)
        for i, j in np.ndindex(3, 3):
            y, x = ((phase + tap - 1) // factor - _offset(phase) for phase, tap in ((row, i), (column, j)))
            merged[y, x] += kernel[i, j]
        kernels.append(merged.astype(np.float32))
    return kernels


def _apply_merged(upsampling: _Upsampling, conv: layers.Conv2D) -> keras.KerasTensor:
    """Small map [n, h, w, c] -> [n, factor * h, factor * w, filters]: polyphase, a 2x2 convolution for each phase.

    Every layer is named after the convolution, and the interleaving is the upsampling's own, so that no name is taken.
    """
    phases = []
    for index, (row, column) in enumerate(np.ndindex(upsampling.factor, upsampling.factor)):
        name = f"{conv.name}{MERGED}{index}"
        sides = [(1, 0) if _offset(phase) else (0, 1) for phase in (row, column)]
        padded = layers.ZeroPadding2D(sides, name=f"{name}_pad", dtype="float32")(upsampling.small)
        phases.append(
            layers.Conv2D(
                conv.filters, 2, use_bias=conv.use_bias, activation=conv.activation, name=name, dtype="float32"
            )(padded)
        )
    return upsampling.shuffle(upsampling.join(phases))
