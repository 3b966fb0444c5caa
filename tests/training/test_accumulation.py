"""A batch in parts is the same step as the whole batch, under every loss, but for BatchNorm's statistics."""

from dataclasses import replace

import numpy as np
import pytest
from support.conformance import outcome
from support.tiny import TINY

from esrgan_tf.errors import InputError
from esrgan_tf.recipes.discriminators import UNetDiscriminatorConfig
from esrgan_tf.recipes.generators import SRResNetConfig, SRVGGConfig
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.run import RunOptions, train_stage
from esrgan_tf.training.terms import AdversarialTerm

# Spectral normalization, no BatchNorm.
PLAIN = replace(
    TINY,
    generator=SRVGGConfig(scale=2, convs=1, features=4),
    discriminator=UNetDiscriminatorConfig(features=4),
    gan=replace(TINY.gan, adversarial_weight=1.0, ldl_weight=1.0, ema_decay=0.5),
)
TOLERANCE = 1e-6


def trained(recipe, parts, stage="gan", strategy="cpu"):
    """Gradients of the first step, and variables after five."""
    return outcome((recipe, stage, "sgd", parts), strategy)


def largest_difference(found, wanted):
    assert found.keys() == wanted.keys()
    return max(float((abs(found[path] - value) / (1 + abs(value))).max()) for path, value in wanted.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "strategy"),
    [
        ("relativistic", "cpu"),
        ("relativistic", "mirrored:CPU:0,CPU:1"),
        ("standard", "cpu"),
        ("least_squares", "cpu"),
    ],
)
def test_parts_are_the_whole_batch(loss, strategy):
    recipe = override(PLAIN, {"gan.adversarial_loss": loss})
    assert largest_difference(trained(recipe, 2, strategy=strategy), trained(recipe, 1)) < TOLERANCE


@pytest.mark.slow
def test_a_mean_of_each_part_alone_would_not_be(monkeypatch):
    """The relativistic loss compares with all images: that all parts' logits come first is not for nothing."""
    whole = trained(PLAIN, 1)
    monkeypatch.setattr(AdversarialTerm, "coupled", False)
    assert largest_difference(trained(PLAIN, 2), whole) > 10 * TOLERANCE


@pytest.mark.slow
def test_moving_means_of_batchnorm_are_those_of_the_whole_batch_where_its_input_is():
    recipe = replace(TINY, generator=SRResNetConfig(scale=2, blocks=1, features=4))
    found, wanted = (trained(recipe, parts, stage="psnr") for parts in (2, 1))
    first = "body_0_bn1/moving_mean"
    assert abs(wanted[first]).max() > 1e-3
    np.testing.assert_allclose(found[first], wanted[first], rtol=2e-2)  # weights differ by BatchNorm's from step 2 on


def test_a_run_in_parts_is_resumed_whole(tmp_path):
    """How a step is computed is not part of what a run is."""
    run = RunOptions(workdir=str(tmp_path), data="dead_leaves", strategy="cpu", precision="float32", accumulate=2)
    lines = []
    train_stage(override(PLAIN, {"psnr.steps": 3}), "psnr", run, log=lines.append)
    assert "4 patches of 32 px, in 2 parts, float32 on CPU:0" in lines[0]
    resumed = []
    whole = RunOptions(workdir=str(tmp_path), data="dead_leaves", strategy="cpu", precision="float32")
    train_stage(PLAIN, "psnr", whole, log=resumed.append)
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
