"""Recipes that train in seconds, for tests."""

from dataclasses import replace

from esrgan_tf.models.distilled_features import DISTILLED
from esrgan_tf.recipes import RECIPES
from esrgan_tf.recipes.configs import DataConfig, PerceptualConfig, Recipe, StageConfig
from esrgan_tf.recipes.discriminators import ENetDiscriminatorConfig, VGGDiscriminatorConfig
from esrgan_tf.recipes.generators import RRDBConfig, SRVGGConfig

DATA = DataConfig(crops_per_picture=2, shuffle_buffer=8, dead_leaves_pictures=10, dead_leaves_size=48)
PSNR = StageConfig(
    steps=6,
    batch_size=4,
    hr_patch=32,
    learning_rate=1e-3,
    milestones=(4,),
    validate_every=3,
    ema_decay=0.9,
)
TINY = Recipe(
    name="tiny",
    paper="tests",
    section="none",
    command="none",
    published="none",
    generator=RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0),
    discriminator=VGGDiscriminatorConfig(features=2, dense_units=4),
    perceptual=PerceptualConfig(layers=(("conv1_2", 1.0),), weights="random"),
    data=DATA,
    psnr=PSNR,
    gan=replace(
        PSNR,
        pixel_weight=1e-2,
        perceptual_weight=1.0,
        adversarial_weight=5e-3,
        ema_decay=None,
        best_by="perceptual",
    ),
)
# Networks that TensorFlow traces in a fraction of the time, for tests of what trains them.
LEAN = replace(TINY, generator=SRVGGConfig(scale=2, convs=1, features=4))
LEAN_DISCRIMINATOR = ENetDiscriminatorConfig(features=2, dense_units=4)  # without BatchNorm: half the time again

NARROW = {"blocks": 1, "features": 4, "growth": 2, "convs": 2, "groups": 1, "dense_units": 4}


def narrowed(name: str, steps: int) -> Recipe:
    """A recipe of the package at toy width, every choice of its losses and networks kept; x2, random features.

    Features are taken where they are built fast: a single layer of VGG at conv2_2, the distilled network's at conv2_1.
    """
    recipe = RECIPES[name]
    generator = {"scale": 2} | _known(recipe.generator)
    if recipe.generator.family == "srcnn":
        generator["features"] = (4, 2)
    layers = recipe.perceptual.layers if len(recipe.perceptual.layers) > 1 else (("conv2_2", 1.0),)
    if recipe.perceptual.network == DISTILLED:
        layers = (("conv2_1", 1.0),)
    stages = {
        stage: replace(recipe.stage(stage), steps=steps, batch_size=2, hr_patch=32, validate_every=steps)
        for stage in recipe.stages
    }
    return replace(
        recipe,
        generator=replace(recipe.generator, **generator),
        discriminator=replace(recipe.discriminator, **_known(recipe.discriminator)),
        perceptual=replace(recipe.perceptual, weights="random", layers=layers),
        data=replace(DATA, degradation=recipe.data.degradation),
        **stages,
    )


def _known(config) -> dict:
    """The narrow values of the fields that a configuration has."""
    return {field: value for field, value in NARROW.items() if hasattr(config, field)}
