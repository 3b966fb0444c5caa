"""Conversion: parity with PyTorch for every layout, round trips bit for bit, and nothing passed over in silence."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator, save_generator
from esrgan_tf.formats.pytorch.conversion import export_generator, import_weights
from esrgan_tf.formats.pytorch.recognition import recognise
from esrgan_tf.models import build_generator
from esrgan_tf.models.features import vgg_features
from esrgan_tf.recipes.generators import (
    EDSRConfig,
    MSRResNetConfig,
    PhoneConfig,
    RCANConfig,
    RRDBConfig,
    SRResNetConfig,
    SRVGGConfig,
)

X = np.random.default_rng(0).uniform(size=(2, 12, 8, 3)).astype(np.float32)
PARITY = 1e-5
SIZES = {"features": 6, "blocks": 2}
RRDB = RRDBConfig(growth=4, **SIZES)
GENERATORS = {  # the reference's class, its arguments, and what must be read off its tensors
    "basicsr_x4": ("BasicSRNet", {}, RRDB),
    "basicsr_x2": ("BasicSRNet", {"scale": 2}, replace(RRDB, scale=2, pixel_unshuffle=True)),
    "basicsr_x1": ("BasicSRNet", {"scale": 1}, replace(RRDB, scale=1, pixel_unshuffle=True)),
    "esrgan_new": ("ESRGANNewNet", {}, RRDB),
    "esrgan_old_x1": ("ESRGANOldNet", {"steps": 0}, replace(RRDB, scale=1)),
    "esrgan_old_x4": ("ESRGANOldNet", {}, RRDB),
    "esrgan_old_x8": ("ESRGANOldNet", {"steps": 3}, replace(RRDB, scale=8)),
    "srvgg_x1": ("CompactNet", {"scale": 1}, SRVGGConfig(scale=1, features=5, convs=3)),
    "srvgg_x3": ("CompactNet", {"scale": 3}, SRVGGConfig(scale=3, features=5, convs=3)),
    "srvgg_x4": ("CompactNet", {"convs": 6}, SRVGGConfig(features=5, convs=6)),
    "msrresnet_x2": ("MSRResNet", {"scale": 2}, MSRResNetConfig(scale=2, **SIZES)),
    "msrresnet_x3": ("MSRResNet", {"scale": 3}, MSRResNetConfig(scale=3, **SIZES)),
    "msrresnet_x4": ("MSRResNet", {}, MSRResNetConfig(**SIZES)),
    "edsr_x2": ("EDSR", {"scale": 2}, EDSRConfig(scale=2, **SIZES)),
    "edsr_x3": ("EDSR", {"scale": 3}, EDSRConfig(scale=3, **SIZES)),
    "edsr_x4": ("EDSR", {}, EDSRConfig(**SIZES)),
    "edsr_x8": ("EDSR", {"scale": 8}, EDSRConfig(scale=8, **SIZES)),
}
EXPORTED = {
    "rrdb_x4": RRDB,
    "rrdb_unshuffled_x2": replace(RRDB, scale=2, pixel_unshuffle=True),
    "rrdb_unshuffled_x1": replace(RRDB, scale=1, pixel_unshuffle=True),
    "srvgg_x2": SRVGGConfig(scale=2, features=5, convs=3),
    "msrresnet_x3": MSRResNetConfig(scale=3, **SIZES),
    "edsr_x2": EDSRConfig(scale=2, **SIZES),
    "edsr_x3": EDSRConfig(scale=3, **SIZES),
}


def saved(reference, module, folder, name="source.safetensors"):
    """The module with random weights, and a file of them."""
    from safetensors.torch import save_file as save_torch_file

    reference.randomized(module)
    save_torch_file(module.state_dict(), folder / name)
    return folder / name


def randomized(model):
    """Every variable drawn anew, wide enough that float32's rounding is tried at all sizes."""
    rng = np.random.default_rng(3)
    for variable in model.variables:
        variable.assign(rng.normal(0, 0.2, variable.shape) * 2.0 ** rng.integers(-9, 1, variable.shape))
    return model


def export_tensors(config, folder):
    """BasicSR's tensors of a random generator, which lies beside them."""
    model = randomized(build_generator(config, "mine"))
    save_generator(model, folder / "mine.keras")
    export_generator(folder / "mine.keras", folder / "mine.safetensors")
    return load_file(folder / "mine.safetensors"), model


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_give_pytorchs_images(name, reference, tmp_path):
    kind, arguments, config = GENERATORS[name]
    module = getattr(reference, kind)(**arguments)
    source = saved(reference, module, tmp_path)
    assert recognise(load_file(source), source).network == config
    import_weights(source, tmp_path / "out.keras", name)
    model = load_generator(tmp_path / "out.keras")
    assert model.name == f"{name.removesuffix(f'_x{config.scale}')}_x{config.scale}"
    expected = reference.run(module, X)
    assert expected.shape == (2, 12 * config.scale, 8 * config.scale, 3)
    assert expected.std() > 0.1
    np.testing.assert_allclose(model(X), expected, rtol=0, atol=PARITY)


