"""Records on disk: what is read from them, and what is refused."""

import json

import numpy as np
import pytest
from support.records import make_records

from esrgan_tf.data.records.index import describe_records, is_records, open_records
from esrgan_tf.errors import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Records of three images, to be read alone."""
    return make_records(tmp_path_factory.mktemp("made"), images=3).folder


@pytest.fixture
def records(tmp_path):
    """Records that a test may damage."""
    return make_records(tmp_path, images=2).folder


def test_shards_are_plain_arrays(made):
    hr, x4 = (np.load(made / f"00000_{kind}.npy", mmap_mode="r") for kind in ("hr", "x4"))
    assert (hr.shape, hr.dtype, x4.shape) == ((18, 24, 24, 3), np.uint8, (18, 6, 6, 3))
    assert list(hr[7, 2, 3]) == [1, 2, 15]  # the second image's second sub-image begins in column 12


def test_a_window_is_read_without_the_rest(made):
    records = open_records(made)
    for kind, side in (("hr", 24), ("x2", 12)):
        whole = np.load(made / f"00000_{kind}.npy")
        for number in (0, 5, 17):
            np.testing.assert_array_equal(records.read(kind, number), whole[number])
            window = records.read(kind, number, 3, 5, 7)
            np.testing.assert_array_equal(window, whole[number, 3:10, 5:12])
        np.testing.assert_array_equal(records.read(kind, 17, side - 2, side - 2, 2), whole[17, -2:, -2:])


def test_every_sub_image_has_its_source_image(made):
    records = open_records(made)
    assert [name[-6:] for name in records.images] == ["00.png", "01.png", "02.png"]
    for index, numbers in enumerate(records.images.values()):
        assert list(numbers) == list(range(6 * index, 6 * index + 6))
        assert {records.read("hr", int(number))[0, 0, 0] for number in numbers} == {index}


def test_description_has_what_records_json_says(made):
    described = describe_records(made)
    assert (described["sub_images"], described["images"], described["crop"]) == (18, 3, 24)
    assert described["scales"] == "2, 4"
    tree = json.loads((made / "records.json").read_text())
    assert tree["sub_images"] == 18
    assert tree["bytes"] == sum(path.stat().st_size for path in made.glob("*.npy"))
    assert tree["shards"][0]["files"]["x2"]["shape"] == [18, 12, 12, 3]


def test_unfinished_records_are_recognised_and_refused(records):
    (records / "records.json").rename(records / "unfinished.json")
    assert is_records(records) and not is_records(records.parent)
    with pytest.raises(InputError, match="`data` must be records that are finished: run the same `esrgan prepare`"):
        open_records(records)


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_file_that_is_missing_or_cut_off_is_named(records, change):
    opened = open_records(records)
    change(records / "00000_x2.npy")
    with pytest.raises(InputError, match="00000_x2.npy` is missing or cut off: run the same `esrgan prepare` again"):
        open_records(records)
    with pytest.raises(InputError, match="00000_x2.npy` cannot be read: run `esrgan prepare` again"):
        opened.read("x2", 11)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', "\0"])
def test_a_damaged_index_is_one_line(records, text):
    (records / "records.json").write_text(text)
    with pytest.raises(InputError, match="records.json` cannot be read .*: prepare the images again"):
        open_records(records)


def test_another_version_is_refused(records):
    path = records / "records.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(InputError, match="records.json` must be of version 1: .* Received: 2"):
        open_records(records)
