"""Crops by number: each sub-image once an epoch, and the same ones from any step, by any worker."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.images import write_noise
from support.records import CUTTING, make_records

from esrgan_tf.data.crops import degraded, random_crop, recoloured
from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.records.preparation import prepare
from esrgan_tf.data.records.random_access import RandomAccess, are_records
from esrgan_tf.data.records.sub_images import Cutting
from esrgan_tf.data.sources import open_sources
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS
from esrgan_tf.recipes.configs import DataConfig

CONFIG = DataConfig(validation_pictures=1)
PLAIN = dataclasses.replace(CONFIG, flip=False, rotate=False)
DEGRADED = dataclasses.replace(CONFIG, degradation=DEGRADATIONS["realesrgan"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records of twelve images, one of which is held out: 66 sub-images."""
    return str(make_records(tmp_path_factory.mktemp("records"), images=12).folder)


def access(data, config=CONFIG, batch_size=4, seed=0, hr_patch=16):
    return RandomAccess(open_sources(data, config, 4, hr_patch, 0), config, 4, hr_patch, batch_size, seed)


def take(dataset, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(count)]


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def epoch(data, number, seed=0):
    """The sub-images of an epoch in their order, as (image, row, column): crops are whole sub-images."""
    batches = take(access(data, PLAIN, 6, seed, hr_patch=24).from_step(11 * number), 11)
    return [tuple(map(int, hr[0, 0])) for batch in batches for hr in batch["hr"]]


