"""Sources: what `--data` opens, what is held out, and how LR images come about."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from support.images import write_noise

from esrgan_tf.data import div2k
from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.sources import default_data, open_sources, open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.recipes.configs import DataConfig

CONFIG = DataConfig(dead_leaves_pictures=12, dead_leaves_size=32, validation_crop=32)


def names(source, count):
    return [element["name"].numpy().decode() for element in source.stream(0).take(count)]


def test_folder_source_holds_a_tenth_out_and_streams_the_others(tmp_path):
    for index in range(20):
        write_noise(tmp_path / f"{index:02}.png")
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    held_out = [element["name"].numpy().decode() for element in source.held_out]
    assert [name[-6:] for name in held_out] == ["05.png", "15.png"]
    streamed = names(source, 36)
    assert source.count == 18
    assert set(streamed[:18]) == set(streamed[18:]) == {str(p) for p in tmp_path.iterdir()} - set(held_out)


def test_every_epoch_has_another_order_and_every_seed_as_well(tmp_path):
    for index in range(12):
        write_noise(tmp_path / f"{index:02}.png")
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    streamed = names(source, 22)
    assert streamed[:11] != sorted(streamed[:11])
    assert streamed[:11] != streamed[11:]
    other = [element["name"].numpy().decode() for element in source.stream(1).take(11)]
    assert other != streamed[:11]


def test_a_single_image_is_trained_on_and_held_out(tmp_path):
    write_noise(tmp_path / "only.png")
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    assert (source.count, len(source.held_out)) == (1, 1)


def test_lr_is_matlab_bicubic_of_the_image_cut_to_a_multiple(tmp_path):
    hr = write_noise(tmp_path / "a.png", 51, 50)
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    loaded_hr, loaded_lr = source.load(next(iter(source.stream(0))))
    np.testing.assert_array_equal(loaded_hr, hr[:48, :48])
    np.testing.assert_array_equal(loaded_lr, imresize_uint8(hr[:48, :48], 1 / 4))


def test_given_lr_is_used_as_it_is(tmp_path):
    hr = write_noise(tmp_path / "hr/a.png", 48, 40)
    lr = write_noise(tmp_path / "lr/a.png", 12, 10, seed=1)
    (source,) = open_sources(f"hr={tmp_path}/hr,lr={tmp_path}/lr", CONFIG, 4, 32, 0)
    loaded_hr, loaded_lr = source.load(next(iter(source.stream(0))))
    np.testing.assert_array_equal(loaded_hr, hr)
    np.testing.assert_array_equal(loaded_lr, lr)


def test_sample_is_photographs_and_dead_leaves_with_photographs_held_out():
    photographs, leaves = open_sources("sample", CONFIG, 4, 64, 0)
    assert photographs.count == 12
    assert leaves.count == 12
    images = load_held_out([photographs, leaves], 32, 4).images
    assert [name for name, _, _ in images] == ["astronaut", "chelsea", "coffee"]
    assert not {n.rsplit("/")[-1] for n in names(photographs, 12)} & {"astronaut.png", "chelsea.png", "coffee.png"}


def test_dead_leaves_are_the_same_for_the_same_seed():
    def first(seed):
        (source,) = open_sources("dead_leaves", CONFIG, 4, 32, seed)
        assert (source.count, len(source.held_out)) == (11, 1)
        return source.load(source.held_out[0])[0].numpy()

    np.testing.assert_array_equal(first(3), first(3))
    assert (first(3) != first(4)).any()


def test_parts_are_joined_by_plus(tmp_path):
    write_noise(tmp_path / "a.png")
    assert [s.name for s in open_sources(f"dead_leaves+{tmp_path}", CONFIG, 4, 32, 0)] == ["dead_leaves", str(tmp_path)]


def test_sample_and_dead_leaves_together_train_on_nothing_that_is_held_out():
    sources = open_sources("sample+dead_leaves", CONFIG, 4, 32, 0)
    assert [(source.name, source.count) for source in sources] == [
        ("sample", 12),
        ("sample_dead_leaves", 12),
        ("dead_leaves", 11),
    ]
    trained = {s.load(e)[0].numpy().tobytes() for s in sources[1:] for e in s.stream(0).take(s.count)}
    assert len(trained) == 23
    assert sources[2].load(sources[2].held_out[0])[0].numpy().tobytes() not in trained


def test_generated_images_are_at_least_as_large_as_the_patch():
    (source,) = open_sources("dead_leaves", CONFIG, 4, 64, 0)
    assert source.load(source.held_out[0])[0].shape == (64, 64, 3)


@pytest.mark.parametrize("data", ["sample+", "+sample", "", "sample+sample"])
def test_empty_and_repeated_parts_are_refused(data):
    with pytest.raises(InputError, match="data.*must name different things"):
        open_sources(data, CONFIG, 4, 32, 0)


def test_val_data_holds_everything_out_and_names_its_own_flag(tmp_path):
    for index in range(12):
        write_noise(tmp_path / f"{index:02}.png", 40, 40, seed=index)
    sources = open_validation(str(tmp_path), 4)
    assert [len(source.held_out) for source in sources] == [12]
    with pytest.raises(InputError, match="`val_data` must be .* Received: /nope"):
        open_validation("/nope", 4)


class TinyDiv2k(tfds.core.GeneratorBasedBuilder):
    """DIV2K's features with small images, forty to train on, prepared as TFDS prepares them."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(None, None, 3))
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"lr": image, "hr": image}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(range(40)), "validation": self._generate_examples(range(50, 52))}

    def _generate_examples(self, seeds):
        for seed in seeds:
            rng = np.random.default_rng(seed)
            yield (
                seed,
                {
                    "hr": rng.integers(0, 256, (48, 40, 3)).astype(np.uint8),
                    "lr": rng.integers(0, 256, (12, 10, 3)).astype(np.uint8),
                },
            )


