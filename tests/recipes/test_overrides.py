"""One mechanism for every field: `--set`, flags and JSON files, checked by name and type."""

import json
from dataclasses import asdict, replace

import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.recipes import DEGRADATIONS, RECIPES, get_degradation, get_recipe
from esrgan_tf.recipes.generators import EDSRConfig
from esrgan_tf.recipes.overrides import dotted_names, override, parse_assignment, recipe_as_json, recipe_from_file

ESRGAN = RECIPES["esrgan"]


def set_on(recipe, *texts):
    return override(recipe, map(parse_assignment, texts))


def test_a_set_field_changes_and_the_recipe_itself_does_not():
    changed = set_on(ESRGAN, "gan.adversarial_weight=1e-3", "generator.scale=2")
    assert (changed.gan.adversarial_weight, changed.generator.scale) == (1e-3, 2)
    assert changed.psnr == ESRGAN.psnr
    assert ESRGAN.generator.scale == 4


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("psnr.steps=1e5", "psnr.steps", 100_000),
        ("gan.milestones=[5,10]", "gan.milestones", (5, 10)),
        ("gan.milestones=5,10", "gan.milestones", (5, 10)),
        ("generator.batch_norm=true", "generator.batch_norm", True),
        ("generator.padding=reflect", "generator.padding", "reflect"),
        ("psnr.ema_decay=0.5", "psnr.ema_decay", 0.5),
        ("psnr.learning_rate=1", "psnr.learning_rate", 1.0),
        (
            'perceptual.layers=[["conv2_2",1],["conv5_4",0.5]]',
            "perceptual.layers",
            (("conv2_2", 1.0), ("conv5_4", 0.5)),
        ),
    ],
)
def test_values_are_read_by_the_fields_type(text, path, value):
    part = set_on(ESRGAN, text)
    for name in path.split("."):
        part = getattr(part, name)
    assert part == value
    assert type(part) is type(value)


def test_none_switches_an_optional_field_off():
    assert set_on(RECIPES["esrgan_2022"], "gan.ema_decay=null").gan.ema_decay is None
    assert set_on(RECIPES["srvgg"], "data.degradation=None").data.degradation is None


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("gan.adverserial_weight=1", "gan.adversarial_weight"),
        ("adversarial_weight=1", "gan.adversarial_weight"),
        ("gan.step=5", "gan.steps"),
        ("discriminator.feature=5", "discriminator.features"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest(text, nearest):
    name = text.partition("=")[0]
    with pytest.raises(InputError, match=f"`{name}` must name a field of the recipe; the nearest is {nearest}"):
        set_on(ESRGAN, text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gan.steps=many", "a whole number"),
        ("gan.steps=0", "a whole number, 1 or more"),
        ("gan.steps=1.5", "a whole number"),
        ("gan.steps=true", "a whole number"),
        ("gan.learning_rate=fast", "a number"),
        ("gan.learning_rate=NaN", "a number"),
        ("generator.batch_norm=1", "true or false"),
        ("generator.padding=3", "text"),
        ("gan.milestones=5", "a list"),
        ("data.degradation.first=5", "cannot be set"),
        ("gan.steps=1e999", "a whole number"),
        ("gan.learning_rate=Infinity", "a number"),
        ("generator.family=1,2", "must be one of rrdb"),
        ("generator=edsr", "must be an object of fields"),
        ("gan.best_by=lpips", "must be one of psnr, perceptual, last"),
        ("gan.perceptual_weight=0", "`best_by` must be psnr or last"),
        ("gan.milestones=10,5", "ascending"),
        ("gan.cosine_period=5", "`milestones` must be empty"),
        ("gan.epsilon=0", "above 0"),
        ("generator.scale=5", "must be one of 1, 2, 3, 4, 8"),
        ("generator.init_scale=0", "above 0"),
        ("perceptual.layers=[]", "at least one layer"),
        ("data.dead_leaves_pictures=1", "2 or more"),
        ("data.multiscale=0.5,1.0", "shares between 0 and 1"),
        ("data.multiscale=0.5,0.33333", "of at most three decimals"),
        ("name=my photos", "letters, digits"),
    ],
)
def test_an_ill_typed_value_is_named_with_what_is_wanted(text, wanted):
    with pytest.raises(InputError, match=f"{text.partition('=')[0]}.*{wanted}"):
        set_on(ESRGAN, text)


def test_set_without_a_value_is_named():
    with pytest.raises(InputError, match="`set` must be NAME=VALUE.*Received: gan.steps"):
        parse_assignment("gan.steps")


def test_family_changes_a_network_to_the_published_one_of_the_same_scale():
    changed = set_on(ESRGAN, "generator.scale=2", "generator.family=edsr", "generator.blocks=4")
    assert changed.generator == EDSRConfig(scale=2, blocks=4)
    with pytest.raises(
        InputError, match="`discriminator.family` must be one of vgg, srgan, enet, patch, unet. Received: cnn"
    ):
        set_on(ESRGAN, "discriminator.family=cnn")


def test_fields_are_set_in_the_order_given():
    changed = set_on(ESRGAN, "generator.blocks=4", "generator.family=edsr", "generator.blocks=8")
    assert changed.generator == EDSRConfig(blocks=8)


