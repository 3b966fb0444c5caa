"""LiteRT files that take any size, of every family."""

import keras
import numpy as np
import pytest
from support.exports import request_for, write
from support.families import FAMILIES, built
from support.images import make_image

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.registry import open_network
from esrgan_tf.formats.tflite import ANY_SIZE, FORMAT

ANY = {"kinds": ("float32",), "tiles": (ANY_SIZE,)}
FAST = ("unshuffled", "span", "phone")


@pytest.mark.parametrize("family", [f if f in FAST else pytest.param(f, marks=pytest.mark.slow) for f in FAMILIES])
def test_every_family_becomes_a_litert_file_that_takes_any_size(tmp_path, family):
    model = built(FAMILIES[family])
    path = write(FORMAT, model, tmp_path, **ANY)
    assert path.name == f"{model.name}_float32.tflite"
    network = open_network([path])
    assert network.metadata.tile is None
    multiple = keras_network(model).metadata.lr_multiple
    for height, width in ((8, 20), (19, 7), (19, 7), (8, 20)):
        image = make_image(shape=(height // multiple * multiple, width // multiple * multiple)).rgb
        wanted = np.array(model(image[None]))[0]
        np.testing.assert_allclose(network.run(image), wanted, atol=2e-5 * max(1, np.abs(wanted).max()))


def test_a_generator_that_keeps_the_size_it_was_written_for_is_refused(tmp_path):
    x = keras.Input((None, None, 3), name="lr")
    model = keras.Model(x, keras.ops.image.resize(x, (64, 64)), name="tiny_x1")
    with pytest.raises(InputError, match="`tile` must not be 0, any size, for tiny_x1"):
        write(FORMAT, model, tmp_path, deployed=model, **ANY)


def test_int8_has_one_size(tmp_path):
    with pytest.raises(InputError, match="`tile` must not be 0, any size, for int8"):
        FORMAT.check(request_for(built(FAMILIES["phone"]), tmp_path, **ANY | {"kinds": ("float32", "int8")}))
