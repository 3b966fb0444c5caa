"""Putting an output together: its own video, and the input's sound, subtitles, chapters and metadata, copied."""

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from esrgan_tf.atomic import replacing
from esrgan_tf.errors import InputError, first_line
from esrgan_tf.log import Log
from esrgan_tf.video.clip import video_stream

if TYPE_CHECKING:
    import av

_COPIED = ("audio", "subtitle")


def assemble(source: Path, segments: Sequence[Path], last_duration: Fraction, output: Path, log: Log) -> None:
    """Write the output; it is complete or not there.

    Args:
        source: the input, of which everything but the video is copied as it is.
        segments: files of the output's video, in order.
        last_duration: of the last frame, seconds.
        output: its suffix chooses the container.
        log: takes a line about each stream that the container cannot hold.

    Raises:
        InputError: the container cannot hold the video.
        OSError: the system refused the write.
    """
    import av

    with (
        replacing(output) as temporary,
        av.open(str(source.resolve()), metadata_errors="replace") as original,
        av.open(str(segments[0].resolve())) as first,
        av.open(str(temporary), "w", options=_options(output, original.metadata)) as target,
    ):
        theirs, ours = video_stream(original), first.streams.video[0]
        video = target.add_stream_from_template(ours, opaque=True)
        video.time_base = ours.time_base
        video.metadata.update(_carried(theirs.metadata))
        copies = _copied_streams(original, target, log)
        target.metadata.update(_carried(original.metadata))
        target.set_chapters(original.chapters())
        shown = _video_packets(segments, video, last_duration)
        packets = heapq.merge(shown, _copied_packets(original, copies, log), key=lambda packet: packet[0])
        try:
            for _, packet in packets:
                target.mux(packet)
        except av.error.FFmpegError as error:
            if error.errno > 0 and isinstance(error, OSError):
                raise
            raise InputError(f"`output` {output.name} cannot hold this video: {first_line(error)}") from error


def _options(output: Path, metadata: dict[str, str]) -> dict[str, str]:
    """Of the container: an MP4 can be played before it is loaded whole, and has what cameras say in their own words."""
    if output.suffix.lower() not in (".mp4", ".mov"):
        return {}
    own_words = any("." in name for name in metadata)  # such as com.apple.quicktime.make
    return {"movflags": "+faststart+use_metadata_tags" if own_words else "+faststart"}


def _carried(metadata: dict[str, str]) -> dict[str, str]:
    """Metadata without what each program writes of itself, and the rotation, which is in the pixels now."""
    own = ("encoder", "rotate", "duration", "major_brand", "minor_version", "compatible_brands")
    return {name: value for name, value in metadata.items() if name.lower() not in own}


def _copied_streams(
    original: "av.container.InputContainer", target: "av.container.OutputContainer", log: Log
) -> dict[int, "av.stream.Stream"]:
    """Streams of the target by the index of the original's that they copy."""
    copies = {}
    for stream in original.streams:
        # An MP4 has its chapters' titles in a stream of data.
        if stream.type == "video" or (stream.type == "data" and original.chapters()):
            continue
        context = stream.codec_context  # `None` where FFmpeg has no decoder
        name = context.codec.canonical_name if context else stream.type
        if stream.type not in _COPIED or name not in target.supported_codecs:
            log(f"left out stream {stream.index} ({name}): {Path(target.name).suffix} cannot hold it")
            continue
        copies[stream.index] = target.add_stream_from_template(stream)
        copies[stream.index].time_base = stream.time_base
        copies[stream.index].metadata.update(_carried(stream.metadata))
        copies[stream.index].disposition = stream.disposition
    return copies


def _video_packets(
    segments: Sequence[Path], video: "av.VideoStream", last_duration: Fraction
) -> Iterator[tuple[float, "av.Packet"]]:
    """(seconds, packet) of all segments, with decoding timestamps that increase over all of them.

    Each segment's own begin before its first frame, where B-frames wait for those that they need, and so among those
    of the segment before. Shown times sorted, and shifted by as much as any frame waits, have neither fault.
    """
    shown = [packet.pts for path in segments for packet in _packets(path)]
    wait = max(later - pts for later, pts in zip(sorted(shown), shown, strict=True))
    decoded = iter(sorted(shown))
    # The frame that is shown last, and the one that is decoded last, from which an MP4 takes its own length.
    lasting = {max(shown), shown[-1]}
    for path in segments:
        for packet in _packets(path):
            packet.dts = next(decoded) - wait
            if packet.pts in lasting:
                packet.duration = round(last_duration / packet.time_base)
            packet.stream = video
            yield float(packet.dts * packet.time_base), packet


def _packets(segment: Path) -> Iterator["av.Packet"]:
    """The packets of a segment."""
    import av

    with av.open(str(segment.resolve())) as container:
        yield from (packet for packet in container.demux(container.streams.video[0]) if packet.pts is not None)


def _copied_packets(
    original: "av.container.InputContainer", copies: dict[int, "av.stream.Stream"], log: Log
) -> Iterator[tuple[float, "av.Packet"]]:
    """(seconds, packet) of the streams that are copied, as far as they can be read."""
    import av

    if not copies:
        return
    packets = original.demux([original.streams[index] for index in copies])
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            log(f"sound and subtitles end where the file is damaged: {first_line(error)}")
            return
        if packet is None:
            return
        if packet.dts is not None:
            seconds = float(packet.dts * packet.time_base)
            packet.stream = copies[packet.stream.index]
            yield seconds, packet
