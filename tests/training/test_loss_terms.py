"""MS-SSIM, LDL and clipped gradients inside training: on replicas, in half precision, resumed, and refused."""

import csv
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.tiny import LEAN, LEAN_DISCRIMINATOR
from support.training import InterruptAt, built, term_of

from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_rgb, to_float
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.distribution import apply_gradients, make_strategy, scale_loss_if_half
from esrgan_tf.training.interrupts import Interrupted
from esrgan_tf.training.perceptual import SAMPLE_SIDE, resolve_features
from esrgan_tf.training.run import RunOptions, train_stage

ONE, TWO = "cpu", "mirrored:CPU:0,CPU:1"
TERMS = {"ema_decay": 0.5, "ms_ssim_weight": 0.5, "ldl_weight": 100.0, "clip_norm": 0.05}
PLAIN = replace(LEAN, discriminator=LEAN_DISCRIMINATOR)
RECIPE = override(PLAIN, {f"{stage}.{name}": value for stage in ("psnr", "gan") for name, value in TERMS.items()})


TEXTURES = {
    "perceptual.layers": (("pool2", 0.2),),
    "perceptual.texture_layers": (("conv1_1", 1e-3),),
    "perceptual.before_activation": False,
    "perceptual.normalize": True,
    "gan.perceptual_loss": "mse",
}


def batch(seed=0):
    rng = np.random.default_rng(seed)
    hr = rng.integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    return tf.constant(hr), tf.constant(hr[:, ::2, ::2])


def trained(strategy_name, stage, precision="float32"):
    keras.utils.set_random_seed(7)
    networks, _, step = built(RECIPE, stage, precision, strategy_name)
    return [{name: float(value) for name, value in step(*batch(i)).items()} for i in range(3)], networks


