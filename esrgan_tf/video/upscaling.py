"""Upscaling a video file: frames in, segments out, and the output put together of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from esrgan_tf.errors import InputError, check_one_of
from esrgan_tf.image.io import DecodedImage, to_float, to_samples
from esrgan_tf.image.workers import Workers
from esrgan_tf.inference.output_size import OutputSize, passes, upscale_to
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.lock import held
from esrgan_tf.log import Log, print_line
from esrgan_tf.video.assembly import assemble
from esrgan_tf.video.clip import Clip, Frame
from esrgan_tf.video.encoding import SegmentWriter, choose_encoding, try_encoding
from esrgan_tf.video.segments import SEGMENT_FRAMES, Segments
from esrgan_tf.video.temporal import TEMPORALS, steady


@dataclass(frozen=True)
class VideoOptions:
    """How a video is written.

    Args:
        size: of the output; sides become even where the codec needs it.
        codec: FFmpeg's name of an encoder; `None` is H.264, H.265 for more than 8 bits, VP9 or AV1 in a `.webm`.
        crf: its quality, less is better; `None` is nearly lossless.
        preset: its speed; `None` is its own.
        temporal: "off", or "median" against flicker.
    """

    size: OutputSize = OutputSize()
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    temporal: str = "off"


class _Step(NamedTuple):
    """A frame on its way: whether it is the same as the one before, and its output where it is not."""

    frame: Frame
    repeats: bool
    output: np.ndarray | None = None


class VideoJob:
    """One video to upscale. What an earlier run has finished of it is kept.

    Args:
        source: the input.
        output: `.mp4`, `.mov`, `.mkv` or `.webm`.
        upscaler: of a generator.
        options: how it is written; `None` are the defaults.
        model: what is upscaled by, in a word that another model does not have: a resumed run must have the same.

    Raises:
        InputError: the input cannot be read, an option does not fit, the parts beside the output are of another run, or
            another process is making them.
    """

    def __init__(
        self, source: Path, output: Path, upscaler: Upscaler, options: VideoOptions | None = None, model: str = ""
    ):
        import av

        options = options or VideoOptions()
        check_one_of("temporal", options.temporal, TEMPORALS)
        if output.resolve() == source.resolve():
            raise InputError(f"`output` must not be the input itself. Received: {output}.")
        self._source, self._output, self._upscaler, self._temporal = source, output, upscaler, options.temporal
        self.clip = Clip(source)
        about = self.clip.description
        size = options.size.of(about.height, about.width, upscaler.scale)
        self.encoding = choose_encoding(about, size, output.suffix, options.codec, options.crf, options.preset)
        try_encoding(self.encoding, about, output.suffix.lower())
        state = source.stat()
        self._run = {
            "input": {"name": source.name, "bytes": state.st_size, "modified": state.st_mtime_ns},
            "model": model,
            "engine": upscaler.engine,
            "tiles": upscaler.tiles,
            "versions": f"av {av.__version__}",
            "encoding": asdict(self.encoding),
            "temporal": options.temporal,
        }

    @property
    def pixels(self) -> int:
        """How many px the upscaler will report, about, for all frames; 0 where nothing says how many they are."""
        about, sides = self.clip.description, (self.encoding.height, self.encoding.width)
        scale = self._upscaler.scale
        runs = passes((about.height, about.width), sides, scale)
        return about.frames * self.frame_pixels * sum(scale ** (2 * run) for run in range(runs))

    @property
    def frame_pixels(self) -> int:
        """Pixels of a frame of the input."""
        return self.clip.description.height * self.clip.description.width

    def run(self, log: Log = print_line, on_frames: Callable[[int], None] = lambda frames: None) -> int:
        """Upscale, and put the output in place.

        Args:
            log: takes a line about what is resumed, damaged or left out.
            on_frames: takes how many more frames need no work, since they are done already or repeat another.

        Returns:
            The number of frames.

        Raises:
            InputError: as the constructor and `Upscaler.upscale`.
            OSError: the system refused a write.
        """
        folder = self._output.with_name(f"{self._output.name}.parts")
        with held(folder, f"`output` {self._output}"):
            segments = Segments(self._output, self._run)
            if segments.done:
                log(f"{segments.frames} frames are done already")
                on_frames(segments.frames)
            frames = self._upscaled(segments.frames, on_frames)
            try:
                for first in frames:
                    self._write_segment(segments, chain([first], islice(frames, SEGMENT_FRAMES - 1)))
            except BaseException:  # such as Ctrl-C, which reaches this thread alone
                self._upscaler.close()
                raise
            if self.clip.damaged:
                log(f"{self.clip.damaged} damaged places of {self._source} were left out")
            assemble(self._source, segments.paths, self.clip.last_duration, self._output, log)
            count = segments.frames
            segments.remove()
            return count

    def _write_segment(self, segments: Segments, frames: Iterable[Frame]) -> None:
        """Encode the next segment."""
        path, count = segments.next_path(), 0
        writer = SegmentWriter(path, self.encoding, self.clip.description)
        try:
            for frame in frames:
                writer.write(frame)
                count += 1
        except BaseException:
            with suppress(Exception):
                writer.close()
            path.unlink(missing_ok=True)
            raise
        writer.close()
        segments.add(path, count)

    def _upscaled(self, first: int, on_frames: Callable[[int], None]) -> Iterator[Frame]:
        """Output frames from the one of that number on."""
        before = 1 if self._temporal == "median" and first else 0
        steps = self._steps(first - before, on_frames)
        if self._temporal == "off":
            yield from (Frame(step.frame.pts, step.output) for step in steps)
            return
        stamps: list[int] = []

        def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for step in steps:
                stamps.append(step.frame.pts)
                yield step.frame.rgb, step.output

        for number, output in enumerate(steady(pairs())):
            pts = stamps.pop(0)
            if number >= before:
                yield Frame(pts, output)

    def _steps(self, first: int, on_frames: Callable[[int], None]) -> Iterator[_Step]:
        """Frames with their outputs, several upscaled concurrently; a frame that repeats the one before takes its."""
        workers, last = Workers(self._upscaler.concurrency + 1), None
        for step in workers.stream(self._upscaled_step, _marked(self.clip.frames(first))):
            if step.repeats:
                on_frames(1)
            last = last if step.repeats else step.output
            yield step._replace(output=last)

    def _upscaled_step(self, step: _Step) -> _Step:
        """A frame with its output, unless it repeats another."""
        if step.repeats:
            return step
        bits = 16 if step.frame.rgb.dtype == np.uint16 else 8
        wanted = (self.encoding.height, self.encoding.width)
        return step._replace(
            output=to_samples(upscale_to(self._upscaler, DecodedImage(to_float(step.frame.rgb), bits=bits), wanted))
        )


def _marked(frames: Iterable[Frame]) -> Iterator[_Step]:
    """Frames, and whether each repeats the one before exactly."""
    before = None
    for frame in frames:
        yield _Step(frame, before is not None and np.array_equal(frame.rgb, before))
        before = frame.rgb
