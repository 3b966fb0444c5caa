"""Every network learns: one fixed batch is fitted better than by bicubic upscaling, and a gan stage's two sides move.

`pytest -s -m "slow or not slow" tests/training/test_learning.py` prints the errors before and after.
"""

from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.tiny import narrowed
from support.training import built

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.image.resize import imresize_uint8
from esrgan_tf.models import GENERATORS, build_generator
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.families import GeneratorConfig
from esrgan_tf.training.adam import FusedAdam

SCALE, PATCH, BATCH = 4, 24, 4
KINDS = GeneratorConfig.kinds
SHALLOW = {"blocks": 1, "groups": 1, "convs": 2}
NARROW = {"features": 8, "growth": 4}
BELOW = 0.9  # of bicubic's error: nearest-neighbour and a constant for each phase reach 0.98 on these crops
STEPS_AND_RATES = {  # of Adam; two have no skip from input to output and start at 0: He x 0.1, and kernels of 0.001
    "rrdb": (600, 1e-2),
    "srcnn": (3000, 3e-3),
    "enet": (300, 3e-3),
}
DEEP_STEPS_AND_RATES = {"rrdb": (800, 1e-2), "enet": (200, 1e-3)}
LONG = ("srcnn", "srresnet")  # to train even where they are shallow
DEPTHS = {"rcan": {"blocks": 4}}  # in each of the ten groups, of 20 that are published: a graph that is built in time


@cache
def batch(size=BATCH, patch=PATCH, scale=SCALE):
    """Crops of dead leaves: hr [n, patch, patch, 3] and lr [n, patch / scale, patch / scale, 3], uint8."""
    hr = np.stack([dead_leaves(2 * patch, seed)[:patch, :patch] for seed in range(size)])
    return hr, np.stack([imresize_uint8(image, 1 / scale) for image in hr])


def bicubic_l1():
    """Mean absolute error of the batch upscaled by bicubic interpolation, in 0..1."""
    hr, lr = batch()
    upscaled = np.stack([imresize_uint8(image, SCALE) for image in lr])
    return np.abs(upscaled.astype(np.float32) - hr).mean() / 255


def deepest(family):
    """The deepest published network of a family: its defaults, or those of a recipe with more blocks."""
    published = [KINDS[family]()] + [r.generator for r in RECIPES.values() if r.generator.family == family]
    return max(published, key=lambda config: getattr(config, "blocks", 0))


def changed(config, values):
    """The configuration at the tests' scale with those of the values whose fields it has."""
    known = {name: value for name, value in values.items() if hasattr(config, name)}
    if isinstance(getattr(config, "features", None), tuple):  # SRCNN's, one for each convolution
        known["features"] = tuple(NARROW["features"] for _ in config.features)
    return replace(config, scale=SCALE, **known)


def l1_before_and_after(config, steps, rate):
    """Mean absolute errors on the batch, in 0..1, of a network as it starts and after so many steps of Adam."""
    keras.utils.set_random_seed(0)
    model = build_generator(config, "toy")
    optimizer = FusedAdam(keras.optimizers.schedules.CosineDecay(rate, steps), epsilon=1e-8)
    optimizer.build(model.trainable_variables)
    hr, lr = (tf.constant(images, tf.float32) / 255 for images in batch())

    @tf.function
    def train():
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.abs(model(lr, training=True) - hr))
            variables = [variable.value for variable in model.trainable_variables]
            optimizer.apply(tape.gradient(loss, variables), model.trainable_variables)

    def l1():
        return float(np.abs(model(lr) - hr).mean())

    before = l1()
    train()
    return before, l1()


def check_learns(config, steps, rate):
    """Fail unless the network ends clearly below bicubic's error; print a row of a table."""
    before, after = l1_before_and_after(config, steps, rate)
    print(f"\n| {config.family} | {config.features} | {steps} | {before:.4f} | {after:.4f} | {bicubic_l1():.4f} |")
    assert after < BELOW * bicubic_l1() < before


def shallow(family):
    """A family's network of one block or two convolutions, and at most 8 features."""
    return changed(KINDS[family](), SHALLOW | NARROW)


