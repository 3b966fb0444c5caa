"""Blind rating: what the page is made of, what answers come to, and the page itself under a simulated rater."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from support import browser as browsers
from support.browser import Site, open_browser, screenshot, wait_for
from support.images import write_photo

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.measures import Options
from esrgan_tf.evaluation.pairs import find_pairs
from esrgan_tf.evaluation.rating.making import make_rating
from esrgan_tf.evaluation.rating.reading import (
    FIELDS,
    Key,
    agreement,
    draw_scores,
    rate,
    read_answers,
    read_key,
    table_of,
    write_scores,
)
from esrgan_tf.evaluation.systems import System
from esrgan_tf.image.io import read_image

SCALE = 2


def systems():
    return [
        System("nearest", "", lambda lr: lr.repeat(2, 0).repeat(2, 1)),
        System("dimmed", "", lambda lr: 0.5 * lr.repeat(2, 0).repeat(2, 1)),
    ]


@pytest.fixture
def made(tmp_path):
    for seed in range(3):
        write_photo(tmp_path / f"hr/{seed}.png", 64, 80, seed)
    pairs = find_pairs(str(tmp_path / "hr"), SCALE)
    return make_rating(systems(), pairs, SCALE, Options(SCALE), tmp_path / "site", crop=48)


def answer(key, path, rater, score_of):
    """Write a rater's file; `score_of` is called with (system, image)."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for position, trial in enumerate(key.system, 1):
            score = score_of(key.system[trial], key.image[trial])
            writer.writerow([rater, 1, position, trial, score, 2.5])
    return path


def test_the_page_shows_everything_and_tells_nothing(made, tmp_path):
    key, trials = read_key(made.key), json.loads((made.folder / "trials.json").read_text())
    assert made.outputs == len(trials) == 3 * 4
    assert trials == sorted(key.system)
    for trial in trials:
        assert Image.open(made.folder / "images" / trial).size == (48, 48)
    told = "".join(path.read_text() for path in made.folder.iterdir() if path.is_file())
    assert not [name for name in ("nearest", "dimmed", "bicubic", "original") if name in told]
    assert made.key.parent == made.folder.parent
    assert key.systems == ("original", "bicubic", "nearest", "dimmed")
    hr = read_image(tmp_path / "hr/0.png").rgb[8:56, 16:64]
    (reference,) = [t for t in trials if (key.system[t], key.image[t]) == ("original", "0")]
    np.testing.assert_array_equal(read_image(made.folder / "images" / reference).rgb, hr)
    assert key.metrics[reference]["ssim"] == 1 and "psnr" not in key.metrics[reference]  # infinite


def test_what_cannot_be_made_is_refused(made, tmp_path):
    pairs = find_pairs(str(tmp_path / "hr"), SCALE)
    with pytest.raises(InputError, match="`output` must not be there"):
        make_rating(systems(), pairs, SCALE, Options(SCALE), made.folder)
    made.folder.rename(tmp_path / "served elsewhere")
    with pytest.raises(InputError, match="`output` must not be there.*site.key.json"):
        make_rating(systems(), pairs, SCALE, Options(SCALE), made.folder)
    with pytest.raises(InputError, match="must not be called original"):
        make_rating([replace(systems()[0], name="original")], pairs, SCALE, Options(SCALE), tmp_path / "other")