def test_fields_that_depend_on_each_other_are_set_in_either_order():
    texts = ("psnr.cosine_period=100", "psnr.milestones=[]")
    for order in (texts, texts[::-1]):
        changed = set_on(ESRGAN, *order).psnr
        assert (changed.cosine_period, changed.milestones) == (100, ())


def test_what_is_refused_names_all_that_was_set_with_it():
    with pytest.raises(InputError, match="^psnr.cosine_period, psnr.decay: `milestones` must be empty"):
        set_on(ESRGAN, "psnr.cosine_period=100", "gan.steps=5", "psnr.decay=0.1")


def test_a_part_that_is_given_whole_can_be_changed_in_the_same_call():
    given = DEGRADATIONS["realesrgan"]
    changed = override(ESRGAN, {"data.degradation": given, "data.degradation.final_sinc.probability": 0.25})
    assert changed.data.degradation == replace(given, final_sinc=replace(given.final_sinc, probability=0.25))


def test_extra_losses_are_an_object_or_a_list_of_pairs():
    changed = set_on(ESRGAN, 'gan.extra_losses={"style": 0.5, "edges": 1}', 'psnr.extra_losses=[["style", 2]]')
    assert (changed.gan.extra_losses, changed.psnr.extra_losses) == (
        (("style", 0.5), ("edges", 1.0)),
        (("style", 2.0),),
    )
    for text, refused in (('[["a", 1], ["a", 2]]', "named once"), ('{"a": -1}', "weights of 0 or more")):
        with pytest.raises(InputError, match=f"`extra_losses` must be .*{refused}"):
            set_on(ESRGAN, f"gan.extra_losses={text}")


def test_the_hint_of_a_recipe_works():
    hint = RECIPES["srgan"].section.partition("--set ")[2].strip("')")
    assert set_on(RECIPES["srgan"], hint).perceptual.layers == (("conv2_2", 1.0),)


def test_what_a_configuration_refuses_is_told_with_its_place(tmp_path):
    with pytest.raises(InputError, match="^data.degradation.second.noise.grey_probability: `grey_probability` must be"):
        set_on(RECIPES["srvgg"], "data.degradation.second.noise.grey_probability=2")
    file = tmp_path / "camera.json"
    file.write_text('{"second": {"noise": {"grey_probability": 2}}}')
    with pytest.raises(InputError, match="camera.json: second: noise: `grey_probability` must be"):
        get_degradation(str(file))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_comes_back_from_its_json(name, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(recipe_as_json(RECIPES[name]))
    assert recipe_from_file(file) == RECIPES[name]
    assert get_recipe(str(file)) == RECIPES[name]


def test_the_record_of_a_run_is_a_recipe_file(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"stage": "psnr", "seed": 3, "recipe": asdict(ESRGAN)}))
    assert recipe_from_file(file) == ESRGAN


def test_a_file_may_leave_defaults_out(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(
        '{"name": "mine", "paper": "p", "section": "s", "command": "c", "published": "n",'
        ' "generator": {"family": "edsr", "blocks": 2}, "psnr": {"steps": 7}}'
    )
    recipe = recipe_from_file(file)
    assert (recipe.generator, recipe.psnr.steps, recipe.gan) == (EDSRConfig(blocks=2), 7, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSON file"),
        ("[]", "JSON file with an object"),
        ('{"name": "x"}', "lacks the field paper"),
        ('{"name": "x", "papers": "y"}', "unknown field papers; the nearest is paper"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(content, message, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(content)
    with pytest.raises(InputError, match=f"mine.json.*{message}|{message}.*mine.json"):
        recipe_from_file(file)


def test_ill_typed_fields_of_a_file_are_named_with_their_place(tmp_path):
    tree = asdict(ESRGAN)
    tree["gan"]["steps"] = "many"
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(tree))
    with pytest.raises(InputError, match="mine.json: gan: steps` must be a whole number.*'many'"):
        recipe_from_file(file)
    tree = asdict(ESRGAN)
    tree["generator"]["family"] = "vdsr"
    file.write_text(json.dumps(tree))
    with pytest.raises(InputError, match="generator.family` must be one of rrdb, srresnet"):
        recipe_from_file(file)


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match="`recipe` must be a readable JSON file. Received: nowhere.json"):
        get_recipe("nowhere.json")


def test_degradations_are_known_by_name_or_come_from_a_file(tmp_path):
    assert get_degradation("bicubic") is None
    assert get_degradation("realesrgan") == DEGRADATIONS["realesrgan"]
    file = tmp_path / "camera.json"
    file.write_text('{"final_sinc": {"probability": 0.25}}')
    assert get_degradation(str(file)).final_sinc.probability == 0.25
    with pytest.raises(InputError, match="`degradation` must be a .json file or one of bicubic, realesrgan"):
        get_degradation("camera")


def test_dotted_names_reach_every_leaf():
    names = dotted_names(RECIPES["srvgg"])
    assert {"name", "gan.steps", "generator.family", "data.degradation.first.blur.sigma_range"} <= set(names)
