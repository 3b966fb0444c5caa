"""The package's public names: documented, imported where they are used, and enough for a day's work."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from support.images import write_photo
from support.tiny import LEAN

import esrgan_tf


def test_the_package_alone_imports_no_library():
    code = """
        import sys
        import esrgan_tf
        heavy = {"tensorflow", "keras", "numpy", "PIL", "absl"} & set(sys.modules)
        assert not heavy, heavy
        esrgan_tf.get_recipe("esrgan")
        assert not {"tensorflow", "keras", "numpy"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


@pytest.mark.parametrize("name", [name for name in esrgan_tf.__all__ if not name.startswith("_")])
def test_every_public_name_is_documented(name):
    value = getattr(esrgan_tf, name)
    assert value.__doc__ and f"`{name}`" in esrgan_tf.__doc__


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        esrgan_tf.nothing  # noqa: B018


def test_train_load_call_evaluate_and_export(tmp_path):
    recipe = esrgan_tf.override(LEAN, {"psnr.steps": 2})
    options = esrgan_tf.RunOptions(workdir=str(tmp_path / "run"), data="dead_leaves")
    file = esrgan_tf.train_stage(recipe, "psnr", options)
    upscaler = esrgan_tf.Upscaler.from_file(tmp_path / "run")
    image = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    as_uint8, as_float = upscaler(image), upscaler(image / 255)
    assert as_uint8.dtype == np.uint8 and as_float.dtype == np.float32
    assert as_uint8.shape == as_float.shape == (9 * upscaler.scale, 11 * upscaler.scale, 3)
    assert np.abs(as_uint8 - 255 * as_float).max() <= 0.51
    for wrong in (image[..., 0], image.astype(int)):
        with pytest.raises(ValueError, match="`image` must be"):
            upscaler(wrong)
    write_photo(tmp_path / "photos" / "a.png", 64, 64)
    means = esrgan_tf.evaluate_models(["bicubic", tmp_path / "run"], tmp_path / "photos").means()
    assert [row.metrics["psnr"] > 0 for row in means] == [True, True]
    exported = esrgan_tf.ExportOptions(
        output=str(tmp_path / "exported"),
        formats=("tflite",),
        kinds=("float32",),
        tiles=(16,),
        calibration=str(tmp_path / "photos"),
    )
    assert "float32" in esrgan_tf.export_generators([esrgan_tf.load_generator(file)], exported)
    assert list((tmp_path / "exported").glob("*.tflite"))
