"""A run that is killed, or whose parts are damaged, ends with the same file."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

av = pytest.importorskip("av")

from support.clips import decoded, doubling, upscale, write_clip  # noqa: E402
from support.paths import ROOT, TESTS  # noqa: E402

from esrgan_tf.errors import InputError  # noqa: E402
from esrgan_tf.lock import held  # noqa: E402
from esrgan_tf.video import segments, upscaling  # noqa: E402
from esrgan_tf.video.upscaling import VideoJob, VideoOptions  # noqa: E402

KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from esrgan_tf.formats.network import Network
from esrgan_tf.inference.output_size import OutputSize
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.video import segments, upscaling

segments.SEGMENT_FRAMES = upscaling.SEGMENT_FRAMES = 4
source, output, temporal, after = Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5], int(sys.argv[6])
runs = []


def run(lr_01):
    runs.append(1)
    if len(runs) == after:
        os.kill(os.getpid(), signal.SIGKILL)
    return lr_01.repeat(2, 0).repeat(2, 1)


upscaler = Upscaler(Network(GeneratorMetadata.named("nearest", 2), run))
upscaling.VideoJob(source, output, upscaler, upscaling.VideoOptions(temporal=temporal), "nearest").run()
"""


def killed_after(runs, source, output, temporal):
    """Upscale in another process, which kills itself at that run of the network; 0 never. Its lines."""
    arguments = [str(ROOT), str(TESTS), str(source), str(output), temporal, str(runs)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == (-9 if runs else 0), done.stderr
    return done.stdout


@pytest.mark.parametrize("temporal", ["off", pytest.param("median", marks=pytest.mark.slow)])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_file(tmp_path, temporal):
    source = tmp_path / "a.mp4"
    write_clip(source, 23, ragged=True, sound=True)
    killed_after(0, source, tmp_path / "whole.mp4", temporal)
    output = tmp_path / "resumed.mp4"
    for runs in (3, 8, 2, 9):
        killed_after(runs, source, output, temporal)
        assert not output.exists()
    assert "8 frames are done already" in killed_after(0, source, output, temporal)
    whole, resumed = decoded(tmp_path / "whole.mp4"), decoded(output)
    assert whole[0] == resumed[0] == decoded(source)[0]
    np.testing.assert_array_equal(whole[1], resumed[1])
    assert output.read_bytes() == (tmp_path / "whole.mp4").read_bytes()  # the sound and its times as well
    assert not list(tmp_path.glob("*.parts"))


def test_a_part_that_is_damaged_or_gone_is_made_again(tmp_path, short_segments, monkeypatch):
    write_clip(tmp_path / "a.mp4", 14)
    upscale(tmp_path / "a.mp4", tmp_path / "whole.mp4")
    made = hashlib.sha256((tmp_path / "whole.mp4").read_bytes()).digest()
    monkeypatch.setattr(upscaling, "assemble", lambda *arguments: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(OSError, match="disk full"):
        upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    monkeypatch.undo()
    monkeypatch.setattr(segments, "SEGMENT_FRAMES", 4)
    monkeypatch.setattr(upscaling, "SEGMENT_FRAMES", 4)
    part = tmp_path / "b.mp4.parts/000002.nut"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    lines, spared = upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert lines == ["8 frames are done already"] and spared == 8
    assert hashlib.sha256((tmp_path / "b.mp4").read_bytes()).digest() == made


def test_parts_of_another_run_are_not_mixed_in(tmp_path, short_segments):
    write_clip(tmp_path / "a.mp4", 9)
    stopping = doubling()
    stopping.close()
    job = VideoJob(tmp_path / "a.mp4", tmp_path / "b.mp4", stopping, model="nearest")
    with pytest.raises(InputError, match="given up"):
        job.run(lambda line: None)
    parts = tmp_path / "b.mp4.parts"
    found = segments.Segments(tmp_path / "b.mp4", job._run)
    (parts / "000000.nut").write_bytes(b"part")
    found.add(parts / "000000.nut", 4)
    for options, model, what in (
        (VideoOptions(crf=30), "nearest", "encoding"),
        (VideoOptions(), "another", r"model \(nearest; here another\)"),
        (VideoOptions(temporal="median"), "nearest", r"temporal \(off; here median\)"),
    ):
        with pytest.raises(InputError, match=f"parts of another run beside it, with another {what}: remove .*parts"):
            upscale(tmp_path / "a.mp4", tmp_path / "b.mp4", options=options, model=model)
    assert json.loads((parts / "manifest.json").read_text())["segments"][0]["frames"] == 4


def test_a_second_process_on_one_output_is_refused_by_name(tmp_path):
    write_clip(tmp_path / "a.mp4", 3)
    holding = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from esrgan_tf.lock import held\n"
        "with held(Path(sys.argv[2]), 'it'): print('held', flush=True); sys.stdin.read()"
    )
    parts = tmp_path / "b.mp4.parts"
    process = subprocess.Popen(
        [sys.executable, "-c", holding, str(ROOT), str(parts)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"b.mp4 is in use by process {process.pid} on "):
        upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    process.kill()
    process.wait()
    with held(parts, "it"):  # nothing is left of a process that is gone
        pass
    upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert len(decoded(tmp_path / "b.mp4")[0]) == 3