def deep(family):
    """A family's network as deep as published, with at most 8 features."""
    return changed(deepest(family), NARROW | DEPTHS.get(family, {}))


@pytest.mark.parametrize("family", [pytest.param(f, marks=pytest.mark.slow) if f in LONG else f for f in GENERATORS])
def test_a_shallow_network_fits_a_batch_better_than_bicubic(family):
    check_learns(shallow(family), *STEPS_AND_RATES.get(family, (300, 1e-2)))


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in GENERATORS if deep(family) != shallow(family)])
def test_a_narrow_network_of_the_published_depth_fits_a_batch_better_than_bicubic(family):
    check_learns(deep(family), *DEEP_STEPS_AND_RATES.get(family, (200, 5e-3)))


GAN_STEPS, GAN_RATE = 150, 2e-3
GAN_PATCH, GAN_BATCH, GAN_SCALE = 32, 2, 2
MORE_GAN_STEPS = {"srvgg": 900}  # a U-Net's spectral normalization keeps it from separating early
ADVERSARIAL_WEIGHTS = {"enet": 0.01}  # in place of 2, which leaves nothing to the features of a network that is random
SHALLOW_FEATURES = (("conv1_2", 0.1), ("conv2_2", 1.0))  # in place of several layers, at a tenth of the cost


def gan_stage(name):
    """A recipe's gan stage at toy width, and what its title, its schedule and its psnr stage leave as it is."""
    recipe = narrowed(name, 1)
    if recipe.generator.family == "srvgg":  # from its He-normal start so narrow a network has little left to gain
        recipe = replace(recipe, generator=replace(recipe.generator, init="torch"))
    layers = recipe.perceptual.layers if len(recipe.perceptual.layers) == 1 else SHALLOW_FEATURES
    return replace(
        recipe,
        **dict.fromkeys(("name", "paper", "section", "command", "published"), "toy"),
        perceptual=replace(recipe.perceptual, layers=layers),
        psnr=RECIPES["esrgan"].psnr,
        gan=replace(
            recipe.gan,
            steps=MORE_GAN_STEPS.get(name, GAN_STEPS),
            adversarial_weight=ADVERSARIAL_WEIGHTS.get(recipe.discriminator.family, recipe.gan.adversarial_weight),
            learning_rate=GAN_RATE,
            milestones=(),
            decay=0.5,
            log_every=1,
        ),
    )


# Recipes that differ in nothing else share a test, which the last of them names.
GAN_RECIPES = {gan_stage(name): name for name in RECIPES if "gan" in RECIPES[name].stages}


QUICK = ("esrgan",)  # the others, which change a few things each, are slow tests


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(r, id=name, marks=() if name in QUICK else pytest.mark.slow) for r, name in GAN_RECIPES.items()],
)
def test_in_a_gan_stage_the_discriminator_separates_and_the_feature_distance_falls(recipe):
    keras.utils.set_random_seed(0)
    networks, _, step = built(recipe, recipe.gan)
    started = networks.generator.get_weights()
    hr, lr = map(tf.constant, batch(GAN_BATCH, GAN_PATCH, GAN_SCALE))
    terms = [{name: float(term) for name, term in step(hr, lr).items()} for _ in range(recipe.gan.steps)]
    # One step's terms go up and down: the medians of the last tenth.
    first, last = terms[0], {name: np.median([step[name] for step in terms[-len(terms) // 10 :]]) for name in terms[0]}
    changes = " | ".join(f"{name} {first[name]:.3f} -> {last[name]:.3f}" for name in first)
    print(f"\n| {len(terms)} | {changes} |")
    assert last["discriminator"] < 0.7 * first["discriminator"]
    assert last["logit_margin"] > first["logit_margin"] + 0.5
    assert last["perceptual"] < 0.7 * first["perceptual"]
    wanted = {term for term in ("pixel", "perceptual", "adversarial", "ldl") if getattr(recipe.gan, f"{term}_weight")}
    assert first.keys() == wanted | {"discriminator", "logit_margin"}
    assert np.isfinite([value for step in terms for value in step.values()]).all()
    for variable, before in zip(networks.generator.weights, started, strict=True):
        assert not variable.trainable or (before != variable.numpy()).any(), variable.path
