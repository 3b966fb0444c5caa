"""Random crops: where they may lie."""

import itertools

import numpy as np
import tensorflow as tf

from esrgan_tf.data.crops import random_crop, recoloured


def test_random_crop_reaches_every_corner():
    hr = tf.zeros([20, 20, 3], tf.uint8) + tf.cast(tf.reshape(tf.range(400), [20, 20, 1]) % 251, tf.uint8)
    seen = {
        random_crop(hr, hr[::2, ::2], 2, 16, tf.constant([0, i], tf.int64), False, False)["hr"].numpy()[0, 0, 0]
        for i in range(80)
    }
    assert seen == {(40 * r + 2 * c) % 251 for r in range(3) for c in range(3)}


def test_colours_are_in_each_of_six_orders_alike_in_all_crops():
    crops = {"hr": tf.constant([[[1, 2, 3]]], tf.uint8), "lr": tf.constant([[[11, 12, 13]]], tf.uint8)}
    seen = set()
    for number in range(60):
        other = {name: crop.numpy() for name, crop in recoloured(crops, tf.constant([0, number], tf.int64)).items()}
        np.testing.assert_array_equal(other["hr"] + 10, other["lr"])
        seen.add(tuple(other["hr"][0, 0].tolist()))
    assert seen == set(itertools.permutations((1, 2, 3)))
