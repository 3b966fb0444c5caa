"""Damaged clips give what can be decoded; what cannot be a video, or a clip in that codec or container, is refused."""

import numpy as np
import pytest

av = pytest.importorskip("av")

from support.clips import decoded, doubling, packets, upscale, write_clip  # noqa: E402

from esrgan_tf.errors import InputError  # noqa: E402
from esrgan_tf.video.clip import Clip  # noqa: E402
from esrgan_tf.video.upscaling import VideoJob, VideoOptions  # noqa: E402


def test_a_stream_that_ffmpeg_cannot_decode_is_left_out_with_a_line(tmp_path):
    write_clip(tmp_path / "a.mkv", 3, sound=True)
    data = (tmp_path / "a.mkv").read_bytes()
    assert b"A_AAC" in data
    (tmp_path / "b.mkv").write_bytes(data.replace(b"A_AAC", b"A_AAQ"))
    lines, _ = upscale(tmp_path / "b.mkv", tmp_path / "c.mkv")
    assert len(lines) == 1 and "left out stream 1 (audio)" in lines[0]
    assert len(decoded(tmp_path / "c.mkv")[0]) == 3


def test_of_a_truncated_clip_what_can_be_decoded_is_upscaled(tmp_path):
    write_clip(tmp_path / "a.mkv", 40, sound=True)
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) * 2 // 3])
    count = sum(1 for _ in Clip(tmp_path / "b.mkv").frames())
    assert 10 < count < 40
    upscale(tmp_path / "b.mkv", tmp_path / "c.mkv")
    assert len(decoded(tmp_path / "c.mkv")[0]) == count


def test_damaged_packets_are_left_out_and_counted(tmp_path):
    write_clip(tmp_path / "a.mkv", 30, codec="ffv1", size=(48, 64))
    data = bytearray((tmp_path / "a.mkv").read_bytes())
    for place in range(len(data) // 3, len(data) * 2 // 3, 501):
        data[place] ^= 0xFF
    (tmp_path / "b.mkv").write_bytes(data)
    lines, _ = upscale(tmp_path / "b.mkv", tmp_path / "c.mkv")
    times, _ = decoded(tmp_path / "c.mkv")
    assert 10 <= len(times) <= 30
    assert len(times) < 30 or not lines
    assert all("damaged" in line for line in lines)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), "cannot be opened as a video"),
        (lambda path: path.write_bytes(b"no video" * 100), "cannot be opened as a video"),
        (lambda path: None, "cannot be opened as a video"),
        (lambda path: truncate_mp4(path), "cannot be opened as a video"),
        (lambda path: sound_alone(path), "must have a video stream"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path, make, message):
    make(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=message) as caught:
        Clip(tmp_path / "a.mp4")
    assert str(caught.value).startswith(f"`{tmp_path / 'a.mp4'}` ") and "\n" not in str(caught.value)


def truncate_mp4(path):
    """An MP4 whose index, which lies at its end, is missing."""
    write_clip(path, 20)
    path.write_bytes(path.read_bytes()[:600])


def sound_alone(path):
    """An MP4 without a video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_timestamps_that_do_not_increase_are_put_right(tmp_path, monkeypatch):
    write_clip(tmp_path / "a.mkv", 6, codec="ffv1")
    clip = Clip(tmp_path / "a.mkv")
    real = clip._decoded

    def broken(container):
        for number, frame in enumerate(real(container)):
            frame.pts = {2: None, 4: 0}.get(number, frame.pts)
            yield frame

    monkeypatch.setattr(clip, "_decoded", broken)
    stamps = [frame.pts for frame in clip.frames()]
    assert stamps == [0, 40, 80, 120, 121, 200]  # milliseconds; 25 frames a second


def test_what_a_container_cannot_hold_is_left_out_with_a_line(tmp_path):
    write_clip(tmp_path / "a.mkv", 3, sound=True, subtitles=True)
    lines, _ = upscale(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert len(lines) == 1 and "left out stream 2 (subrip): .mp4 cannot hold it" in lines[0]
    assert packets(tmp_path / "b.mp4", "audio")


def test_options_that_do_not_fit_are_refused_before_the_work(tmp_path):
    write_clip(tmp_path / "a.mp4", 3)
    for name, options, message in (
        ("b.avi", VideoOptions(), "`output` must end in one of .mp4, .mov, .mkv, .webm"),
        ("b.mp4", VideoOptions(codec="nothing"), "`codec` must be an encoder of FFmpeg"),
        ("b.mp4", VideoOptions(codec="aac"), "`codec` must be a video encoder"),
        ("b.mkv", VideoOptions(codec="ffv1", crf=20), "`crf` goes with libx264"),
        ("b.mkv", VideoOptions(codec="ffv1", preset="slow"), "`preset` goes with libx264"),
        ("b.mp4", VideoOptions(temporal="mean"), "`temporal` must be one of off, median"),
        ("a.mp4", VideoOptions(), "`output` must not be the input"),
    ):
        with pytest.raises(InputError, match=message):
            VideoJob(tmp_path / "a.mp4", tmp_path / name, doubling(), options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("b.webm", VideoOptions(codec="libx264")),
        ("b.mp4", VideoOptions(codec="gif")),
        ("b.mp4", VideoOptions(preset="slowest")),
        ("b.mkv", VideoOptions(codec="libx265", crf=60)),
        ("b.mkv", VideoOptions(codec="mjpeg")),
        ("b.mov", VideoOptions(codec="prores_ks")),
    ],
)
def test_what_the_codec_or_the_container_refuses_is_known_before_the_work(tmp_path, name, options):
    write_clip(tmp_path / "a.mp4", 3)
    ran = []
    with pytest.raises(InputError, match="`codec`, `crf` and `preset` must go together") as caught:
        upscale(tmp_path / "a.mp4", tmp_path / name, doubling(ran), options)
    assert "\n" not in str(caught.value) and not ran
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
