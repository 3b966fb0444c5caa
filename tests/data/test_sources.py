"""Sources: what `--data` opens, what is held out, and how LR images come about."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import write_noise, write_photo

from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.sources import open_sources, open_validation
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


def test_a_folder_with_a_plus_in_its_name_is_one_part(tmp_path):
    write_noise(tmp_path / "a+b/a.png")
    assert [s.name for s in open_sources(f"{tmp_path}/a+b", CONFIG, 4, 32, 0)] == [f"{tmp_path}/a+b"]


def test_a_folder_called_like_a_source_is_named_by_its_path(tmp_path, monkeypatch):
    write_noise(tmp_path / "sample/a.png")
    monkeypatch.chdir(tmp_path)
    for data in ("./sample", "folder:sample"):
        (source,) = open_sources(data, CONFIG, 4, 32, 0)
        assert source.names == ("sample/a.png",)


def test_val_data_may_be_what_other_sources_hold_out():
    sources = open_validation("sample+dead_leaves", 4, CONFIG, seed=3)
    assert [(s.name, s.count, len(s.held_out)) for s in sources] == [("sample", 0, 3), ("dead_leaves", 0, 1)]
    (trained,) = open_sources("dead_leaves", CONFIG, 4, 32, seed=3)
    ours, theirs = (source.load(source.held_out[0])[0].numpy() for source in (sources[1], trained))
    np.testing.assert_array_equal(ours, theirs)


def test_a_text_behind_a_source_that_takes_none_is_refused():
    with pytest.raises(InputError, match="`data=sample` must have nothing behind its name. Received: sample:all"):
        open_sources("sample:all", CONFIG, 4, 32, 0)


def test_val_data_holds_everything_out_and_names_its_own_flag(tmp_path):
    for index in range(12):
        write_noise(tmp_path / f"{index:02}.png", 40, 40, seed=index)
    sources = open_validation(str(tmp_path), 4)
    assert [len(source.held_out) for source in sources] == [12]
    with pytest.raises(InputError, match="`val_data` must be .* Received: /nope"):
        open_validation("/nope", 4)


def test_a_jpeg_is_decoded_as_pillow_does(tmp_path):
    write_photo(tmp_path / "photo.jpg")
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    hr, _ = source.load(source.held_out[0])
    np.testing.assert_array_equal(hr, np.asarray(Image.open(tmp_path / "photo.jpg")))


def test_grey_and_jpeg_files_become_rgb(tmp_path):
    Image.fromarray(np.full((48, 48), 77, np.uint8)).save(tmp_path / "grey.jpg")
    (source,) = open_sources(str(tmp_path), CONFIG, 4, 32, 0)
    hr, _ = source.load(source.held_out[0])
    assert hr.shape == (48, 48, 3)
    assert set(tf.reshape(hr, [-1]).numpy()) == {77}