def test_every_epoch_has_each_sub_image_once_in_another_order(folder):
    first, second, other_seed, far_seed = (
        epoch(folder, 0),
        epoch(folder, 1),
        epoch(folder, 0, 1),
        epoch(folder, 0, 2**32),
    )
    assert len(set(first)) == 66 and len({image for image, _, _ in first}) == 11
    orders = [first, second, other_seed, far_seed]
    assert all(sorted(order) == sorted(first) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert first != sorted(first)


def test_a_crop_is_a_random_crop_of_its_sub_image_by_seed_and_number(folder):
    """Every crop is found among the random crops of all sub-images by its own seed."""
    (source,) = open_sources(folder, CONFIG, 4, 16, 0)
    drawn = tf.function(lambda hr, lr, seed: random_crop(hr, lr, 4, 16, seed, True, True))
    wholes = [[source.records.read(kind, int(number)) for kind in ("hr", "x4")] for number in source.numbers]
    seen = set()
    for step, batch in enumerate(take(access(folder, seed=7).from_step(0), 3)):
        for j, (hr, lr) in enumerate(zip(batch["hr"], batch["lr"], strict=True)):
            seed = tf.constant([7, 4 * step + j], tf.int64)
            crops = [drawn(*map(tf.constant, whole), seed) for whole in wholes]
            (place,) = [i for i, crop in enumerate(crops) if (crop["hr"].numpy() == hr).all()]
            np.testing.assert_array_equal(crops[place]["lr"], lr)
            seen.add(place)
    assert len(seen) == 12


@pytest.mark.parametrize("degradation", [None, DEGRADED.degradation])
def test_colours_are_permuted_as_the_recipe_says(folder, degradation):
    """By each crop's own seed; a degradation sees the crop with its new colours."""
    configs = (dataclasses.replace(CONFIG, permute_colours=p, degradation=degradation) for p in (False, True))
    plain, permuted = (take(access(folder, config).from_step(0), 3) for config in configs)
    for step, (before, after) in enumerate(zip(plain, permuted, strict=True)):
        for number, (hr, lr) in enumerate(zip(before["hr"], before["lr"], strict=True)):
            seed = tf.constant([0, 4 * step + number], tf.int64)
            expected = recoloured({"hr": hr, "lr": lr}, seed)
            if degradation:
                expected["lr"] = degraded(expected["hr"], 4, degradation, seed)
            for name, crop in expected.items():
                np.testing.assert_array_equal(after[name][number], crop)


def test_flips_and_turns_are_left_out_where_they_are_switched_off(folder):
    for batch in take(access(folder, PLAIN).from_step(0), 3):
        assert (np.diff(batch["hr"][..., 1].astype(int), axis=1) == 1).all()
        assert (np.diff(batch["hr"][..., 2].astype(int), axis=2) == 1).all()


def test_batches_from_a_step_are_those_that_an_uninterrupted_run_has(folder):
    whole = take(access(folder).from_step(0), 40)  # more than two epochs
    for step in (1, 16, 17, 39):
        assert_same(take(access(folder).from_step(step), 40 - step), whole[step:])


@pytest.mark.parametrize("workers", [2, 4])
def test_the_workers_parts_are_the_whole_batch(folder, workers):
    whole = take(access(folder).from_step(3), 20)
    parts = [take(access(folder).from_step(3, worker, workers), 20) for worker in range(workers)]
    assert {part[0]["hr"].shape[0] for part in parts} == {4 // workers}
    joined = [
        {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
        for batches in zip(*parts, strict=True)
    ]
    assert_same(joined, whole)


def test_a_worker_reads_its_own_part_alone(folder, monkeypatch):
    opened = access(folder)
    read, kinds = type(opened._sources[0].records).read, []
    monkeypatch.setattr(
        type(opened._sources[0].records),
        "read",
        lambda self, kind, number, *at: kinds.append(kind) or read(self, kind, number, *at),
    )
    take(opened.from_step(0, 1, 4), 1)
    # One crop a step, and those of the steps that are read ahead, in threads: the last LR may not be read yet.
    for kind in ("hr", "x4"):
        assert 1 <= kinds.count(kind) <= 64


def test_a_batch_that_workers_cannot_share_is_refused(folder):
    with pytest.raises(InputError, match="`batch_size` must be a multiple of the 3 workers. Received: 4"):
        access(folder).from_step(0, 0, 3)
    with pytest.raises(InputError, match="`hr_patch` must be a multiple of the scale 4"):
        access(folder, hr_patch=18)


def test_records_have_one_size(folder):
    with pytest.raises(InputError, match="`data.multiscale` must be empty for `data=.*one size"):
        access(folder, dataclasses.replace(CONFIG, multiscale=(0.5,)))


def test_the_batch_size_only_cuts_the_same_row_of_crops(folder):
    def row(batch_size):
        return np.concatenate(
            [b["hr"] for b in take(access(folder, batch_size=batch_size).from_step(0), 12 // batch_size)]
        )

    np.testing.assert_array_equal(row(3), row(4))


@pytest.mark.slow
def test_a_degradation_makes_lr_of_the_hr_crop_by_its_number(folder):
    made_lr = tf.function(lambda hr, seed: degraded(hr, 4, DEGRADED.degradation, seed))
    plain, made = (take(access(folder, config).from_step(2), 2) for config in (CONFIG, DEGRADED))
    for step, (a, b) in enumerate(zip(plain, made, strict=True)):
        np.testing.assert_array_equal(a["hr"], b["hr"])
        for j, (hr, lr) in enumerate(zip(b["hr"], b["lr"], strict=True)):
            seed = tf.constant([0, 4 * (2 + step) + j], tf.int64)
            np.testing.assert_array_equal(lr, made_lr(tf.constant(hr), seed))
    assert plain[0]["lr"].shape == made[0]["lr"].shape == (4, 4, 4, 3)
    assert_same(
        take(access(folder, DEGRADED).from_step(3, 1, 2), 1), [{key: value[2:] for key, value in made[1].items()}]
    )


def test_records_of_several_sizes_are_joined(folder, tmp_path):
    write_noise(tmp_path / "in/a.png", 72, 72)
    prepare(str(tmp_path / "in"), tmp_path / "large", Cutting(36, 36, (4,)), log=lambda line: None)
    sources = open_sources(f"{folder}+{tmp_path}/large", PLAIN, 4, 16, 0)
    assert are_records(sources)
    batches = take(RandomAccess(sources, PLAIN, 4, 16, 5, 0).from_step(0), 14)  # 66 and 4 sub-images
    ramps = [(np.diff(hr[..., 1].astype(int), axis=0) == 1).all() for batch in batches for hr in batch["hr"]]
    assert ramps.count(True) == 66


def test_training_batches_of_records_are_those_of_random_access(folder):
    sources = open_sources(folder, CONFIG, 4, 16, 0)
    assert_same(take(training_batches(sources, CONFIG, 4, 16, 4, 0), 2), take(access(folder).from_step(0), 2))


def test_records_beside_other_images_are_refused(folder):
    sources = open_sources(f"{folder}+dead_leaves", dataclasses.replace(CONFIG, dead_leaves_pictures=4), 4, 16, 0)
    with pytest.raises(InputError, match="`data` must not join records with other .* Received: dead_leaves beside"):
        training_batches(sources, CONFIG, 4, 16, 4, 0)


def test_a_file_that_is_removed_meanwhile_ends_with_an_error(tmp_path):
    opened = access(str(make_records(tmp_path, images=2).folder))
    (tmp_path / "records/00000_hr.npy").unlink()
    with pytest.raises(tf.errors.InvalidArgumentError, match="00000_hr.npy` cannot be read"):
        take(opened.from_step(0), 1)


def test_crops_reach_every_place_of_a_sub_image(folder):
    batches = take(access(folder, PLAIN, 22).from_step(0), 12)
    offsets = {tuple(hr[0, 0, 1:] % CUTTING.step) for batch in batches for hr in batch["hr"]}
    assert offsets == {(row, column) for row in (0, 4, 8) for column in (0, 4, 8)}
