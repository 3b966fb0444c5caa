"""EDSR that ends in one pixel shuffle, rewritten with a convolution and a shuffle for every factor."""

import numpy as np
import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator, save_generator
from esrgan_tf.formats.pytorch.conversion import export_generator, import_weights
from esrgan_tf.models import build_generator
from esrgan_tf.models.stepped import in_steps
from esrgan_tf.recipes.generators import EDSRConfig

X = np.random.default_rng(0).uniform(size=(2, 12, 8, 3)).astype(np.float32)
WIDTHS = {2: 3, 3: 3, 4: 12, 8: 48}  # of each scale the least


def direct(scale, features):
    model = build_generator(EDSRConfig(upsampling="direct", scale=scale, blocks=2, features=features), "mine")
    rng = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(rng.normal(size=variable.shape) * 0.1)
    return model


def check_in_steps_and_the_same(model, other):
    assert "conv_up1" in {layer.name for layer in other.layers}
    wanted = np.array(model(X))
    assert wanted.std() > 0.1
    np.testing.assert_allclose(other(X), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", WIDTHS)
def test_a_network_in_steps_is_the_same_function(scale):
    model = direct(scale, WIDTHS[scale])
    check_in_steps_and_the_same(model, in_steps(model))


@pytest.mark.parametrize("scale", WIDTHS)
def test_it_is_the_same_function_when_it_is_exported_and_read_again(scale, tmp_path):
    model = direct(scale, WIDTHS[scale] + 1)
    save_generator(model, tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
    import_weights(tmp_path / "out.safetensors", tmp_path / "back.keras")
    check_in_steps_and_the_same(model, load_generator(tmp_path / "back.keras"))


def test_one_too_narrow_for_steps_is_refused(tmp_path):
    save_generator(direct(4, 11), tmp_path / "mine.keras")
    with pytest.raises(InputError, match="`features` must be 12 or more to upsample by 4 in steps. Received: 11"):
        export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
