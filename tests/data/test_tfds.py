"""Data sets of TFDS, as small ones prepared on the spot: nothing is downloaded."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from esrgan_tf.data import div2k
from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.sources import default_data, open_sources, open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.pairs import find_pairs, load_pair
from esrgan_tf.recipes.configs import DataConfig
from esrgan_tf.recipes.degradation import DegradationConfig

CONFIG = DataConfig(validation_crop=32)


def names(source, count):
    return [element["name"].numpy().decode() for element in source.stream(0).take(count)]


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


class TinyPhotos(tfds.core.GeneratorBasedBuilder):
    """Images alone, of several sizes, as most data sets have them; with other features beside them."""

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 10, "test": 3}
    IMAGE = tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg")

    def _info(self):
        features = {"image": self.IMAGE, "label": tfds.features.ClassLabel(num_classes=2)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(count) for name, count in self.SPLITS.items()}

    def _generate_examples(self, count):
        shape = [side or 40 for side in self.IMAGE.shape]
        for number in range(count):
            yield number, {"image": np.full(shape, 10 * number, np.uint8), "label": 0}


class TinyTrainOnly(TinyPhotos):
    """No split but `train`."""

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 20}


class TinyThumbnails(TinyPhotos):
    """Images of one size, known beforehand."""

    VERSION = tfds.core.Version("1.0.0")
    IMAGE = tfds.features.Image(shape=(28, 28, 1))


class TinyText(TinyPhotos):
    """No images."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict({"text": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _generate_examples(self, count):
        yield 0, {"text": "none"}


@pytest.fixture
def tiny_div2k(tmp_path, monkeypatch):
    """TFDS has but this data set; gives the names that it is asked for."""
    asked = []
    monkeypatch.setattr(tfds, "builder", lambda name: asked.append(name) or TinyDiv2k(data_dir=tmp_path))
    return asked


@pytest.fixture
def tiny_tfds(tmp_path, monkeypatch):
    kinds = {"photos/2012": TinyPhotos, "plain": TinyTrainOnly, "thumbnails": TinyThumbnails, "text": TinyText}

    def builder(name):
        if name not in kinds:
            raise tfds.core.DatasetNotFoundError(f"Dataset {name} not found.")
        return kinds[name](data_dir=tmp_path)

    monkeypatch.setattr(tfds, "builder", builder)


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


def test_div2k_has_further_tracks(tiny_div2k):
    for track in ("unknown_x4", "realistic_wild_x4"):
        (source,) = open_sources(f"div2k:{track}", CONFIG, 4, 32, 0)
        assert tiny_div2k[-1] == f"div2k/{track}"
        assert source.names[0] == f"div2k:{track} train 0"
        assert source.load(source.held_out[0])[1].shape == (12, 10, 3)
    with pytest.raises(InputError, match="`data=div2k:wild` must be one of DIV2K's tracks: bicubic_x2, .*wild_x4. Rec"):
        open_sources("div2k:wild", CONFIG, 4, 32, 0)
    with pytest.raises(InputError, match="`data=div2k:unknown_x3` has the scale 3. Received: `scale=4`"):
        open_sources("div2k:unknown_x3", CONFIG, 4, 32, 0)


def test_every_track_is_one_of_tfds():
    for track, scales in div2k.TRACKS.items():
        for scale in scales:
            assert tfds.builder(f"div2k/{track}_x{scale}").info.features.keys() == {"hr", "lr"}


def test_div2ks_validation_part_validates_and_is_evaluated(tiny_div2k):
    (source,) = open_validation("div2k", 4, DataConfig(validation_pictures=1))
    assert (source.count, len(source.held_out)) == (0, 2)
    images = load_held_out([source], 32, 4).images
    assert len({name for name, _, _ in images}) == 2
    pairs = find_pairs("div2k", 4)
    assert [pair.name for pair in pairs] == [name for name, _, _ in images]
    expected = set()
    for seed in (50, 51):
        rng = np.random.default_rng(seed)
        sizes = ((48, 40, 3), (12, 10, 3))
        expected.add(tuple(rng.integers(0, 256, size).astype(np.uint8).tobytes() for size in sizes))
    assert {tuple(image.tobytes() for image in load_pair(pair, 4)) for pair in pairs} == expected
    assert all(pair.lr for pair in pairs)


def test_smaller_copies_go_with_lr_images_that_are_bicubic_alone(tiny_div2k):
    config = DataConfig(multiscale=(0.75,))
    assert open_sources("div2k", config, 4, 32, 0)[0].count
    assert open_validation("div2k:unknown_x4", 4, config)[0].held_out
    with pytest.raises(InputError, match="`data.multiscale` must be empty for `data=div2k:unknown_x4`"):
        open_sources("div2k:unknown_x4", config, 4, 32, 0)


def test_a_degradation_takes_the_place_of_lr_images(tiny_div2k):
    (source,) = open_sources("div2k", DataConfig(degradation=DegradationConfig()), 4, 32, 0)
    assert source.read(source.held_out[0])[1] == b""


def test_images_of_any_data_set_are_trained_on_and_its_test_split_is_held_out(tiny_tfds):
    (source,) = open_sources("tfds:photos/2012", CONFIG, 2, 16, 0)
    assert (source.count, len(source.held_out)) == (10, 3)
    hr, lr = source.load(source.held_out[0])
    assert (hr.shape, lr.shape) == ((40, 40, 3), (20, 20, 3))
    assert {int(source.load_hr(e)[0, 0, 0]) for e in source.stream(0).take(10)} == set(range(0, 100, 10))
    assert [pair.name.count("/") for pair in find_pairs("tfds:photos/2012", 2)] == [0, 0, 0]


def test_the_usual_share_is_held_out_of_a_data_set_of_one_split(tiny_tfds):
    (source,) = open_sources("tfds:plain", CONFIG, 2, 16, 0)
    assert (source.count, len(source.held_out)) == (18, 2)
    held_out = {element["name"].numpy().decode() for element in source.held_out}
    assert len(set(names(source, 18)) | held_out) == 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "must be tfds:NAME"),
        (":nothing", "`data=tfds:nothing` must name a data set of TFDS. Received: Dataset nothing not found"),
        (":text", "`data=tfds:text` must have images as a feature `image`.* Received: text"),
        (":thumbnails", "must have images of at least 32 px. Received: 28 x 28 px"),
    ],
)
def test_a_data_set_that_is_of_no_use_is_refused(tiny_tfds, name, message):
    with pytest.raises(InputError, match=message):
        open_sources(f"tfds{name}", CONFIG, 2, 32, 0)
