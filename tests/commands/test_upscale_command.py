"""`esrgan upscale` as people type it: by position, beside the inputs, with a bar on a terminal."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from PIL import Image
from support.images import truncate, write_noise, write_photo
from support.paths import ROOT

from esrgan_tf.__main__ import main
from esrgan_tf.commands.progress import Progress
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import GeneratorMetadata


@pytest.fixture
def nearest(monkeypatch):
    """In place of every generator: one by two that repeats pixels."""
    network = Network(GeneratorMetadata.named("nearest", 2), lambda lr: lr.repeat(2, 0).repeat(2, 1))
    monkeypatch.setattr("esrgan_tf.inference.engines.opening.open_engine", lambda *arguments: network)


def run(capsys, *arguments):
    """(exit status, standard output, standard error) of `esrgan upscale`."""
    status = main(["esrgan", "upscale", *map(str, arguments)])
    return status, *capsys.readouterr()


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_inputs_stand_among_the_flags_and_outputs_beside_them(nearest, capsys, tmp_path):
    for name in ("a.jpg", "folder/b.png", "folder/c.webp"):
        write_noise(tmp_path / name, 12, 10)
    status, out, _ = run(capsys, tmp_path / "a.jpg", "--engine=keras", tmp_path / "folder")
    assert status == 0
    assert tree(tmp_path) == {
        "a.jpg",
        "a_x2.jpg",
        "folder/b.png",
        "folder/b_x2.png",
        "folder/c.webp",
        "folder/c_x2.webp",
    }
    assert f"{tmp_path}/a.jpg -> {tmp_path}/a_x2.jpg" in out
    assert Image.open(tmp_path / "a_x2.jpg").size == (20, 24)


def test_a_second_run_upscales_what_is_new_alone(nearest, capsys, tmp_path):
    for name in ("a.png", "deep/b.png"):
        write_noise(tmp_path / "in" / name, 12, 10)
    flags = [tmp_path / "in", "--recursive", f"--output={tmp_path / 'out'}", "--skip_existing", "--format=webp"]
    run(capsys, *flags)
    assert tree(tmp_path / "out") == {"a.webp", "deep/b.webp"}
    before = (tmp_path / "out/a.webp").stat().st_mtime_ns
    write_noise(tmp_path / "in/deep/c.png", 12, 10)
    _, out, _ = run(capsys, *flags)
    assert "2 of 3 images are done already" in out and out.count(" -> ") == 1
    assert tree(tmp_path / "out") == {"a.webp", "deep/b.webp", "deep/c.webp"}
    assert (tmp_path / "out/a.webp").stat().st_mtime_ns == before


def test_one_file_and_a_folder_are_written_by_the_same_settings(nearest, capsys, tmp_path):
    write_photo(tmp_path / "in/a.png", 24, 24)
    settings = ["--scale=1.5", "--quality=40"]
    run(capsys, tmp_path / "in/a.png", f"--output={tmp_path / 'one.jpg'}", *settings)
    run(capsys, tmp_path / "in", f"--output={tmp_path / 'many'}", "--format=jpg", *settings)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "many/a.jpg").read_bytes()
    assert Image.open(tmp_path / "one.jpg").size == (36, 36)


def test_names_say_the_size(nearest, capsys, tmp_path):
    write_noise(tmp_path / "a.png", 12, 10)
    for flags in (["--scale=1.5"], ["--width=30"], ["--width=25", "--height=30"]):
        run(capsys, tmp_path / "a.png", *flags)
    sizes = {path.name: Image.open(path).size for path in tmp_path.glob("a_*")}
    assert sizes == {"a_x1.5.png": (15, 18), "a_w30.png": (30, 36), "a_25x30.png": (25, 30)}


def test_quiet_prints_errors_alone(nearest, capsys, tmp_path):
    write_noise(tmp_path / "a.png", 12, 10)
    assert run(capsys, tmp_path / "a.png", "--quiet") == (0, "", "")
    write_noise(tmp_path / "b.png", 12, 10)
    truncate(tmp_path / "b.png")
    status, out, err = run(capsys, tmp_path / "b.png", "--quiet")
    assert (status, out) == (1, "") and "b.png" in err


def test_nothing_is_opened_for_outputs_that_cannot_be(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("esrgan_tf.inference.engines.opening.open_engine", lambda *arguments: pytest.fail("opened"))
    write_noise(tmp_path / "a.png")
    status, out, err = run(capsys, tmp_path / "a.png", f"--output={tmp_path / 'b.svg'}")
    assert (status, out) == (1, "") and "`--output` must end in one of .png" in err


ON_A_TERMINAL = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
from esrgan_tf.commands.progress import Progress
progress = Progress()
progress.start(100, 2)
for step in range(5):
    progress.advance(10)
    time.sleep(0.25)
progress.image_done()
progress.log("the first is done")
progress.advance(1000)
progress.close()
"""


def on_a_terminal(script: str) -> str:
    """What a script prints where standard error and output are a terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen([sys.executable, "-c", script, str(ROOT)], stdout=theirs, stderr=theirs)
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 65536):
            printed += part
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0, printed.decode()
    return printed.decode()


def test_a_terminal_sees_a_bar_with_the_time_left_and_whole_lines():
    printed = on_a_terminal(ON_A_TERMINAL)
    assert "20 % |" in printed and "0 of 2 images" in printed and " left" in printed
    assert "1 of 2 images" in printed
    lines = [line.rpartition("\r")[2] for line in printed.replace("\r\n", "\n").split("\n")]
    assert "the first is done" in lines


def test_no_bar_is_drawn_where_there_is_no_terminal(capsys):
    progress = Progress()
    progress.start(100, 1)
    progress.advance(50)
    progress.log("a line")
    progress.close()
    assert capsys.readouterr() == ("a line\n", "")
