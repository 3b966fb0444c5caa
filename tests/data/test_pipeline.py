"""Batches: aligned crops, real shuffling, broken files, and iterators that go on where they were."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import truncate, write_noise, write_photo

from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.sources import open_sources
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS
from esrgan_tf.recipes.configs import DataConfig

CONFIG = DataConfig(crops_per_picture=4, shuffle_buffer=16, dead_leaves_pictures=12, dead_leaves_size=64)
SCALE = 2


def batches(data, seed=0, config=CONFIG, batch_size=4, hr_patch=16):
    sources = open_sources(data, config, SCALE, hr_patch, 0)
    return training_batches(sources, config, SCALE, hr_patch, batch_size, seed)


def take(dataset, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(count)]


@pytest.fixture
def coordinates(tmp_path):
    """HR and LR images whose pixels tell their own place: LR holds the place of its top left HR pixel."""
    rows, columns = np.mgrid[0:64, 0:48].astype(np.uint8)
    hr = np.stack([rows, columns, np.zeros_like(rows)], -1)
    for name, image in (("hr/a.png", hr), ("lr/a.png", hr[::SCALE, ::SCALE])):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(image).save(tmp_path / name)
    return f"hr={tmp_path}/hr,lr={tmp_path}/lr"


def test_crops_of_hr_and_lr_show_the_same_place_however_they_are_turned(coordinates):
    places = set()
    for batch in take(batches(coordinates), 12):
        assert batch["hr"].shape == (4, 16, 16, 3)
        assert batch["lr"].shape == (4, 8, 8, 3)
        for hr, lr in zip(batch["hr"], batch["lr"], strict=True):
            # Each LR pixel's place is the smallest of its HR pixels', whichever way the crop is turned.
            blocks = hr.reshape(8, SCALE, 8, SCALE, 3).min(axis=(1, 3))
            np.testing.assert_array_equal(blocks, lr)
            places.add((hr[0, 0].tobytes(), hr[0, 15].tobytes()))
    assert len(places) > 40


def test_all_eight_turns_occur_and_none_when_switched_off(coordinates):
    def turns(config):
        crops = [hr for batch in take(batches(coordinates, config=config), 30) for hr in batch["hr"].astype(int)]
        return {(tuple(np.sign(c[0, 1] - c[0, 0])[:2]), tuple(np.sign(c[1, 0] - c[0, 0])[:2])) for c in crops}

    assert len(turns(CONFIG)) == 8
    assert turns(dataclasses.replace(CONFIG, flip=False, rotate=False)) == {((0, 1), (1, 0))}


def test_the_same_seed_gives_the_same_batches_and_another_seed_others():
    first, again, other = (take(batches("dead_leaves", seed), 3) for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a["hr"], b["hr"])
        np.testing.assert_array_equal(a["lr"], b["lr"])
    assert any((a["hr"] != b["hr"]).any() for a, b in zip(first, other, strict=True))


def test_a_batch_mixes_images(tmp_path):
    for index in range(12):
        Image.fromarray(np.full((32, 32, 3), 20 * index, np.uint8)).save(tmp_path / f"{index:02}.png")
    mixtures = [len(set(batch["hr"][:, 0, 0, 0])) for batch in take(batches(str(tmp_path), batch_size=8), 10)]
    assert np.mean(mixtures) > 4


def test_sources_are_mixed_in_proportion_to_their_images(tmp_path):
    for folder, count, level in (("many", 30, 10), ("few", 10, 200)):
        for index in range(count):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(np.full((32, 32, 3), level, np.uint8)).save(tmp_path / folder / f"{index}.png")
    data = f"{tmp_path}/many+{tmp_path}/few"
    levels = np.concatenate([batch["hr"][:, 0, 0, 0] for batch in take(batches(data), 200)])
    assert np.mean(levels == 10) == pytest.approx(27 / 36, abs=0.08)


def test_an_iterator_from_a_checkpoint_goes_on_where_it_was(tmp_path):
    iterator = iter(batches("dead_leaves", 3))
    for _ in range(5):
        next(iterator)
    path = tf.train.Checkpoint(batches=iterator).save(str(tmp_path / "ckpt"))
    expected = [next(iterator)["hr"].numpy() for _ in range(20)]
    restored = iter(batches("dead_leaves", 3))
    tf.train.Checkpoint(batches=restored).restore(path)
    for batch in expected:
        np.testing.assert_array_equal(next(restored)["hr"], batch)


def test_a_image_broken_after_the_start_is_skipped_and_named_once_an_epoch(tmp_path):
    for index in range(5):
        write_noise(tmp_path / f"{index}.png", seed=index)
    dataset = batches(str(tmp_path))
    truncate(tmp_path / "0.png")
    taken = take(dataset, 12)  # 48 crops: 12 images, 4 epochs of 3 readable ones
    named = [name for batch in taken for value in batch["skipped"] for name in value.decode().splitlines()]
    assert set(named) == {str(tmp_path / "0.png")}
    assert 2 <= len(named) <= 5
    assert all(batch["hr"].any() for batch in taken)


def test_nothing_but_broken_images_ends_with_an_error_instead_of_forever(tmp_path):
    for index in range(3):
        write_noise(tmp_path / f"{index}.png", seed=index)
    dataset = batches(str(tmp_path))
    for index in range(3):
        truncate(tmp_path / f"{index}.png")
    with pytest.raises(tf.errors.InvalidArgumentError, match="no image can be read"):
        take(dataset, 1)


def test_a_patch_that_is_no_multiple_of_the_scale_is_refused():
    with pytest.raises(InputError, match="hr_patch.*multiple of the scale 2, such as 32. Received: 15"):
        batches("dead_leaves", hr_patch=15)


DEGRADED = dataclasses.replace(CONFIG, degradation=DEGRADATIONS["realesrgan"])


@pytest.fixture
def photos(tmp_path):
    for seed in range(3):
        write_photo(tmp_path / f"photos/{seed}.png", seed=seed)
    return str(tmp_path / "photos")


def test_a_degradation_makes_lr_of_the_crops_and_repeats_with_the_seed(photos):
    first, again, other = (take(batches(photos, seed, DEGRADED), 3) for seed in (0, 0, 1))
    plain = take(batches(photos, 0), 3)
    for a, b, c, d in zip(first, again, other, plain, strict=True):
        assert (a["lr"].shape, a["lr"].dtype) == ((4, 8, 8, 3), np.uint8)
        np.testing.assert_array_equal(a["lr"], b["lr"])
        np.testing.assert_array_equal(a["hr"], d["hr"])  # the same crops as without a degradation
        assert (a["lr"] != d["lr"]).mean() > 0.5
        assert (a["hr"] != c["hr"]).any()


def test_a_degraded_crop_still_shows_the_place_of_its_hr_crop(photos):
    """Far closer to its own crop's mean colour than to the others'."""
    found = take(batches(photos, 0, DEGRADED), 10)
    hr, lr = (np.concatenate([batch[key].mean((1, 2)) for batch in found]) for key in ("hr", "lr"))
    assert np.abs(hr - lr).mean() < 0.5 * np.abs(hr - np.roll(lr, 1, 0)).mean()


@pytest.mark.slow
def test_an_iterator_with_a_degradation_goes_on_where_it_was_saved(photos, tmp_path):
    iterator = iter(batches(photos, 0, DEGRADED))
    next(iterator)
    saved = tf.train.Checkpoint(iterator=iterator).save(tmp_path / "checkpoint")
    expected = [next(iterator)["lr"].numpy() for _ in range(2)]
    fresh = iter(batches(photos, 0, DEGRADED))
    tf.train.Checkpoint(iterator=fresh).restore(saved)
    for lr in expected:
        np.testing.assert_array_equal(next(fresh)["lr"], lr)


def test_given_lr_images_and_a_degradation_contradict_each_other(coordinates):
    with pytest.raises(InputError, match="`data` must be images without `lr=`.*degradation=bicubic"):
        batches(coordinates, config=DEGRADED)
    with pytest.raises(InputError, match="`data` must be images without `lr=` where smaller copies"):
        batches(coordinates, config=dataclasses.replace(CONFIG, multiscale=(0.5,)))


def test_smaller_copies_are_trained_on_beside_the_images_themselves(tmp_path):
    """The image's rows rise by 1 a pixel: at half its size by 2, at a quarter by 4."""
    rows = np.broadcast_to(np.arange(128, dtype=np.uint8)[:, None, None], (128, 128, 3))
    Image.fromarray(rows).save(tmp_path / "a.png")
    config = dataclasses.replace(CONFIG, flip=False, rotate=False, multiscale=(0.5, 0.25))
    rises = []
    for batch in take(batches(f"{tmp_path}", config=config), 40):
        for hr, lr in zip(batch["hr"].astype(float), batch["lr"].astype(float), strict=True):
            rises.append(round((hr[12, 0, 0] - hr[4, 0, 0]) / 8))
            assert (lr[6, 0, 0] - lr[2, 0, 0]) / 4 == pytest.approx(SCALE * rises[-1], abs=0.5)
    shares = [rises.count(rise) / len(rises) for rise in (1, 2, 4)]
    assert sum(shares) == 1 and min(shares) > 0.15
    assert {1} == set(  # a patch of 96 px is larger than copies of 64 and 32
        round((hr[40, 0, 0] - hr[8, 0, 0]) / 32)
        for batch in take(batches(f"{tmp_path}", config=config, hr_patch=96), 10)
        for hr in batch["hr"].astype(float)
    )


def test_batches_of_smaller_copies_are_the_same_for_the_same_seed(tmp_path):
    write_photo(tmp_path / "a.png")
    config = dataclasses.replace(CONFIG, multiscale=(0.7,))
    first, again, other = (take(batches(f"{tmp_path}", seed, config), 3) for seed in (0, 0, 1))
    assert all((a["hr"] == b["hr"]).all() and (a["lr"] == b["lr"]).all() for a, b in zip(first, again, strict=True))
    assert any((a["hr"] != b["hr"]).any() for a, b in zip(first, other, strict=True))
