"""A batch in parts, one for each core: when, and the same step."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.paths import ROOT
from support.tiny import LEAN, LEAN_DISCRIMINATOR, TINY
from support.training import batch

from esrgan_tf.cpu import machine_cores
from esrgan_tf.recipes.generators import SRResNetConfig
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.cores import parts_of_batch
from esrgan_tf.training.distribution import make_strategy
from esrgan_tf.training.networks import build_networks
from esrgan_tf.training.objective import build_terms
from esrgan_tf.training.options import RunOptions
from esrgan_tf.training.steps import make_train_step
from esrgan_tf.training.validation import Validator

OWN = RunOptions(own_process=True, strategy="cpu")
WITH_BATCH_NORM = replace(TINY, generator=SRResNetConfig(scale=2, blocks=1, features=4))


@pytest.mark.parametrize(
    ("parts", "recipe", "options", "cores"),
    [
        (2, TINY, OWN, 2),
        (4, TINY, OWN, 4),
        (1, TINY, OWN, 1),
        (1, TINY, OWN, 3),  # a batch of four
        (1, TINY, OWN, 8),
        (2, TINY, replace(OWN, accumulate=2), 2),
        (1, TINY, replace(OWN, accumulate=4), 2),
        (1, TINY, replace(OWN, own_process=False), 2),
        (1, TINY, replace(OWN, remat=True), 2),
        (1, TINY, replace(OWN, strategy="mirrored:CPU:0,CPU:1"), 2),
        (1, WITH_BATCH_NORM, OWN, 2),
        (1, override(TINY, {"generator.batch_norm": True}), OWN, 2),
    ],
)
def test_there_is_a_part_for_each_core_where_that_is_the_same_step(parts, recipe, options, cores):
    assert parts_of_batch(recipe, recipe.psnr, options, cores) == parts


@pytest.mark.parametrize("stage", ["psnr", "gan"])
def test_a_step_in_parts_is_the_step(stage):
    recipe = replace(TINY, discriminator=LEAN_DISCRIMINATOR)
    whole, networks, start = _stepped(recipe, stage, parts=1)
    parted, others, _ = _stepped(recipe, stage, parts=2, start=start)
    for expected, found in zip(whole, parted, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for a, b in zip(networks.generator.variables, others.generator.variables, strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), atol=5e-5, err_msg=a.path)  # a step is 1e-3


def test_batch_norm_is_not_split_whoever_asks_for_it():
    whole, networks, start = _stepped(WITH_BATCH_NORM, "psnr", parts=1)
    parted, others, _ = _stepped(WITH_BATCH_NORM, "psnr", parts=2, start=start)
    assert parted == whole
    for a, b in zip(networks.generator.variables, others.generator.variables, strict=True):
        np.testing.assert_array_equal(b.numpy(), a.numpy(), err_msg=a.path)


def test_images_validated_beside_each_other_have_the_same_scores():
    strategy = make_strategy("cpu")
    networks = build_networks(LEAN, LEAN.psnr, "float32", strategy)
    terms = build_terms(LEAN, LEAN.psnr, networks, "float32", strategy)
    hr = np.random.default_rng(0).integers(0, 256, (5, 40, 48, 3)).astype(np.uint8)
    images = [(f"{n}", tf.constant(x[: 32 + 2 * n]), tf.constant(x[: 32 + 2 * n : 2, ::2])) for n, x in enumerate(hr)]
    one, three = (Validator(images, networks, terms, 2, strategy, concurrency)() for concurrency in (1, 3))
    assert three.metrics == one.metrics
    np.testing.assert_array_equal(three.panel, one.panel)


COMPUTED = """
import sys
from esrgan_tf.training.run import RunOptions, train_stage
import tensorflow as tf
sys.path.insert(0, "tests")
from support.paths import ROOT
from support.tiny import LEAN
if {begun}:
    tf.constant(1.0)
options = RunOptions(workdir={workdir!r}, data="dead_leaves", precision="float32", strategy="cpu", own_process=True)
train_stage(LEAN, "psnr", options)
print(tf.config.threading.get_intra_op_parallelism_threads())
"""


@pytest.mark.skipif(not 1 < machine_cores() <= 4, reason="this machine's batch is whole")
@pytest.mark.parametrize("begun", [False, True])
def test_a_process_that_computes_already_keeps_its_threads_and_the_whole_batch(tmp_path, begun):
    command = [sys.executable, "-c", COMPUTED.format(begun=begun, workdir=str(tmp_path))]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    parts = json.loads((tmp_path / "psnr/recipe.json").read_text())["parts"]
    assert (parts, ran.stdout.split()[-1]) == ((1, "0") if begun else (machine_cores(), "1"))


def _stepped(recipe, stage, parts, start=()):
    """Loss terms of two steps, the networks after them, and the weights before: given ones, or the initial ones."""
    keras.utils.set_random_seed(7)
    config, strategy = recipe.stage(stage), make_strategy("cpu")
    networks = build_networks(recipe, config, "float32", strategy, parts=parts)
    terms = build_terms(recipe, config, networks, "float32", strategy)
    models = [networks.generator, *(term.trainee.model for term in terms if term.trainee)]
    for model, weights in zip(models, start, strict=False):
        model.set_weights(weights)
    start = [model.get_weights() for model in models]
    step = make_train_step(networks, terms, strategy)
    return [{name: float(value) for name, value in step(*batch()).items()} for _ in range(2)], networks, start