def test_scores_are_means_with_intervals_and_measures_beside_them(made, tmp_path):
    key = read_key(made.key)
    base = {"original": 5, "bicubic": 3, "nearest": 2, "dimmed": 1}
    files = [
        answer(key, tmp_path / "a.csv", "ada", lambda system, image: base[system]),
        answer(key, tmp_path / "b.csv", "bob", lambda system, image: base[system] - (system == "bicubic")),
        answer(key, tmp_path / "c.csv", "cy", lambda system, image: 3),  # sees no difference
    ]
    rating = rate(read_answers(files, key), key)
    assert rating.raters == ("ada", "bob") and rating.failed == ("cy",)
    scores = {score.system: score for score in rating.scores}
    assert [scores[name].mean for name in key.systems] == [5, 2.5, 2, 1]
    assert all(score.ratings == 6 for score in rating.scores)
    assert (scores["original"].low, scores["original"].high) == (5, 5)
    assert (scores["bicubic"].low, scores["bicubic"].high) == (2, 3)  # two raters, each of them twice now and then
    assert scores["dimmed"].metrics["psnr"] < scores["nearest"].metrics["psnr"]
    assert rating.correlations["psnr"] > 0.7 > -0.5 > rating.correlations["drift"]
    table = table_of(rating)
    assert "| original | 5.00 | 5.00 to 5.00 | 6 | - |" in table and "| bicubic | 2.50 | 2.00 to 3.00 | 6 |" in table
    all_of_them = rate(read_answers(files, key), key, keep_failed=True)
    assert all_of_them.failed == () and all_of_them.scores[0].mean == pytest.approx((5 + 5 + 3) / 3)
    write_scores(tmp_path / "scores.csv", rating)
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["system"], float(row["mos"])) for row in rows] == [(s.system, s.mean) for s in rating.scores]
    draw_scores(tmp_path / "mos.png", rating)
    assert np.asarray(Image.open(tmp_path / "mos.png")).std() > 10


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    images, raters = [f"{i}" for i in range(12)], [f"r{i}" for i in range(8)]
    trials = {f"{system}{image}": (system, image) for system in ("original", "bicubic") for image in images}
    key = Key(
        ("original", "bicubic"),
        {trial: image for trial, (_, image) in trials.items()},
        {trial: system for trial, (system, _) in trials.items()},
        {trial: {} for trial in trials},
    )
    inside = 0
    for repeat in range(40):
        answers = {}
        for rater in raters:
            for trial, (system, _) in trials.items():
                answers[rater, trial] = int(rng.integers(4, 6) if system == "original" else rng.integers(1, 6))
        low, high = ((score.low, score.high) for score in rate(answers, key, True, repeat).scores[1:]).__next__()
        inside += low <= 3.0 <= high
    assert inside >= 34


def test_agreement_is_krippendorffs():
    nan = np.nan
    # The example of Krippendorff (2011), section D: four observers, twelve units, interval differences: 0.849.
    table = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
            [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
        ]
    )
    assert agreement(table) == pytest.approx(0.849, abs=0.0005)
    assert agreement(np.array([[1.0, 2, 3], [1, 2, 3]])) == 1.0
    assert agreement(np.array([[1.0, 2, 3]])) is None


def test_a_page_that_cannot_be_made_leaves_nothing(tmp_path):
    write_photo(tmp_path / "hr/0.png", 64, 80)
    pairs = find_pairs(str(tmp_path / "hr"), SCALE)

    def broken(lr):
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        make_rating([System("broken", "", broken)], pairs, SCALE, Options(SCALE), tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]


def test_two_raters_of_one_name_are_not_mixed(made, tmp_path):
    key = read_key(made.key)
    first = answer(key, tmp_path / "a.csv", "anonymous", lambda system, image: 3)
    (tmp_path / "b.csv").write_text(first.read_text().replace("anonymous,1,", "anonymous,2,"))
    with pytest.raises(InputError, match="b.csv`, line 2, must not be of a second rater of one name"):
        read_answers([first, tmp_path / "b.csv"], key)


def test_files_that_are_no_answers_are_named(made, tmp_path):
    key = read_key(made.key)
    good = answer(key, tmp_path / "a.csv", "ada", lambda system, image: 3)
    for text, message in (
        ("rater,score\nada,3\n", "a column|must have the columns"),
        (good.read_text().replace(next(iter(key.system)), "other.png"), "line 2, must be of the key's page"),
        (good.read_text().replace(",3,2.5", ",7,2.5"), "must have a score of 1 to 5. Received: 7"),
        (",".join(FIELDS) + "\n", "there must be answers"),
        ("rater;score\nada;2,5;3\n", "must have the columns"),
    ):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            read_answers([tmp_path / "bad.csv"], key)
    with pytest.raises(InputError, match="`key` must be the .key.json"):
        read_key(good)
    with pytest.raises(InputError, match="must be a rater's CSV file"):
        read_answers([tmp_path / "none.csv"], key)
    with pytest.raises(InputError, match="a rater who rates the originals above bicubic"):
        rate(read_answers([good], key), key)


