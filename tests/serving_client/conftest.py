"""Tiny generators in three versions, and stand-ins for TF Serving that serve them."""

import keras
import pytest
from support.serving_samples import MAX_PIXELS, NAME
from support.stand_in import StandIn

from esrgan_tf.formats.graphs import upscale_function
from esrgan_tf.formats.saved_model.servable import Servable
from esrgan_tf.formats.saved_model.warm_up import write_warm_up
from esrgan_tf.formats.saved_model.writer import write_saved_model
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig


@pytest.fixture(scope="module")
def pair():
    models = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        config = RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0)
        models.append(build_generator(config, "tiny"))
    return models


@pytest.fixture(scope="module")
def base(tmp_path_factory, pair):
    """Version 1: of two generators. Versions 2 and 3: of one each."""
    base = tmp_path_factory.mktemp("models") / NAME
    for version, models in enumerate((pair, pair[:1], pair[1:]), start=1):
        metadata = GeneratorMetadata(NAME, "tiny", 2, takes_alpha=len(models) > 1)
        servable = Servable(upscale_function(models), metadata, MAX_PIXELS, models)
        write_saved_model(servable, metadata, base / str(version))
        write_warm_up(base / str(version), metadata)
    return base


@pytest.fixture(scope="module")
def one(base):
    with StandIn(base, NAME) as server:
        server.keep(2)
        yield server


@pytest.fixture(scope="module")
def two(base):
    with StandIn(base, NAME) as server:
        server.keep(1)
        yield server


@pytest.fixture(params=["grpc", "rest"])
def url(request, one):
    return one.grpc_url if request.param == "grpc" else one.rest_url
