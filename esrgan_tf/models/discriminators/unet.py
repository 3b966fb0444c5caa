"""Real-ESRGAN's discriminator: a U-Net with spectral normalization that judges every pixel."""

from functools import partial

import keras
from keras import layers, ops

from esrgan_tf.models.discriminators.vgg import SLOPE, check_patch
from esrgan_tf.models.layers.convolutions import apply_conv, torch_uniform
from esrgan_tf.models.layers.upsampling import bilinear
from esrgan_tf.recipes.discriminators import UNetDiscriminatorConfig

HALVINGS = 3
NORM_EPSILON = 1e-12


def unet_discriminator(
    config: UNetDiscriminatorConfig, patch: int, name: str = "unet_discriminator", dtype: str = "float32"
) -> keras.Model:
    """U-Net with spectral normalization. Source: Real-ESRGAN (arXiv:2107.10833) section 3.4 and its released code.

    Args:
        config: first width.
        patch: height and width of the images in px, a multiple of 8.
        name: the model's name.
        dtype: Keras dtype policy of all but the last layer.

    Returns:
        Model [batch, patch, patch, 3] in 0..1 -> logits [batch, patch, patch, 1] float32; 4,376,897 trainable
        parameters with 64 features.

    Raises:
        InputError: `patch` is not a positive multiple of 8.
    """
    check_patch(patch, HALVINGS)
    inputs = keras.Input((patch, patch, 3), name="image")
    spectral = partial(_apply_spectral, dtype=dtype)
    x = ops.leaky_relu(apply_conv(inputs, config.features, "conv0", dtype=dtype), SLOPE)
    maps = [x]
    for number in range(1, HALVINGS + 1):
        x = spectral(x, config.features * 2**number, f"conv{number}", kernel=4, stride=2)
        maps.append(x)
    for number in range(HALVINGS + 1, 2 * HALVINGS + 1):
        skipped = maps[2 * HALVINGS - number]
        x = spectral(bilinear(x, 2), skipped.shape[-1], f"conv{number}") + skipped
    x = spectral(spectral(x, config.features, "conv7"), config.features, "conv8")
    return keras.Model(inputs, apply_conv(x, 1, "conv9"), name=name)


@keras.saving.register_keras_serializable("esrgan_tf")
class SpectralConv2D(layers.Conv2D):
    """Convolution whose kernel is divided by its largest singular value (Miyato et al., arXiv:1802.05957).

    As PyTorch's `spectral_norm`: one step of the power iteration a training call, from a vector kept between calls;
    gradients flow through the division. Keras' own wrapper overwrites the kernel instead.
    """

    def build(self, input_shape: tuple) -> None:
        """Make the kernel, and the vector that tends to its first singular vector."""
        super().build(input_shape)
        self.vector = self.add_weight(
            name="vector",
            shape=(self.filters,),
            initializer=keras.initializers.RandomNormal(),
            trainable=False,
            autocast=False,
            aggregation="mean",  # the same on every replica, whose kernels are the same
        )

    def call(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """[n, h, w, c] -> [n, h / stride, w / stride, filters]."""
        kernel = ops.cast(self.kernel, "float32")
        matrix = ops.reshape(kernel, (-1, self.filters))
        frozen = ops.stop_gradient(matrix)
        left = _normalized(ops.matmul(frozen, self.vector))
        right = _normalized(ops.matmul(left, frozen))
        if training:
            self.vector.assign(right)
        largest = ops.sum(left * ops.matmul(matrix, right))
        return self.convolution_op(inputs, ops.cast(kernel / largest, self.compute_dtype))


def _apply_spectral(
    x: keras.KerasTensor, width: int, name: str, kernel: int = 3, stride: int = 1, dtype: str = "float32"
) -> keras.KerasTensor:
    """[n, h, w, c] -> [n, h / stride, w / stride, width]: spectral convolution without bias, LeakyReLU."""
    initializers = torch_uniform(x.shape[-1] * kernel**2)
    x = SpectralConv2D(
        width,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=initializers.kernel,
        name=name,
        dtype=dtype,
    )(x)
    return ops.leaky_relu(x, SLOPE)


def _normalized(vector: keras.KerasTensor) -> keras.KerasTensor:
    """The vector at length 1."""
    return vector / ops.maximum(ops.norm(vector), NORM_EPSILON)
