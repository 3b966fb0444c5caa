"""Training with `remat`: the same steps in less memory, resumed with or without it."""

import csv
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.tiny import LEAN_DISCRIMINATOR, TINY
from support.training import InterruptAt

from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.run import RunOptions, train_stage
from esrgan_tf.training.steps import make_train_step

ONE, TWO = "cpu", "mirrored:CPU:0,CPU:1"
FAMILIES = {
    "rrdb": {"generator.blocks": 2},
    "srresnet": {"generator.family": "srresnet", "generator.blocks": 3, "generator.features": 4},
    "edsr": {"generator.family": "edsr", "generator.blocks": 3, "generator.features": 4},
}


def stepped(recipe, stage, remat, strategy_name=ONE, precision="float32"):
    """Loss terms of two steps on random images, and the generator after them."""
    keras.utils.set_random_seed(7)
    config, strategy = recipe.stage(stage), make_strategy(strategy_name)
    networks = build_networks(recipe, config, precision, strategy, remat)
    step = make_train_step(networks, build_terms(recipe, config, networks, precision, strategy), strategy)
    hr = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8))
    return [{name: float(value) for name, value in step(hr, hr[:, ::2, ::2]).items()} for _ in range(2)], networks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "stage", "strategy_name"),
    [
        ("rrdb", "psnr", ONE),
        ("srresnet", "gan", ONE),
        ("rrdb", "gan", ONE),
        ("srresnet", "psnr", ONE),
        ("edsr", "psnr", ONE),
        ("edsr", "gan", ONE),
        ("srresnet", "gan", TWO),
    ],
)
def test_a_step_is_the_same_with_and_without(family, stage, strategy_name):
    recipe = override(replace(TINY, discriminator=LEAN_DISCRIMINATOR), FAMILIES[family])
    plain, networks = stepped(recipe, stage, False, strategy_name)
    remat, others = stepped(recipe, stage, True, strategy_name)
    for expected, found in zip(plain, remat, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for a, b in zip(networks.generator.variables, others.generator.variables, strict=True):
        assert a.path == b.path
        # Adam's first steps are as large whatever the gradient: rounding noise shows where there is none.
        if not a.path.endswith(("conv1/bias", "conv2/bias", "conv_body/bias")):
            np.testing.assert_allclose(b.numpy(), a.numpy(), atol=5e-5, err_msg=a.path)  # a step is 1e-3


@pytest.mark.slow
def test_a_run_is_resumed_without_what_it_was_begun_with(tmp_path):
    def train(workdir, remat, callbacks=()):
        options = RunOptions(workdir=str(workdir), data="dead_leaves", precision="float32", remat=remat)
        return train_stage(TINY, "psnr", options, callbacks)

    with pytest.raises(Interrupted):
        train(tmp_path / "both", remat=True, callbacks=[InterruptAt(4)])
    train(tmp_path / "both", remat=False)
    train(tmp_path / "plain", remat=False)
    both, plain = (list(csv.DictReader((tmp_path / run / "psnr/metrics.csv").open())) for run in ("both", "plain"))
    assert [row["step"] for row in both] == ["3", "6"]
    for found, expected in zip(both, plain, strict=True):
        assert {k: float(v) for k, v in found.items()} == pytest.approx(
            {k: float(v) for k, v in expected.items()}, rel=1e-3
        )
