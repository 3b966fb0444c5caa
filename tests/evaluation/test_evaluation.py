"""The evaluator: pairs that fit, numbers that are the definitions', differences, panels and reports."""

import csv
import json

import keras
import numpy as np
import pytest
from PIL import Image
from support.images import make_image, truncate, write_noise, write_photo
from support.tiny import TINY

from esrgan_tf.data.source import Pair
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.evaluate import Evaluation, Row, evaluate
from esrgan_tf.evaluation.measures import Options, measure, notes, perceptual_index
from esrgan_tf.evaluation.pairs import check_pairs, find_pairs, load_pair
from esrgan_tf.evaluation.panels import worst_window
from esrgan_tf.evaluation.pristine import fit_files
from esrgan_tf.evaluation.report import table, write_report
from esrgan_tf.evaluation.scores import load_lpips
from esrgan_tf.evaluation.systems import System, open_systems
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.image.color import color_drift
from esrgan_tf.image.io import read_image, to_float, to_uint8
from esrgan_tf.image.resize import bicubic_upscale, imresize_uint8
from esrgan_tf.metrics.niqe import NiqeModel, niqe
from esrgan_tf.metrics.psnr_ssim import luma, psnr, ssim
from esrgan_tf.models import build_generator
from esrgan_tf.models.lpips import lpips

NIQE_MODEL = NiqeModel(np.zeros(36), np.eye(36))


def squared_distance(inputs):
    """Stands in for LPIPS: mean squared difference of two images."""
    return keras.ops.mean(keras.ops.square(inputs[0] - inputs[1]), axis=(1, 2, 3))


@pytest.fixture(scope="module")
def lpips_file(tmp_path_factory):
    images = [keras.Input((None, None, 3)) for _ in range(2)]
    path = tmp_path_factory.mktemp("lpips") / "lpips.keras"
    keras.Model(images, squared_distance(images)).save(path)
    return path


