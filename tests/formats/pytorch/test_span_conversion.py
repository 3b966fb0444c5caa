"""SPAN's layout: parity with PyTorch both ways, in branches and fused alone."""

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
from esrgan_tf.recipes.generators import SPANConfig

torch = pytest.importorskip("torch")
from support import torch_reference, torch_span  # noqa: E402

X = np.random.default_rng(0).uniform(size=(2, 12, 8, 3)).astype(np.float32)
PARITY = 1e-5
# Of a random first convolution, whose input is of -128..127. A block's attention multiplies what it attends to, and
# blocks of maps of such a size after one another amplify float32's rounding: PyTorch's own to 1e-2 beside float64.
FIRST = 1 / 512
TINY = SPANConfig(features=6, blocks=2, branches=2)
SIZES = {"features": 6, "blocks": 2}
AS_IT_IS = {"mean_rgb_01": (0.0, 0.0, 0.0), "input_range": 1.0}
READ = {  # the reference's arguments, and what must be read off its tensors
    "span_48_x4": ({}, SPANConfig(branches=2)),
    "span_52_x2": ({"features": 52, "scale": 2}, SPANConfig(features=52, branches=2, scale=2)),
    "tiny_x1": ({"scale": 1, "features": 6, "blocks": 1}, replace(TINY, scale=1, blocks=1)),
    "tiny_x3": ({"scale": 3, **SIZES}, replace(TINY, scale=3)),
    "deployed_x4": ({"conv": torch_span.Fused, **SIZES}, replace(TINY, branches=None)),
    "as_it_is_x2": ({"scale": 2, "norm": False, **SIZES}, replace(TINY, scale=2, **AS_IT_IS)),
}
WRITTEN = {
    "span_48_x2": SPANConfig(branches=2, scale=2),
    "span_52_x4": SPANConfig(features=52, branches=2),
    "tiny_x3": replace(TINY, scale=3),
    "plain_x4": replace(TINY, branches=None),
}


def in_range(module):
    """The module with random weights, maps of about 1 inside and an output of about 0..1."""
    torch_reference.randomized(module)
    last = module.upsampler[0]
    with torch.no_grad():
        for name, kernel in module.conv_1.named_parameters():
            kernel *= FIRST if name in ("conv.0.weight", "sk.weight", "eval_conv.weight") else 1
        last.weight *= 0.3 / torch_reference.run(module, X).std()
    return module


def randomized(config):
    """A generator with random kernels and biases, maps of about 1 inside and an output of about 0..1."""
    keras.utils.set_random_seed(5)
    model = build_generator(config, "mine")
    for variable in model.get_layer("conv_first").variables:
        variable.assign(variable * (FIRST if variable.name in ("expand_kernel", "skip_kernel", "kernel") else 1))
    last = model.get_layer("conv_last")
    last.kernel.assign(last.kernel * 0.3 / np.array(model(X)).std())
    return model


def write(tensors, path):
    """Tensors in the container of the path's kind."""
    if path.suffix == ".pth":
        torch.save({"params_ema": tensors}, path)
    else:
        save_file({name: tensor.numpy() for name, tensor in tensors.items()}, path)
    return path


def loaded(path):
    """A file's tensors, as PyTorch's `load_state_dict` takes them."""
    if path.suffix == ".pth":
        return torch.load(path, weights_only=True)["params"]
    return {name: torch.from_numpy(tensor) for name, tensor in load_file(path).items()}


@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, ".safetensors") for name in READ), ("span_48_x4", ".pth"), ("deployed_x4", ".pth")]
)
def test_published_files_give_pytorchs_images(name, suffix, tmp_path):
    arguments, config = READ[name]
    module = in_range(torch_span.SPAN(**arguments))
    source = write(module.state_dict(), tmp_path / f"source{suffix}")
    assert recognise(module.state_dict(), source).network == config
    import_weights(source, tmp_path / "out.keras", name)
    model = load_generator(tmp_path / "out.keras")
    assert model.name == name
    expected = torch_reference.run(module, X)
    assert expected.shape == (2, 12 * config.scale, 8 * config.scale, 3)
    assert expected.std() > 0.1
    np.testing.assert_allclose(model(X), expected, rtol=0, atol=PARITY)


@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, ".safetensors") for name in WRITTEN), ("span_52_x4", ".pth"), ("plain_x4", ".pth")]
)
def test_an_exported_file_is_what_both_readers_load_strictly(name, suffix, tmp_path):
    config = WRITTEN[name]
    model = randomized(config)
    save_generator(model, tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / f"out{suffix}")
    module = torch_span.SPAN(config.scale, config.features, config.blocks)
    module.load_state_dict(loaded(tmp_path / f"out{suffix}"), strict=True)
    np.testing.assert_allclose(torch_reference.run(module.eval(), X), model(X), rtol=0, atol=PARITY)


@pytest.mark.parametrize("config", [TINY, replace(TINY, branches=None)], ids=["branched", "plain"])
def test_the_fused_convolution_of_an_exported_file_is_its_branches(config, tmp_path):
    save_generator(randomized(config), tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
    module = torch_span.SPAN(**SIZES)
    module.load_state_dict(loaded(tmp_path / "out.safetensors"), strict=True)
    for branches in (module.conv_1, module.block_2.c2_r, module.conv_2):
        x = torch.rand(1, branches.sk.in_channels, 5, 7)
        torch.testing.assert_close(branches.eval_conv(x), branches(x), rtol=0, atol=PARITY)


def test_branches_come_back_bit_for_bit(tmp_path):
    model = randomized(TINY)
    save_generator(model, tmp_path / "mine.keras")
    export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
    import_weights(tmp_path / "out.safetensors", tmp_path / "back.keras", "mine")
    back = load_generator(tmp_path / "back.keras")
    for before, after in zip(model.variables, back.variables, strict=True):
        assert before.path == after.path
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model(X), back(X))


def test_an_image_as_it_is_is_written_as_spandrel_marks_it(tmp_path):
    save_generator(randomized(replace(TINY, **AS_IT_IS)), tmp_path / "mine.keras")
    with pytest.raises(InputError, match=r"mine\.keras` must be what its tensors hold.*set"):
        export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors")
    export_generator(tmp_path / "mine.keras", tmp_path / "out.safetensors", AS_IT_IS)
    assert load_file(tmp_path / "out.safetensors")["no_norm"].shape == (1,)
    import_weights(tmp_path / "out.safetensors", tmp_path / "back.keras", "mine")
    np.testing.assert_array_equal(
        load_generator(tmp_path / "back.keras")(X), load_generator(tmp_path / "mine.keras")(X)
    )


def test_a_branch_that_is_missing_is_named(tmp_path):
    tensors = torch_span.SPAN(**SIZES).state_dict()
    del tensors["block_2.c1_r.sk.bias"]
    with pytest.raises(
        InputError, match=r"SPAN \(scale 4, blocks 2, features 6, branches 2\).*missing: block_2\.c1_r\.sk"
    ):
        import_weights(write(tensors, tmp_path / "bad.pth"), tmp_path / "out.keras")
    assert not (tmp_path / "out.keras").exists()
