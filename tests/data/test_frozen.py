"""Test images are known by their pixels, and training on one is announced and recorded."""

import json

import numpy as np
import pytest
from PIL import Image
from support.images import write_photo
from support.paths import SHARED
from support.tiny import LEAN

from esrgan_tf.data import frozen
from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.data.frozen import digest, frozen_images, frozen_list
from esrgan_tf.errors import InputError
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.run import RunOptions, train_stage

TEST_SETS = SHARED / "data"
SIDE = 156
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmarks' images are not here")


@pytest.fixture
def listed(monkeypatch):
    """A list of one image, which is returned."""
    rgb = dead_leaves(SIDE, 0)
    monkeypatch.setattr(frozen, "frozen_list", lambda: {digest(rgb): "set0 leaves.png"})
    return rgb


def test_the_package_lists_the_six_test_sets():
    sets = [name.split(" ")[0] for name in frozen_list().values()]
    counts = {"set5": 5, "set14": 14, "bsd100": 100, "urban100": 100, "kodak": 24, "photo_test": 24}
    assert {name: sets.count(name) for name in sets} == counts
    assert all(len(key) == 64 for key in frozen_list())


def test_a_digest_is_of_the_size_and_the_values():
    rgb = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    assert digest(rgb) == "470bda28830c46fda097ad394d1896614937c75af39d1ad2c81e19b76874b896"
    assert digest(rgb.reshape(3, 2, 3)) != digest(rgb)


@needs_shared
def test_set5_and_set14_are_recognised_grey_image_included():
    paths = [str(path) for name in ("set5", "set14") for path in (TEST_SETS / name / "x2" / "HR").iterdir()]
    found = frozen_images(paths)
    assert sorted(found) == sorted(paths)
    assert found[str(TEST_SETS / "set5" / "x2" / "HR" / "baby.png")] == "set5 baby.png"
    assert "L" in {Image.open(path).mode for path in paths}


def test_a_test_image_is_found_under_any_name_and_lossless_format_or_with_a_border(tmp_path, listed):
    image, wider = Image.fromarray(listed), np.pad(listed, [(0, 1), (0, 3), (0, 0)])
    for name in ("a.png", "b.bmp", "c.webp"):
        image.save(tmp_path / name, **({"lossless": True} if name == "c.webp" else {}))
    Image.fromarray(wider).save(tmp_path / "d.png")
    Image.fromarray(listed ^ 1).save(tmp_path / "other.png")
    (tmp_path / "damaged.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    found = frozen_images([*map(str, tmp_path.iterdir()), "dead_leaves 3 of 48 px"])
    assert found == {str(tmp_path / name): "set0 leaves.png" for name in ("a.png", "b.bmp", "c.webp", "d.png")}


def test_training_on_a_test_image_is_announced_and_recorded_and_validating_on_one_is_not(
    tmp_path, listed, monkeypatch, capsys
):
    validated = dead_leaves(SIDE, 1)
    both = {**frozen.frozen_list(), digest(validated): "set0 other.png"}
    monkeypatch.setattr(frozen, "frozen_list", lambda: both)
    for folder, rgb in (("hr", listed), ("lr", listed[::2, ::2]), ("validation", validated)):
        (tmp_path / folder).mkdir()
        Image.fromarray(rgb).save(tmp_path / folder / "a.png")
    write_photo(tmp_path / "hr" / "b.png", 64, 64)
    write_photo(tmp_path / "lr" / "b.png", 32, 32)
    recipe = override(LEAN, {"psnr.steps": 1, "psnr.validate_every": 1})
    data, val_data = f"hr={tmp_path}/hr,lr={tmp_path}/lr", f"{tmp_path}/validation"
    train_stage(recipe, "psnr", RunOptions(str(tmp_path / "run"), data, val_data, strategy="cpu"))
    record = json.loads((tmp_path / "run" / "psnr" / "recipe.json").read_text())
    assert record["frozen_training_images"] == [f"set0 leaves.png: {tmp_path}/hr/a.png"]
    assert "*** 1 of the training images are test images (set0 leaves.png): figures" in capsys.readouterr().out


def test_weights_made_to_be_measured_are_not_trained_on_test_images(tmp_path, listed):
    (tmp_path / "hr").mkdir()
    Image.fromarray(listed).save(tmp_path / "hr" / "a.png")
    write_photo(tmp_path / "hr" / "b.png", 64, 64)
    options = RunOptions(str(tmp_path / "run"), f"{tmp_path}/hr", strategy="cpu", refuse_test_images=True)
    with pytest.raises(InputError, match="must hold no test image. Received: 1 \\(set0 leaves.png\\)"):
        train_stage(LEAN, "psnr", options)
    assert not (tmp_path / "run").exists()
