"""SRResNet, the generator of SRGAN (arXiv:1609.04802, figure 4)."""

from functools import partial

import keras

from esrgan_tf.models.layers.convolutions import apply_batch_norm, apply_conv, apply_prelu
from esrgan_tf.models.layers.upsampling import apply_upsampling
from esrgan_tf.recipes.generators import SRResNetConfig


def srresnet(config: SRResNetConfig, name: str = "srresnet", dtype: str = "float32") -> keras.Model:
    """SRResNet. Source: SRGAN figure 4. Departure: the image in -1..1 is mapped to 0..1 inside the model.

    Args:
        config: widths, depth and scale (2, 3, 4 or 8).
        name: the model's name.
        dtype: Keras dtype policy of all but the last convolution, which is float32.

    Returns:
        Model [batch, height, width, 3] in 0..1 -> [batch, scale * height, scale * width, 3] float32. x4 has
        1,549,462 trainable parameters: BatchNorm's gamma and beta are counted, its moving statistics are not, and
        every PReLU has one slope (PyTorch's default).
    """
    conv = partial(apply_conv, dtype=dtype)
    prelu = partial(apply_prelu, shared=True, dtype=dtype)
    inputs = keras.Input((None, None, 3), name="lr")
    x = first = prelu(conv(inputs, config.features, "conv_first", kernel=config.outer_kernel), "prelu_first")
    for index in range(config.blocks):
        y = apply_batch_norm(conv(x, config.features, f"body_{index}_conv1"), f"body_{index}_bn1", dtype)
        y = conv(prelu(y, f"body_{index}_prelu"), config.features, f"body_{index}_conv2")
        x = x + apply_batch_norm(y, f"body_{index}_bn2", dtype)
    x = first + apply_batch_norm(conv(x, config.features, "conv_body"), "bn_body", dtype)
    x = apply_upsampling(x, config.scale, "pixel_shuffle", conv, lambda x, name: prelu(x, f"prelu_{name}"))
    outputs = apply_conv(x, 3, "conv_last", kernel=config.outer_kernel)
    return keras.Model(inputs, 0.5 * outputs + 0.5, name=name)
