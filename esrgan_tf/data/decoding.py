"""Encoded images to arrays, inside TensorFlow's graph."""

import tensorflow as tf

from esrgan_tf.image.resize import imresize_uint8


def decode_pair(hr: tf.Tensor, lr: tf.Tensor, scale: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decode one image, and its LR image or make it.

    Args:
        hr: scalar string, an encoded image; cut to a multiple of the scale.
        lr: scalar string, an encoded image, or "" to make it by MATLAB's bicubic.
        scale: HR size / LR size.

    Returns:
        (hr, lr), uint8 [scale * h, scale * w, 3] and [h, w, 3].

    Raises:
        tf.errors.InvalidArgumentError: not an image, truncated, or sizes that do not fit.
    """
    hr = decode_hr(hr, scale)
    height, width = tf.unstack(tf.shape(hr)[:2] // scale)
    lr = tf.cond(tf.equal(lr, ""), lambda: imresize_uint8(hr, 1 / scale), lambda: _decode(lr))
    lr.set_shape([None, None, 3])
    with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(lr)[:2], [height, width])]):
        return hr, tf.identity(lr)


def decode_hr(hr: tf.Tensor, scale: int) -> tf.Tensor:
    """Decode one image.

    Args:
        hr: scalar string, an encoded image.
        scale: HR size / LR size.

    Returns:
        uint8 [scale * h, scale * w, 3]: cut to a multiple of the scale.

    Raises:
        tf.errors.InvalidArgumentError: not an image, or truncated.
    """
    hr = _decode(hr)
    height, width = tf.unstack(tf.shape(hr)[:2] // scale)
    return hr[: height * scale, : width * scale]


def _decode(encoded: tf.Tensor) -> tf.Tensor:
    """Encoded image -> uint8 [h, w, 3], JPEG as Pillow decodes it; grey becomes RGB, alpha is dropped."""
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    image.set_shape([None, None, 3])
    return image
