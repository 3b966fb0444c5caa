"""Convolutions as the published networks have them: initialisation, padding, names."""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import layers, ops

# Padding at the border, in `ops.pad`'s terms. Of 1 px, "symmetric" repeats the outermost pixel.
PADDINGS = {"zero": "constant", "reflect": "reflect", "replicate": "symmetric"}
TORCH_MOMENTUM, TORCH_EPSILON = 0.9, 1e-5  # of PyTorch's BatchNorm, in Keras' terms
PRELU_SLOPE = 0.25  # at first: PyTorch's
SYNCHRONIZED = keras.backend.backend() == "tensorflow"  # Keras refuses synchronized BatchNorm elsewhere


class Initializers(NamedTuple):
    """What one layer starts with. Keras' own initializers alone, so that plain Keras reads the generator's file."""

    kernel: keras.initializers.Initializer
    bias: keras.initializers.Initializer


# Fan in (input channels times the kernel's area) -> a layer's initializers. Keras shows a bias initializer the
# bias's shape alone, and gives layers that share an initializer the same numbers: each layer needs its own.
Initialization = Callable[[int], Initializers]


def he_normal(fan_in: int, scale: float = 1.0, slope: float = 0.0) -> Initializers:
    """He-normal (arXiv:1502.01852, equation 15; not truncated) times `scale`, for a ReLU of that slope; bias 0."""
    return normal(fan_in, math.sqrt(2 * scale**2 / (1 + slope**2) / fan_in))


def torch_uniform(fan_in: int) -> Initializers:
    """PyTorch's default for convolutions and dense layers: kernel and bias uniform within 1 / sqrt(fan in).

    The variance 1 / (3 fan in) is a sixth of He's: through a deep chain without skips the image fades away, and the
    biases alone keep the maps from 0.
    """
    limit = 1 / math.sqrt(fan_in)
    return Initializers(*(keras.initializers.RandomUniform(-limit, limit) for _ in Initializers._fields))


def normal(_: int, std: float) -> Initializers:
    """Kernel normal with a fixed standard deviation, whatever the fan in; bias 0."""
    return Initializers(keras.initializers.RandomNormal(stddev=std), keras.initializers.Zeros())


def apply_padding(x: keras.KerasTensor, reach: int, mode: str) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, h + 2 reach, w + 2 reach, c], by one of `PADDINGS`; replicate for a reach of 1 alone."""
    return ops.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]], PADDINGS[mode])


def apply_conv(
    x: keras.KerasTensor,
    channels: int,
    name: str,
    kernel: int = 3,
    initialization: Initialization = torch_uniform,
    dtype: str = "float32",
    **options,
) -> keras.KerasTensor:
    """Convolution with zero padding, which keeps the map's size or divides it by the strides.

    Args:
        x: [n, h, w, c].
        channels: of the output.
        name: of the layer.
        kernel: px.
        initialization: of kernel and bias; PyTorch's default unless the network's source has another.
        dtype: Keras dtype policy.
        options: of `keras.layers.Conv2D`, such as `strides` and `use_bias`.

    Returns:
        [n, h / strides, w / strides, channels].
    """
    start = initialization(x.shape[-1] * kernel**2)
    options = {"padding": "same", **options}
    return layers.Conv2D(
        channels,
        kernel,
        kernel_initializer=start.kernel,
        bias_initializer=start.bias,
        name=name,
        dtype=dtype,
        **options,
    )(x)


def apply_batch_norm(x: keras.KerasTensor, name: str, dtype: str = "float32") -> keras.KerasTensor:
    """[n, h, w, c] -> same: BatchNorm with PyTorch's momentum and epsilon, over all replicas on TensorFlow."""
    return layers.BatchNormalization(
        momentum=TORCH_MOMENTUM, epsilon=TORCH_EPSILON, synchronized=SYNCHRONIZED, name=name, dtype=dtype
    )(x)


def apply_prelu(x: keras.KerasTensor, name: str, shared: bool, dtype: str = "float32") -> keras.KerasTensor:
    """[n, h, w, c] -> same: PReLU from `PRELU_SLOPE`, one slope for all channels if `shared`, else one for each."""
    return layers.PReLU(
        keras.initializers.Constant(PRELU_SLOPE), shared_axes=[1, 2, 3] if shared else [1, 2], name=name, dtype=dtype
    )(x)
