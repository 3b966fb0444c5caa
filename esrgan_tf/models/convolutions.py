"""Convolutions as the published networks have them: initialisation, padding, names."""

from collections.abc import Callable

import keras
from keras import layers, ops

# Beyond the border, in `ops.pad`'s terms. Of 1 px, "symmetric" repeats the outermost pixel.
PADDINGS = {"zero": None, "reflect": "reflect", "replicate": "symmetric"}
TORCH_MOMENTUM, TORCH_EPSILON = 0.9, 1e-5  # of PyTorch's BatchNorm, in Keras' terms
SYNCHRONIZED = keras.backend.backend() == "tensorflow"  # Keras refuses synchronized BatchNorm elsewhere


def he_normal(scale: float = 1.0) -> keras.initializers.Initializer:
    """PyTorch's `kaiming_normal_` (fan in, not truncated) times `scale`."""
    # VarianceScaling scales the variance: a standard deviation x 0.1 needs 2 * 0.1**2.
    return keras.initializers.VarianceScaling(2 * scale**2, "fan_in", "untruncated_normal")


def torch_uniform() -> keras.initializers.Initializer:
    """What PyTorch gives a convolution's kernel: uniform within 1 / sqrt(fan in). (Its biases too; here they are 0.)"""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def apply_conv(
    x: keras.KerasTensor,
    channels: int,
    name: str,
    kernel: int = 3,
    stride: int = 1,
    padding: str = "zero",
    use_bias: bool = True,
    initializer: Callable[[], keras.initializers.Initializer] = torch_uniform,
    dtype: str = "float32",
) -> keras.KerasTensor:
    """Convolution that keeps the map's size, or divides it by the stride; bias 0 at first.

    Args:
        x: [n, h, w, c].
        channels: of the output.
        name: of the layer.
        kernel: px.
        stride: px.
        padding: zero, reflect or replicate; the last two for odd kernels, replicate for 3 px alone.
        use_bias: without one where BatchNorm follows.
        initializer: makes that of the kernel. Each layer needs its own: Keras gives one initializer's layers of the
            same shape the same numbers.
        dtype: Keras dtype policy.

    Returns:
        [n, h / stride, w / stride, channels].
    """
    if PADDINGS[padding]:
        beyond = kernel // 2
        x = ops.pad(x, [[0, 0], [beyond, beyond], [beyond, beyond], [0, 0]], PADDINGS[padding])
    return layers.Conv2D(
        channels,
        kernel,
        stride,
        padding="valid" if PADDINGS[padding] else "same",
        use_bias=use_bias,
        kernel_initializer=initializer(),
        name=name,
        dtype=dtype,
    )(x)


def apply_batch_norm(x: keras.KerasTensor, name: str, dtype: str = "float32") -> keras.KerasTensor:
    """[n, h, w, c] -> same: BatchNorm with PyTorch's momentum and epsilon, over all replicas on TensorFlow."""
    return layers.BatchNormalization(
        momentum=TORCH_MOMENTUM, epsilon=TORCH_EPSILON, synchronized=SYNCHRONIZED, name=name, dtype=dtype
    )(x)


def apply_prelu(x: keras.KerasTensor, name: str, shared: bool, dtype: str = "float32") -> keras.KerasTensor:
    """[n, h, w, c] -> same: PReLU from 0.25, one slope for all channels if `shared`, else one for each."""
    return layers.PReLU(
        keras.initializers.Constant(0.25), shared_axes=[1, 2, 3] if shared else [1, 2], name=name, dtype=dtype
    )(x)
