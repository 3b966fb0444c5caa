"""Upscaling video files keeps frames, their times, sound and colours."""

import os
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")

from support.clips import STEADY, TIME_BASE, decoded, doubling, packets, upscale, write_clip  # noqa: E402

from esrgan_tf.__main__ import main  # noqa: E402
from esrgan_tf.formats.network import Network  # noqa: E402
from esrgan_tf.inference.output_size import OutputSize  # noqa: E402
from esrgan_tf.metadata import GeneratorMetadata  # noqa: E402
from esrgan_tf.video.clip import Clip  # noqa: E402
from esrgan_tf.video.encoding import SegmentWriter, choose_encoding  # noqa: E402
from esrgan_tf.video.upscaling import VideoJob, VideoOptions  # noqa: E402

CHAPTERS = [
    {"id": 0, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}},
    {"id": 1, "start": 200, "end": 480, "time_base": Fraction(1, 1000), "metadata": {"title": "two"}},
]


def shrunk(frames):
    """uint8 or uint16 [n, 2 h, 2 w, 3] -> [n, h, w, 3], the means of 2 x 2 pixels."""
    count, height, width, channels = frames.shape
    return frames.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_frames_their_times_and_all_else_are_kept(tmp_path, suffix, short_segments):
    # Matroska's times are whole milliseconds.
    times_within = Fraction(1, 1000) if suffix == ".mkv" else 0
    source, output = tmp_path / f"a{'.mkv' if suffix == '.mkv' else '.mp4'}", tmp_path / f"b{suffix}"
    write_clip(source, 11, ragged=True, sound=True, subtitles=True, metadata={"title": "A clip"}, chapters=CHAPTERS)
    lines, _ = upscale(source, output)
    assert lines == []
    times, frames = decoded(source)
    new_times, new_frames = decoded(output)
    assert len(new_times) == len(times) == 11
    assert max(abs(new - old) for new, old in zip(new_times, times, strict=True)) <= times_within
    assert new_frames.shape == (11, 48, 64, 3)
    assert np.abs(shrunk(new_frames) - frames).mean() < 2
    assert packets(output, "audio") == packets(source, "audio")
    words = [(time, text) for time, text in packets(output, "subtitles") if text != b"\0\0"]  # MP4 fills the gaps
    assert words == [(time, text) for time, text in packets(source, "subtitles") if text != b"\0\0"]
    assert len(words) == 2
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "A clip"
        assert [
            (float(chapter["start"] * chapter["time_base"]), chapter["metadata"]["title"])
            for chapter in container.chapters()
        ] == [(0.0, "one"), (0.2, "two")]
    assert not list(tmp_path.glob("*.parts"))


def test_more_than_8_bits_stay_more_than_8_bits(tmp_path):
    write_clip(tmp_path / "a.mkv", 5, pixel_format="yuv420p10le", codec="libx265")
    upscale(tmp_path / "a.mkv", tmp_path / "b.mp4")
    upscale(tmp_path / "a.mkv", tmp_path / "c.mkv", options=VideoOptions(codec="ffv1"))
    before = decoded(tmp_path / "a.mkv")[1]
    for name in ("b.mp4", "c.mkv"):
        after = decoded(tmp_path / name)[1]
        assert after.dtype == np.uint16
        assert np.abs(shrunk(after) - before).mean() < 257 * 2
    assert len(np.unique(decoded(tmp_path / "c.mkv")[1] >> 6)) > 256  # more levels than 8 bits have


def test_8_bits_stay_where_a_codec_has_no_more(tmp_path):
    write_clip(tmp_path / "a.mkv", 3, pixel_format="yuv420p10le", codec="libx265")
    upscale(tmp_path / "a.mkv", tmp_path / "b.mp4", options=VideoOptions(codec="mpeg4"))
    assert decoded(tmp_path / "b.mp4")[1].dtype == np.uint8


