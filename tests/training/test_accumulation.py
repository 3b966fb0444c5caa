"""A batch in parts is the same step as the whole batch, under every loss, but for BatchNorm's statistics."""

import keras
import numpy as np
import pytest
from support.tiny import TINY
from support.training import batch, build_plain_sgd, built, discriminator_of

from esrgan_tf.errors import InputError
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training import networks, terms
from esrgan_tf.training.run import RunOptions, train_stage

UNET = {"discriminator.family": "unet", "discriminator.features": 4}  # spectral normalization, no BatchNorm


@pytest.fixture(autouse=True)
def plain_sgd(monkeypatch):
    """Plain gradient descent: Adam makes whole steps of rounding errors."""
    for module in (networks, terms):
        monkeypatch.setattr(module, "build_adam", build_plain_sgd)


def trained(recipe, accumulate, stage="gan", steps=2):
    """(loss terms by step, weights by path)."""
    keras.utils.set_random_seed(7)
    trained_networks, own_terms, step = built(recipe, recipe.stage(stage), accumulate=accumulate)
    values = [{name: float(value) for name, value in step(*batch(index)).items()} for index in range(steps)]
    models = [trained_networks.generator] + ([discriminator_of(own_terms)] if stage == "gan" else [])
    return values, {variable.path: variable.numpy() for model in models for variable in model.variables}


def assert_same(found, wanted):
    for values, others in zip(found[0], wanted[0], strict=True):
        assert values == pytest.approx(others, rel=1e-5, abs=1e-6)
    assert found[1].keys() == wanted[1].keys()
    for path, value in wanted[1].items():
        np.testing.assert_allclose(found[1][path], value, atol=1e-5, err_msg=path)


@pytest.mark.parametrize(
    "loss",
    ["relativistic", *(pytest.param(loss, marks=pytest.mark.slow) for loss in ("standard", "least_squares"))],
)
def test_parts_are_the_whole_batch(loss):
    recipe = override(TINY, UNET | {"gan.adversarial_loss": loss, "gan.ldl_weight": 1.0, "gan.ema_decay": 0.5})
    whole = trained(recipe, 1)
    assert_same(trained(recipe, 4), whole)
    before = trained(recipe, 1, steps=0)[1]
    assert all(abs(whole[1][path] - value).max() > 1e-4 for path, value in before.items() if "kernel" in path)


def test_a_mean_of_each_part_alone_would_not_be():
    """The relativistic loss compares with all images: that the parts' logits are computed first is not for nothing."""
    recipe = override(TINY, UNET)
    keras.utils.set_random_seed(7)
    _, own_terms, step = built(recipe, recipe.gan, accumulate=2)
    step._coupled = []  # each part takes its own logits for all
    step(*batch())
    naive = discriminator_of(own_terms).get_weights()
    keras.utils.set_random_seed(7)
    _, own_terms, step = built(recipe, recipe.gan)
    step(*batch())
    whole = discriminator_of(own_terms).get_weights()
    assert max(abs(a - b).max() for a, b in zip(naive, whole, strict=True)) > 1e-4


def test_moving_statistics_of_batchnorm_move_once_by_the_mean_of_the_parts():
    """Of the generator's input alone they are those of the whole batch; its variance is the parts' mean."""
    recipe = override(TINY, {"generator.family": "srresnet", "generator.blocks": 1, "generator.features": 4})
    found, wanted = (trained(recipe, parts, stage="psnr", steps=1)[1] for parts in (2, 1))
    first = "block1/bn1" if any("block1/bn1" in path for path in found) else None
    moving = [path for path in found if path.endswith("moving_mean")]
    assert moving
    path = first or moving[0]
    mean = next(p for p in moving if p.startswith(path.rsplit("/", 1)[0]) or first)
    np.testing.assert_allclose(found[mean], wanted[mean], atol=1e-5)


def test_a_run_in_parts_is_resumed_whole(tmp_path):
    """How a step is computed is not part of what a run is."""
    recipe = override(TINY, UNET)
    run = RunOptions(workdir=str(tmp_path), data="dead_leaves", strategy="cpu", precision="float32", accumulate=2)
    lines = []
    train_stage(override(recipe, {"psnr.steps": 3}), "psnr", run, log=lines.append)
    assert "4 patches of 32 px, in 2 parts, float32 on CPU:0" in lines[0]
    resumed = []
    whole = RunOptions(workdir=str(tmp_path), data="dead_leaves", strategy="cpu", precision="float32")
    train_stage(recipe, "psnr", whole, log=resumed.append)
    assert "resumed at step 3 of 6" in resumed


@pytest.mark.parametrize(
    ("batch_size", "strategy", "accumulate", "message"),
    [
        (5, "mirrored:CPU:0,CPU:1", 1, "multiple of 2, for 2 devices: the nearest is 4 or 6. Received: 5"),
        (7, "mirrored:CPU:0,CPU:1", 3, "multiple of 6, for 2 devices in 3 parts: the nearest is 6 or 12"),
        (2, "cpu", 3, "multiple of 3, for 1 devices in 3 parts: the nearest is 3. Received: 2"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused_with_the_nearest_that_do(
    tmp_path, batch_size, strategy, accumulate, message
):
    options = RunOptions(workdir=str(tmp_path), data="dead_leaves", strategy=strategy, accumulate=accumulate)
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        train_stage(override(TINY, {"psnr.batch_size": batch_size}), "psnr", options)
