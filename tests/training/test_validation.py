"""Validation: each image is measured once, for metrics and panel alike."""

from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.tiny import LEAN
from support.training import built

from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.metrics import comparison
from esrgan_tf.training import validation
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.validation import Validator


def test_each_image_is_measured_once(monkeypatch):
    calls = Counter()

    def counting(name):
        measure = getattr(validation, name)

        def counted(*arguments):
            calls[name] += 1
            return measure(*arguments)

        return counted

    for name in ("psnr", "ssim"):
        counted = counting(name)
        for module in (validation, comparison):
            monkeypatch.setattr(module, name, counted)
    rng = np.random.default_rng(0)
    hr = [rng.integers(0, 256, (32, 32, 3)).astype(np.uint8) for _ in range(2)]
    images = [
        (str(index), tf.constant(image), tf.constant(imresize_uint8(image, 1 / 2))) for index, image in enumerate(hr)
    ]
    networks, terms, _ = built(LEAN, LEAN.psnr)
    validator = Validator(images, networks, terms, 2, make_strategy("cpu"))
    calls.clear()
    networks.update_evaluated()
    found = validator()
    assert calls == {"psnr": 2, "ssim": 2}
    assert found.metrics.keys() == {"pixel", "psnr_y", "ssim_y"}
    assert found.panel.shape[2] == 3


def test_replicas_share_the_images_out_and_measure_the_same():
    rng = np.random.default_rng(0)
    sizes = ((32, 32), (48, 32), (32, 32))  # three images for two replicas
    hr = [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]
    images = [
        (str(index), tf.constant(image), tf.constant(imresize_uint8(image, 1 / 2))) for index, image in enumerate(hr)
    ]
    found = []
    for name in ("cpu", "mirrored:CPU:0,CPU:1"):
        keras.utils.set_random_seed(7)
        networks, terms, _ = built(LEAN, LEAN.psnr, strategy_name=name)
        networks.update_evaluated()
        found.append(Validator(images, networks, terms, 2, make_strategy(name))())
    one, two = found
    assert two.metrics == pytest.approx(one.metrics, rel=1e-6)
    np.testing.assert_array_equal(one.panel, two.panel)
