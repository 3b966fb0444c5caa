"""Damaged files of every format in training, validation, calibration, evaluation and upscaling.

Each is left out, skipped or refused by name in one line; whatever is decoded has the size that its header promised.
"""

import math
import os
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image
from support.damaged import HEIGHT, PNG_HEADER_END, WIDTH, chunk, mutants, sound_files, strangers
from support.images import write_noise
from support.jobs import planned
from support.tiny import DATA, LEAN

from esrgan_tf import __main__, recipes
from esrgan_tf.data.decoding import decode_pair
from esrgan_tf.data.folders import find_images, find_pairs, survey
from esrgan_tf.data.held_out import load_held_out
from esrgan_tf.data.pipeline import training_batches
from esrgan_tf.data.source import Pair
from esrgan_tf.data.sources import open_sources, open_validation
from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.pairs import load_pair
from esrgan_tf.export import examples
from esrgan_tf.formats.network import Network
from esrgan_tf.image import codecs
from esrgan_tf.image.animation import open_animation
from esrgan_tf.image.io import list_images, read_image
from esrgan_tf.image.reading import read_header, read_samples
from esrgan_tf.inference.files import upscale_files
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata

SCALE, PATCH = 2, 32
EVERY = int(os.environ.get("ESRGAN_TEST_EVERY_MUTANT_IN", "8"))  # 1 feeds them all
FED = {
    "avif": 10,
    "bmp": 90,
    "gif": 30,
    "jpeg": 15,
    "jpg": 105,
    "png": 300,
    "ppm": 15,
    "tif": 50,
    "tiff": 50,
    "webp": 50,
}  # at least
CONFIG = replace(DATA, crops_per_picture=1, shuffle_buffer=1)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A folder of all kinds, sound and damaged."""
    folder = tmp_path_factory.mktemp("damaged")
    for name, data in {**sound_files(), **strangers()}.items():
        (folder / name).write_bytes(data)
        for label, mutant in islice(mutants(name, data), 0, None, EVERY):
            (folder / label).write_bytes(mutant)
    return folder


@pytest.fixture(autouse=True)
def low_limit(monkeypatch):
    """Pillow's limit, lowered: a damaged header promises too much sooner, and the tests need less memory."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)


@pytest.fixture
def cheap_lr(monkeypatch):
    """LR images by leaving pixels out: MATLAB's bicubic, run eagerly, would take most of the time."""
    monkeypatch.setattr("esrgan_tf.data.decoding.imresize_uint8", lambda hr, factor: hr[::SCALE, ::SCALE])


def files(folder):
    return {str(path) for path in folder.iterdir()}


def named(lines):
    """The files that lines are about, each line being one line."""
    assert not [line for line in lines if "\n" in line]
    return {line.partition(": ")[0] for line in lines}


