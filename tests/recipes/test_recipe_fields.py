"""Every field of a recipe is read by the code that builds and trains what it describes: none is a dead letter.

Reads are recorded while they happen, so that a field of the same name elsewhere, or a name looked up by `getattr`, is
neither taken for one nor missed.
"""

import dataclasses
import sys

import pytest
import tensorflow as tf
from support.paths import FIXTURES
from support.tiny import NARROW, TINY

from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.models import build_discriminator, build_generator
from esrgan_tf.recipes import configs, degradation, discriminators, families, generators
from esrgan_tf.recipes.degradation import DegradationConfig
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.run import RunOptions, train_stage
from esrgan_tf.training.schedules import learning_rate_schedule
from esrgan_tf.training.workdir import PROSE

MODULES = (configs, generators, discriminators, degradation)
KINDS = {
    kind
    for module in MODULES
    for kind in vars(module).values()
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
}
FIELDS = sorted((kind.__name__, field.name) for kind in KINDS for field in dataclasses.fields(kind))
WHOLE = ("__init__", "__post_init__", "__eq__", "__hash__", "__repr__")  # they read every field, for no purpose of it
# What other fields depend on is switched on: a cosine, a degradation, weights that are missing.
ALL_ON = {
    "gan.steps": 1,
    "gan.milestones": [],
    "gan.cosine_period": 10,
    "data.degradation": DegradationConfig(noise_patches=str(FIXTURES / "noisy")),
    "perceptual.weights": "imagenet",
    "perceptual.download": False,
    "perceptual.random_if_missing": True,
}


def is_reader(frame) -> bool:
    """Whether the code that reads an attribute, by way of the recipes' own methods or not, is of another room."""
    while frame.f_globals["__name__"].startswith(("esrgan_tf.recipes", "dataclasses", __name__)):
        if frame.f_code.co_name in WHOLE or frame.f_globals["__name__"] == "dataclasses":
            return False
        frame = frame.f_back
    return frame.f_globals["__name__"].startswith("esrgan_tf.")


def recording(kind, read):
    def get(config, name):
        if is_reader(sys._getframe(1)):
            read.add((kind.__name__, name))
        return object.__getattribute__(config, name)

    return get


def narrow(kind, **fields):
    """A configuration of a family at toy width."""
    known = {field.name: getattr(kind(), field.name) for field in dataclasses.fields(kind) if field.init}
    return kind(**{name: value for name, value in NARROW.items() if type(known.get(name)) is int}, **fields)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """(configuration, field) of all that is read while each family is built and a run starts, validates and ends."""
    folder, found = tmp_path_factory.mktemp("fields"), set()
    recipe = override(TINY, ALL_ON)
    save_generator(build_generator(TINY.generator, "tiny"), folder / "generator.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(folder))
        for kind in KINDS:
            patch.setattr(kind, "__getattribute__", recording(kind, found))
        for kind in families.GeneratorConfig.kinds.values():
            build_generator(narrow(kind, scale=2), "built")
        for kind in families.DiscriminatorConfig.kinds.values():
            build_discriminator(narrow(kind), 32)
        learning_rate_schedule(TINY.psnr)  # by milestones
        patch.setattr(
            "esrgan_tf.training.run.make_train_step", lambda *arguments: lambda hr, lr: {"pixel": tf.zeros([])}
        )
        options = RunOptions(workdir=str(folder), data="dead_leaves", init_from=str(folder / "generator.keras"))
        train_stage(recipe, "gan", options)
    return found


@pytest.mark.parametrize(("kind", "field"), [(k, f) for k, f in FIELDS if (k, f) not in {("Recipe", p) for p in PROSE}])
def test_field_is_read_where_it_has_its_meaning(read, kind, field):
    assert (kind, field) in read


def test_reading_a_whole_configuration_is_not_reading_its_fields(monkeypatch):
    found = set()
    monkeypatch.setattr(configs.DataConfig, "__getattribute__", recording(configs.DataConfig, found))
    dataclasses.replace(TINY.data, flip=False)
    dataclasses.asdict(TINY)
    assert override(TINY, {"data.flip": False}) != TINY
    assert not found
