"""The zoo: every member is what its card says, and stands wherever a generator is taken."""

import hashlib
import subprocess
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from support.images import make_image, write_photo
from support.paths import ROOT, SHARED
from support.tiny import TINY

from esrgan_tf import evaluate_models
from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.export.zoo_member import write_card, write_member
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.registry import FORMATS, find_file, load_generator, open_network
from esrgan_tf.inference.engines.opening import open_engine
from esrgan_tf.metadata import metadata_of
from esrgan_tf.models import build_generator
from esrgan_tf.models.interpolation import interpolate
from esrgan_tf.recipes import get_degradation
from esrgan_tf.recipes.generators import EDSRConfig
from esrgan_tf.zoo import cards
from esrgan_tf.zoo.cards import Card, is_member, member_names, read_card, read_verified
from esrgan_tf.zoo.weights import load_member

MB = 1e6
GAN = "_gan"
PERCEPTUAL = [name for name in member_names() if name.endswith(GAN)]
DEGRADED = [name for name in member_names() if read_card(name).degradation != "bicubic"]
FAITHFUL = [name for name in member_names() if name not in PERCEPTUAL + DEGRADED]
TINY_EDSR = EDSRConfig(scale=2, blocks=1, features=8, upsampling="direct")
CARD = Card(
    name="tiny_x2",
    purpose="tests",
    recipe="tiny",
    generator=asdict(TINY_EDSR),
    parameters=0,
    figures={},
    weaknesses="all",
    data="none",
    licence="CC0",
    commit="0000000",
    command="none",
    seed=0,
    steps=0,
    hours=0.0,
    machine="none",
    sha256="",
    offsets={},
)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A zoo of one member, random weights."""
    monkeypatch.setattr(cards, "MEMBERS", tmp_path)
    model = build_generator(TINY_EDSR, "tiny")
    bias = model.get_layer("conv_first").bias
    bias.assign([-0.0, -1e-9, 1e-7, 1e-5, *bias.numpy()[4:]])  # -0, what becomes it in float16, subnormal numbers
    write_card(write_member(model, CARD))
    return model


def run(capsys, *arguments):
    status = main(["esrgan", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("name", member_names())
def test_a_member_is_what_its_card_says(name):
    card = read_card(name)
    assert all(value for field, value in asdict(card).items() if field not in ("seed", "int8_sha256"))
    assert list(card.int8) == (["128", "256"] if card.generator["family"] == "phone" else [])
    assert card.name == name and name.removesuffix(GAN).endswith(f"_x{card.scale}")
    model = load_member(name)
    assert model.count_params() == card.parameters
    metadata = metadata_of(model)
    assert (metadata.name, metadata.scale, metadata.licence) == (name, card.scale, card.licence)


@pytest.mark.parametrize("name", member_names())
def test_a_members_litert_file_is_the_same_generator(name):
    card, model = read_card(name), load_member(name)
    network = FORMATS["tflite"].open(card.file, None)
    assert (network.metadata.name, network.metadata.scale, network.metadata.licence) == (name, card.scale, card.licence)
    rgb = make_image(shape=(41, 27)).rgb
    np.testing.assert_allclose(network.run(rgb), np.array(model(rgb[None]))[0], atol=0.1 / 255)


@pytest.mark.parametrize("name", FAITHFUL)
def test_no_image_is_worse_than_bicubic(name, tmp_path):
    for seed in range(3):
        write_photo(tmp_path / f"{seed}.png", 96, 120, seed=seed)
    rows = evaluate_models(["bicubic", name], tmp_path).rows
    for bicubic, own in zip(rows[::2], rows[1::2], strict=True):
        assert own.metrics["psnr"] > bicubic.metrics["psnr"] and own.metrics["drift"] < 1


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data/set14").exists(), reason="needs Set5 and Set14")
@pytest.mark.parametrize("name", [name for name in member_names() if name not in DEGRADED])
@pytest.mark.parametrize("test_set", ["Set5", "Set14"])
def test_the_figures_are_those_that_are_measured(name, test_set):
    card = read_card(name)
    folder = SHARED / f"data/{test_set.lower()}/x{card.scale}"
    evaluated = evaluate_models(["bicubic", name], f"hr={folder / 'HR'},lr={folder / 'LR'}")
    bicubic, own = evaluated.means()
    assert own.metrics["psnr"] == pytest.approx(card.figures[test_set]["psnr_y"], abs=0.005)
    assert bicubic.metrics["psnr"] == pytest.approx(card.figures[test_set]["bicubic_psnr_y"], abs=0.005)
    assert own.metrics["drift"] < 1
    for file in card.int8.values():
        (int8,) = evaluate_models([file], f"hr={folder / 'HR'},lr={folder / 'LR'}").means()
        assert int8.metrics["psnr"] == pytest.approx(card.figures[test_set]["int8_psnr_y"], abs=0.01)
        assert int8.metrics["psnr"] >= own.metrics["psnr"] - 0.1
    for row, other in zip(evaluated.rows[::2], evaluated.rows[1::2], strict=True):
        assert other.metrics["psnr"] > row.metrics["psnr"] or name in PERCEPTUAL, row.image


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data/photo_test").exists(), reason="needs photo_test")
@pytest.mark.parametrize("name", DEGRADED)
def test_on_bad_photographs_a_member_for_them_is_above_those_for_clean_ones(name):
    card = read_card(name)
    systems, config = ["bicubic", f"compact_x{card.scale}", name], get_degradation(card.degradation)
    evaluated = evaluate_models(systems, SHARED / "data/photo_test", degradation=config)
    bicubic, clean, own = (mean.metrics["psnr"] for mean in evaluated.means())
    figures = card.figures["photo_test"]
    assert own == pytest.approx(figures["psnr_y"], abs=0.005)
    assert own >= bicubic + 0.5 and own >= clean + 0.5
    assert figures["niqe"] < figures["bicubic_niqe"]


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data/set14").exists(), reason="needs Set14")
@pytest.mark.parametrize("name", PERCEPTUAL)
def test_between_a_member_and_its_perceptual_sibling_fidelity_falls_evenly(name, tmp_path):
    plain = name.removesuffix(GAN)
    ends, own = [load_member(plain), load_member(name)], read_card(name).figures["Set14"]
    assert own["niqe"] <= min(read_card(plain).figures["Set14"]["niqe"], own["bicubic_niqe"]) - 0.5
    files = [tmp_path / f"{alpha}.keras" for alpha in (0, 0.25, 0.5, 0.75, 1)]
    for file in files:
        save_generator(interpolate(*ends, float(file.stem)), file)
    folder = SHARED / f"data/set14/x{read_card(name).scale}"
    means = evaluate_models(files, f"hr={folder / 'HR'},lr={folder / 'LR'}").means()
    psnr = [mean.metrics["psnr"] for mean in means]
    assert all(later <= earlier + 0.02 for earlier, later in pairwise(psnr)), psnr
    assert psnr[0] - 2.5 <= psnr[-1] < psnr[0]


@pytest.mark.parametrize("name", [name for name in member_names() if read_card(name).int8])
def test_a_members_int8_files_compute_in_integers_throughout(name):
    card = read_card(name)
    for side, file in card.int8.items():
        read_verified(file, card.int8_sha256[side])
        network = open_network([file])
        assert (network.metadata.name, network.metadata.scale, network.metadata.tile) == (name, card.scale, int(side))
        types = {str(np.dtype(tensor["dtype"])) for tensor in Interpreter(str(file)).get_tensor_details()}
        assert types <= {"uint8", "int8", "int32"}, types


def test_all_files_are_small():
    sizes = [file.stat().st_size for file in cards.MEMBERS.iterdir()]
    assert max(sizes) <= 3 * MB and sum(sizes) <= 12 * MB


def test_a_member_is_read_as_it_was_written(tiny):
    assert member_names() == ["tiny_x2"]
    loaded = load_member("tiny_x2")
    for written, read in zip(tiny.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(written.value, np.float16), np.asarray(read.value))
        assert read.dtype == "float32"


def test_a_generator_whose_weights_the_converter_changes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "MEMBERS", tmp_path)
    model = build_generator(TINY.generator, "tiny")  # an RRDB: its residual scale is multiplied into kernels
    with pytest.raises(ValueError, match="does not hold body_0_rdb1_conv5/kernel"):
        write_member(model, replace(CARD, generator=asdict(TINY.generator)))
    assert not list(tmp_path.iterdir())


def test_other_weights_than_the_cards_are_refused(tiny, tmp_path):
    card = read_card("tiny_x2")
    card.file.write_bytes(card.file.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"tiny_x2.tflite` must have the SHA-256 of its card"):
        load_member("tiny_x2")
    write_card(replace(card, sha256=hashlib.sha256(card.file.read_bytes()).hexdigest(), offsets={}))
    with pytest.raises(InputError, match=r"tiny_x2.tflite` must hold the weights of its card"):
        load_member("tiny_x2")
    card.file.unlink()
    with pytest.raises(InputError, match=r"tiny_x2.tflite` cannot be read"):
        load_member("tiny_x2")


def test_another_litert_file_than_the_cards_is_refused(tmp_path, monkeypatch):
    for name in ("phone_x4.json", "phone_x4.tflite"):
        (tmp_path / name).write_bytes((cards.MEMBERS / name).read_bytes())
    monkeypatch.setattr(cards, "MEMBERS", tmp_path)
    assert open_engine(["phone_x4"], pixels=1).origin.endswith("phone_x4.tflite by LiteRT")
    file = read_card("phone_x4").file
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"phone_x4.tflite` must have the SHA-256 of its card"):
        open_engine(["phone_x4"], pixels=1)


def test_a_file_of_that_name_goes_before_the_member(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_member("compact_x4") and find_file("compact_x4") == read_card("compact_x4").file
    (tmp_path / "compact_x4").mkdir()
    assert not is_member("compact_x4")
    with pytest.raises(InputError, match="Received: compact_x4"):
        load_generator("compact_x4")


def test_without_a_model_the_zoos_is_taken_and_said(tmp_path, capsys):
    write_photo(tmp_path / "a.png", 20, 30)
    flags = ["upscale", f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'b.png'}"]
    status, out, _ = run(capsys, *flags)
    assert status == 0 and "no --model: compact_x4, photographs" in out
    by_default = np.asarray(Image.open(tmp_path / "b.png"))
    assert by_default.shape == (80, 120, 3)
    assert run(capsys, *flags, "--model=compact_x4")[0] == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), by_default)


# Upscales by the zoo's default, and fails where TensorFlow or Keras is loaded.
WITHOUT_KERAS = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
from esrgan_tf.__main__ import main
sys.exit(main(["esrgan", *sys.argv[1:]]))
"""


