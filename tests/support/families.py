"""A tiny generator of every family, and what its files say of it."""

from dataclasses import replace

import keras
import numpy as np

from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models import build_generator
from esrgan_tf.recipes import generators

TILE = 24
FAMILIES = {
    "rrdb": generators.RRDBConfig(scale=4, blocks=1, features=4, growth=2, init_scale=1.0),
    "rrdb_x3": generators.RRDBConfig(scale=3, blocks=1, features=4, growth=2, init_scale=1.0),
    "rrdb_x1": generators.RRDBConfig(scale=1, blocks=1, features=4, growth=2, init_scale=1.0),
    "unshuffled": generators.RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0, pixel_unshuffle=True),
    "batch_norm": generators.RRDBConfig(scale=2, blocks=1, features=4, block="residual", batch_norm=True),
    "reflect": generators.RRDBConfig(scale=2, blocks=1, features=4, growth=2, padding="reflect"),
    "srresnet": generators.SRResNetConfig(scale=4, blocks=1, features=4),
    "msrresnet": generators.MSRResNetConfig(scale=2, blocks=1, features=4),
    "edsr": generators.EDSRConfig(scale=3, blocks=1, features=4),
    "edsr_direct": generators.EDSRConfig(scale=4, blocks=1, features=4, upsampling="direct"),
    "enet": generators.ENetConfig(scale=2, blocks=1, features=4),
    "rcan": generators.RCANConfig(scale=2, groups=1, blocks=1, features=16),
    "srcnn": generators.SRCNNConfig(scale=2, features=(4, 2)),
    "srvgg": generators.SRVGGConfig(scale=2, convs=1, features=4),
    "phone": generators.PhoneConfig(scale=3, convs=1, features=4),
    "phone_skips": generators.PhoneConfig(scale=3, convs=2, features=4, skips=True),
    "span": generators.SPANConfig(scale=2, blocks=1, features=4, branches=2),
}


def built(config, seed=3):
    """A generator of random weights, its output spread over 0..1."""
    keras.utils.set_random_seed(seed)
    model = build_generator(config, "tiny")
    outputs = np.array(model(np.random.default_rng(0).uniform(size=(1, TILE, TILE, 3)).astype(np.float32)))
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    last.kernel.assign(last.kernel * (0.3 / max(outputs.std(), 1e-3)))
    return model


def metadata(model, **changes):
    """As a file of a model has it, whose recipe is then "tiny"."""
    scale = int(model.name.rsplit("_x")[-1])
    return replace(GeneratorMetadata(model.name, "tiny", scale), **changes)