@pytest.mark.parametrize("kind", ["Discriminator", "OldDiscriminator"])
@pytest.mark.parametrize("patch", [64, 96])
def test_discriminators_give_pytorchs_logits(kind, patch, reference, tmp_path):
    module = getattr(reference, kind)(patch=patch)
    said = import_weights(saved(reference, module, tmp_path), tmp_path / "out.keras")
    assert f"features 2, dense_units 5, patch {patch}" in said
    model = keras.saving.load_model(tmp_path / "out.keras")
    images = np.random.default_rng(1).uniform(size=(3, patch, patch, 3)).astype(np.float32)
    expected = reference.run(module, images)
    assert expected.std() > 3e-4
    np.testing.assert_allclose(model(images), expected, rtol=0, atol=PARITY)


@pytest.mark.parametrize(
    ("kind", "argument", "network", "layer", "name"),
    [
        ("TorchvisionVGG", (2, 2, 4, 4, 4), "vgg19", "conv5_4", "vgg19_torchvision"),
        ("TorchvisionVGG", (2, 2, 3, 3, 3), "vgg16", "conv5_3", "vgg16_torchvision"),
        ("MINC", "conv{}{}", "vgg16", "conv5_3", "vgg16_minc"),
    ],
)
def test_perceptual_networks_give_pytorchs_features_with_nothing_else_to_set(
    kind, argument, network, layer, name, reference, tmp_path
):
    module = getattr(reference, kind)(argument)
    import_weights(saved(reference, module, tmp_path), tmp_path / "out.keras")
    assert keras.saving.load_model(tmp_path / "out.keras").name == name
    images = np.random.default_rng(1).uniform(size=(1, 37, 50, 3)).astype(np.float32)  # odd: pooling shows
    features = vgg_features([layer], network=network, weights=str(tmp_path / "out.keras"), caffe_feature_scale=0.1)
    expected = reference.run(module, images)
    assert expected.std() > 0.1
    np.testing.assert_allclose(features(images)[layer], expected, rtol=0, atol=PARITY)


@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, ".safetensors") for name in EXPORTED), ("rrdb_x4", ".pth"), ("edsr_x2", ".pth")]
)
def test_a_generator_comes_back_from_basicsrs_layout_bit_for_bit(name, suffix, tmp_path):
    if suffix == ".pth":
        pytest.importorskip("torch")
    model = randomized(build_generator(EXPORTED[name], "mine"))
    save_generator(model, tmp_path / "gan/generator.keras")  # of a work directory
    export_generator(tmp_path, tmp_path / f"out{suffix}")
    import_weights(tmp_path / f"out{suffix}", tmp_path / "back.keras", "mine")
    back = load_generator(tmp_path / "back.keras")
    assert back.name == model.name
    for before, after in zip(model.variables, back.variables, strict=True):
        assert before.path == after.path
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model(X), back(X))


@pytest.mark.parametrize("name", ["basicsr_x4", "basicsr_x2", "srvgg_x3", "msrresnet_x4", "edsr_x3", "edsr_x4"])
def test_an_exported_file_is_what_basicsrs_network_loads(name, reference, tmp_path):
    import torch

    kind, arguments, config = GENERATORS[name]
    model = randomized(build_generator(config, "mine"))
    save_generator(model, tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / "out.pth")
    module = getattr(reference, kind)(**arguments).eval()
    module.load_state_dict(torch.load(tmp_path / "out.pth", weights_only=True)["params"], strict=True)
    np.testing.assert_allclose(reference.run(module, X), model(X), rtol=0, atol=PARITY)


@pytest.mark.parametrize(("scale", "features"), [(2, 3), (3, 4), (4, 12), (8, 48)])
def test_an_edsr_of_one_pixel_shuffle_is_written_in_basicsrs_steps(scale, features, reference, tmp_path):
    import torch

    sizes = {"scale": scale, "blocks": 2, "features": features}
    model = randomized(build_generator(EDSRConfig(upsampling="direct", **sizes), "mine"))
    save_generator(model, tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / "out.pth")
    module = reference.EDSR(**sizes).eval()
    module.load_state_dict(torch.load(tmp_path / "out.pth", weights_only=True)["params"], strict=True)
    np.testing.assert_allclose(reference.run(module, X), model(X), rtol=0, atol=PARITY)


def test_published_tensors_come_back_from_keras_bit_for_bit(reference, tmp_path):
    source = saved(reference, reference.BasicSRNet(2), tmp_path)
    import_weights(source, tmp_path / "out.keras")
    export_generator(tmp_path / "out.keras", tmp_path / "back.safetensors")
    before, after = load_file(source), load_file(tmp_path / "back.safetensors")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        np.testing.assert_array_equal(tensor, after[name])