def size_of_half(path):
    """(height, width) of an image cut to a multiple of the scale, by its header; upright."""
    header = read_header(path)
    sides = (header.height, header.width) if header.orientation < 5 else (header.width, header.height)
    return tuple(side // SCALE * SCALE for side in sides)


def test_hundreds_of_damaged_files_of_each_format_are_fed(damaged):
    counts = Counter(path.suffix[1:] for path in damaged.iterdir())
    assert counts.keys() == FED.keys() == {suffix[1:] for suffix in codecs.FORMATS}
    assert all(counts[suffix] >= least for suffix, least in FED.items()), counts
    assert counts.total() >= 700


def test_training_leaves_out_or_skips_every_damaged_file_and_goes_on(damaged):
    (source,) = open_sources(str(damaged), CONFIG, SCALE, PATCH, seed=0)
    held_out = {element["name"].numpy().decode() for element in source.held_out}
    left_out = named(source.left_out)
    assert left_out | held_out | set(source.names) == files(damaged)
    batches = iter(training_batches([source], CONFIG, SCALE, PATCH, 4, seed=0))
    read, skipped = 0, set()
    while read + len(skipped) < source.count:
        batch = next(batches)
        read += len(batch["hr"])
        skipped |= {name for value in batch["skipped"].numpy() for name in value.decode().splitlines()}
    assert skipped < set(source.names)
    sound = {str(damaged / name) for name in sound_files()}
    assert not skipped & sound
    assert len(left_out) > 50 and len(skipped) > 50 and read > 50


def test_validation_leaves_every_damaged_file_out_and_keeps_sizes(damaged, cheap_lr):
    (source,) = open_validation(str(damaged), SCALE)
    found = load_held_out([source], 10 * WIDTH, SCALE)
    left_out = named([*source.left_out, *found.left_out])
    loaded = {name: hr.shape[:2] for name, hr, _ in found.images}
    paths = {Path(path).stem: path for path in files(damaged) - left_out}
    assert loaded == {stem: size_of_half(path) for stem, path in paths.items()}
    assert len(loaded) + len(left_out) == len(files(damaged))


def test_calibration_leaves_damaged_files_out_by_name(damaged, cheap_lr, monkeypatch):
    monkeypatch.setattr(examples, "CALIBRATION_IMAGES", 10**6)
    said = []
    calibration, held_out = examples.load_examples(
        str(damaged), GeneratorMetadata.named("tiny", SCALE), 16, said.append
    )
    left_out = {Path(path).stem for path in named([line.removeprefix("left out ") for line in said])}
    used = {example.name.partition("+")[0] for example in (*calibration, *held_out)}  # without a crop's place
    assert used | left_out == {Path(path).stem for path in files(damaged)}
    assert not used & left_out
    assert len(calibration) > 50


def test_calibration_stops_only_when_nothing_can_be_read(tmp_path, monkeypatch):
    for index in range(3):
        write_noise(tmp_path / f"{index}.png", seed=index)
    real = examples.open_sources

    def broken_after_the_survey(*arguments, **options):
        sources = real(*arguments, **options)
        for name in sources[0].names:
            Path(name).write_bytes(Path(name).read_bytes()[:200])
        return sources

    monkeypatch.setattr(examples, "open_sources", broken_after_the_survey)
    with pytest.raises(InputError, match="`calibration` must hold images that can be read.*[02].png: cannot be read"):
        examples.load_examples(str(tmp_path), GeneratorMetadata.named("tiny", SCALE), 16, lambda line: None)


def test_evaluation_refuses_a_damaged_file_in_one_line_or_reads_its_size(damaged):
    refused = 0
    for path in list_images(damaged):
        try:
            hr, lr = load_pair(Pair(path.stem, path), SCALE)
        except InputError as error:
            assert str(error).startswith(f"`{path}` ") and "\n" not in str(error)
            refused += 1
            continue
        assert hr.shape[:2] == size_of_half(path)
        assert [SCALE * side for side in lr.shape[:2]] == list(hr.shape[:2])
    assert 50 < refused < len(list_images(damaged)) - 50


def test_upscaling_writes_the_readable_and_gives_each_other_file_a_line(damaged, tmp_path):
    nearest = Network(GeneratorMetadata.named("nearest", SCALE), lambda lr_01: lr_01.repeat(SCALE, 0).repeat(SCALE, 1))
    jobs = planned(str(damaged), str(tmp_path / "out"))
    done = 0
    for job, error in upscale_files(Upscaler(nearest), jobs):
        assert (error is None) == job.target.exists()
        if error:
            assert str(job.source) in str(error) and "\n" not in str(error)
            continue
        done += 1
        if animation := open_animation(job.source):
            assert open_animation(job.target).frames == animation.frames
            continue
        source, target = read_image(job.source), read_image(job.target)
        assert target.rgb.shape == (SCALE * source.rgb.shape[0], SCALE * source.rgb.shape[1], 3)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        job.target.name for job in jobs if job.target.exists()
    }
    assert 50 < done < len(jobs) - 50