def test_the_zoos_default_needs_no_keras(tmp_path):
    write_photo(tmp_path / "a.png", 20, 30)
    flags = [f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'b.png'}"]
    command = [sys.executable, "-c", WITHOUT_KERAS, "upscale", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "b.png").size == (120, 80)


def test_the_default_is_the_least_scale_that_reaches_the_wanted_one(monkeypatch):
    known = {"compact_x2": 2, "compact_x4": 4, "compact_x4_gan": 4, "phone_x3": 3}
    monkeypatch.setattr(cards, "member_names", lambda: sorted(known))
    monkeypatch.setattr(cards, "read_card", lambda name: SimpleNamespace(scale=known[name]))
    wanted = {1.5: "compact_x2", 2: "compact_x2", 2.5: "compact_x4", 3: "compact_x4", 4: "compact_x4", 8: "compact_x4"}
    assert {scale: cards.default_member(scale) for scale in wanted} == wanted


def test_training_starts_from_a_member(tmp_path, capsys):
    flags = ["--recipe=compact", "--init_from=compact_x4", "--data=dead_leaves", f"--workdir={tmp_path}"]
    flags += ["--steps=1", "--batch_size=1", "--hr_patch=32", "--learning_rate=1e-6", "--precision=float32"]
    flags += ["--set=data.dead_leaves_pictures=4", "--set=data.dead_leaves_size=64", "--set=data.validation_pictures=1"]
    status, _, err = run(capsys, "train", "--stage=psnr", *flags)
    assert status == 0, err
    trained, member = (load_generator(model).get_weights() for model in (tmp_path, "compact_x4"))
    for one, other in zip(trained, member, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_members_are_listed_and_a_card_is_shown(capsys):
    status, out, _ = run(capsys, "zoo")
    assert status == 0 and all(name in out for name in member_names())
    status, out, _ = run(capsys, "zoo", "compact_x4")
    assert status == 0 and read_card("compact_x4").sha256 in out
    assert f"Set5 (psnr_y {read_card('compact_x4').figures['Set5']['psnr_y']}, ssim_y" in out
    assert f"family {read_card('compact_x4').generator['family']}, scale 4" in out
    assert "int8_sha256" not in out and "offsets" not in out
    status, out, _ = run(capsys, "zoo", "phone_x4")
    assert status == 0 and f"{read_card('phone_x4').int8['256']}\n" in out
    status, _, err = run(capsys, "zoo", "nothing")
    assert status == 1 and "must be one of compact_x2, compact_x4" in err