@pytest.fixture
def tiny_div2k(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "builder", lambda name: TinyDiv2k(data_dir=tmp_path))


def test_div2k_comes_through_tfds_with_its_own_lr_and_validation_part(tiny_div2k):
    assert default_data(4) == "sample"
    (source,) = open_sources("div2k", CONFIG, 4, 32, 0)
    assert default_data(4) == "div2k"
    assert (source.count, len(source.held_out)) == (40, 2)
    expected = {np.random.default_rng(s).integers(0, 256, (48, 40, 3)).astype(np.uint8).tobytes() for s in range(40)}
    loaded = [source.load(element) for element in source.stream(0).take(40)]
    assert {hr.numpy().tobytes() for hr, _ in loaded} == expected
    assert {tuple(lr.shape) for _, lr in loaded} == {(12, 10, 3)}


def test_div2k_is_shuffled_anew_in_every_epoch_and_goes_on_from_a_checkpoint(tiny_div2k, tmp_path):
    (source,) = open_sources("div2k", CONFIG, 4, 32, 0)
    streamed = names(source, 80)
    assert set(streamed[:40]) == set(streamed[40:])
    assert streamed[:40] != streamed[40:] != sorted(streamed[40:])
    iterator = iter(source.stream(0))
    for _ in range(30):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "ckpt"))
    restored = iter(source.stream(0))
    tf.train.Checkpoint(iterator=restored).restore(path)
    assert [next(restored)["name"].numpy().decode() for _ in range(50)] == streamed[30:]


def test_div2k_that_cannot_be_downloaded_names_the_ways_out(tiny_div2k, monkeypatch):
    def refuse(self):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(TinyDiv2k, "download_and_prepare", refuse)
    with pytest.raises(InputError, match="no route to host.*data=sample.*data=FOLDER"):
        open_sources("div2k", CONFIG, 4, 32, 0)


def test_div2k_has_no_scale_of_its_own_for_x1():
    assert not div2k.is_prepared(1)
    with pytest.raises(InputError, match="2, 3, 4, 8.*scale=1"):
        open_sources("div2k", CONFIG, 1, 32, 0)


def test_grey_and_jpeg_files_become_rgb(tmp_path):
    Image.fromarray(np.full((48, 48), 77, np.uint8)).save(tmp_path / "grey.jpg")
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    hr, _ = source.load(source.held_out[0])
    assert hr.shape == (48, 48, 3)
    assert set(tf.reshape(hr, [-1]).numpy()) == {77}
