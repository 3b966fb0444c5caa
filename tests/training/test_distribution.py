"""What cuts across training: every recipe, several replicas, and every precision."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.tiny import TINY, narrowed
from support.training import batch, built, discriminator_of, features_of, term_of

from esrgan_tf.errors import InputError
from esrgan_tf.models import build_generator
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.overrides import override
from esrgan_tf.training.distribution import (
    apply_gradients,
    global_mean,
    make_strategy,
    scale_loss_if_half,
)

ONE, TWO = "cpu", "mirrored:CPU:0,CPU:1"


def trained(strategy_name, precision="float32", steps=3, stage="gan", recipe=TINY):
    """Loss terms by step, the networks and the term objects, after some steps on the same batches."""
    keras.utils.set_random_seed(7)
    networks, terms, step = built(recipe, recipe.stage(stage), precision, strategy_name)
    return [{k: float(v) for k, v in step(*batch(i)).items()} for i in range(steps)], networks, terms


@pytest.mark.parametrize("name", [n if n == "quickstart" else pytest.param(n, marks=pytest.mark.slow) for n in RECIPES])
def test_every_recipe_trains_three_steps_of_its_psnr_stage(name):
    recipe = narrowed(name, steps=3)
    terms, networks, _ = trained(ONE, steps=3, stage="psnr", recipe=recipe)
    wanted = {term for term in ("pixel", "perceptual", "adversarial", "ldl") if getattr(recipe.psnr, f"{term}_weight")}
    assert terms[0].keys() == wanted
    assert np.isfinite([value for step in terms for value in step.values()]).all()
    keras.utils.set_random_seed(7)
    started = build_generator(recipe.generator, name)
    for before, after in zip(started.trainable_variables, networks.generator.trainable_variables, strict=True):
        assert (before.numpy() != after.numpy()).any(), after.path


def test_the_first_step_changes_generator_and_discriminator():
    recipe = TINY
    keras.utils.set_random_seed(7)
    networks, terms, step = built(recipe, recipe.gan)
    parts = {
        "generator": networks.generator,
        "discriminator": discriminator_of(terms),
        "features": features_of(terms),
    }
    before = {name: model.get_weights() for name, model in parts.items()}
    step(*batch())
    changed = {
        name: any((a != b).any() for a, b in zip(old, parts[name].get_weights(), strict=True))
        for name, old in before.items()
    }
    assert changed == {"generator": True, "discriminator": True, "features": False}


def test_generator_gradient_is_that_of_the_released_code():
    """One generator update equals Adam on the loss written out plainly, discriminator in training mode."""
    keras.utils.set_random_seed(7)
    networks, terms, step = built(TINY, TINY.gan)
    discriminator, features = discriminator_of(terms), features_of(terms)
    hr, lr = (tf.cast(x, tf.float32) / 255 for x in batch())
    weights, bce = TINY.gan, keras.losses.BinaryCrossentropy(from_logits=True)
    variables = [v.value for v in networks.generator.trainable_variables]
    with tf.GradientTape() as tape:
        sr = networks.generator(lr)
        real = tf.stop_gradient(discriminator(hr, training=True))
        fake = discriminator(sr, training=True)
        zeros, ones = tf.zeros([4, 1]), tf.ones([4, 1])
        adversarial = (bce(zeros, real - tf.reduce_mean(fake)) + bce(ones, fake - tf.reduce_mean(real))) / 2
        loss = weights.pixel_weight * tf.reduce_mean(abs(sr - hr)) + weights.adversarial_weight * adversarial
        found, wanted = (features(x)["conv1_2"] for x in (sr, hr))
        loss += weights.perceptual_weight * tf.reduce_mean(abs(found - wanted))
    # The first step of Adam is the gradient's sign times the learning rate, where it is not tiny.
    expected = [g.numpy() for g in tape.gradient(loss, variables)]
    before = networks.generator.get_weights()
    step(*batch())
    for gradient, old, new in zip(expected, before, networks.generator.get_weights(), strict=True):
        large = np.abs(gradient) > 1e-4
        np.testing.assert_allclose((new - old)[large], -1e-3 * np.sign(gradient[large]), rtol=5e-3)


def test_global_mean_spans_replicas_and_carries_gradients():
    strategy = make_strategy(TWO)

    def replica():
        context = tf.distribute.get_replica_context()
        x = tf.cast(context.replica_id_in_sync_group, tf.float32) * tf.constant([2.0, 4.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            mean = global_mean(x)
            loss = mean**2 / 2  # this replica's half of the loss
        return mean, tape.gradient(loss, x)

    mean, gradient = tf.function(lambda: strategy.run(replica))()
    assert [float(m) for m in strategy.experimental_local_results(mean)] == [1.5, 1.5]
    for g in strategy.experimental_local_results(gradient):
        np.testing.assert_allclose(g, [2 * 1.5 / 4] * 2)


@pytest.mark.slow
def test_bfloat16_training_follows_float32():
    full, *_ = trained(ONE)
    half, *_ = trained(ONE, "mixed_bfloat16")
    assert half[2]["pixel"] == pytest.approx(full[2]["pixel"], rel=0.05)
    assert half[2]["perceptual"] == pytest.approx(full[2]["perceptual"], rel=0.05)


@pytest.mark.slow
def test_float16_training_scales_the_loss_and_follows_float32():
    full, *_ = trained(ONE, stage="psnr")
    half, networks, _ = trained(ONE, "mixed_float16", stage="psnr")
    assert isinstance(networks.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert half[2]["pixel"] == pytest.approx(full[2]["pixel"], rel=0.05)
    networks.update_evaluated()  # reaches the moving average through the loss scaling
    assert np.isfinite(networks.evaluated.get_weights()[0]).all()


def test_an_overflow_on_one_replica_skips_the_step_on_all():
    strategy = make_strategy(TWO)
    with strategy.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = scale_loss_if_half(keras.optimizers.SGD(1.0), "mixed_float16")
        optimizer.build([variable])
    scale = float(optimizer.dynamic_scale.numpy())

    @tf.function
    def step(overflowing):
        def replica():
            replica_id = tf.distribute.get_replica_context().replica_id_in_sync_group
            bad = tf.where(tf.equal(replica_id, overflowing), float("inf"), 1.0)
            apply_gradients(optimizer, [scale * bad * tf.ones([2])], [variable])

        strategy.run(replica)

    step(tf.constant(1))
    np.testing.assert_array_equal(variable.numpy(), [1.0, 2.0])
    assert float(optimizer.dynamic_scale.numpy()) == scale / 2
    step(tf.constant(-1))  # nobody overflows
    assert np.isfinite(variable.numpy()).all()
    assert (variable.numpy() < [1.0, 2.0]).all()


def test_moving_average_is_what_is_evaluated():
    recipe = override(TINY, {"psnr.ema_decay": 0.5})
    keras.utils.set_random_seed(7)
    networks, _, step = built(recipe, recipe.psnr)
    history = []
    for index in range(3):
        step(*batch(index))
        history.append(networks.generator.get_weights()[0])
    networks.update_evaluated()
    expected = 0.5 * (0.5 * history[0] + 0.5 * history[1]) + 0.5 * history[2]
    np.testing.assert_allclose(networks.evaluated.get_weights()[0], expected, rtol=1e-6)


def test_without_moving_average_the_weights_themselves_are_evaluated():
    recipe = dataclasses.replace(TINY, psnr=dataclasses.replace(TINY.psnr, ema_decay=None))
    _, networks, _ = trained(ONE, stage="psnr", recipe=recipe)
    networks.update_evaluated()
    np.testing.assert_array_equal(networks.evaluated.get_weights()[0], networks.generator.get_weights()[0])


def test_patch_that_the_discriminator_cannot_take_is_refused():
    recipe = override(TINY, {"gan.hr_patch": 48})
    with pytest.raises(InputError, match="hr_patch.*multiple of 32.*Received: 48"):
        built(recipe, recipe.gan)


def test_imagenet_weights_that_cannot_be_had_stop_with_the_two_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    recipe = override(TINY, {"perceptual.weights": "imagenet", "perceptual.download": False})
    with pytest.raises(InputError, match="imagenet.*vgg_weights=PATH.*vgg_weights=random"):
        built(recipe, recipe.gan)
    kept_going = override(recipe, {"perceptual.random_if_missing": True})
    _, terms, _ = built(kept_going, recipe.gan)
    assert term_of(terms, "perceptual").weights_origin.startswith(
        "random, fixed seed (VGG19's weights `imagenet` cannot be had"
    )


def test_a_failed_download_stops_with_the_two_ways_out(monkeypatch):
    def refuse(*arguments, **named):
        raise Exception("URL fetch failure on ...: no route to host")  # as Keras does

    monkeypatch.setattr(keras.applications, "VGG19", refuse)
    recipe = override(TINY, {"perceptual.weights": "imagenet"})
    with pytest.raises(InputError, match="no route to host.*vgg_weights=PATH.*vgg_weights=random"):
        built(recipe, recipe.gan)


def test_a_file_that_is_no_vgg19_is_named(tmp_path):
    file = tmp_path / "vgg19.weights.h5"
    file.write_bytes(b"no weights")
    recipe = override(TINY, {"perceptual.weights": str(file)})
    with pytest.raises(InputError, match=f"{file}.*cannot be had.*vgg_weights=PATH"):
        built(recipe, recipe.gan)


def test_a_file_asked_for_is_not_replaced_by_random_weights(tmp_path):
    recipe = override(TINY, {"perceptual.weights": str(tmp_path / "typo.h5"), "perceptual.random_if_missing": True})
    with pytest.raises(InputError, match="typo.h5.*cannot be had"):
        built(recipe, recipe.gan)


@pytest.mark.parametrize("name", ["tpu", "mirrored:", "mirrored:GPU:7", "mirrored:CPU:0,CPU:0"])
def test_unknown_strategy_or_device_is_named(name):
    with pytest.raises(InputError, match="strategy"):
        make_strategy(name)
