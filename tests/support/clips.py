"""Small video files for tests, made by PyAV, and an upscaler to try on them."""

from fractions import Fraction

import av
import numpy as np

from esrgan_tf.data.dead_leaves import dead_leaves
from esrgan_tf.formats.network import Network
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.video.clip import conversion
from esrgan_tf.video.upscaling import VideoJob

TIME_BASE = Fraction(1, 12800)
STEADY = 512  # units of a frame, 25 a second
RAGGED = (0, 512, 700, 1800, 1801, 4000, 4512, 5600)  # timestamps of a variable frame rate, repeated with an offset
RATE = 8000  # of the sound, Hz


def write_clip(path, frames=12, size=(24, 32), pixel_format="yuv420p", **options):
    """Leaves that move, losslessly in 8 bits unless a codec is named; returns the timestamps.

    Options: `codec`, `ragged` (a variable frame rate), `sound`, `subtitles`, `rotation` (degrees counterclockwise),
    `colorspace`, `color_range`, `aspect`, `still` (a number from which frames repeat), `last_frames` (how many frames
    the last one lasts), `metadata`, `chapters`.
    """
    height, width = size
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata.update(options.get("metadata", {}))
        codec = options.get("codec", "libx264")
        stream = container.add_stream(codec, rate=25, options={"crf": "1"} if codec.startswith("libx26") else {})
        stream.height, stream.width, stream.pix_fmt = height, width, pixel_format
        stream.time_base = stream.codec_context.time_base = TIME_BASE
        stream.codec_context.colorspace = options.get("colorspace", 1)
        stream.codec_context.color_range = options.get("color_range", 1)
        stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        if "aspect" in options:
            stream.sample_aspect_ratio = options["aspect"]
        if options.get("rotation"):
            stream.set_display_rotation(options["rotation"])
        sound = container.add_stream("aac", rate=RATE, layout="mono") if options.get("sound") else None
        kind = "mov_text" if path.suffix == ".mp4" else "subrip"
        words = container.add_mux_stream(kind, time_base=Fraction(1, 1000)) if options.get("subtitles") else None
        if "chapters" in options:
            container.set_chapters(options["chapters"])
        stamps = [_stamp(number, options.get("ragged", False)) for number in range(frames)]
        for number, pts in enumerate(stamps):
            frame = _frame(min(number, options.get("still", number)), size, stream)
            frame.pts, frame.time_base = pts, TIME_BASE
            container.mux(stream.encode(frame))
        for packet in stream.encode():
            if packet.pts == stamps[-1]:
                packet.duration = STEADY * options.get("last_frames", 1)
            container.mux(packet)
        if sound:
            _write_sound(container, sound, float((stamps[-1] + STEADY) * TIME_BASE))
        if words:
            _write_words(container, words, kind)
    return stamps


def decoded(path):
    """(timestamps in seconds, uint8 or uint16 [frames, h, w, 3]) of a video, in order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        deep = "10" in stream.codec_context.pix_fmt
        frames = list(container.decode(stream))
        rgb = [frame.to_ndarray(format="rgb48le" if deep else "rgb24", interpolation=conversion()) for frame in frames]
        return [frame.pts * frame.time_base for frame in frames], np.stack(rgb)


def packets(path, kind):
    """(timestamp in seconds, bytes) of every packet of a kind of stream, such as "audio"."""
    with av.open(str(path)) as container:
        (stream,) = getattr(container.streams, kind)
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.pts is not None
        ]


def _stamp(number, ragged):
    """The timestamp of a frame, in units of the time base."""
    if not ragged:
        return number * STEADY
    rounds, place = divmod(number, len(RAGGED))
    return rounds * 6144 + RAGGED[place]


def _frame(number, size, stream):
    """A window on leaves, further to the right in each frame."""
    height, width = size
    leaves = dead_leaves(max(height, width) + 64, 3)[:height, number : number + width]
    context = stream.codec_context
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(leaves), format="rgb24").reformat(
        format=stream.pix_fmt,
        dst_colorspace=context.colorspace,
        dst_color_range=context.color_range,
        interpolation=conversion(),
    )


def _write_sound(container, stream, seconds):
    """A tone that rises."""
    for first in range(0, int(RATE * seconds), 1024):
        time = (first + np.arange(1024)) / RATE
        tone = (0.3 * np.sin(2 * np.pi * (300 + 100 * time) * time)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, first
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def _write_words(container, stream, kind):
    """Two subtitles."""
    for start, text in ((0.05, "first words"), (0.25, "last words")):
        plain = text.encode()
        body = len(plain).to_bytes(2, "big") + plain if kind == "mov_text" else plain
        packet = av.Packet(body)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = int(1000 * start)
        packet.duration = 100
        container.mux(packet)


def doubling(ran=None, concurrency=1):
    """An upscaler by two that repeats pixels, and counts its runs in `ran`."""

    def run(lr_01):
        if ran is not None:
            ran.append(1)
        return lr_01.repeat(2, 0).repeat(2, 1)

    return Upscaler(Network(GeneratorMetadata.named("nearest", 2), run, concurrency=concurrency))


def upscale(source, output, upscaler=None, options=None, model="nearest"):
    """(lines, number of frames that needed no work)."""
    lines, spared = [], []
    VideoJob(source, output, upscaler or doubling(), options, model).run(lines.append, spared.append)
    return lines, sum(spared)