def test_activations_have_mean_one_over_the_samples_photographs():
    features, _ = resolve_features(override(LEAN, TEXTURES).perceptual, "float32")
    images = [to_float(read_rgb(pair.hr)) for pair in sample_photographs()[0]]
    tops = [((image.shape[0] - SAMPLE_SIDE) // 2, (image.shape[1] - SAMPLE_SIDE) // 2) for image in images]
    middles = np.stack([i[y : y + SAMPLE_SIDE, x : x + SAMPLE_SIDE] for i, (y, x) in zip(images, tops, strict=True)])
    maps = features(middles)
    assert maps.keys() == {"pool2", "conv1_1"} and not features.trainable_variables
    for found in maps.values():
        assert float(tf.reduce_mean(found)) == pytest.approx(1, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [ONE, TWO])
def test_textures_are_part_of_the_perceptual_loss_and_of_its_gradient(strategy):
    recipe = override(PLAIN, TEXTURES)
    outcomes = []
    for textures in (recipe.perceptual.texture_layers, ()):
        keras.utils.set_random_seed(7)
        changed = override(recipe, {"perceptual.texture_layers": textures})
        networks, _, step = built(changed, changed.gan, "float32", strategy)
        values = step(*batch())
        outcomes.append((float(values["perceptual"]), networks.generator.get_weights()))
    (with_textures, moved), (without, others) = outcomes
    assert with_textures > without > 0
    assert any(np.abs(one - other).max() > 1e-6 for one, other in zip(moved, others, strict=True))


@pytest.mark.slow
def test_two_replicas_train_as_one_with_every_term_and_clipped_gradients():
    (one, networks_one), (two, networks_two) = (trained(name, RECIPE.gan) for name in (ONE, TWO))
    for a, b in zip(one, two, strict=True):
        assert {"pixel", "ms_ssim", "ldl"} <= a.keys() == b.keys()
        for name in a:
            assert a[name] == pytest.approx(b[name], rel=2e-3, abs=1e-4), name
    assert all(terms["ldl"] > 1e-5 for terms in one)
    for a, b in zip(networks_one.generator.variables, networks_two.generator.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-4, err_msg=a.path)


@pytest.mark.slow
def test_half_precision_follows_full():
    stage = override(RECIPE.psnr, {"ldl_weight": 0.1})  # from 1 on, float16 skips its first steps
    full, half, scaled = (trained(ONE, stage, name)[0] for name in ("float32", "mixed_bfloat16", "mixed_float16"))
    for name, step in (("pixel", 2), ("ms_ssim", 2), ("ldl", 0)):  # later, LDL's map depends on which pixel is better
        assert half[step][name] == pytest.approx(full[step][name], rel=0.05), name
        assert scaled[step][name] == pytest.approx(full[step][name], rel=0.05), name


@pytest.mark.slow
def test_ldls_reference_is_the_generator_at_first_and_its_moving_average_from_then_on():
    strategy = make_strategy(TWO)
    networks, terms, step = built(RECIPE, RECIPE.psnr, strategy_name=TWO)
    average_output = term_of(terms, "ldl").average_output
    lr = tf.cast(batch()[1], tf.float32) / 255

    @tf.function
    def outputs():
        return strategy.experimental_local_results(strategy.run(average_output, args=(lr,)))

    for index in range(2):
        networks.update_evaluated()
        for output in outputs():
            np.testing.assert_allclose(output, networks.evaluated(lr), atol=1e-5)
        step(*batch(index))
    assert np.abs(outputs()[0] - networks.generator(lr)).max() > 1e-4  # the average is not the generator itself


def clipped_step(strategy_name, precision, clip_norm):
    """What SGD of rate 1 takes off two variables: gradients (3, 0) and 4, of which each replica brings a part."""
    strategy = make_strategy(strategy_name)
    with strategy.scope():
        variables = [keras.Variable([0.0, 0.0]), keras.Variable(0.0)]
        optimizer = scale_loss_if_half(keras.optimizers.SGD(1.0), precision)
        optimizer.build(variables)
    scale = optimizer.dynamic_scale.numpy() if precision == "mixed_float16" else 1.0
    parts = {ONE: ([1.0],), TWO: ([0.25, 0.75],)}[strategy_name][0]

    @tf.function
    def step():
        def replica():
            part = scale * tf.gather(parts, tf.distribute.get_replica_context().replica_id_in_sync_group)
            apply_gradients(optimizer, [part * tf.constant([3.0, 0.0]), part * 4.0], variables, clip_norm)

        strategy.run(replica)

    step()
    return [*-variables[0].numpy(), -variables[1].numpy()]


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("strategy_name", [ONE, TWO])
def test_the_global_norm_is_that_of_the_whole_unscaled_gradient(strategy_name, precision):
    assert clipped_step(strategy_name, precision, 1.0) == pytest.approx([0.6, 0, 0.8])
    assert clipped_step(strategy_name, precision, 5.5) == pytest.approx([3, 0, 4])
    assert clipped_step(strategy_name, precision, None) == pytest.approx([3, 0, 4])


def train(workdir, stage, callbacks=()):
    options = RunOptions(workdir=str(workdir), data="dead_leaves", precision="float32")
    train_stage(RECIPE, stage, options, callbacks)
    return list(csv.DictReader((workdir / stage / "metrics.csv").open()))


@pytest.mark.slow
def test_terms_stand_in_metrics_csv_and_a_run_that_was_interrupted_resumes_exactly(tmp_path):
    whole = train(tmp_path / "whole", "psnr")
    assert {"train/ms_ssim", "train/ldl", "validation/ms_ssim"} <= whole[0].keys()
    with pytest.raises(Interrupted):
        train(tmp_path / "parts", "psnr", [InterruptAt(2)])
    assert train(tmp_path / "parts", "psnr") == whole


def test_terms_that_are_off_leave_a_checkpoint_as_it_was():
    def variables(recipe):
        networks, _, _ = built(recipe, recipe.psnr)
        return [v.path for v in (*networks.generator.variables, *networks.generator_optimizer.variables)]

    averaged = override(LEAN, {"psnr.ema_decay": 0.5})
    names = {name.partition("/")[2] for name in variables(averaged)}
    assert names == {name.partition("/")[2] for name in variables(RECIPE)}


def test_ldl_without_a_moving_average_is_refused():
    with pytest.raises(InputError, match="`ldl_weight` must be 0 where there is no ema_decay.*Received: 1.0"):
        override(LEAN, {"psnr.ema_decay": None, "psnr.ldl_weight": 1.0})


@pytest.mark.parametrize(("field", "value"), [("clip_norm", 0.0), ("ms_ssim_weight", -1.0), ("ldl_weight", -1.0)])
def test_numbers_without_a_meaning_are_refused(field, value):
    with pytest.raises(InputError, match=f"`{field}` must be .*Received: {value}"):
        override(RECIPE, {f"psnr.{field}": value})


def test_patches_and_held_out_images_too_small_for_ms_ssim_are_refused(tmp_path):
    with pytest.raises(InputError, match="`hr_patch` must be 11 or more where ms_ssim_weight"):
        built(RECIPE, override(RECIPE.psnr, {"hr_patch": 8}))
    recipe = override(RECIPE, {"data.validation_crop": 20})
    with pytest.raises(InputError, match="at least 22 px on each side.*ms_ssim_weight.*of 20 x 20 px"):
        train_stage(recipe, "psnr", RunOptions(workdir=str(tmp_path), data="dead_leaves", precision="float32"))