def test_every_tensor_is_used_once_or_named(tmp_path):
    tensors, _ = export_tensors(RRDB, tmp_path)
    del tensors["body.1.rdb3.conv2.bias"]
    tensors["attention.weight"] = np.zeros((2, 2), np.float32)
    tensors["conv_last.bias"] = np.zeros(4, np.float32)
    tensors["conv_hr.bias"] = np.zeros(6, np.int64)
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(InputError) as caught:
        import_weights(tmp_path / "bad.safetensors", tmp_path / "out.keras")
    said = str(caught.value)
    assert "bad.safetensors` looks like BasicSR's RRDBNet (scale 4, blocks 2, features 6, growth 4" in said
    assert "missing: body.1.rdb3.conv2.bias; left over: attention.weight; misshapen: " in said
    assert "conv_last.bias float32 (4,) instead of (3,)" in said
    assert "conv_hr.bias int64 (6,) instead of (6,)" in said
    assert not (tmp_path / "out.keras").exists()


def test_a_whole_block_that_is_missing_is_counted(tmp_path):
    tensors, _ = export_tensors(RRDB, tmp_path)
    save_file({k: v for k, v in tensors.items() if not k.startswith("body.0.rdb2")}, tmp_path / "bad.safetensors")
    with pytest.raises(InputError, match=r"missing: body\.0\.rdb2\.conv1\.weight, .* and 6 more\.$"):
        import_weights(tmp_path / "bad.safetensors", tmp_path / "out.keras")


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("RRDB_ESRGAN_x4", "RRDB_ESRGAN_x4"),
        ("RealESRGAN x4plus (1)", "RealESRGAN_x4plus_1_x4"),
        ("realesr-general-x4v3", "realesr-general-x4v3_x4"),
        ("写真", "converted_x4"),
    ],
)
def test_a_generator_is_named_after_its_file(stem, name, tmp_path):
    tensors, _ = export_tensors(SRVGGConfig(features=2, convs=1), tmp_path)
    save_file(tensors, tmp_path / f"{stem}.safetensors")
    import_weights(tmp_path / f"{stem}.safetensors", tmp_path / "out.keras")
    assert load_generator(tmp_path / "out.keras").name == name


def test_a_name_that_no_model_can_have_is_told(tmp_path):
    export_tensors(SRVGGConfig(features=2, convs=1), tmp_path)
    with pytest.raises(InputError, match="`name` must be letters.*Received: a/b"):
        import_weights(tmp_path / "mine.safetensors", tmp_path / "out.keras", "a/b")


def test_what_no_tensor_tells_is_set_by_hand_both_ways(tmp_path):
    config = EDSRConfig(residual_scale=0.1, **SIZES)
    model = randomized(build_generator(config, "mine"))
    save_generator(model, tmp_path / "mine.keras")
    with pytest.raises(InputError, match=r"mine\.keras` must be what its tensors hold.*residual_scale 1\.0.*set"):
        export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
    said = export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors", {"residual_scale": 0.1})
    assert "residual_scale 0.1" in said
    import_weights(tmp_path / "out.safetensors", tmp_path / "back.keras", changes={"residual_scale": 0.1})
    np.testing.assert_array_equal(load_generator(tmp_path / "back.keras")(X), model(X))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SRResNetConfig(blocks=1, features=4), "family that BasicSR has: rrdb, srvgg, msrresnet, edsr"),
        (RCANConfig(groups=1, blocks=1, features=4, reduction=2), "family that BasicSR has"),
        (PhoneConfig(convs=1, features=4), "family that BasicSR has"),
        (replace(RRDB, block="residual"), "family that BasicSR has"),
        (replace(RRDB, padding="reflect"), "must be what its tensors hold"),
        (replace(RRDB, scale=3), "must be what its tensors hold"),
        (replace(RRDB, batch_norm=True), "missing: body.0.rdb1.conv1.bias"),
    ],
)
def test_a_generator_that_basicsrs_layout_cannot_tell_is_not_exported(config, message, tmp_path):
    save_generator(randomized(build_generator(config, "mine")), tmp_path / "mine.keras")
    with pytest.raises(InputError, match=f"mine.keras` .*{message}"):
        export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_lpips_wants_its_own_backbone(tmp_path):
    export_tensors(MSRResNetConfig(blocks=1, features=2), tmp_path)
    save_file({"lin0.model.1.weight": np.zeros((1, 64, 1, 1), np.float32)}, tmp_path / "lins.safetensors")
    with pytest.raises(InputError, match="mine.safetensors` must be torchvision's AlexNet or VGG16.*MSRResNet"):
        import_weights(tmp_path / "mine.safetensors", tmp_path / "out.keras", lpips_lins=tmp_path / "lins.safetensors")


def test_names_and_settings_are_refused_for_other_networks(reference, tmp_path):
    source = saved(reference, reference.Discriminator(), tmp_path)
    for arguments in ({"name": "mine"}, {"changes": {"features": 3}}):
        with pytest.raises(InputError, match="`name` and `set` are for generators.*VGG discriminator"):
            import_weights(source, tmp_path / "out.keras", **arguments)
