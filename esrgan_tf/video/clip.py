"""A video file's frames as they are shown, in order, with their timestamps."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from esrgan_tf.errors import InputError, first_line

if TYPE_CHECKING:
    import av

_QUARTER_TURN = 90  # degrees


class Frame(NamedTuple):
    """A frame: its timestamp in units of the clip's time base, and uint8 or uint16 [height, width, 3], RGB."""

    pts: int
    rgb: np.ndarray


@dataclass(frozen=True)
class Look:
    """What the pixels of a video mean, by FFmpeg's numbers: range, matrix, primaries, transfer, pixel aspect."""

    color_range: int
    colorspace: int
    primaries: int
    transfer: int
    aspect: Fraction | None


@dataclass(frozen=True)
class Description:
    """What is known of a video before it is decoded.

    Args:
        height: px, upright.
        width: px, upright.
        pixel_format: FFmpeg's name.
        bits: of a sample.
        rate: frames a second on average.
        time_base: seconds a unit of timestamps.
        frames: how many there are, about; 0 where nothing says so.
        look: what the pixels mean.
    """

    height: int
    width: int
    pixel_format: str
    bits: int
    rate: Fraction
    time_base: Fraction
    frames: int
    look: Look


class Clip:
    """An opened video file.

    Args:
        path: the file.

    Raises:
        InputError: it cannot be opened, has no video, or its first frame cannot be decoded.
    """

    def __init__(self, path: str | Path):
        self.path, self.damaged, self.last_duration = Path(path), 0, Fraction(0)
        with self._open() as container:
            stream = video_stream(container)
            first = next(self._decoded(container), None)
            if first is None:
                raise InputError(f"`{path}` has no frame that can be decoded.")
            turned = _turns(first) % 2
            sides = (first.height, first.width)[:: -1 if turned else 1]
            aspect = stream.sample_aspect_ratio
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            self.description = Description(
                *sides,
                first.format.name,
                max(component.bits for component in first.format.components),
                rate,
                stream.time_base,
                stream.frames or _estimated_frames(container, rate),
                Look(
                    int(first.color_range),
                    int(first.colorspace),
                    int(first.color_primaries),
                    int(first.color_trc),
                    (1 / aspect if turned else aspect) if aspect else None,
                ),
            )
        self.damaged = 0

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """Frames in the order in which they are shown, from the one of that number on.

        The ones before are decoded as well: no index of a file is trusted. Timestamps increase: one that is not larger
        than the one before becomes it by a unit, one that is missing by the average rate. What is damaged is left
        out, and counted in `damaged`. Afterwards `last_duration` is that of the last frame, in seconds.
        """
        self.damaged, last = 0, None
        step = max(1, round(1 / (self.description.rate * self.description.time_base)))
        deep, turned = self.description.bits > 8, None
        with self._open() as container:
            for number, frame in enumerate(self._decoded(container)):
                pts = frame.pts
                if pts is None:
                    pts = 0 if last is None else last + step
                elif last is not None:
                    pts = max(pts, last + 1)
                last, self.last_duration = pts, (frame.duration or step) * self.description.time_base
                if number >= first:
                    turned = _turns(frame) if turned is None else turned
                    yield Frame(pts, self._rgb(frame, deep, turned))

    def _rgb(self, frame: "av.VideoFrame", deep: bool, turns: int) -> np.ndarray:
        """Pixels of a frame, upright: uint8, or uint16 where it has more than 8 bits."""
        rgb = frame.reformat(format="rgb48le" if deep else "rgb24", interpolation=conversion()).to_ndarray()
        rgb = np.rot90(rgb, turns)
        if rgb.shape[:2] != (self.description.height, self.description.width):
            raise InputError(
                f"`{self.path}` must have frames of one size, {self.description.width} x {self.description.height} px. "
                f"Received: {rgb.shape[1]} x {rgb.shape[0]}."
            )
        return np.ascontiguousarray(rgb)

    def _open(self) -> "av.container.InputContainer":
        """The opened file, which has a video stream."""
        import av

        try:
            # Whole, since FFmpeg takes what stands before a colon for a protocol.
            container = av.open(str(self.path.resolve()), metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"`{self.path}` cannot be opened as a video. Received: {first_line(error)}") from error
        if not container.streams.video:
            container.close()
            raise InputError(f"`{self.path}` must have a video stream. Received: none.")
        video_stream(container).thread_type = "AUTO"
        return container

    def _decoded(self, container: "av.container.InputContainer") -> Iterator["av.VideoFrame"]:
        """Every frame that can be decoded."""
        import av

        stream = video_stream(container)
        for packet in self._packets(container, stream):
            try:
                yield from stream.decode(packet)
            except av.error.EOFError:  # nothing is left in the decoder
                return
            except av.error.FFmpegError:
                self.damaged += 1

    def _packets(
        self, container: "av.container.InputContainer", stream: "av.VideoStream"
    ) -> Iterator["av.Packet | None"]:
        """Packets as far as the file can be read, and `None`, which has the decoder give what it still holds."""
        import av

        try:
            yield from container.demux(stream)
        except av.error.FFmpegError:  # it ends in the middle, or worse
            self.damaged += 1
        yield None


def conversion() -> "av.video.reformatter.Interpolation":
    """How pixels are converted between formats: bicubic chroma, and rounding that makes nothing darker."""
    from av.video.reformatter import Interpolation

    return (
        Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
    )


def video_stream(container: "av.container.InputContainer") -> "av.VideoStream":
    """The stream that players show, not the image of a cover."""
    return container.streams.best("video")


def _turns(frame: "av.VideoFrame") -> int:
    """Quarter turns counterclockwise that make a frame upright."""
    return round(frame.rotation / _QUARTER_TURN) % 4


def _estimated_frames(container: "av.container.InputContainer", rate: Fraction) -> int:
    """Frames by the duration that the file says it has; 0 where it says none."""
    import av

    return round(container.duration / av.time_base * rate) if container.duration else 0
