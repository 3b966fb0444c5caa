"""A user's own tf.data.Dataset as training and validation data."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import LEAN
from support.training import InterruptAt

from esrgan_tf.data.datasets import dataset_sources, validation_sources
from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes import DEGRADATIONS
from esrgan_tf.recipes.configs import DataConfig
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.run import RunOptions, train_stage

SIZES = ((40, 48), (33, 65), (48, 40), (64, 37))  # height, width
CONFIG = DataConfig(crops_per_picture=2, shuffle_buffer=2, flip=False, rotate=False, validation_pictures=1)


def images():
    return [dead_leaves(65, 0, number)[:h, :w] for number, (h, w) in enumerate(SIZES)]


def dataset(sizes=SIZES):
    """Images of several sizes, by operations whose iterator can be saved."""
    sizes = tf.constant(sizes)
    stacked = tf.constant(np.stack([dead_leaves(65, 0, number) for number in range(len(sizes))]))
    slices = tf.data.Dataset.from_tensor_slices((stacked, sizes))
    return slices.map(lambda image, size: image[: size[0], : size[1]])


def pairs():
    """HR as it is, LR all of one value: not what bicubic would make."""
    return dataset().map(
        lambda hr: (hr, tf.fill([tf.shape(hr)[0] // 2, tf.shape(hr)[1] // 2, 3], tf.constant(7, tf.uint8)))
    )


def batches(sources, config=CONFIG):
    return training_batches(sources, config, 2, 32, 2, seed=0)


def test_crops_are_cut_out_of_the_images_that_are_not_held_out():
    (source,) = sources = dataset_sources(dataset(), CONFIG, 2, hold_out=True)
    assert (source.count, len(source.held_out)) == (3, 1)
    trained = images()[1:]
    windows = [np.lib.stride_tricks.sliding_window_view(i, (32, 32, 3)).reshape(-1, 32, 32, 3) for i in trained]
    for batch in batches(sources).take(3):
        for hr in batch["hr"].numpy():
            assert any((window == hr).all((1, 2, 3)).any() for window in windows)


def test_lr_is_made_by_bicubic_or_given():
    (name, hr, lr), *_ = load_held_out(dataset_sources(dataset(), CONFIG, 2, True), 480, 2).images
    np.testing.assert_array_equal(hr, images()[0])
    np.testing.assert_array_equal(lr, imresize_uint8(images()[0], 1 / 2))
    assert name == "dataset 0"
    batch = next(iter(batches(dataset_sources(pairs(), CONFIG, 2, False))))
    assert (batch["lr"].numpy() == 7).all() and batch["hr"].numpy().std() > 1


def test_a_degradation_makes_lr_in_training_and_validation():
    config = override(CONFIG, {"degradation": DEGRADATIONS["realesrgan"]})
    sources = dataset_sources(dataset(), config, 2, True)
    batch = next(iter(batches(sources, config)))
    assert (batch["lr"].numpy()[0] != imresize_uint8(batch["hr"].numpy()[0], 1 / 2)).any()
    ((_, hr, lr),) = load_held_out(sources, 480, 2, config.degradation).images
    assert lr.shape == (20, 24, 3) and (lr.numpy() != imresize_uint8(hr.numpy(), 1 / 2)).any()
    with pytest.raises(InputError, match="`data` must be a dataset of HR images alone.*degradation"):
        dataset_sources(pairs(), config, 2, True)
    with pytest.raises(InputError, match="`data` must be a dataset of HR images alone.*`data.multiscale`"):
        dataset_sources(pairs(), override(CONFIG, {"multiscale": (0.5,)}), 2, True)


def test_images_smaller_than_the_patch_are_skipped_and_named():
    sources = dataset_sources(dataset(((40, 48), (20, 20))), CONFIG, 2, hold_out=False)
    named = b"".join(b"".join(batch["skipped"].numpy()) for batch in batches(sources).take(4)).decode()
    assert set(named.split("\n")) == {"dataset 1", ""}


@pytest.mark.parametrize(
    "other",
    [
        lambda: dataset().map(lambda hr: tf.cast(hr, tf.float32)),
        lambda: dataset().map(lambda hr: hr[..., 0]),
        lambda: dataset().map(lambda hr: (hr, hr, hr)),
        lambda: dataset(((32, 32),) * 2).batch(2),
    ],
    ids=["floats", "grey", "triples", "batches"],
)
def test_a_dataset_of_something_else_is_refused(other):
    with pytest.raises(InputError, match="`data` must be a dataset of images uint8 .height, width, 3.*Received"):
        dataset_sources(other(), CONFIG, 2, True)


def test_an_endless_dataset_is_trained_on_but_not_validated_on():
    (source,) = dataset_sources(dataset().repeat(), CONFIG, 2, True)
    assert source.count > 0 and len(source.held_out) == 1
    with pytest.raises(InputError, match="`val_data` must be a dataset with an end"):
        validation_sources(dataset().repeat(), 2)


def train(workdir, data, lines, callbacks=(), **options):
    options = RunOptions(workdir=str(workdir), data=data, precision="float32", **options)
    train_stage(override(LEAN, {"data.validation_pictures": 1}), "psnr", options, callbacks, lines.append)
    return list(csv.DictReader((workdir / "psnr/metrics.csv").open()))


@pytest.mark.slow
def test_a_stage_trains_validates_and_resumes_exactly_on_datasets(tmp_path):
    whole = train(tmp_path / "whole", dataset(), [], val_data=dataset().take(2))
    with pytest.raises(Interrupted):
        train(tmp_path / "parts", dataset(), [], [InterruptAt(4)], val_data=dataset().take(2))
    assert train(tmp_path / "parts", dataset(), [], val_data=dataset().take(2)) == whole
    record = json.loads((tmp_path / "whole/psnr/recipe.json").read_text())
    assert record["data"].startswith("dataset of TensorSpec")
    assert (record["training_pictures"], record["validation_pictures"]) == ({"dataset": 4}, ["dataset 0", "dataset 1"])
