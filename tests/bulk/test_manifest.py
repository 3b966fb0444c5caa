"""Rows are whole or not there, whatever a kill leaves, and the last one of a source counts."""

import pytest

from esrgan_tf.bulk.manifest import Row, Shard, ShardRows, read_manifest
from esrgan_tf.errors import InputError

WHOLE = Shard()
STRANGE = 'a "quoted",\nbroken\r\nname \udcff.png'


def append(output, *rows, shard=WHOLE):
    file = ShardRows(shard.folder(output))
    for row in rows:
        file.append(row)
    file.close()
    return shard.folder(output) / "rows.csv"


def test_rows_come_back_as_they_were_whatever_the_names_are(tmp_path):
    row = Row(STRANGE, STRANGE, 3, 4, 6, 8, 99, "ab", 1.25, 'no "such", file', 1700000000.125, "cd")
    append(tmp_path, row)
    append(tmp_path, Row("b.png", "b.png"))
    assert read_manifest(tmp_path) == {STRANGE: row, "b.png": Row("b.png", "b.png")}


@pytest.mark.parametrize("name", ["b.png", STRANGE])
def test_a_row_cut_off_anywhere_is_dropped_and_the_next_one_is_whole(tmp_path, name):
    path = append(tmp_path, Row("a.png", "a.png"))
    before = len(path.read_bytes())
    append(tmp_path, Row(name, name, error="one\nor two"))
    data = path.read_bytes()
    for length in range(before, len(data)):
        path.write_bytes(data[:length])
        assert set(read_manifest(tmp_path)) == {"a.png"}
        append(tmp_path, Row("c.png", "c.png"))
        assert set(read_manifest(tmp_path)) == {"a.png", "c.png"}


def test_a_header_cut_off_is_written_again(tmp_path):
    path = append(tmp_path)
    header = path.read_bytes()
    path.write_bytes(header[:10])
    append(tmp_path, Row("a.png", "a.png"))
    assert path.read_bytes().startswith(header) and set(read_manifest(tmp_path)) == {"a.png"}


def test_what_a_power_cut_has_spoiled_is_no_row(tmp_path):
    path = append(tmp_path, Row("a.png", "a.png"))
    path.write_bytes(path.read_bytes() + bytes(40) + b"\n")
    append(tmp_path, Row("b.png", "b.png"))
    assert set(read_manifest(tmp_path)) == {"a.png", "b.png"}


def test_the_last_row_of_a_source_counts_in_a_file_and_the_latest_among_files(tmp_path):
    append(tmp_path, Row("a", "a", error="first", finished=5), Row("a", "a", error="second", finished=4))
    append(tmp_path, Row("a", "a", error="earlier", finished=3), Row("b", "b", finished=6), shard=Shard(1, 2))
    merged = read_manifest(tmp_path)
    assert merged["a"].error == "second" and merged["b"].finished == 6


def test_a_shard_reads_its_own_rows_and_those_of_other_cuts(tmp_path):
    for index, shard in enumerate([Shard(0, 2), Shard(1, 2), Shard(0, 1), Shard(2, 3)]):
        append(tmp_path, Row(f"{index}", f"{index}"), shard=shard)
    assert set(read_manifest(tmp_path, Shard(1, 2))) == {"1", "2", "3"}
    assert set(read_manifest(tmp_path, Shard(0, 5))) == {"0", "1", "2", "3"}


@pytest.mark.parametrize("text", ["1", "2/2", "-1/2", "a/b", "1/0", "0/"])
def test_a_shard_is_a_number_below_their_count(text):
    assert Shard.parse("15/16") == Shard(15, 16)
    with pytest.raises(InputError, match="`shard` must be i/n"):
        Shard.parse(text)
