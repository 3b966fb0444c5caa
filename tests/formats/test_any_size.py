"""LiteRT files that take any size, of every family."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from support.exports import request_for, write
from support.families import FAMILIES, built
from support.images import make_image
from support.paths import ROOT

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.formats.registry import open_network
from esrgan_tf.formats.tflite import ANY_SIZE, FORMAT
from esrgan_tf.zoo.cards import read_card

ANY = {"kinds": ("float32",), "tiles": (ANY_SIZE,)}
FAST = ("unshuffled", "span", "phone")
# As many MiB more than the process has taken: 600 px need several times as much, 64 px a tenth.
ON_LITTLE_MEMORY = """
import pathlib, resource, sys
import numpy as np
from esrgan_tf.formats.tflite.runtime import litert_network

network = litert_network(sys.argv[1])
small = np.random.default_rng(0).uniform(size=(64, 64, 3)).astype(np.float32)
wanted = network.run(small)
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + int(sys.argv[2]) * 2**20,) * 2)
for side in (600, 400):
    try:
        network.run(np.zeros((side, side, 3), np.float32))
    except MemoryError as error:
        print(f"{side} px: {error}")
np.testing.assert_array_equal(network.run(small), wanted)
"""


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


def test_a_size_that_memory_is_too_little_for_is_told_as_that_and_smaller_ones_go_on():
    command = [sys.executable, "-c", ON_LITTLE_MEMORY, str(read_card("compact_x4").file), "100"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["600 px", "400 px"]
