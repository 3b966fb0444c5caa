"""Which images are taken of folders and lists, and where their outputs go."""

import csv

import pytest
from support.bulk import write_images
from support.images import write_noise

from esrgan_tf.bulk.sources import find_jobs
from esrgan_tf.errors import InputError


def places(jobs, output):
    return {str(job.source.relative_to(output.parent)): str(job.target.relative_to(output)) for job in jobs}


def write_list(path, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_folder_keeps_its_tree_and_no_two_sources_share_an_output(tmp_path):
    for name in ("in/a.png", "in/deep/a.png", "in/deep/a.jpg", "in/out/old.png", "in/.hidden/b.png"):
        write_noise(tmp_path / name)
    jobs = find_jobs(tmp_path / "in", tmp_path / "in" / "out", ".webp")
    targets = {str(job.source.relative_to(tmp_path / "in")): job.target.name for job in jobs}
    assert targets == {"a.png": "a.webp", "deep/a.jpg": "a.webp", "deep/a.png": "a-2.webp"}
    with pytest.raises(InputError, match="`output` must be another folder than `input`"):
        find_jobs(tmp_path / "in", tmp_path / "in" / "deep" / "..", ".webp")


def test_a_list_keeps_relative_places_and_takes_targets(tmp_path):
    output = tmp_path / "out"
    plain = write_list(tmp_path / "a.csv", ["id", "source"], [1, "x/a.png"], [2, tmp_path / "y.png"], [], [3, "z.jpg"])
    assert places(find_jobs(plain, output), output) == {"x/a.png": "x/a.png", "y.png": "y.png", "z.jpg": "z.jpg"}
    elsewhere = write_list(tmp_path / "lists.csv", ["source"], ["/data/../data/x/a.png"])
    assert str(find_jobs(elsewhere, output)[0].target) == f"{output}/data/x/a.png"
    both = write_list(tmp_path / "b.csv", ["target", "source"], ["1/a.png", "x/a.png"], ["b.webp", "y.png"])
    assert places(find_jobs(both, output), output) == {"x/a.png": "1/a.png", "y.png": "b.webp"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["path"], ["a.png"]], "must have a column source with rows. Received: path"),
        ([["source"]], "must have a column source with rows"),
        ([["source"], ["a.png"], ["./a.png"]], "must name each source once. Received twice: .*a.png"),
        (
            [["source", "target"], ["a.png", "c.png"], ["b.png", "c.png"]],
            "a target of its own .* Received twice: .*c.png",
        ),
        ([["source", "target"], ["a.png", "../c.png"]], "lies in the folder .* Received: ../c.png"),
        ([["source", "target"], ["a.png", "/c.png"]], "Received: /c.png"),
        ([["source", "target"], ["a.png", "c.txt"]], "ends in one of .* Received: c.txt"),
        ([["source", "target"], ["a.png"]], "Received: one that is empty"),
        ([["source", "target"], ["", "a.png"]], "must have a source in each row"),
        ([["source", "target"], ["out/a.png", "b.png"], ["b.png", "a.png"]], "must have no source as a target"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        find_jobs(write_list(tmp_path / "a.csv", *rows), tmp_path / "out")


def test_a_format_does_not_go_with_targets(tmp_path):
    listed = write_list(tmp_path / "a.csv", ["source", "target"], ["a.png", "b.png"])
    with pytest.raises(InputError, match="`format` must be left out"):
        find_jobs(listed, tmp_path / "out", ".webp")


def test_another_input_is_refused(tmp_path):
    write_images(tmp_path, 1)
    for name in ("0/0.png", "nothing", "nothing.csv"):
        with pytest.raises(InputError, match="`input`"):
            find_jobs(tmp_path / name, tmp_path / "out")


def test_a_parquet_list_is_read_as_a_csv_one(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    parquet.write_table(
        pyarrow.table({"source": ["x/a.png"], "size": [3], "target": ["b.png"]}), tmp_path / "a.parquet"
    )
    assert places(find_jobs(tmp_path / "a.parquet", tmp_path / "out"), tmp_path / "out") == {"x/a.png": "b.png"}
    parquet.write_table(pyarrow.table({"size": [3]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="must have a column source"):
        find_jobs(tmp_path / "b.parquet", tmp_path / "out")
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        find_jobs(tmp_path / "c.parquet", tmp_path / "out")
