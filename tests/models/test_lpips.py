"""LPIPS: its formula, its files, and agreement with a PyTorch reference."""

import keras
import numpy as np
import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.models.lpips import lpips

RNG = np.random.default_rng(0)
FIRST, SECOND = (RNG.uniform(size=(3, 40, 51, 3)).astype(np.float32) for _ in range(2))
WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


@pytest.fixture(scope="module", params=WIDTHS)
def model(request):
    keras.utils.set_random_seed(2)
    return lpips(request.param)


def test_distance_is_the_papers_formula(model):
    """Equation 1 in NumPy, on the maps of the model's own backbone."""
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    expected = 0
    for index, (first, second) in enumerate(zip(backbone(FIRST), backbone(SECOND), strict=True)):
        first, second = (np.array(m, np.float64) for m in (first, second))
        assert first.shape[-1] == WIDTHS[model.name.removeprefix("lpips_")][index]
        assert first.min() >= 0  # after the ReLU
        unit = [m / (np.linalg.norm(m, axis=-1, keepdims=True) + 1e-10) for m in (first, second)]
        lin = np.array(model.get_layer(f"lin{index}").kernel)[0, 0, :, 0]
        expected = expected + ((unit[0] - unit[1]) ** 2 @ lin).mean((1, 2))
    distance = np.array(model([FIRST, SECOND]))
    assert (distance.shape, distance.dtype) == ((3,), np.float32)
    np.testing.assert_allclose(distance, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(distance).min() > 1e-4


def test_equal_images_are_at_distance_0_and_order_does_not_matter(model):
    np.testing.assert_array_equal(model([FIRST, FIRST]), np.zeros(3))
    np.testing.assert_allclose(model([FIRST, SECOND]), model([SECOND, FIRST]), rtol=1e-5)


def test_a_file_is_read_by_plain_keras_in_safe_mode(model, tmp_path):
    model.save(tmp_path / "lpips.keras")
    loaded = keras.saving.load_model(tmp_path / "lpips.keras")
    assert loaded.name == model.name
    assert not loaded.trainable_variables
    np.testing.assert_array_equal(loaded([FIRST, SECOND]), model([FIRST, SECOND]))


def test_the_smallest_images_that_are_promised_work():
    for backbone, size in (("alex", 31), ("vgg", 16)):
        assert np.isfinite(lpips(backbone)([FIRST[:, :size, :size], SECOND[:, :size, :size]])).all()


def test_an_unknown_backbone_is_named():
    with pytest.raises(InputError, match="`backbone` must be one of alex, vgg.*squeeze"):
        lpips("squeeze")


@pytest.mark.parametrize("backbone", WIDTHS)
def test_converted_weights_give_pytorchs_distances(backbone, tmp_path):
    pytest.importorskip("torch")
    from safetensors.torch import save_file
    from support import torch_lpips, torch_reference

    from esrgan_tf.formats.pytorch.conversion import import_weights

    trunk = torch_lpips.AlexNet() if backbone == "alex" else torch_reference.TorchvisionVGG((2, 2, 3, 3, 3))
    lins = torch_lpips.Lins(WIDTHS[backbone])
    for seed, (name, module) in enumerate({"trunk": trunk, "lins": lins}.items()):
        save_file(torch_reference.randomized(module, seed).state_dict(), tmp_path / f"{name}.safetensors")
    target = tmp_path / "lpips.keras"
    import_weights(tmp_path / "trunk.safetensors", target, lpips_lins=tmp_path / "lins.safetensors")
    model = keras.saving.load_model(target)
    assert model.name == f"lpips_{backbone}"
    expected = torch_lpips.lpips(trunk, lins, FIRST, SECOND)
    assert np.abs(expected).min() > 1e-3
    np.testing.assert_allclose(model([FIRST, SECOND]), expected, rtol=0, atol=1e-5)
