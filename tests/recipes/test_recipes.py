"""Recipes: published numbers, and that each says where it comes from and how it is trained."""

import dataclasses
from dataclasses import replace

import pytest

from esrgan_tf.commands.train import FLAGS
from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS, RECIPES, get_recipe
from esrgan_tf.recipes.configs import PerceptualConfig
from esrgan_tf.recipes.overrides import override


def weights(stage):
    return stage.pixel_weight, stage.perceptual_weight, stage.adversarial_weight


def test_esrgan_has_the_published_numbers():
    recipe = get_recipe("esrgan")
    assert (recipe.generator.blocks, recipe.generator.features, recipe.generator.growth) == (23, 64, 32)
    assert (recipe.psnr.learning_rate, recipe.psnr.steps) == (2e-4, 1_000_000)
    assert recipe.psnr.milestones == (200_000, 400_000, 600_000, 800_000)
    assert (recipe.gan.learning_rate, recipe.gan.steps) == (1e-4, 500_000)
    assert recipe.gan.milestones == (50_000, 100_000, 200_000, 300_000)
    assert weights(recipe.gan) == (1e-2, 1.0, 5e-3)
    assert (recipe.gan.batch_size, recipe.gan.hr_patch) == (16, 128)


def test_esrgan_2022_restarts_a_cosine_and_averages_the_generator():
    recipe = get_recipe("esrgan_2022")
    assert (recipe.psnr.cosine_period, recipe.psnr.lowest_learning_rate) == (250_000, 1e-7)
    assert (recipe.psnr.beta_2, recipe.psnr.ema_decay, recipe.gan.steps) == (0.99, 0.999, 400_000)
    assert recipe.generator.init_convs == "body"


def test_srgan_has_the_published_numbers():
    recipe = get_recipe("srgan")
    assert (recipe.psnr.pixel_loss, recipe.psnr.learning_rate, recipe.psnr.hr_patch) == ("mse", 1e-4, 96)
    assert weights(recipe.gan) == (0, 1, 1e-3)
    assert (recipe.gan.adversarial_loss, recipe.gan.perceptual_loss) == ("standard", "mse")
    assert (recipe.gan.steps, recipe.gan.milestones, recipe.gan.decay) == (200_000, (100_000,), 0.1)
    assert (recipe.perceptual.layers, recipe.perceptual.before_activation) == ((("conv5_4", 1.0),), False)
    assert recipe.perceptual.caffe_feature_scale**2 == pytest.approx(0.006, abs=2e-4)


def test_enhancenet_has_the_published_numbers():
    recipe = get_recipe("enhancenet")
    assert (recipe.psnr.pixel_loss, recipe.psnr.learning_rate) == ("mse", 1e-4)
    assert weights(recipe.gan) == (0, 1, 2)
    assert (recipe.gan.adversarial_loss, recipe.gan.perceptual_loss) == ("standard", "mse")
    assert dict(recipe.perceptual.layers) == {"pool2": 0.2, "pool5": 0.02}
    assert dict(recipe.perceptual.texture_layers) == {"conv1_1": 3e-7, "conv2_1": 1e-6, "conv3_1": 1e-6}
    assert recipe.perceptual.normalize and not recipe.perceptual.before_activation
    assert recipe.perceptual.layer_names == ["pool2", "pool5", "conv1_1", "conv2_1", "conv3_1"]


def test_textures_that_mean_nothing_are_refused():
    with pytest.raises(InputError, match="`texture_layers` must name each layer once"):
        PerceptualConfig(texture_layers=(("conv1_1", 1.0), ("conv1_1", 2.0)))
    with pytest.raises(InputError, match="`normalize` must be false where `before_activation` is true"):
        PerceptualConfig(normalize=True)


def test_srvgg_weighs_layers_as_real_esrgan():
    recipe = get_recipe("srvgg")
    layers = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1, "conv4_4": 1, "conv5_4": 1}
    assert dict(recipe.perceptual.layers) == layers
    assert weights(recipe.gan) == (1, 1, 0.1)
    assert recipe.discriminator.family == "unet"
    assert recipe.data.degradation == DEGRADATIONS["realesrgan"]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("esrgan", "esrgan_16", {"generator"}),
        ("esrgan", "esrgan_minc", {"perceptual"}),
        ("ablation_1", "ablation_2", {"generator"}),
        ("ablation_2", "ablation_3", {"perceptual"}),
        ("ablation_3", "ablation_4", {"gan"}),
        ("ablation_4", "ablation_5", {"generator"}),
    ],
)
def test_the_ablation_changes_one_thing_at_a_time(before, after, changed):
    old, new = get_recipe(before), get_recipe(after)
    parts = ("generator", "discriminator", "perceptual", "data", "psnr", "gan")
    assert {part for part in parts if getattr(old, part) != getattr(new, part)} == changed


def test_the_ablation_begins_with_srgans_choices_and_ends_with_esrgans():
    first, last, esrgan = (get_recipe(name) for name in ("ablation_1", "ablation_5", "esrgan"))
    assert (first.generator.block, first.generator.batch_norm, first.generator.blocks) == ("residual", True, 16)
    assert (first.perceptual.before_activation, first.gan.adversarial_loss) == (False, "standard")
    named = {field: getattr(esrgan, field) for field in ("name", "section", "command", "published")}
    assert replace(last, **named) == esrgan


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_says_paper_section_command_and_result(name):
    recipe = get_recipe(name)
    assert recipe.name == name
    assert list(dataclasses.asdict(recipe))[:5] == ["name", "paper", "section", "command", "published"]
    assert all((recipe.paper, recipe.section, recipe.command, recipe.published))


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "quickstart"])
def test_recipes_command_trains_it_stage_by_stage(name):
    stages = []
    for line in RECIPES[name].command.split("; "):
        python, script, *arguments = line.split()
        assert (python, script) == ("python", "train.py")
        given = dict(argument.removeprefix("--").split("=") for argument in arguments)
        assert given.keys() <= set(FLAGS)
        assert given["recipe"] == name
        stages.append(given["stage"])
    assert tuple(dict.fromkeys(stages)) == RECIPES[name].stages


def test_unknown_recipe_is_named_with_the_known_ones():
    with pytest.raises(InputError, match="recipe.*esrgan, esrgan_16.*Received: vdsr"):
        get_recipe("vdsr")


@pytest.mark.parametrize(("name", "stages"), [("esrgan", "psnr, gan"), ("edsr", "psnr")])
def test_a_stage_that_the_recipe_has_not_is_named_with_those_it_has(name, stages):
    with pytest.raises(InputError, match=f"stage.*one of {stages} for the recipe {name}. Received: warmup"):
        get_recipe(name).stage("warmup")


@pytest.mark.parametrize(
    ("field", "value"), [("gan.learning_rate", -1.0), ("gan.beta_1", 1.0), ("psnr.ema_decay", 1.5)]
)
def test_numbers_that_no_training_can_have_are_refused(field, value):
    with pytest.raises(InputError, match=f"`{field.split('.')[1]}` must be .*Received: {value}"):
        override(get_recipe("esrgan"), {field: value})
