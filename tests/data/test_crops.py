"""Random crops: where they may lie."""

import tensorflow as tf

from esrgan_tf.data.crops import random_crop


def test_random_crop_reaches_every_corner():
    hr = tf.zeros([20, 20, 3], tf.uint8) + tf.cast(tf.reshape(tf.range(400), [20, 20, 1]) % 251, tf.uint8)
    seen = {
        random_crop(hr, hr[::2, ::2], 2, 16, tf.constant([0, i], tf.int64), False, False)["hr"].numpy()[0, 0, 0]
        for i in range(80)
    }
    assert seen == {(40 * r + 2 * c) % 251 for r in range(3) for c in range(3)}