def test_the_command_makes_and_reads(tmp_path, capsys):
    for seed in range(2):
        write_photo(tmp_path / f"hr/{seed}.png", 64, 80, seed)
    flags = ["--model=phone_x4", f"--data={tmp_path / 'hr'}", f"--output={tmp_path / 'site'}"]
    assert main(["esrgan", "rating", "make", *flags]) == 0
    assert "6 outputs of 2 images" in capsys.readouterr().out
    key = read_key(tmp_path / "site.key.json")
    scores = {"original": 5, "bicubic": 2, "phone_x4": 4}
    answer(key, tmp_path / "a.csv", "ada", lambda system, image: scores[system])
    flags = [f"--key={tmp_path / 'site.key.json'}", f"--output={tmp_path / 'scores.csv'}"]
    assert main(["esrgan", "rating", "read", str(tmp_path / "a.csv"), *flags]) == 0
    printed = capsys.readouterr().out
    assert "| phone_x4 | 4.00 | 4.00 to 4.00 | 2 |" in printed and "not known of one rater" in printed
    assert (tmp_path / "scores.csv").exists()
    assert main(["esrgan", "rating", "judge"]) == 1
    assert "make or read. Received: judge" in capsys.readouterr().err


@pytest.mark.slow
def test_a_rater_in_a_real_browser(made, tmp_path):
    from selenium.webdriver import ActionChains, Keys

    key = read_key(made.key)
    wanted = {"original": 5, "bicubic": 3, "nearest": 2, "dimmed": 1}
    browser = open_browser()

    def shown():
        return browser.find_element("id", "image").get_attribute("src").rpartition("/")[2]

    def press(*keys):
        ActionChains(browser).send_keys(*keys).perform()

    def visible():
        return browser.find_element("id", "image").is_displayed()

    def press_when_seen(*keys):
        wait_for(visible, "the image")
        press(*keys)

    def begin():
        browser.find_element("id", "rater").send_keys("Ada, L.", Keys.ENTER)
        wait_for(lambda: browser.find_element("id", "trial").is_displayed(), "the first image")

    try:
        with Site(made.folder) as site:
            browser.get(site.url)
            wait_for(lambda: browser.execute_script("return document.readyState") == "complete", "the page")
            begin()
            screenshot(browser, "rating.png")
            seen = []
            for _ in range(4):
                seen.append(shown())
                press_when_seen(str(wanted[key.system[seen[-1]]]))
            press_when_seen("1")
            press(Keys.BACKSPACE)  # a slip, taken back
            browser.refresh()  # nothing is lost
            begin()
            assert browser.find_element("id", "status").text == "Image 5 of 12"
            for number in range(8):
                seen.append(shown())
                score = wanted[key.system[seen[-1]]]
                if number % 2:
                    press_when_seen(str(score))
                else:
                    wait_for(visible, "the image")
                    browser.find_element("css selector", f"button[data-score='{score}']").click()
            assert sorted(seen) == sorted(key.system) and seen != sorted(seen)
            link = wait_for(lambda: browser.find_element("id", "download"), "the end")
            file = browsers.downloaded(browser, link, tmp_path / "downloads")
    finally:
        browser.quit()
    assert file.name == "rating_Ada__L_.csv"
    answers = read_answers([file], key)
    assert answers == {("Ada, L.", trial): wanted[system] for trial, system in key.system.items()}
    with file.open() as text:
        rows = list(csv.DictReader(text))
    assert [row["trial"] for row in rows] == seen and len({row["seed"] for row in rows}) == 1
    assert {score.system: score.mean for score in rate(answers, key).scores} == wanted