@pytest.mark.parametrize("name", ["png_rgb.png", "jpg_baseline.jpg", "webp_lossy.webp", "bmp_rgb.bmp"])
def test_a_damaged_lr_file_is_named_or_has_the_size_that_fits(tmp_path, name):
    hr = tmp_path / "hr.png"
    hr.write_bytes(sound_files()["png_rgba.png"])  # upright
    outcomes = Counter()
    data = sound_files(HEIGHT // SCALE, WIDTH // SCALE)[name]
    for label, mutant in islice(mutants(name, data), 0, None, EVERY):
        lr = tmp_path / label
        lr.write_bytes(mutant)
        try:
            survey([Pair("a", hr, lr)], SCALE, PATCH, "patch")
        except InputError as error:
            assert str(lr) in str(error)
            outcomes["named"] += 1
            continue
        try:
            _, decoded = decode_pair(hr.read_bytes(), mutant, SCALE)
        except tf.errors.OpError:
            outcomes["skipped"] += 1
        else:
            assert decoded.shape == (HEIGHT // SCALE, WIDTH // SCALE, 3)
            outcomes["read"] += 1
    assert outcomes["named"] and outcomes["read"], outcomes


def with_gamma(gamma):
    """A sound PNG whose gAMA chunk has this body."""
    png = sound_files()["png_rgb.png"]
    return png[:PNG_HEADER_END] + chunk(b"gAMA", gamma) + png[PNG_HEADER_END + 16 :]


def test_a_truncated_gamma_chunk_is_left_out_of_training(tmp_path):
    (tmp_path / "sound.png").write_bytes(with_gamma(b"\0\0\xb1\x8f"))
    (tmp_path / "truncated.png").write_bytes(with_gamma(b"\0\0"))
    found = survey(find_images(str(tmp_path)), SCALE, PATCH, "patch")
    assert [pair.hr.name for pair in found.pairs] == ["sound.png"]
    assert found.left_out == (f"{tmp_path}/truncated.png: cannot be read",)


def test_an_image_smaller_than_when_it_was_surveyed_is_skipped(tmp_path):
    for index in range(3):
        write_noise(tmp_path / f"{index}.png", seed=index)
    sources = open_sources(str(tmp_path), CONFIG, SCALE, PATCH, seed=0)
    write_noise(tmp_path / "0.png", PATCH - SCALE, 2 * PATCH)
    batches = training_batches(sources, CONFIG, SCALE, PATCH, 2, seed=0).take(4)
    skipped = {name for batch in batches.as_numpy_iterator() for value in batch["skipped"] for name in value.split()}
    assert skipped == {str(tmp_path / "0.png").encode()}


def test_a_pair_of_which_one_is_turned_by_its_orientation_is_left_out(tmp_path):
    exif = Image.Exif()
    exif[codecs._ORIENTATION] = 6
    for name in ("hr/a.png", "hr/b.png", "lr/a.png", "lr/b.png"):
        side = 64 if name.startswith("hr") else 32
        write_noise(tmp_path / name, side, side)
    Image.open(tmp_path / "lr/a.png").save(tmp_path / "lr/a.png", exif=exif)
    found = survey(find_pairs(f"hr={tmp_path}/hr,lr={tmp_path}/lr"), SCALE, PATCH, "patch")
    assert [pair.hr.name for pair in found.pairs] == ["b.png"]
    assert "hr/a.png: turned by its EXIF orientation" in found.left_out[0]


@pytest.mark.parametrize("read", [read_header, read_samples])
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match="a.png` cannot be read. Received: a pipe"):
        read(tmp_path / "a.png")


def test_a_file_that_takes_too_much_memory_is_named(tmp_path, monkeypatch):
    def full(data):
        raise MemoryError

    write_noise(tmp_path / "a.png")
    monkeypatch.setattr(codecs, "decode", full)
    with pytest.raises(InputError, match="a.png` takes more memory than there is"):
        read_samples(tmp_path / "a.png")


def run(capfd, *arguments):
    """Exit status and everything printed of `esrgan ARGUMENTS`."""
    status = __main__.main(["esrgan", *map(str, arguments)])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return status, captured.out, captured.err


def test_the_commands_go_on_with_sound_files_beside_damaged_ones(tmp_path, damaged, capfd, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", LEAN)
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(damaged.iterdir())[:: math.ceil(400 / EVERY)]:
        (few / path.name).write_bytes(path.read_bytes())
    for index in range(3):
        write_noise(few / f"sound{index}.png", seed=index)
    (few / "gamma.png").write_bytes(with_gamma(b"\0\0"))
    flags = ("--recipe=tiny", f"--data={few}", f"--val_data={few}", f"--workdir={tmp_path}/run", "--steps=2")
    flags += ("--set=data.max_skipped_share=1",)  # three of ten
    status, out, err = run(capfd, "train", "--stage=psnr", *flags)
    assert status == 0, err
    assert "left out" in out and "step 2: validation PSNR" in out
    assert "gamma.png: cannot be read" in (tmp_path / "run/psnr/recipe.json").read_text()
    status, out, err = run(capfd, "upscale", f"--model={tmp_path}/run", f"--input={few}", f"--output={tmp_path}/out")
    assert status == 1 and f"error: `{few}/gamma.png` " in err
    assert {f"sound{index}.png" for index in range(3)} <= {path.name for path in (tmp_path / "out").iterdir()}
    status, _, err = run(capfd, "evaluate", "--model=bicubic", "--scale=2", f"--data={few}")
    assert status == 1 and err.startswith(f"error: `{few}/") and len(err.strip().splitlines()) == 1
