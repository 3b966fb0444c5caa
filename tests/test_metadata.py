"""What a generator says of itself: kept through rebuilding and files, read from files of earlier versions."""

import json
import zipfile
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from support.families import FAMILIES, built

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator, save_generator
from esrgan_tf.metadata import METADATA_FILE, GeneratorMetadata, metadata_of, set_metadata
from esrgan_tf.models import build_generator
from esrgan_tf.models.fusion import fuse_branches, in_float32, merge_upsampling
from esrgan_tf.models.interpolation import interpolate

X = np.random.default_rng(0).uniform(size=(1, 6, 4, 3)).astype(np.float32)
# As version 0.1.0 wrote it into every exported file.
OLD = {
    "name": "quickstart_x4",
    "recipe": "quickstart",
    "scale": 4,
    "precision": "int8",
    "input": "RGB uint8 [1, 64, 64, 3], 0..255",
    "output": "RGB uint8 [1, 256, 256, 3], 0..255",
    "tile": 64,
    "overlap": 16,
    "lr_multiple": 1,
    "takes_alpha": False,
    "licence": "CC0",
    "source": "quickstart_x4/gan/generator.keras",
    "made_by": "esrgan_tf 0.1.0",
}


def test_metadata_comes_back_from_json_and_fields_of_later_versions_are_ignored():
    metadata = GeneratorMetadata.named("mine", 2, family="rrdb", tile=64, licence="CC0")
    assert metadata.name == "mine_x2"
    later = json.dumps({**json.loads(metadata.to_json()), "of_a_later_version": [1]})
    assert GeneratorMetadata.from_json(later, "f") == metadata


def test_metadata_of_the_first_version_is_read():
    metadata = GeneratorMetadata.from_json(json.dumps(OLD), "f")
    assert asdict(metadata) == OLD | {"family": "", "preferred_tile": None}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "n", "recipe": "r"}', b"\xff"])
def test_json_that_is_no_metadata_is_refused(text):
    with pytest.raises(InputError, match="`some.onnx` must hold a description"):
        GeneratorMetadata.from_json(text, "some.onnx")


def test_a_generator_carries_what_its_config_knows():
    assert metadata_of(built(FAMILIES["unshuffled"])) == GeneratorMetadata.named(
        "tiny", 2, family="rrdb", lr_multiple=2
    )
    half = build_generator(FAMILIES["srvgg"], "tiny", "mixed_bfloat16")
    assert metadata_of(half).precision == "mixed_bfloat16"
    assert metadata_of(in_float32(half)) == replace(metadata_of(half), precision="float32")


def test_rebuilding_keeps_metadata():
    model = built(FAMILIES["span"])
    mine = replace(metadata_of(model), licence="CC0", source="mine")
    set_metadata(model, mine)
    for rebuilt in (in_float32(model), fuse_branches(model), merge_upsampling(model)):
        assert rebuilt is not model and metadata_of(rebuilt) == mine
    between = metadata_of(interpolate(model, model, 0.25))
    assert between == replace(mine, name="tiny_alpha0.25_x2", recipe="tiny_alpha0.25")


def test_a_keras_file_carries_metadata_and_plain_keras_ignores_it(tmp_path):
    model = built(FAMILIES["unshuffled"])
    mine = replace(metadata_of(model), recipe="of another name", licence="CC BY 4.0")
    save_generator(set_metadata(model, mine), tmp_path / "m.keras")
    assert metadata_of(load_generator(tmp_path / "m.keras")) == mine
    plain = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_array_equal(plain(X), model(X))


def test_a_keras_file_without_metadata_is_read_by_its_models_name_and_operations(tmp_path):
    model = built(FAMILIES["unshuffled"])
    model.save(tmp_path / "old.keras")  # as earlier versions did
    with zipfile.ZipFile(tmp_path / "old.keras") as archive:
        assert METADATA_FILE not in archive.namelist()
    loaded = load_generator(tmp_path / "old.keras")
    assert metadata_of(loaded) == GeneratorMetadata.named("tiny", 2, lr_multiple=2)
    merged = merge_upsampling(loaded)
    assert metadata_of(merged) == metadata_of(loaded)


def test_a_keras_file_with_damaged_metadata_is_named(tmp_path):
    built(FAMILIES["srvgg"]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr(METADATA_FILE, "{}")
    with pytest.raises(InputError, match="m.keras` must hold a description"):
        load_generator(tmp_path / "m.keras")
