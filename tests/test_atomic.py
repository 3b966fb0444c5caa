"""Atomic writing: the target is the old or the new file, whatever happens in between."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

from esrgan_tf.atomic import remove_partial, replacing
from esrgan_tf.errors import InputError


def test_content_appears_under_the_name_only_after_the_block(tmp_path):
    target = tmp_path / "report.json"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["report.json"]


def test_temporary_file_is_a_hidden_neighbour_with_the_same_ending(tmp_path):
    with replacing(tmp_path / "generator.weights.h5") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.name.endswith("generator.weights.h5")
        temporary.write_bytes(b"x")


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_failed_block_leaves_the_old_file_and_no_temporary_file(tmp_path, raised):
    target = tmp_path / "report.json"
    target.write_text("old")
    with pytest.raises(raised), replacing(target) as temporary:
        temporary.write_text("half")
        raise raised
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_what_a_killed_process_left_is_removed_by_the_name_that_it_was_to_have(tmp_path):
    left = (".0123456789ab-report.json", ".report.json", ".0123456789ab-report.csv", ".of-report.json", "report.json")
    for name in left:
        (tmp_path / name).write_text("half")
    with replacing(tmp_path / "report.json") as temporary:
        temporary.write_text("of a process killed here")
        remove_partial(tmp_path, "*.json")
        assert not temporary.exists()
        temporary.write_text("new")
    assert sorted(os.listdir(tmp_path)) == sorted(left[1:])


def test_block_that_writes_nothing_is_an_error_naming_the_target(tmp_path):
    target = tmp_path / "report.json"
    with pytest.raises(FileNotFoundError) as caught, replacing(target):
        pass
    assert caught.value.filename == str(target)


def test_error_about_another_file_keeps_that_file_s_name(tmp_path):
    other = tmp_path / "missing.txt"
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "report.json"):
        other.read_text()
    assert str(caught.value.filename) == str(other)


def test_missing_folders_are_created(tmp_path):
    target = tmp_path / "runs" / "a" / "report.json"
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_new_file_gets_the_usual_permissions(tmp_path):
    (tmp_path / "plain").write_text("")
    with replacing(tmp_path / "report.json") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_name_of_the_longest_allowed_length_can_be_written(tmp_path):
    target = tmp_path / ("a" * 251 + ".csv")
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_symbolic_link_stays_a_link_to_the_replaced_file(tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_folder_and_device_are_refused_as_targets(tmp_path):
    for target in (tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match=f"`{target}` must be a file"), replacing(target):
            pytest.fail("the block must not run")


def test_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("")
    target = tmp_path / "runs" / "a" / "report.json"
    with pytest.raises(InputError, match=f"`{target}` cannot be written"), replacing(target):
        pytest.fail("the block must not run")


REFUSED_WRITE = """
import resource, signal, sys
from esrgan_tf.atomic import replacing

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with EFBIG, as a full disk does
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with replacing(sys.argv[1]) as temporary, open(temporary, "wb", buffering=0) as file:
        assert file.write(b"x" * 4096) == 4096
        file.write(b"x")
except OSError as error:
    print(error.errno, error.filename)
"""


def test_write_refused_by_the_system_leaves_the_old_file(tmp_path):
    target = tmp_path / "report.json"
    target.write_text("old")
    ran = subprocess.run(
        [sys.executable, "-c", REFUSED_WRITE, str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == [str(errno.EFBIG), str(target)]
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]
