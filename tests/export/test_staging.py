"""What is exported comes into place whole, or not at all."""

from pathlib import Path

import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.export.staging import staged


def visible(folder):
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_what_is_staged_takes_the_place_of_what_was_there(tmp_path):
    (tmp_path / "a.onnx").write_text("old")
    with staged(tmp_path) as stage:
        fill(stage)
    assert visible(tmp_path) == {"a.onnx", "m"}
    assert (tmp_path / "a.onnx").read_text() == "new" and (tmp_path / "m" / "1" / "saved_model.pb").is_file()


def fill(stage):
    (stage / "a.onnx").write_text("new")
    (stage / "m" / "1").mkdir(parents=True)
    (stage / "m" / "1" / "saved_model.pb").write_text("graph")


@pytest.mark.parametrize("in_the_way", ["m/1/kept.txt", "m", "a.onnx/kept.txt"])
def test_what_is_in_the_way_stays_and_nothing_else_comes(tmp_path, in_the_way):
    (tmp_path / in_the_way).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / in_the_way).write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="`output` must leave room for"), staged(tmp_path) as stage:
        fill(stage)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("refused", ["a.onnx", "1"])
def test_a_move_that_the_system_refuses_is_undone(tmp_path, monkeypatch, refused):
    (tmp_path / "a.onnx").write_text("old")
    replace_path = Path.replace

    def replace_or_refuse(path, target):
        if path.name == refused and ".export-" in str(path):
            raise OSError("no space left")
        return replace_path(path, target)

    monkeypatch.setattr(Path, "replace", replace_or_refuse)
    with pytest.raises(OSError, match="no space left"), staged(tmp_path) as stage:
        fill(stage)
    assert visible(tmp_path) == {"a.onnx"} and (tmp_path / "a.onnx").read_text() == "old"