def save_tiny(path, scale=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_generator(build_generator(TINY.generator.__class__(**{**vars(TINY.generator), "scale": scale}), "tiny"), path)
    return str(path)


def bicubic_system(name="bicubic", scale=2, shift=0.0):
    return System(name, name, lambda lr_01: np.clip(bicubic_upscale(lr_01, scale) + np.float32(shift), 0, 1))


def test_images_that_cannot_be_measured_are_told_before_the_work(tmp_path):
    write_noise(tmp_path / "hr/a.png", 48, 48)
    write_noise(tmp_path / "small/a.png", 23, 40)
    write_noise(tmp_path / "lr/a.png", 12, 13)
    write_noise(tmp_path / "broken/a.png")
    truncate(tmp_path / "broken/a.png")
    pair = Pair("a", tmp_path / "hr/a.png")
    check_pairs([pair], 4, Options(crop=4))
    cases = [
        (
            Pair("a", pair.hr, tmp_path / "lr/a.png"),
            Options(crop=4),
            "must be 12 x 12 px to fit .*Received: 13 x 12 px",
        ),
        (pair, Options(crop=19), "at least 49 x 49 px.*`crop=19`. Received: 48 x 48"),
        (Pair("a", tmp_path / "small/a.png"), Options(crop=5), "at least 21 x 21 px.*Received: 40 x 20 px at scale 4"),
        (Pair("a", tmp_path / "broken/a.png"), Options(crop=4), "broken/a.png` cannot be read"),
        (pair, Options(crop=4, niqe=NIQE_MODEL), "2 blocks of 96 x 96 px inside `crop=4`.*Received: 48 x 48"),
    ]
    for bad, options, message in cases:
        with pytest.raises(InputError, match=message):
            check_pairs([pair, bad] if bad != pair else [bad], 4, options)
    with pytest.raises(InputError, match="at least 50 x 50 px. Received: 48 x 48"):
        load_pair(pair, 50)


def test_measures_are_those_of_the_rounded_output(lpips_file):
    rng = np.random.default_rng(0)
    hr = rng.integers(0, 256, (200, 104, 3)).astype(np.uint8)
    lr = imresize_uint8(hr, 0.5)
    output_01 = np.clip(to_float(hr) + rng.normal(0, 0.05, hr.shape), 0, 1).astype(np.float32)
    options = Options(crop=4, channel="rgb", niqe=NIQE_MODEL, lpips=load_lpips(lpips_file))
    measured = measure(output_01, hr, lr, 2, options, ma=6.0)
    output = to_uint8(output_01)
    np.testing.assert_array_equal(measured.output, output)
    inner = np.s_[4:-4, 4:-4]
    natural = niqe(np.rint(luma(output[inner])), NIQE_MODEL)
    assert measured.metrics == pytest.approx(
        {
            "psnr": psnr(output, hr, 4, "rgb"),
            "ssim": ssim(output, hr, 4, "rgb"),
            "niqe": natural,
            "ma": 6.0,
            "pi": (4 + natural) / 2,
            "lpips": np.mean((to_float(output[inner]) - to_float(hr[inner])) ** 2),
            "drift": color_drift(to_float(output), to_float(lr), 2),
        },
        rel=1e-5,
    )
    assert perceptual_index(8.5, 3.5) == 2.5


def test_kept_colours_are_measured_and_drift_is_shown_before_and_after(tmp_path):
    write_photo(tmp_path / "a.png", 64, 64)
    hr, lr = load_pair(Pair("a", tmp_path / "a.png"), 2)
    cast = bicubic_system(shift=0.1).upscale(to_float(lr))
    plain, kept = (measure(cast, hr, lr, 2, Options(crop=2, keep_colors=keep)).metrics for keep in (False, True))
    assert set(kept) - set(plain) == {"drift_kept"}
    assert kept["drift"] == plain["drift"] > 10
    assert kept["drift_kept"] < 3
    assert kept["psnr"] > plain["psnr"] + 3


def test_every_system_is_measured_on_every_image_and_compared_with_the_first(tmp_path):
    for index, name in enumerate("ab"):
        write_photo(tmp_path / f"{name}.png", 40, 44, seed=index)
    systems = [bicubic_system("plain"), bicubic_system("bright", shift=0.1)]
    evaluation = evaluate(find_pairs(str(tmp_path), 2), systems, 2, Options(crop=2))
    assert [(row.image, row.system) for row in evaluation.rows] == [
        ("a", "plain"),
        ("a", "bright"),
        ("b", "plain"),
        ("b", "bright"),
    ]
    hr, lr = load_pair(Pair("b", tmp_path / "b.png"), 2)
    bright = to_uint8(systems[1].upscale(to_float(lr)))
    assert evaluation.rows[3].metrics["psnr"] == psnr(bright, hr, 2)
    plain, bright = ([row.metrics["psnr"] for row in evaluation.rows[start::2]] for start in (0, 1))
    means = evaluation.means()
    assert [row.metrics["psnr"] for row in means] == pytest.approx([np.mean(plain), np.mean(bright)])
    differences = [difference.get("psnr") for _, difference in evaluation.with_differences()]
    expected = [None, bright[0] - plain[0], None, bright[1] - plain[1], None, np.mean(bright) - np.mean(plain)]
    assert [d is None for d in differences] == [True, False] * 3
    assert differences[1::2] == pytest.approx(expected[1::2])


def test_a_image_that_fails_is_named_with_its_system(tmp_path):
    write_noise(tmp_path / "a.png", 40, 40)

    def fail(lr_01):
        raise InputError("out of memory")

    with pytest.raises(InputError, match="a.png`, broken: out of memory"):
        evaluate(find_pairs(str(tmp_path), 2), [System("broken", "", fail)], 2, Options(crop=2))


def test_panels_show_the_place_where_the_last_system_is_worst(tmp_path):
    hr = np.full((300, 260, 3), 90, np.uint8)
    Image.fromarray(hr).save(tmp_path / "a.png")
    damaged = hr.copy()
    damaged[180:200, 30:50] = (250, 0, 0)
    systems = [bicubic_system(), System("damaged", "", lambda lr_01: to_float(damaged))]
    evaluate(find_pairs(str(tmp_path), 2), systems, 2, Options(crop=2), tmp_path / "panels")
    panel = np.asarray(Image.open(tmp_path / "panels/a.png")).astype(int)
    assert panel.shape[1] > 4 * 256  # input | bicubic | damaged | original, 128 px twice as large
    red = (panel[..., 0] == 250) & (panel[..., 1] == 0)
    assert red.sum() == 40 * 40


def test_worst_window_holds_the_largest_error_outside_the_border():
    reference = np.zeros((40, 50, 3), np.uint8)
    image = reference.copy()
    image[0, 0] = 255  # within the border
    image[20, 31] = 100
    image[25, 36] = 100
    assert worst_window(image, reference, 6, crop=1) == (20, 31)
    assert worst_window(image, reference, 8, crop=1) == (18, 29)
    assert worst_window(image, reference, 6) == (0, 0)
    with pytest.raises(ValueError, match="1..38"):
        worst_window(image, reference, 39, crop=1)


@pytest.fixture
def evaluation():
    rows = [
        Row("a", "bicubic", {"psnr": 30.0, "ssim": 0.8, "drift": 0.5}),
        Row("a", "mine", {"psnr": 31.234, "ssim": 0.75, "drift": 0.25}),
        Row("b", "bicubic", {"psnr": float("inf"), "ssim": 1.0, "drift": 0.0}),
        Row("b", "mine", {"psnr": float("inf"), "ssim": 1.0, "drift": 0.0}),
    ]
    return Evaluation(("bicubic", "mine"), tuple(rows))


def test_table_has_differences_in_brackets_and_means_last(evaluation):
    lines = [line.split("  ") for line in table(evaluation).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells[0] == ["image", "model", "PSNR dB", "SSIM", "drift"]
    assert cells[3] == ["a", "mine", "31.23 (+1.23)", "0.7500 (-0.0500)", "0.250 (-0.250)"]
    assert cells[5] == ["b", "mine", "inf (+0.00)", "1.0000 (+0.0000)", "0.000 (+0.000)"]
    assert cells[7] == ["mean", "bicubic", "inf", "0.9000", "0.250"]
    assert len(cells) == 9


def test_reports_hold_every_number_and_the_protocol(tmp_path, evaluation):
    protocol, said = {"scale": 4, "protocol": "y", "crop": 4}, ["one", "two"]
    for suffix in ("csv", "json", "md"):
        write_report(tmp_path / f"deep/r.{suffix}", evaluation, protocol, said)
    with (tmp_path / "deep/r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["picture"], row["model"]) for row in rows[-2:]] == [("mean", "bicubic"), ("mean", "mine")]
    assert {(row["scale"], row["protocol"], row["crop"]) for row in rows} == {("4", "y", "4")}
    assert (rows[0]["psnr"], rows[0]["psnr_difference"]) == ("30.0", "")
    assert float(rows[1]["psnr_difference"]) == pytest.approx(1.234)
    content = json.loads((tmp_path / "deep/r.json").read_text())
    assert (content["protocol"], content["notes"]) == (protocol, said)
    assert content["rows"][1]["psnr"] == 31.234
    assert content["rows"][2]["psnr"] is None
    assert [row["ssim"] for row in content["means"]] == [0.9, 0.875]
    lines = (tmp_path / "deep/r.md").read_text().splitlines()
    assert lines[:5] == ["- one", "- two", "", "| image | model | PSNR dB | SSIM | drift |", "|---|---|---|---|---|"]
    assert lines[6] == "| a | mine | 31.23 (+1.23) | 0.7500 (-0.0500) | 0.250 (-0.250) |"
    with pytest.raises(InputError, match="must end in one of .csv, .json, .md. Received: r.txt"):
        write_report("r.txt", evaluation, protocol, said)


def test_notes_say_the_protocol_and_what_is_skipped(lpips_file):
    said = "\n".join(notes(Options(crop=3)))
    assert "Y of BT.601" in said
    assert "3 px cropped" in said
    for skipped in ("NIQE: skipped", "perceptual index: skipped", "LPIPS: skipped"):
        assert skipped in said
    options = Options(crop=3, channel="rgb", niqe=NIQE_MODEL, ma={("m", "a"): 5.0}, lpips=load_lpips(lpips_file))
    said = "\n".join(notes(options))
    assert "skipped" not in said
    assert "Y of BT.601" not in said


def test_systems_are_named_by_the_ends_that_tell_them_apart(tmp_path):
    first, second = (save_tiny(tmp_path / run / "psnr/generator.keras") for run in ("one", "two"))
    systems, scale = open_systems(["bicubic", str(tmp_path / "one/psnr"), str(tmp_path / "two/psnr")], None, 0, 0)
    assert [system.name for system in systems] == ["bicubic", "one/psnr", "two/psnr"]
    assert systems[1].origin == f"{first}: tiny"
    assert scale == 2
    lr_01 = np.random.default_rng(0).random((6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(systems[0].upscale(lr_01), bicubic_upscale(lr_01, 2))
    expected = np.clip(np.array(keras.saving.load_model(second)(lr_01[None]))[0], 0, 1)
    np.testing.assert_allclose(systems[2].upscale(lr_01), expected, atol=1e-6)
    assert [system.name for system in open_systems([first], None, 0, 0)[0]] == ["generator.keras"]


def test_systems_of_no_or_of_different_scales_are_refused(tmp_path):
    x2, x4 = save_tiny(tmp_path / "x2.keras", 2), save_tiny(tmp_path / "x4.keras", 4)
    cases = [
        (["bicubic"], None, "`scale` must be given"),
        ([x2, x4], None, f"must be of one scale. Received: {x2}: 2, {x4}: 4"),
        ([x2], 3, f"must be of one scale. Received: scale: 3, {x2}: 2"),
        (["bicubic", "bicubic"], 4, "different things"),
        (["bicubic", str(tmp_path / "nothing")], 4, "`model` must be a .keras file"),
    ]
    for models, scale, message in cases:
        with pytest.raises(InputError, match=message):
            open_systems(models, scale, 0, 0)


def test_models_that_measure_no_distance_are_refused(tmp_path):
    save_tiny(tmp_path / "generator.keras")
    (tmp_path / "text.keras").write_text("nothing")
    cases = {
        "generator.keras": "must take two images",
        "text.keras": "cannot be read as a .keras model",
        "missing.keras": "not there",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=f"lpips_weights.*{message}"):
            load_lpips(tmp_path / name)


def test_the_packages_own_lpips_is_read_and_images_too_small_for_it_are_told(tmp_path):
    keras.utils.set_random_seed(0)
    lpips().save(tmp_path / "lpips.keras")
    distance = load_lpips(tmp_path / "lpips.keras")
    first, second = (make_image(shape=(40, 48)).rgb, np.zeros((40, 48, 3), np.float32))
    assert distance(first, first) == 0
    expected = keras.saving.load_model(tmp_path / "lpips.keras")([first[None], second[None]])
    assert distance(first, second) == pytest.approx(float(expected[0]), rel=1e-4)
    assert distance(first, second) != 0
    with pytest.raises(InputError, match="LPIPS cannot be had of 12 x 14 px"):
        distance(first[:14, :12], second[:14, :12])


def test_niqe_is_fitted_to_files_and_bad_ones_are_named(tmp_path):
    write_noise(tmp_path / "a.png", 600, 700)
    model = fit_files([tmp_path / "a.png"])
    rgb = to_uint8(read_image(tmp_path / "a.png").rgb)
    assert niqe(np.rint(luma(rgb)), model) == pytest.approx(0, abs=1e-6)
    write_noise(tmp_path / "small.png", 95, 700)
    with pytest.raises(InputError, match="small.png` must be at least 96 x 96 px.*Received: 700 x 95"):
        fit_files([tmp_path / "a.png", tmp_path / "small.png"])
    write_noise(tmp_path / "few.png", 200, 200)
    with pytest.raises(InputError, match="holds too little.*at least 37 blocks.*Received: 4"):
        fit_files([tmp_path / "few.png"])