@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("colorspace", [1, 5])
def test_colours_and_what_says_what_they_mean_are_kept(tmp_path, colorspace, color_range):
    write_clip(tmp_path / "a.mp4", 3, colorspace=colorspace, color_range=color_range)
    upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    before, after = decoded(tmp_path / "a.mp4")[1], decoded(tmp_path / "b.mp4")[1]
    # FFmpeg's conversion itself makes full range up to a level darker.
    within = 0.5 if color_range == 1 else 1
    assert np.abs(after.mean(axis=(0, 1, 2)) - before.mean(axis=(0, 1, 2))).max() < within
    with av.open(str(tmp_path / "b.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (
        colorspace,
        color_range,
        1,
        1,
    )


def test_odd_sizes_become_even_where_the_codec_needs_it(tmp_path):
    write_clip(tmp_path / "a.mkv", 3, size=(25, 33), pixel_format="yuv444p", codec="ffv1")
    sizes = {}
    for name, options in {
        "b.mkv": VideoOptions(),
        "c.mkv": VideoOptions(OutputSize(scale=1.0), codec="libx264"),
        "d.mp4": VideoOptions(OutputSize(scale=1.4), codec="mpeg4"),
    }.items():
        upscale(tmp_path / "a.mkv", tmp_path / name, options=options)
        sizes[name] = decoded(tmp_path / name)[1].shape[1:3]
    assert sizes == {"b.mkv": (50, 66), "c.mkv": (25, 33), "d.mp4": (34, 46)}


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_rotated_clip_is_written_upright(tmp_path, rotation):
    write_clip(tmp_path / "a.mp4", 3, rotation=rotation, aspect=Fraction(4, 3))
    upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    stored, upright = decoded(tmp_path / "a.mp4")[1], decoded(tmp_path / "b.mp4")[1]
    expected = np.rot90(stored, rotation // 90, axes=(1, 2))
    assert np.abs(shrunk(upright) - expected).mean() < 2
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0
        aspect = container.streams.video[0].sample_aspect_ratio
    assert aspect == (Fraction(4, 3) if rotation == 180 else Fraction(3, 4))


def test_a_frame_that_repeats_the_one_before_is_not_upscaled_again(tmp_path):
    write_clip(tmp_path / "a.mkv", 10, codec="ffv1", still=3)
    ran = []
    _, spared = upscale(tmp_path / "a.mkv", tmp_path / "b.mkv", doubling(ran), VideoOptions(codec="ffv1"))
    assert (len(ran), spared) == (4, 6)
    times, frames = decoded(tmp_path / "b.mkv")
    assert len(times) == 10
    assert (frames[4:] == frames[3]).all() and (frames[2] != frames[3]).any()


def test_frames_that_are_upscaled_concurrently_stay_in_order(tmp_path):
    write_clip(tmp_path / "a.mkv", 20, codec="ffv1")
    outputs = []
    for name, concurrency in (("b.mkv", 1), ("c.mkv", 3)):
        upscale(tmp_path / "a.mkv", tmp_path / name, doubling(None, concurrency), VideoOptions(codec="ffv1"))
        outputs.append(decoded(tmp_path / name)[1])
    np.testing.assert_array_equal(*outputs)


def test_webm_has_its_own_codecs(tmp_path):
    write_clip(tmp_path / "a.mp4", 3)
    write_clip(tmp_path / "deep.mkv", 3, size=(48, 64), pixel_format="yuv420p10le", codec="libx265")
    for source, canonical in (("a.mp4", "vp9"), ("deep.mkv", "av1")):
        output = tmp_path / f"{canonical}.webm"
        upscale(tmp_path / source, output)
        with av.open(str(output)) as container:
            assert container.streams.video[0].codec_context.codec.canonical_name == canonical
        assert len(decoded(output)[0]) == 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root's processes may have it")
def test_the_av1_encoder_takes_no_real_time_scheduling(tmp_path):
    """Neither the threads of an encoder at work nor ours."""
    write_clip(tmp_path / "a.mkv", 3)
    clip = Clip(tmp_path / "a.mkv")
    encoding = choose_encoding(clip.description, (24, 32), ".mkv", "libsvtav1", None, None)
    before = len(os.listdir("/proc/self/task"))
    writer = SegmentWriter(tmp_path / "b.nut", encoding, clip.description)
    for frame in clip.frames():
        writer.write(frame)
    threads = list(map(int, os.listdir("/proc/self/task")))
    assert len(threads) > before
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}
    writer.close()


def test_red_green_and_blue_keep_their_colours(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "rgb24"
        for number in range(2):
            flat = np.full((24, 32, 3), (30 + number, 180, 60), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(flat, format="rgb24")))
        container.mux(stream.encode())
    upscale(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert np.abs(decoded(tmp_path / "b.mp4")[1][0].astype(int) - (30, 180, 60)).max() <= 3


def test_the_last_frame_is_shown_as_long_as_it_was(tmp_path):
    write_clip(tmp_path / "a.mp4", 4, last_frames=50)
    upscale(tmp_path / "a.mp4", tmp_path / "b.mp4")
    lengths = []
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(tmp_path / name)) as container:
            stream = container.streams.video[0]
            lengths.append(float(stream.duration * stream.time_base))
    assert lengths[0] == pytest.approx(2.12) and lengths[1] == pytest.approx(lengths[0], abs=0.01)


def test_names_that_look_like_something_else_are_files(tmp_path, monkeypatch, capsys):
    network = Network(GeneratorMetadata.named("nearest", 2), lambda lr: lr.repeat(2, 0).repeat(2, 1))
    monkeypatch.setattr("esrgan_tf.inference.engines.opening.open_engine", lambda *arguments: network)
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", 2)
    for name, output in (("GX01.MP4", "GX01_x2.MP4"), ("Part 1: x.mp4", "Part 1: x_x2.mp4"), ("b.ts", "b_x2.mkv")):
        if name.endswith(".ts"):
            write_clip(tmp_path / name, 2)
        else:
            (tmp_path / name).write_bytes((tmp_path / "a.mp4").read_bytes())
        assert main(["esrgan", "video", name]) == 0, capsys.readouterr().err
        assert len(decoded((tmp_path / output).resolve())[0]) == 2


def test_quality_and_preset_reach_the_codec(tmp_path):
    write_clip(tmp_path / "a.mp4", 8, size=(48, 64))
    sizes = {}
    for crf, preset in ((10, None), (40, None), (10, "ultrafast")):
        output = tmp_path / f"{crf}{preset}.mp4"
        upscale(tmp_path / "a.mp4", output, options=VideoOptions(crf=crf, preset=preset))
        sizes[crf, preset] = output.stat().st_size
    assert sizes[40, None] < sizes[10, None] / 2
    assert sizes[10, "ultrafast"] != sizes[10, None]


def test_the_announced_work_is_that_of_all_frames(tmp_path):
    write_clip(tmp_path / "a.mp4", 7)
    job = VideoJob(tmp_path / "a.mp4", tmp_path / "b.mp4", doubling())
    assert job.clip.description.frames == 7
    assert job.clip.description.rate == 1 / (STEADY * TIME_BASE)
    assert job.pixels == 7 * 24 * 32
    twice = VideoJob(tmp_path / "a.mp4", tmp_path / "b.mp4", doubling(), VideoOptions(OutputSize(scale=4)))
    assert twice.pixels == 7 * 24 * 32 * (1 + 4)


def test_the_command_writes_beside_the_input_and_says_what_it_did(tmp_path, capsys, monkeypatch):
    network = Network(GeneratorMetadata.named("nearest", 2), lambda lr: lr.repeat(2, 0).repeat(2, 1))
    monkeypatch.setattr("esrgan_tf.inference.engines.opening.open_engine", lambda *arguments: network)
    write_clip(tmp_path / "a.mp4", 5)
    assert main(["esrgan", "video", str(tmp_path / "a.mp4"), "--scale=1.5"]) == 0
    assert f"{tmp_path}/a.mp4 -> {tmp_path}/a_x1.5.mp4: 5 frames" in capsys.readouterr().out
    assert decoded(tmp_path / "a_x1.5.mp4")[1].shape == (5, 36, 48, 3)
    assert main(["esrgan", "video"]) == 1
    assert "a video must be given" in capsys.readouterr().err
    assert main(["esrgan", "video", str(tmp_path / "none.mp4")]) == 1
    assert "none.mp4" in capsys.readouterr().err
