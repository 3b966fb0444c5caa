"""Which files are upscaled, and where their outputs go."""

import pytest
from support.images import write_noise
from support.jobs import planned

from esrgan_tf.errors import InputError


def names(jobs, folder):
    return [(str(job.source.relative_to(folder)), str(job.target.relative_to(folder))) for job in jobs]


def test_inputs_are_a_file_a_folder_or_a_glob(tmp_path):
    for name in ("a.png", "b.jpg", "c.txt"):
        write_noise(tmp_path / name) if name != "c.txt" else (tmp_path / name).write_text("")
    out = str(tmp_path / "out")
    assert [job.source.name for job in planned(str(tmp_path), out)] == ["a.png", "b.jpg"]
    assert [job.source.name for job in planned(str(tmp_path / "*.jpg"), out)] == ["b.jpg"]
    assert [job.target.name for job in planned(str(tmp_path), out, suffix=".webp")] == ["a.webp", "b.webp"]
    assert planned(str(tmp_path / "a.png"), f"{out}.png")[0].target == tmp_path / "out.png"
    both = planned([tmp_path / "b.jpg", tmp_path, tmp_path / "*.png"], out)
    assert [job.source.name for job in both] == ["b.jpg", "a.png"]  # each once, in the order of the inputs


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    write_noise(tmp_path / "a[1].png")
    assert [job.source.name for job in planned(tmp_path / "a[1].png", tmp_path / "out")] == ["a[1].png"]


def test_without_an_output_it_lies_beside_its_input_with_a_label(tmp_path):
    write_noise(tmp_path / "in/a.png")
    write_noise(tmp_path / "b.jpg")
    found = names(planned([tmp_path / "in", tmp_path / "b.jpg"], label="_x4"), tmp_path)
    assert found == [("in/a.png", "in/a_x4.png"), ("b.jpg", "b_x4.jpg")]
    assert names(planned(tmp_path / "b.jpg", label="_x1.5", suffix=".webp"), tmp_path) == [("b.jpg", "b_x1.5.webp")]


def test_outputs_beside_their_inputs_are_no_inputs_the_next_time(tmp_path):
    for name in ("a.png", "a_x4.png", "b_x4.png", "a_x2.png"):
        write_noise(tmp_path / name)
    assert [job.source.name for job in planned(tmp_path, label="_x4")] == ["a.png", "a_x2.png", "b_x4.png"]


def test_a_second_run_takes_nothing_that_the_first_has_written(tmp_path):
    for name in ("a.png", "a.jpg", "a_x4.webp", "a_x4-2.webp", "a_x4_compare.png", "a_x4-2_compare.png", "b-2.png"):
        write_noise(tmp_path / name)
    again = planned(tmp_path, label="_x4", suffix=".webp", compare=True)
    assert [job.source.name for job in again] == ["a.jpg", "a.png", "b-2.png"]
    write_noise(tmp_path / "in/deep/c.png")
    write_noise(tmp_path / "in/out/deep/c.png")
    again = planned(tmp_path / "in", tmp_path / "in/out", recursive=True)
    assert names(again, tmp_path) == [("in/deep/c.png", "in/out/deep/c.png")]


def test_subfolders_are_read_where_they_are_asked_for_and_keep_their_places(tmp_path):
    for name in ("in/a.png", "in/deep/er/a.png", "in/.hidden/c.png"):
        write_noise(tmp_path / name)
    out = tmp_path / "out"
    assert names(planned(tmp_path / "in", out), tmp_path) == [("in/a.png", "out/a.png")]
    assert names(planned(tmp_path / "in", out, recursive=True), tmp_path) == [
        ("in/a.png", "out/a.png"),
        ("in/deep/er/a.png", "out/deep/er/a.png"),
    ]


def test_two_inputs_of_one_name_get_distinct_outputs(tmp_path):
    for name in ("a.jpg", "a.png", "a.webp", "other/a.png"):
        write_noise(tmp_path / name)
    found = planned([tmp_path, tmp_path / "other"], tmp_path / "out", suffix=".png")
    assert [job.target.name for job in found] == ["a.png", "a-2.png", "a-3.png", "a-4.png"]
    write_noise(tmp_path / "in/b.png")
    write_noise(tmp_path / "in/b_compare.png")
    found = planned(
        tmp_path / "in", tmp_path / "out", compare=True
    )  # the panel of b is named as the output of the other
    assert [job.target.name for job in found] == ["b.png", "b_compare-2.png"]
    assert [job.comparison.name for job in found] == ["b_compare.png", "b_compare-2_compare.png"]


def test_what_is_there_is_left_out_where_that_is_asked_for(tmp_path):
    for name in ("in/a.png", "in/b.png", "out/a.png"):
        write_noise(tmp_path / name)
    assert len(planned(tmp_path / "in", tmp_path / "out")) == 2
    left = planned(tmp_path / "in", tmp_path / "out", skip_existing=True)
    assert [job.source.name for job in left] == ["b.png"]


def test_jobs_that_cannot_be_are_named(tmp_path):
    for name in ("a.png", "a.jpg"):
        write_noise(tmp_path / name)
    (tmp_path / "none").mkdir()
    cases = {
        (str(tmp_path / "missing.png"), "out"): "`input`.*not there",
        (str(tmp_path / "*.bmp"), "out"): "`input`.*must match",
        (str(tmp_path), str(tmp_path / "out.png")): "`output`.*must be a folder for 2 images",
        (str(tmp_path / "a.png"), str(tmp_path / "a.png")): "`output`.*input itself",
        (str(tmp_path / "a.png"), str(tmp_path / "a.jgp")): "`output`.*must end in one of",
    }
    for (source, target), message in cases.items():
        with pytest.raises(InputError, match=message):
            planned(source, target)
    with pytest.raises(InputError, match="`format`"):
        planned(tmp_path / "a.png", tmp_path / "b.png", suffix=".webp")
    with pytest.raises(InputError, match="`input` must hold images"):
        planned(tmp_path / "none", tmp_path / "out", recursive=True)
    with pytest.raises(InputError, match="`none`|none` must hold images"):
        planned(tmp_path / "none", tmp_path / "out")
